package ingest

import (
	"slices"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits"
	"nightjar/ingest/table"
	"nightjar/ingest/units"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

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
			if g.fields[i].unit = withoutBrackets(unit); missing([]byte(unit)) || unit == "-" {
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
		g.fields = append(g.fields, field{unit: withoutBrackets(unit)})
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

// commentNames splits a comment above the numbers into column names; nil when it has another number
// of them.
func commentNames(l table.Layout, comment string) []string {
	for _, d := range []table.Delimiter{l.Delimiter, table.Blanks} {
		cells, reason := d.Split([]byte(comment), nil)
		names := table.Texts(cells)
		if d == table.Blanks {
			names = table.JoinUnits(names)
		}
		if reason == "" && len(names) == len(l.First) {
			return names
		}
	}
	return nil
}

// numberedNames are col1, col2 and so on, as astropy calls the columns of a table without a header,
// when the uploader uses them; nil when not.
func numberedNames(l table.Layout, o *Options) []string {
	names := make([]string, len(l.First))
	used := false
	for i := range names {
		names[i] = "col" + strconv.Itoa(i+1)
		used = used || fold(o.TimeColumn) == names[i]
		for _, told := range o.Columns {
			used = used || fold(told) == names[i]
		}
	}
	if !used {
		return nil
	}
	return names
}

// allNumbers tells whether every field is a number, so that the line is no header.
func allNumbers(fields []string) bool {
	for _, f := range fields {
		if _, ok := instant.ParseDecimal([]byte(f)); !ok && !missing([]byte(f)) {
			return false
		}
	}
	return true
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
		cell = withoutBrackets(cell)
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

// addComment reads a comment line without its sign, as `KEY: value` or, as a FITS header is dumped,
// `KEY = value / comment`. Lines that are neither are prose. Whichever of : and = stands first
// separates; the other may stand in the value.
func addComment(k table.Keywords, text []byte) {
	if len(text) > bounded.MaxKeyLine {
		return
	}
	// with a blank alone
	if words := strings.Fields(string(text)); len(words) == 2 && len(k) < bounded.MaxKeys &&
		isDateKey(table.KeyName(words[0])) {
		text = []byte(words[0] + "=" + words[1])
	}
	i := strings.IndexAny(string(text), ":=")
	if i <= 0 || len(k) >= bounded.MaxKeys {
		return
	}
	key := table.KeyName(string(text[:i]))
	value := strings.TrimSpace(string(text[i+1:]))
	if key == "" || value == "" {
		return
	}
	if text[i] == '=' {
		value = headerValue(key, value)
	}
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1]
	}
	if _, twice := k[key]; !twice {
		k[key] = value
	}
}

// headerValue takes the quotes or the comment off. A unit may itself hold a slash.
func headerValue(key, value string) string {
	if value[0] == '\'' {
		if v, _, ok := fits.CardValue([]byte(value)); ok {
			return v
		}
		return value
	}
	if strings.Contains(key, "UNIT") {
		return value
	}
	value, _, _ = strings.Cut(value, " /")
	return strings.TrimSpace(value)
}
