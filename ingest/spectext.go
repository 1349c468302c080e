package ingest

import (
	"context"
	"io"
)

// readTextSpectrum reads a table of wavelength and flux, and errors where there are some, with a header line or, when its
// first line is numbers, without.
func readTextSpectrum(ctx context.Context, j *job) error {
	l, err := findLayout(j.file)
	if err != nil {
		return err
	}
	if l.line == 0 {
		return refuse(Problem{Reason: "no rows: the file holds only comments and blank lines"})
	}
	j.report.Format = "spectrum text (" + l.delim.String() + ")"
	c, err := spectrumColumns(l, j.notes)
	if err != nil {
		for _, name := range c.names {
			j.report.Columns = append(j.report.Columns, Column{Name: reportName(name)})
		}
		return err
	}
	c.report(j.notes)
	keys := textKeys{}
	s := newSpectrum()
	t := openTable(j.file, l, c.header, keys.add)
	for {
		reason, err := t.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		j.report.Rows++
		if j.report.Rows%ctxRows == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.check(int64(j.report.Rows)); err != nil {
			return err
		}
		if reason == "" && len(t.cells) != c.width {
			reason = plural(len(t.cells), "field") + " where there are " + plural(c.width, "column")
		}
		if reason != "" {
			j.problem(Problem{Line: t.line, Reason: reason})
			continue
		}
		j.addRow(s, c, t)
	}
	wavelengthUnits, fluxUnits, err := c.units(keys, j.notes)
	if err != nil {
		return err
	}
	d := j.spectrumDate(keys.get, Problem{})
	return j.emitSpectrum(s, d, keys.first("FACILITY"), fluxUnits, wavelengthUnits)
}

// addRow reads one pixel.
func (j *job) addRow(s *spectrum, c specColumns, t *table) {
	cell := t.cells[c.wavelength]
	w, ok := parseDecimal(cell)
	v := 0.0
	if ok {
		v, ok = w.float()
	}
	switch {
	case !ok && missing(cell):
		j.problem(Problem{Line: t.line, Column: c.name(c.wavelength), Reason: "the row has no wavelength"})
	case !ok:
		j.problem(Problem{Line: t.line, Column: c.name(c.wavelength), Reason: notNumber(cell)})
	default:
		if reason := s.addWavelength(v); reason != "" {
			j.problem(Problem{Line: t.line, Column: c.name(c.wavelength), Reason: quoted(cell) + ": " + reason})
		}
	}
	s.wavelength = w.appendJSON(next(s.wavelength))
	var there bool
	if s.flux, there = j.addFlux(s.flux, c, c.flux, t); !there {
		s.none++
	}
	if c.errors >= 0 {
		s.errors, _ = j.addFlux(s.errors, c, c.errors, t)
	}
}

// addFlux writes the flux or error of a row: a number with the file's digits, or null. there is false for null.
func (j *job) addFlux(list []byte, c specColumns, i int, t *table) (out []byte, there bool) {
	cell := t.cells[i]
	list = next(list)
	d, ok := parseDecimal(cell)
	if !ok {
		if !missing(cell) && !notAvailable(cell) {
			j.problem(Problem{Line: t.line, Column: c.name(i), Reason: notNumber(cell)})
		}
		return append(list, "null"...), false
	}
	if !j.scaled() {
		if !d.finite() {
			j.problem(Problem{Line: t.line, Column: c.name(i), Reason: quoted(cell) + " is out of range"})
		}
		return d.appendJSON(list), true
	}
	v, _ := d.float()
	if v *= j.options.FluxScale; v-v != 0 { // only an infinite number's difference from itself is not 0
		j.problem(Problem{Line: t.line, Column: c.name(i), Reason: quoted(cell) + " is out of range when multiplied"})
		return append(list, "null"...), false
	}
	return appendFloat(list, v), true
}
