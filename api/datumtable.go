package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/ingest"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
)

// datumTable converts rows of an export of datums.
type datumTable struct {
	find    func(target string) (id uint64, err error) // 0 if there is none
	columns []datumCSVColumn
	known   map[string]uint64 // ids of targets, by the text in the column target
	value   wire.Writer
}

// datumCSVColumn is a column: one of datumCSVColumns, or a member of the value.
type datumCSVColumn struct {
	name   string
	member string // the escaped key in the value, "" for none
}

var datumCSVColumns = []string{"target", "data_type", "timestamp", "mjd", "source_name", "source_location",
	"data_product", "value"}

func (d *datumTable) header(names []string) error {
	has := func(name string) bool { return slices.Contains(names, name) }
	values := has("value")
	for _, name := range names {
		key, member := strings.CutPrefix(name, "value.")
		if !member && !slices.Contains(datumCSVColumns, name) {
			return fmt.Errorf("the column %q is not known; the columns are %s and value.KEY", name,
				strings.Join(datumCSVColumns, ", "))
		}
		c := datumCSVColumn{name: name}
		if member {
			c.name, c.member, values = "", wire.EscapeKey(key), true
		}
		d.columns = append(d.columns, c)
	}
	switch {
	case !has("target"):
		return errors.New("there is no column target")
	case !has("data_type"):
		return errors.New("there is no column data_type")
	case !has("timestamp") && !has("mjd"):
		return errors.New("there is no column timestamp or mjd")
	case !values:
		return errors.New("there is no column value or value.KEY")
	}
	return nil
}

func (d *datumTable) row(w *wire.Writer, line int, cells []string) error {
	d.value = wire.Writer{Buf: d.value.Buf[:0]}
	if cap(d.value.Buf) > 2*lineBuffer {
		d.value.Buf = nil
	}
	d.value.Open('{')
	members := false
	var target, timestamp, mjd, value string
	for i, c := range d.columns {
		cell := cells[i]
		if cell == "" {
			continue
		}
		switch c.name {
		case "":
			if hasNoValue(cell) {
				continue
			}
			d.value.Key(c.member)
			writeCell(&d.value, cell)
			members = true
		case "target":
			target = cell
		case "timestamp":
			timestamp = cell
		case "mjd":
			mjd = cell
		case "value":
			value = cell
		case "data_product": // an id in the archive that the table came from
		default:
			w.TextMember(c.name, cell)
		}
	}
	d.value.End('}')
	if target != "" {
		id, err := d.target(target)
		if err != nil {
			return err
		}
		if id != 0 {
			w.Key("target")
			w.ID(id)
		} else {
			w.TextMember("target_name", target) // so that the refusal names it
		}
	}
	if timestamp == "" {
		timestamp = mjd // if this is not an MJD either, the row is refused
		if micros, err := instant.ParseMJD(mjd); err == nil {
			timestamp = time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999Z07:00")
		}
	}
	w.TextMember("timestamp", timestamp)
	switch {
	case members && value != "":
		return csvError(line, "there are both a value and a value.KEY")
	case members:
		w.Key("value")
		w.Raw(d.value.Buf)
	case value != "":
		if !json.Valid([]byte(value)) {
			return csvError(line, "column value: this is not JSON")
		}
		w.Key("value")
		w.Raw([]byte(value))
	}
	return nil
}

// maxKnownTargets is how many targets of a table are kept in memory.
const maxKnownTargets = 10_000

// target returns the id of the target that a cell names by its name, an alias or its id; 0 if there
// is none.
func (d *datumTable) target(text string) (uint64, error) {
	if id, known := d.known[text]; known {
		return id, nil
	}
	id, err := d.find(text)
	if err == nil && id != 0 {
		if d.known == nil || len(d.known) >= maxKnownTargets {
			d.known = map[string]uint64{}
		}
		d.known[strings.Clone(text)] = id
	}
	return id, err
}

