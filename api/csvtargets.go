package api

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"nightjar/api/wire"
	"nightjar/archive"
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

// row makes a target of a row. A right ascension outside of the circle is taken around it, which is told.
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

// maxCoordinate is how long the text of a coordinate may be that is read here. What is longer, or is no
// coordinate, is left for the field to refuse.
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
