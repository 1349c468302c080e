package ingest

import (
	"context"
	"io"
	"math"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// spectrumOf makes a reader of a format that has one table.
func spectrumOf(grid func(bounded.File) (*grid, error)) func(context.Context, *job) error {
	return func(ctx context.Context, j *job) error {
		g, err := grid(j.file)
		if err != nil {
			return err
		}
		return j.readSpectrum(ctx, g)
	}
}

// readTextSpectrum reads a table of wavelength and flux, and errors where there are some, with a
// header line or, when its first line is numbers, without.
func readTextSpectrum(ctx context.Context, j *job) error {
	g, err := textGrid(j.file)
	if err != nil {
		return err
	}
	g.format = "spectrum text (" + g.Delimiter.String() + ")"
	g.headerless = allNumbers(g.First)
	return j.readSpectrum(ctx, g)
}

// readSpectrum reads a table of one pixel a row. Keywords are those of the table and of the
// comments among its rows.
func (j *job) readSpectrum(ctx context.Context, g *grid) error {
	j.report.Format = g.format
	for _, note := range g.notes {
		j.warn("%s", note)
	}
	c, err := spectrumColumns(g, &j.options, j.notes)
	if err != nil {
		for _, name := range c.names {
			j.report.Columns = append(j.report.Columns, Column{Name: reportName(name)})
		}
		return err
	}
	first := len(j.report.Columns) // a file of several spectra has told of them before
	if first == 0 {
		c.report(j.notes)
	}
	keys := g.keys
	if keys == nil {
		keys = table.Keywords{}
	}
	s := j.newSpectrum()
	in, err := g.open(func(text []byte) { addComment(keys, text) })
	if err != nil {
		return err
	}
	var r row
	for rows := 1; ; rows++ {
		err := in.next(&r)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		j.report.Rows++
		if rows%ctxRows == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.check(int64(rows)); err != nil {
			return err
		}
		if r.Fit(c.width); r.Reason == "" && len(r.Cells) != c.width {
			r.Reason = problem.Plural(len(r.Cells), "field") + " where there are " + problem.Plural(c.width, "column")
		}
		if r.Reason != "" {
			place := g.at(r.Line)
			place.Reason = r.Reason
			j.problem(place)
			continue
		}
		j.addRow(s, g, c, &r)
	}
	wavelengthUnits, fluxUnits, err := c.units(g, keys, j.notes)
	if err != nil {
		return err
	}
	d := j.spectrumDate(keys.Get, bounded.Problem{HDU: g.hdu})
	source := keys.First("FACILITY")
	if source == "" {
		source = fitsSource(keys.Get)
	}
	s.medium = mediumOf(keys.Get)
	return j.emitSpectrum(s, d, source, fluxUnits, wavelengthUnits)
}

// addRow reads one pixel.
func (j *job) addRow(s *spectrum, g *grid, c specColumns, r *row) {
	cell := r.Cells[c.wavelength]
	bad := func(i int, reason string) {
		place := g.at(r.Line)
		place.Column, place.Reason = c.name(i), reason
		j.problem(place)
	}
	w, ok := instant.ParseDecimal(cell)
	v := 0.0
	if ok {
		v, ok = w.Float()
	}
	if ok && c.logarithm {
		v = math.Pow(10, v)
	}
	switch {
	case !ok && missing(cell):
		bad(c.wavelength, "the row has no wavelength")
	case !ok:
		bad(c.wavelength, notNumber(cell))
	default:
		if reason := s.addWavelength(v); reason != "" {
			bad(c.wavelength, problem.Quoted(cell)+": "+reason)
		}
	}
	if c.logarithm {
		s.wavelength = jsontext.AppendFloat(next(s.wavelength), v)
	} else {
		s.wavelength = w.AppendJSON(next(s.wavelength))
	}
	var there bool
	if s.flux, there = j.addFlux(s.flux, r.Cells[c.flux], asSigma, c.flux, bad); !there {
		s.none++
	}
	if c.errors >= 0 {
		s.errors, _ = j.addFlux(s.errors, r.Cells[c.errors], c.spread, c.errors, bad)
	}
}

// addFlux writes the flux or error of a row: a number with the file's digits, or null. there is
// false for null.
func (j *job) addFlux(list, cell []byte, as spread, i int, bad func(int, string)) (out []byte, there bool) {
	list = next(list)
	d, ok := instant.ParseDecimal(cell)
	if !ok {
		if !missing(cell) && !notAvailable(cell) {
			bad(i, notNumber(cell))
		}
		return append(list, "null"...), false
	}
	if !j.scaled() && as == asSigma {
		if !d.Finite() {
			bad(i, problem.Quoted(cell)+" is out of range")
		}
		return d.AppendJSON(list), true
	}
	v, _ := d.Float()
	if v = as.sigma(v); math.IsNaN(v) {
		return append(list, "null"...), false
	}
	if j.scaled() {
		v *= j.options.FluxScale
	}
	if v-v != 0 { // only an infinite number's difference from itself is not 0
		bad(i, problem.Quoted(cell)+" is out of range when multiplied")
		return append(list, "null"...), false
	}
	return jsontext.AppendFloat(list, v), true
}

// spread is what a column of errors holds.
type spread uint8

const (
	asSigma spread = iota
	asVariance
	asInverse // inverse variance
)

// sigma is the error of a flux; NaN for none.
func (s spread) sigma(v float64) float64 {
	switch {
	case s == asSigma:
		return v
	case s == asVariance && v >= 0:
		return math.Sqrt(v)
	case s == asInverse && v > 0:
		return 1 / math.Sqrt(v)
	}
	return math.NaN()
}