// hasNoValue reports whether a cell means that there is no value.
func hasNoValue(cell string) bool {
	switch strings.ToLower(cell) {
	case "nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity", "null", "none", "--":
		return true
	}
	return false
}

// writeCell writes a cell as JSON: a number with its digits, a list or an object as an export
// writes them, or else a text.
func writeCell(w *wire.Writer, cell string) {
	if (cell[0] == '[' || cell[0] == '{') && json.Valid([]byte(cell)) {
		w.Raw([]byte(cell))
		return
	}
	if _, err := strconv.ParseFloat(cell, 64); err != nil {
		w.Text(cell)
		return
	}
	// JSON has no plus sign before a number, and wants a digit on both sides of the point
	number := strings.TrimPrefix(cell, "+")
	minus := ""
	if rest, ok := strings.CutPrefix(number, "-"); ok {
		minus, number = "-", rest
	}
	if strings.HasPrefix(number, ".") {
		number = "0" + number
	}
	number = strings.TrimSuffix(number, ".")
	if number = minus + number; json.Valid([]byte(number)) {
		w.Raw([]byte(number))
		return
	}
	w.Text(cell)
}

// importDatums reads a stream of datums. Each may name its target by target_name.
func importDatums(r *request) (*answer, error) {
	refuse, err := refusesDuplicates(r, "skip")
	if err != nil {
		return nil, err
	}
	lines := r.lines(&datumTable{find: r.access.TargetNamed})
	var plain plainLines
	result, err := r.access.AddDatums(r.Context(), refuse, func() (archive.DatumInput, int, error) {
		text, err := lines.next()
		if err != nil {
			return archive.DatumInput{}, lines.line, err
		}
		if len(text) < longText {
			if d, ok := plain.read(text); ok {
				return d, lines.line, nil
			}
		}
		return lines.datum(text), lines.line, nil
	})
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusCreated, func(w *wire.Writer) {
		w.IntMember("created", int64(result.Created))
		w.IntMember("duplicate", int64(result.Duplicate))
		writeRejected(w, result.Rejected, result.More)
		if result.Unshared {
			w.Key("notes")
			w.List(func() {
				w.Object(func() {
					w.TextMember("text",
						"Some datums name no group: only the user who sent them and superusers can see them.")
				})
			})
		}
		w.Key("upload")
		w.Ref(result.Upload)
		w.TextMember("message", "Data successfully uploaded.")
	})
}

// datum reads one datum of a stream.
func (l *rowReader) datum(text []byte) archive.DatumInput {
	var d archive.DatumInput
	in, ok := l.object(text, &d.List)
	if !ok {
		return d
	}
	for _, m := range in.Members {
		if m.Key == "target_name" && m.Value.Kind() == '"' {
			d = *datumInput(namedDatumFields, in)
			d.TargetName = strings.TrimSpace(m.Value.Text())
			return d
		}
	}
	return *datumInput(sentDatumFields, in)
}

// maxCollecting is how many exports of datums can collect their rows at once. This takes some
// twenty times the memory of sending them, but no longer for a slow client.
const maxCollecting = 3

// beginCollecting begins the part of an export that comes before its first row. The caller calls
// end after it, once or more.
func (r *request) beginCollecting() (end func(), err error) {
	select {
	case r.api.collecting <- struct{}{}:
		return sync.OnceFunc(func() { <-r.api.collecting }), nil
	case <-r.Context().Done():
		return nil, context.Cause(r.Context())
	}
}

// exportDatums sends all datums that pass a filter, by target and time.
func exportDatums(r *request, format string) (*answer, error) {
	f, err := parseDatumFilter(r)
	if err != nil {
		return nil, err
	}
	inUnits, err := r.rowsInUnits()
	if err != nil {
		return nil, err
	}
	collected, err := r.beginCollecting()
	if err != nil {
		return nil, err
	}
	defer collected()
	return r.streamed(exportTypes[format], func(s *stream) error {
		if format == "ndjson" {
			return r.access.Export(r.Context(), f, nil, archive.Out[archive.ExportView]{
				Begin: func(archive.Extent) error { collected(); return nil },
				Row: func(v *archive.ExportView) error {
					inUnits(&v.DatumView)
					s.buf = appendDatumLine(s.buf, v)
					return nil
				},
				Flush: s.flush,
				Full:  s.full,
			})
		}
		return r.exportTable(f, format, inUnits, collected, s)
	})
}

