package api

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/problem"
	"nightjar/sky"
)

// targetTable converts rows of a TOM's export of targets.
type targetTable struct {
	columns []string
	numbers map[string]bool
	notes   []csvNote
	more    int // notes beyond maxNotes
}

// csvNote says what was changed in a line of the table; line 0 means all lines.
type csvNote struct {
	line int
	text string
}

// maxNotes is how many notes an answer has.
const maxNotes = 1000

func (t *targetTable) note(line int, text string) {
	if len(t.notes) == maxNotes {
		t.more++
		return
	}
	t.notes = append(t.notes, csvNote{line, text})
}

// ownColumns are columns of a TOM's export that the archive fills itself.
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

// row writes a row as a target. A right ascension outside of 0 to 360 degrees is wrapped, with a
// note.
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
			w.TextMember(column, cell) // the field reads a number from a text, and refuses any other text
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

// isAlias reports whether a column is one of name2, name3 and so on.
func isAlias(column string) bool {
	n, err := strconv.Atoi(strings.TrimPrefix(column, "name"))
	return err == nil && n >= 2 && strings.HasPrefix(column, "name")
}

// maxCoordinate is the longest text in bytes that is read as a coordinate. The field refuses what
// is longer.
const maxCoordinate = 1000

// coordinate reads degrees or a sexagesimal angle.
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
	number, notNumber := strconv.ParseFloat(cell, 64)
	turned := column == "ra" && notNumber == nil && !math.IsInf(number, 0) && (number < 0 || number >= 360)
	if !turned {
		if err != nil {
			if cell != "" {
				t.note(line, err.Error())
			}
			w.Text(cell)
			return
		}
		w.Float(&f)
		return
	}
	f = number
	wrapped := math.Mod(f, 360)
	if wrapped < 0 {
		wrapped += 360
	}
	if wrapped == 360 { // a tiny negative number
		wrapped = 0
	}
	t.note(line, "ra "+cell+" is taken as "+strconv.FormatFloat(wrapped, 'f', -1, 64))
	w.Float(&wrapped)
}

// writeNotes writes what was changed in the table.
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

// importTargets reads a stream of targets.
func importTargets(r *request) (*answer, error) {
	var table targetTable
	lines := r.lines(&table)
	result, err := r.access.AddTargets(r.Context(), func() (*archive.TargetInput, int, error) {
		text, err := lines.next()
		if err != nil {
			return nil, lines.line, err
		}
		p := new(problem.List)
		in, ok := lines.object(text, p)
		if !ok {
			return &archive.TargetInput{List: *p}, lines.line, nil
		}
		return targetInput(in, false), lines.line, nil
	})
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusCreated, func(w *wire.Writer) {
		w.IntMember("created", int64(result.Created))
		writeRejected(w, result.Rejected, result.More)
		if lines.csv != nil {
			table.writeNotes(w)
		}
		w.TextMember("message", "Targets successfully uploaded.")
	})
}

// maxTargetColumns is how many columns an export of targets can have for aliases and tags together:
// every row has all columns.
const maxTargetColumns = 2_000

// exportTargets sends all targets that pass a filter, as a TOM exports them: aliases as name2,
// name3 and so on, and each tag as a column. A first query finds the columns. For FITS a second one
// finds their widths.
func exportTargets(r *request, format string) (*answer, error) {
	f, err := parseTargetFilter(r)
	if err != nil {
		return nil, err
	}
	each := func(out archive.Out[archive.TargetView]) error {
		return r.access.Targets(r.Context(), f, archive.Page{Limit: math.MaxInt}, out)
	}
	return r.streamed(exportTypes[format], func(s *stream) error {
		send := func(row func(*archive.TargetView) error) error {
			return each(archive.Out[archive.TargetView]{Row: row, Flush: s.flush, Full: s.full})
		}
		if format == "ndjson" {
			return send(func(v *archive.TargetView) error {
				s.line(func(w *wire.Writer) { writeColumns(w, targetColumns, v) })
				return nil
			})
		}
		var e targetExport
		if err := each(archive.Out[archive.TargetView]{Row: e.scan}); err != nil {
			return err
		}
		columns, rows := e.columns(), 0
		var cells []string
		if format == "fits" {
			err := each(archive.Out[archive.TargetView]{Row: func(v *archive.TargetView) error {
				rows++
				cells = e.appendCells(cells[:0], v)
				for i, c := range cells {
					columns[i].width = max(columns[i].width, len(c))
				}
				return nil
			}})
			if err != nil {
				return err
			}
		}
		t := newTable(format, s)
		if err := t.head(columns, rows); err != nil {
			return err
		}
		err := send(func(v *archive.TargetView) error {
			cells = e.appendCells(cells[:0], v)
			return t.row(cells)
		})
		if err != nil {
			return err
		}
		return t.foot()
	})
}

