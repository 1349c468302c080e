package ingest

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/ingest/units"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// grid is a table of texts, in whatever format it stands: names of columns, what the format says of
// them, and rows.
type grid struct {
	table.Layout                // names (first), the header's line, sample rows
	keys         table.Keywords // keywords of the file
	format       string         // for the report
	fields       []field        // one for each name; nil when the format tells nothing
	hdu          int            // of a FITS file; 0 for others
	numbered     bool           // rows have no lines: they are counted from 1
	headerless   bool           // the layout's line is the first row and not the header
	dialect      *dialect       // when the format itself says whose table it is
	object       string         // whose rows these are, when the file names one object; "" when not
	source       string         // of rows that name none
	notes        []string       // what had to be assumed to find the table
	settled      bool
	open         func(comment func([]byte)) (rows, error)
}

// field is what a format says of a column, beside its name.
type field struct {
	unit, ucd string
	time      *instant.Clock // how the column counts time, when the format tells; nil when not
	note      string         // a warning about the column, given when it has a role
	text      bool           // cells are texts, whatever they look like
	left      string         // why the column is left out; "" when it is not
}

// Rows reads the rows of a table one after the other.
type rows interface {
	// next reads the next row; io.EOF after the last. A refusal or another error ends the reading.
	next(r *row) error
}

// row is one row of a table, with what its format says of it.
type row struct {
	bounded.Row
	left string         // why the row is left out, although it can be read; "" when it is not
	time *instant.Clock // how this row counts time, when not as the others; nil
	tail []byte         // members for the value, `"key":value` with commas between; nil for none
}

// plainRows are rows of which there is nothing to say but their cells.
type plainRows struct{ bounded.Rows }

func (p plainRows) next(r *row) error {
	*r = row{}
	return p.Next(&r.Row)
}

// textGrid is the table of a delimited text.
func textGrid(f bounded.File) (*grid, error) {
	keys := table.Keywords{}
	l, err := table.FindLayout(f, func(comment []byte) { addComment(keys, comment) })
	if err != nil {
		return nil, err
	}
	if l.Line == 0 {
		return nil, bounded.Refuse(bounded.Problem{Reason: "no rows: the file holds only comments and blank lines"})
	}
	var units []string
	if unitsRow(l) {
		units, l.Skip = l.Sample[0], append(l.Skip, l.Sampled[0])
		l.Sample = l.Sample[1:]
	}
	g := &grid{Layout: l, keys: keys, format: "delimited text (" + l.Delimiter.String() + ")"}
	g.open = func(comment func([]byte)) (rows, error) {
		return plainRows{table.TextRows(f, g.Layout, !g.headerless, comment)}, nil
	}
	if l.Comma {
		g.notes = append(g.notes, "numbers are written with a decimal comma")
	}
	if units != nil {
		g.notes = append(g.notes, "the line below the header is taken for units: "+problem.QuotedList(units))
		g.fields = make([]field, len(l.First))
		for i, unit := range units {
			if g.fields[i].unit = bare(unit); missing([]byte(unit)) || unit == "-" {
				g.fields[i].unit = ""
			}
		}
	}
	return g, nil
}

// commentHeader takes the comment line above rows that begin with numbers for the header, if it has
// as many fields, or numbers the columns if the uploader does.
func (g *grid) commentHeader(o *Options) {
	if g.dialect != nil || g.fields != nil || g.numbered {
		return
	}
	numbers := 0
	for _, cell := range g.First {
		if _, ok := instant.ParseDecimal(table.WithoutSign([]byte(cell))); ok {
			numbers++
		} else if _, reason := instant.ParseDateText([]byte(cell)); reason == "" {
			numbers++
		}
	}
	if numbers == 0 {
		return
	}
	names, units := g.namesInComments()
	if slices.ContainsFunc(names,
		func(name string) bool { _, number := instant.ParseDecimal([]byte(name)); return number }) {
		names = nil
	}
	numbered := numberedNames(g.Layout, o)
	if names == nil {
		names = numbered
	}
	if names == nil {
		return
	}
	g.Sample = append([][]string{g.First}, g.Sample...)
	g.First = names
	g.headerless = true
	for _, unit := range units {
		g.fields = append(g.fields, field{unit: bare(unit)})
	}
	if numbered != nil {
		return
	}
	g.notes = append(g.notes, "the columns are named by the comment above them: "+problem.QuotedList(names))
}