// appendDatumLine writes a datum in the form in which it can be posted. Its target is named by its
// id if its name is hidden.
func appendDatumLine(dst []byte, v *archive.ExportView) []byte {
	w := wire.Writer{Buf: dst}
	w.Open('{')
	if v.TargetName != "" {
		w.TextMember("target_name", v.TargetName)
	} else {
		w.Key("target")
		w.ID(v.Target)
	}
	w.TextMember("data_type", v.Type)
	w.TextMember("source_name", v.Source)
	w.TextMember("source_location", v.Location)
	w.TimeMember("timestamp", v.Time)
	w.Key("value")
	w.Raw(v.Value)
	w.End('}')
	return append(w.Buf, '\n')
}

// valueColumn is a column for a member of the values.
type valueColumn struct {
	key    string
	number bool // all of its values are numbers
	list   bool // one of its values is a list, as in spectra
	width  int  // of the longest text, in bytes
}

// valueHelp has the unit, description and UCD of known members of values.
var valueHelp = map[string][3]string{
	"magnitude":              {"mag", "Magnitude", "phot.mag"},
	"error":                  {"mag", "Error of the magnitude", "stat.error;phot.mag"},
	"limit":                  {"mag", "Limiting magnitude", "phot.mag;stat.max"},
	"differential_magnitude": {"mag", "Magnitude against a comparison star", "phot.mag;arith.diff"},
	"filter":                 {"", "Filter", "instr.filter"},
	"flux":                   {"", "Flux, in flux_unit", "phot.flux"},
	"flux_error":             {"", "Error of the flux, in flux_unit", "stat.error;phot.flux"},
	"zero_point":             {"mag", "Zero point of the flux", "phot.mag;arith.zp"},
	"magsys":                 {"", "System of the magnitudes", ""},
	"telescope":              {"", "Telescope", "instr.tel"},
	"instrument":             {"", "Instrument", "instr"},
	"brightness":             {"mag", "Brightness", "phot.mag"},
	"brightness_error":       {"mag", "Error of the brightness", "stat.error;phot.mag"},
	"bandpass":               {"", "Filter", "instr.filter"},
}

// maxValueColumns is how many members of values can have columns of their own. FITS has at most 999
// columns, and one datum with very many members must not widen all rows. A value with other members
// goes into the column value, like one that is not an object.
const maxValueColumns = 900

// exportTable sends all datums that pass a filter as a table. A first pass finds the columns and
// their widths.
func (r *request) exportTable(f archive.DatumFilter, format string, inUnits func(*archive.DatumView), collected func(),
	s *stream) error {
	e := newDatumExport()
	scan := func(v *archive.DatumView) error { inUnits(v); e.scan(v); return nil }
	t := newTable(format, s)
	var cells []string
	err := r.access.Export(r.Context(), f, scan, archive.Out[archive.ExportView]{
		Begin: func(x archive.Extent) error {
			collected()
			if format == "fits" {
				for id := range e.targets {
					width := len(strconv.FormatUint(id, 10)) // a hidden target, or one that was deleted meanwhile
					if v, err := r.access.Target(id); err == nil {
						width = max(width, len(v.Name))
					}
					e.fixed[0].width = max(e.fixed[0].width, width)
				}
			}
			return t.head(e.columns(), x.Count)
		},
		Row: func(v *archive.ExportView) error {
			inUnits(&v.DatumView)
			cells = e.appendCells(cells[:0], v)
			return t.row(cells)
		},
		Flush: s.flush,
		Full:  s.full,
	})
	if err != nil {
		return err
	}
	return t.foot()
}