// targetExport finds the columns of an export.
type targetExport struct {
	aliases int // of the target that has most
	tags    []string
	known   map[string]bool // the tags
	used    map[string]bool // numbers, and the scheme, that some target has
}

// scan adds the columns that a target needs.
func (e *targetExport) scan(v *archive.TargetView) error {
	if e.known == nil {
		e.known, e.used = map[string]bool{}, map[string]bool{}
	}
	e.aliases = max(e.aliases, len(v.Aliases))
	for _, x := range v.Extras {
		if !e.known[x.Key] {
			e.known[x.Key] = true
			e.tags = append(e.tags, x.Key)
		}
	}
	if e.aliases+len(e.tags) > maxTargetColumns {
		return problem.Invalid("format", "These targets have more than %d aliases and distinct tags, which is too "+
			"many for a table. Ask for fewer targets, or for ndjson.", maxTargetColumns)
	}
	for _, n := range archive.Numbers {
		e.used[n.Name] = e.used[n.Name] || *n.Of(v.Target) != nil
	}
	e.used["scheme"] = e.used["scheme"] || v.Scheme != ""
	return nil
}

func (e *targetExport) columns() []tableColumn {
	list := []tableColumn{{name: "name", help: "Name"}, {name: "type", help: "Type of target"}}
	for _, n := range archive.Numbers {
		if e.used[n.Name] {
			list = append(list, tableColumn{name: n.Name, help: numberHelp[n.Name][0] + ". " + numberHelp[n.Name][1],
				number: true, unit: numberUnits[n.Name]})
		}
	}
	if e.used["scheme"] {
		list = append(list, tableColumn{name: "scheme", help: "Scheme of the orbital elements"})
	}
	list = append(list, tableColumn{name: "permissions", help: "Who sees the target"})
	for i := range e.aliases {
		list = append(list, tableColumn{name: "name" + strconv.Itoa(i+2), help: "Alias"})
	}
	list = append(list,
		tableColumn{name: "groups", help: "Groups with rights on the target, separated by semicolons"})
	for _, key := range e.tags {
		list = append(list, tableColumn{name: key, help: "Tag"})
	}
	return list
}

// appendCells appends the cells of a target, in the order of columns.
func (e *targetExport) appendCells(cells []string, v *archive.TargetView) []string {
	cells = append(cells, v.Name, v.Type)
	for _, n := range archive.Numbers {
		if !e.used[n.Name] {
			continue
		}
		text := ""
		if x := *n.Of(v.Target); x != nil {
			text = string(wire.AppendFloat(nil, *x))
		}
		cells = append(cells, text)
	}
	if e.used["scheme"] {
		cells = append(cells, v.Scheme)
	}
	cells = append(cells, string(v.Visibility))
	for i := range e.aliases {
		text := ""
		if i < len(v.Aliases) {
			text = v.Aliases[i].Name
		}
		cells = append(cells, text)
	}
	groups := make([]string, len(v.Groups))
	for i, g := range v.Groups {
		groups[i] = g.Name
	}
	cells = append(cells, strings.Join(groups, ";"))
	for _, key := range e.tags {
		text := ""
		for _, x := range v.Extras {
			if x.Key == key {
				text = x.Value
			}
		}
		cells = append(cells, text)
	}
	return cells
}

// numberUnits are the units of a target's numbers as astropy.units spells them.
var numberUnits = map[string]string{
	"ra":                   "deg",
	"dec":                  "deg",
	"epoch":                "yr",
	"parallax":             "mas",
	"pm_ra":                "mas / yr",
	"pm_dec":               "mas / yr",
	"galactic_lng":         "deg",
	"galactic_lat":         "deg",
	"distance":             "pc",
	"distance_err":         "pc",
	"epoch_of_elements":    "d",
	"mean_anomaly":         "deg",
	"arg_of_perihelion":    "deg",
	"lng_asc_node":         "deg",
	"inclination":          "deg",
	"mean_daily_motion":    "deg / d",
	"semimajor_axis":       "AU",
	"epoch_of_perihelion":  "d",
	"ephemeris_period":     "d",
	"ephemeris_period_err": "d",
	"ephemeris_epoch":      "d",
	"ephemeris_epoch_err":  "d",
	"perihdist":            "AU",
	"abs_mag":              "mag",
}
