package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/instant"
	"nightjar/sky"
)

// targetTable makes targets of the rows of a table, as a TOM exports them.
type targetTable struct {
	columns []string
	numbers map[string]bool
	notes   []csvNote
	more    int // notes that were left out
}

// csvNote is something that was changed on the way, on a line of the table; 0 for all lines.
type csvNote struct {
	line int
	text string
}

// maxNotes is how many notes are told.
const maxNotes = 1000

func (t *targetTable) note(line int, text string) {
	if len(t.notes) == maxNotes {
		t.more++
		return
	}
	t.notes = append(t.notes, csvNote{line, text})
}

// ownColumns are columns of a TOM's export that the archive fills in by itself.
var ownColumns = []string{"id", "created", "modified"}

func (t *targetTable) header(names []string) error {
	t.columns, t.numbers = names, map[string]bool{}
	if !slices.Contains(names, "name") {
		return errors.New("there is no column name")
	}
	for _, n := range archive.Numbers {
		t.numbers[n.Name] = true
	}
	for _, name := range names {
		if slices.Contains(ownColumns, name) {
			t.note(0, "the column "+name+" is not taken over: the archive gives its own")
		}
	}
	return nil
}

// row makes a target of a row. A right ascension outside of the circle is taken around it, which is
// told.
func (t *targetTable) row(w *wire.Writer, line int, cells []string) error {
	var aliases, groups []string
	var tags [][2]string
	kind, sidereal := "", 0
	for i, column := range t.columns {
		cell := cells[i]
		if cell == "" || column == "" || slices.Contains(ownColumns, column) {
			continue
		}
		switch {
		case column == "type":
			kind = cell
		case column == "ra", column == "dec":
			sidereal++
			w.Key(column)
			t.coordinate(w, column, cell, line)
		case column == "name", column == "scheme", column == "permissions":
			w.TextMember(column, cell)
		case t.numbers[column]:
			w.TextMember(column, cell) // numbers are read from text, which is refused if it is none
		case isAlias(column):
			aliases = append(aliases, cell)
		case column == "groups":
			for _, name := range strings.FieldsFunc(cell, func(r rune) bool { return r == ',' || r == ';' }) {
				if name = strings.TrimSpace(name); name != "" {
					groups = append(groups, name)
				}
			}
		default:
			tags = append(tags, [2]string{column, cell})
		}
	}
	if kind == "" && sidereal == 2 {
		kind = archive.Sidereal
	}
	if kind != "" {
		w.TextMember("type", kind)
	}
	named := func(key string, names []string) {
		if names == nil {
			return
		}
		w.Key(key)
		w.List(func() {
			for _, name := range names {
				w.Object(func() { w.TextMember("name", name) })
			}
		})
	}
	named("aliases", aliases)
	named("groups", groups)
	if tags != nil {
		w.Key("targetextra_set")
		w.List(func() {
			for _, tag := range tags {
				w.Object(func() {
					w.TextMember("key", tag[0])
					w.TextMember("value", tag[1])
				})
			}
		})
	}
	return nil
}

// isAlias says whether a column is one of name2, name3 and so on.
func isAlias(column string) bool {
	n, err := strconv.Atoi(strings.TrimPrefix(column, "name"))
	return err == nil && n >= 2 && strings.HasPrefix(column, "name")
}

// maxCoordinate is how long the text of a coordinate may be that is read here. What is longer, or
// is no coordinate, is left for the field to refuse.
const maxCoordinate = 1000

// coordinate reads degrees or sexagesimal.
func (t *targetTable) coordinate(w *wire.Writer, column, cell string, line int) {
	read := sky.ParseRA
	if column == "dec" {
		read = sky.ParseDec
	}
	if len(cell) > maxCoordinate {
		w.Text(cell)
		return
	}
	f, err := read(cell)
	if err == nil {
		w.Float(&f)
		return
	}
	f, err = strconv.ParseFloat(cell, 64)
	if column == "dec" || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		w.Text(cell)
		return
	}
	wrapped := math.Mod(f, 360)
	if wrapped < 0 {
		wrapped += 360
	}
	if wrapped == 360 { // a tiny negative one
		wrapped = 0
	}
	t.note(line, "ra "+cell+" is taken as "+strconv.FormatFloat(wrapped, 'f', -1, 64))
	w.Float(&wrapped)
}

// writeNotes writes what was changed on the way.
func (t *targetTable) writeNotes(w *wire.Writer) {
	w.Key("notes")
	w.List(func() {
		for _, n := range t.notes {
			w.Object(func() {
				if n.line > 0 {
					w.IntMember("line", int64(n.line))
				}
				w.TextMember("text", n.text)
			})
		}
	})
	w.IntMember("more_notes", int64(t.more))
}

// datumTable makes datums of the rows of a table, as an export has them.
type datumTable struct {
	find    func(target string) (id uint64, err error) // 0 for none
	columns []datumCSVColumn
	known   map[string]uint64 // targets that were found, by what the column target says
	value   wire.Writer
}

// datumCSVColumn is what a column holds: one of datumCSVColumns, or a member of the value.
type datumCSVColumn struct {
	name   string
	member string // the key in a value, escaped; "" for none
}

var datumCSVColumns = []string{"target", "data_type", "timestamp", "mjd", "source_name",
	"source_location", "data_product",
	"value"}

func (d *datumTable) header(names []string) error {
	has := func(name string) bool { return slices.Contains(names, name) }
	values := has("value")
	for _, name := range names {
		key, member := strings.CutPrefix(name, "value.")
		if !member && !slices.Contains(datumCSVColumns, name) {
			return fmt.Errorf("the column %q is not known; there may be %s and value.KEY", name,
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
		case "data_product": // of the archive that the table came from
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
			w.TextMember("target_name", target) // whose refusal names it
		}
	}
	if timestamp == "" {
		timestamp = mjd // which is no timestamp, if it is no MJD: the row will be refused
		if micros, err := instant.ParseMJD(mjd); err == nil {
			timestamp = time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999Z07:00")
		}
	}
	w.TextMember("timestamp", timestamp)
	switch {
	case members && value != "":
		return csvRefusal(line, "there are both a value and a value.KEY")
	case members:
		w.Key("value")
		w.Raw(d.value.Buf)
	case value != "":
		if !json.Valid([]byte(value)) {
			return csvRefusal(line, "column value: this is not JSON")
		}
		w.Key("value")
		w.Raw([]byte(value))
	}
	return nil
}

// maxKnownTargets is how many targets of a table are kept in memory.
const maxKnownTargets = 10_000

// target finds the id for what the column target says: a name, an alias or an id; 0 when there is
// none.
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

// hasNoValue tells whether the text of a cell means that there is no value.
func hasNoValue(cell string) bool {
	switch strings.ToLower(cell) {
	case "nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity", "null", "none", "--":
		return true
	}
	return false
}

// writeCell writes a cell as JSON: a number with the digits it has, a list or an object as an
// export writes them, else a text.
func writeCell(w *wire.Writer, cell string) {
	if (cell[0] == '[' || cell[0] == '{') && json.Valid([]byte(cell)) {
		w.Raw([]byte(cell))
		return
	}
	if _, err := strconv.ParseFloat(cell, 64); err != nil {
		w.Text(cell)
		return
	}
	// what JSON does not know of numbers: a plus, and a point without a digit on one of its sides
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