// datumExport finds the columns of an export.
type datumExport struct {
	fixed       []tableColumn // in every export
	values      []valueColumn
	at          map[string]int // index in values of a member's key
	wholeValues bool           // there is a column for whole values
	wholeWidth  int            // of the longest of them, in bytes
	targets     map[uint64]bool
	units       brightnessUnits
}

func newDatumExport() *datumExport {
	return &datumExport{at: map[string]int{}, units: brightnessUnits{},
		targets: map[uint64]bool{}, fixed: []tableColumn{
			{name: "target", help: "Name of the target, or the id of a hidden one", ucd: "meta.id;src"},
			{name: "data_type", help: "Type of data"},
			{name: "timestamp", help: "Time, UTC, ISO 8601", width: len("2006-01-02T15:04:05.000000Z")},
			{name: "mjd", unit: "d", help: "Time, UTC, as modified Julian date", ucd: "time.epoch", number: true},
			{name: "source_name", help: "Source"},
			{name: "source_location", help: "Where the source had it"},
			{name: "data_product", help: "Id of the data product", number: true, whole: true},
		}}
}

// scan adds the columns that a datum needs.
func (e *datumExport) scan(v *archive.DatumView) {
	for i, text := range map[int]string{1: v.Type, 4: v.Source, 5: v.Location} {
		e.fixed[i].width = max(e.fixed[i].width, len(text))
	}
	e.targets[v.Target] = true
	members, ok := ingest.ValueMembers(v.Value)
	added := 0
	for _, m := range members {
		if _, known := e.at[m.Key]; !known {
			added++
		}
	}
	if !ok || len(e.values)+added > maxValueColumns {
		e.wholeValues, e.wholeWidth = true, max(e.wholeWidth, len(v.Value))
		return
	}
	e.units.add(members)
	for _, m := range members {
		i, known := e.at[m.Key]
		if !known {
			i = len(e.values)
			e.at[m.Key], e.values = i, append(e.values, valueColumn{key: m.Key, number: true})
		}
		if k := m.Value.Kind(); k != '0' && k != 'n' {
			e.values[i].number = false
			e.values[i].list = e.values[i].list || k == '['
		}
		e.values[i].width = max(e.values[i].width, len(cellText(m.Value)))
	}
}

func (e *datumExport) columns() []tableColumn {
	list := slices.Clone(e.fixed)
	if e.wholeValues {
		list = append(list, tableColumn{name: "value", help: "The datum's value, JSON", width: e.wholeWidth})
	}
	for _, c := range e.values {
		help := e.units.help(c.key)
		if c.key == "error" && c.list {
			help = [3]string{"", "Error of the magnitude, or of the flux of a spectrum", "stat.error"}
		}
		list = append(list, tableColumn{name: "value." + c.key, number: c.number, width: c.width,
			unit: help[0], help: help[1], ucd: help[2]})
	}
	return list
}

// appendCells appends the cells of a datum, in the order of columns.
func (e *datumExport) appendCells(cells []string, v *archive.ExportView) []string {
	product := ""
	if v.Product != 0 {
		product = strconv.FormatUint(v.Product, 10)
	}
	target := v.TargetName
	if target == "" {
		target = strconv.FormatUint(v.Target, 10)
	}
	cells = append(cells, target, v.Type, string(wire.AppendTime(nil, v.Time)), instant.FormatMJD(v.Time),
		v.Source, v.Location, product)
	members, ok := ingest.ValueMembers(v.Value)
	for _, m := range members {
		_, known := e.at[m.Key]
		ok = ok && known
	}
	if e.wholeValues && ok {
		cells = append(cells, "")
	} else if e.wholeValues {
		cells, members = append(cells, string(v.Value)), nil
	}
	first := len(cells)
	cells = append(cells, make([]string, len(e.values))...)
	for _, m := range members {
		if i, known := e.at[m.Key]; known {
			cells[first+i] = cellText(m.Value)
		}
	}
	return cells
}

// cellText returns a JSON value as the text of a cell.
func cellText(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		return v.Text()
	case 'n':
		return ""
	}
	return string(v)
}
