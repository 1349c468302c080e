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

// textGrid makes a grid of a delimited text.
func textGrid(f bounded.File) (*grid, error) {
	keys := table.Keywords{}
	l, err := table.FindLayout(f, func(comment []byte) { addComment(keys, comment) })
	if err != nil {
		return nil, err
	}
	if l.Line == 0 {
		return nil, bounded.Refuse(bounded.Problem{Reason: "no rows: the file holds only comments and blank lines"})
	}
	if !namesTable(l.First) && !allNumbers(l.First) {
		line, err := table.FindHeader(f, namesTable)
		if err != nil {
			return nil, err
		}
		if line > l.Line {
			keys = table.Keywords{}
			l, err = table.FindLayoutAt(f, line, func(comment []byte) { addComment(keys, comment) })
			if err != nil {
				return nil, err
			}
		}
	}
	var units, types []string
	if l.RDBTypes() {
		types, l.Skip = l.Sample[0], append(l.Skip, l.Sampled[0])
		l.Sample, l.Sampled = l.Sample[1:], l.Sampled[1:]
	}
	if types == nil && unitsRow(l) {
		units, l.Skip = l.Sample[0], append(l.Skip, l.Sampled[0])
		l.Sample = l.Sample[1:]
	}
	g := &grid{Layout: l, keys: keys, format: "delimited text (" + l.Separation() + ")"}
	g.open = func(comment func([]byte)) (rows, error) {
		return plainRows{table.TextRows(f, g.Layout, !g.headerless, comment)}, nil
	}
	if l.Preface > 0 {
		g.notes = append(g.notes, problem.Plural(l.Preface, "line")+" above the header in line "+strconv.Itoa(l.Line)+
			" taken for a preface")
	}
	if l.Comma {
		g.notes = append(g.notes, "numbers are written with a decimal comma")
	}
	for _, t := range types {
		g.fields = append(g.fields, field{text: strings.HasSuffix(strings.ToUpper(t), "S")})
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

// rdbGrid makes a grid of an RDB table.
func rdbGrid(f bounded.File) (*grid, error) {
	g, err := textGrid(f)
	if err != nil {
		return nil, err
	}
	g.format = "RDB"
	return g, nil
}

// commentHeader finds the names of the columns if the first line is numbers: in the comment above,
// if it has as many fields, or col1, col2 and so on, if the user names columns so.
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
	if names := g.saltNames(); names != nil {
		g.readSALT(names)
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

// namesInComments splits the comment line that names the columns: the first one that names a time
// and a measurement, otherwise the one just above the numbers. units come from a comment line
// between the two, if there is one.
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
		// comments are trimmed, so an empty last unit is missing
		units = append(table.Texts(cells), make([]string, len(names)-len(cells))...)
		if unitsRow(table.Layout{First: names, Sample: [][]string{units, g.First}}) {
			return names, units
		}
	}
	return names, nil
}

// namesTable reports whether names of columns are surely those of photometry or of a spectrum.
func namesTable(names []string) bool {
	if namesMeasurements(names) {
		return true
	}
	var c specColumns
	c.names = names
	wavelength, err := c.one("wavelength", oneOf(wavelengthNames), 0)
	flux, other := c.one("flux", oneOf(fluxNames), 0)
	return err == nil && other == nil && wavelength >= 0 && flux >= 0
}

// namesMeasurements reports whether names of columns include a time and a magnitude, a limit or a
// flux.
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
	return time && (measured || namesBands(names))
}

// commentNames splits a comment above the numbers into names of columns; nil if their number
// differs.
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

// numberedNames returns col1, col2 and so on, as astropy names the columns of a table without a
// header, if the user uses such names; otherwise nil.
func numberedNames(l table.Layout, o *Options) []string {
	names := make([]string, len(l.First))
	used := false
	for i := range names {
		names[i] = "col" + strconv.Itoa(i+1)
		used = used || fold(o.TimeColumn) == names[i]
		for _, name := range o.Columns {
			used = used || fold(name) == names[i]
		}
	}
	if !used {
		return nil
	}
	return names
}

// allNumbers reports whether every field is a number, so that the line is not a header.
func allNumbers(fields []string) bool {
	for _, f := range fields {
		if _, ok := instant.ParseDecimal([]byte(f)); !ok && !missing([]byte(f)) {
			return false
		}
	}
	return true
}

// unitsRow reports whether the first row names units: it has no number and at least one known unit,
// and every other cell is empty or above a number.
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

// addComment reads a comment line, without its #, as `KEY: value` or, as in a dump of a FITS
// header, `KEY = value / comment`. The first : or = separates. Other lines are prose.
func addComment(k table.Keywords, text []byte) {
	if len(text) > bounded.MaxKeyLine {
		return
	}
	// a date keyword may be separated by a blank alone
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

// headerValue removes the quotes or the comment. A unit may itself contain a slash.
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