// namesInComments splits the comment line that names the columns: the first above the numbers that
// names a time and a measurement, else the one just above. units are those of a comment line of
// units between the two; nil when there is none.
func (g *grid) namesInComments() (names, units []string) {
	above := commentNames(g.Layout, g.Above)
	if namesMeasurements(above) {
		return above, nil
	}
	for i := len(g.Others) - 1; i >= 0; i-- {
		if names = commentNames(g.Layout, g.Others[i]); namesMeasurements(names) {
			break
		}
	}
	if !namesMeasurements(names) {
		return above, nil
	}
	if cells, reason := g.Delimiter.Split([]byte(g.Above), nil); reason == "" && len(cells) <= len(names) {
		// the last may be empty, and blanks are taken off comments
		units = append(table.Texts(cells), make([]string, len(names)-len(cells))...)
		if unitsRow(table.Layout{First: names, Sample: [][]string{units, g.First}}) {
			return names, units
		}
	}
	return names, nil
}

// namesMeasurements tells whether names of columns have a time and a magnitude, a limit or a flux
// among them.
func namesMeasurements(names []string) bool {
	time, measured := false, false
	for _, name := range names {
		base, unit := cutUnit(name)
		if _, ok := timeOf(fold(base), unit); ok {
			time = true
		}
		switch r, _ := roleOf(fold(base)); r {
		case roleMagnitude, roleLimit, roleFlux:
			measured = true
		}
	}
	return time && measured
}

// look reads the first rows of a table that is no text into the layout's sample.
func (g *grid) look() error {
	in, err := g.open(nil)
	if err != nil {
		return err
	}
	var r row
	for size := 0; len(g.Sample) < table.SampleRows && size < table.SampleBytes; {
		err := in.next(&r)
		if err == io.EOF {
			break
		}
		if err != nil {
			var refused *bounded.Refusal
			if errors.As(err, &refused) && len(g.Sample) > 0 {
				break
			}
			return err
		}
		if r.Reason == "" {
			g.Sample = append(g.Sample, table.Texts(r.Cells))
			for _, c := range r.Cells {
				size += len(c)
			}
		}
	}
	return nil
}

// at is the place of a row, for a problem.
func (g *grid) at(line int) bounded.Problem {
	if g.numbered {
		return bounded.Problem{HDU: g.hdu, Row: line}
	}
	return bounded.Problem{Line: line}
}

// field is what the format says of column i.
func (g *grid) field(i int) field {
	if i < len(g.fields) {
		return g.fields[i]
	}
	return field{}
}

// settle decides whose table it is and where its header stands.
func (g *grid) settle(o *Options) {
	if !g.settled {
		g.settled = true
		g.commentHeader(o)
		g.findDialect()
	}
}

// called is the table's name in a message.
func (g *grid) called() string {
	if g.hdu > 0 {
		return "that of HDU " + strconv.Itoa(g.hdu)
	}
	return "the one with the columns " + problem.QuotedList(g.First)
}

// unitsRow tells whether the first row names units: it has no number, at least one unit that is
// known, and all others are empty or stand above numbers in the row after it.
func unitsRow(l table.Layout) bool {
	if len(l.Sample) < 2 || len(l.Sample[0]) != len(l.First) || len(l.Sample[1]) != len(l.First) ||
		allNumbers(l.First) {
		return false
	}
	known := 0
	for i, cell := range l.Sample[0] {
		cell = bare(cell)
		if _, number := instant.ParseDecimal([]byte(cell)); number {
			return false
		}
		_, isUnit := units.Parse(cell)
		if _, ok := timeFormatNamed(cell); ok {
			isUnit = true
		}
		switch strings.ToLower(cell) {
		case "", "-", "--", "---", "none", "nan", "n/a", "d", "days", "day", "mag", "mags", "ab",
			"string", "str", "bool":
			isUnit = true
		}
		_, number := instant.ParseDecimal(table.WithPoint([]byte(l.Sample[1][i])))
		if number && isUnit && cell != "" && !missing([]byte(cell)) {
			known++
		} else if !isUnit {
			return false
		}
	}
	return known > 0
}

// bare takes the brackets off a unit.
func bare(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 1 && (text[0] == '(' && text[len(text)-1] == ')' || text[0] == '[' && text[len(text)-1] == ']') {
		return strings.TrimSpace(text[1 : len(text)-1])
	}
	return text
}
