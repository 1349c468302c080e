package ingest

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// spectrum builds the value of a spectrum from three lists.
type spectrum struct {
	flux, wavelength, errors []byte // JSON arrays without the closing bracket
	pixels                   int    // wavelengths added
	none                     int    // fluxes that are null
	masked                   int    // pixels that were left out, because they have no wavelength
	discard                  bool   // count the lists instead of holding them
	discarded                int    // bytes that were counted

	medium string // air or vacuum, if the file says in which the wavelengths are
	label  []byte // members that tell it from others of its file, with commas between them; nil for none
	order  wavelengthOrder
}

func (j *job) newSpectrum() *spectrum {
	return &spectrum{discard: j.options.Discard, flux: []byte(`{"flux":[`), wavelength: []byte(`[`),
		errors: []byte(`[`)}
}

// withComma begins an element of a list.
func withComma(list []byte) []byte {
	if list[len(list)-1] != '[' {
		return append(list, ',')
	}
	return list
}

// addWavelength notes the wavelength of the next pixel, which is in a row of the file; the caller
// writes its digits. reason is "" unless it cannot be a wavelength.
func (s *spectrum) addWavelength(v float64, row int) (reason string) {
	if !(v > 0) || math.IsInf(v, 1) {
		return "a wavelength must be a finite number above 0"
	}
	s.order.add(v, row)
	s.pixels++
	return ""
}

// shorten counts the bytes of a list and drops them if the spectrum is discarded. It leaves some
// bytes, so that the list is not empty.
func (s *spectrum) shorten(list []byte) []byte {
	const some, few = 64 << 10, 16
	if s.discard && len(list) > some {
		s.discarded += len(list) - few
		return list[:few]
	}
	return list
}

// check refuses a spectrum that is too large.
func (s *spectrum) check(pixels int64) error {
	if pixels > bounded.MaxPixels {
		return bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("a spectrum of more than %d pixels",
			bounded.MaxPixels)})
	}
	if s.discarded+len(s.flux)+len(s.wavelength)+len(s.errors) > bounded.MaxSpectrum {
		return bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("the spectrum takes more than %d bytes",
			bounded.MaxSpectrum)})
	}
	s.flux, s.wavelength, s.errors = s.shorten(s.flux), s.shorten(s.wavelength), s.shorten(s.errors)
	return nil
}

// value returns the finished JSON object, with the keys in a TOM's order. flux_error comes after
// them, and only if the file has errors.
func (s *spectrum) value(fluxUnits, wavelengthUnits string) []byte {
	if s.discard {
		return nil
	}
	// one allocation, because it may be large
	v := make([]byte, 0, len(s.flux)+len(s.wavelength)+len(s.errors)+len(fluxUnits)+len(wavelengthUnits)+200)
	v = append(append(v, s.flux...), ']')
	v = jsontext.AppendString(jsontext.AppendKey(v, "flux_units"), fluxUnits)
	v = append(append(jsontext.AppendKey(v, "wavelength"), s.wavelength...), ']')
	v = jsontext.AppendString(jsontext.AppendKey(v, "wavelength_units"), wavelengthUnits)
	if len(s.errors) > 1 {
		v = append(append(jsontext.AppendKey(v, "flux_error"), s.errors...), ']')
	}
	if s.medium != "" {
		v = jsontext.AppendString(jsontext.AppendKey(v, "wavelength_medium"), s.medium)
	}
	if len(s.label) > 0 {
		v = append(append(v, ','), s.label...)
	}
	return append(v, '}')
}

// mediumOf finds air or vacuum by the keywords AIRORVAC and VACUUM, or an axis of type AWAV. WAVE
// says nothing, because it is also written where the medium is not known.
func mediumOf(get func(string) (string, bool)) string {
	if text, ok := get("AIRORVAC"); ok {
		switch text = strings.ToLower(strings.TrimSpace(text)); {
		case strings.HasPrefix(text, "air"):
			return "air"
		case strings.HasPrefix(text, "vac"):
			return "vacuum"
		}
	}
	if text, ok := get("VACUUM"); ok {
		switch strings.ToUpper(strings.TrimSpace(text)) {
		case "T", "TRUE", "1":
			return "vacuum"
		case "F", "FALSE", "0":
			return "air"
		}
	}
	ctype, _ := get("CTYPE1")
	switch ctype = strings.ToLower(ctype); {
	case strings.HasPrefix(ctype, "awav"), strings.Contains(ctype, "air"):
		return "air"
	case strings.Contains(ctype, "vac"):
		return "vacuum"
	}
	return ""
}

// leaveOut counts a pixel without a wavelength.
func (j *job) leaveOut(s *spectrum) {
	s.masked++
	j.report.RejectedCount++
}

// emitSpectrum checks the spectrum and emits its point.
func (j *job) emitSpectrum(s *spectrum, d specDate, source, fluxUnits, wavelengthUnits string) error {
	switch {
	case j.refused():
		return nil
	case s.pixels == 0 && s.masked > 0:
		return bounded.Refuse(bounded.Problem{Reason: "no pixel has a wavelength"})
	case s.pixels == 0:
		return bounded.Refuse(bounded.Problem{Reason: "no rows"})
	case s.none == s.pixels:
		return bounded.Refuse(bounded.Problem{Reason: "no pixel has a flux"})
	}
	if err := s.check(int64(s.pixels)); err != nil {
		return err
	}
	of := "" // which of the file's spectra
	if len(s.label) > 0 {
		of = problem.Clip(string(s.label)) + ": "
	}
	if s.none > 0 {
		j.warn("%s%s without a flux (NaN or missing) stored as null", of, problem.Plural(s.none, "pixel"))
	}
	if s.masked > 0 {
		j.warn("%s%s with a wavelength of 0 or NaN, which marks a masked pixel, left out", of,
			problem.Plural(s.masked, "pixel"))
	}
	if !s.order.monotonic() {
		j.warn("%sthe wavelengths neither rise nor fall throughout; they are kept in the file's order", of)
	}
	if s.order.counts() {
		j.warn("%sthe wavelengths are 1, 2, 3 and so on: they may be pixels that were not calibrated", of)
	}
	if j.scaled() && !j.saidScaled {
		j.saidScaled = true
		j.warn("fluxes and their errors were multiplied by %g, as the upload asked", j.options.FluxScale)
	}
	return j.emit(Point{Time: d.micros, Timed: d.timed, Source: source, Value: s.value(fluxUnits, wavelengthUnits)})
}

// readVOSpectrum reads the first table of a VOTable that has wavelengths and fluxes.
func readVOSpectrum(ctx context.Context, j *job) error {
	grids, err := voGrids(j.file)
	if err != nil {
		return err
	}
	for _, g := range grids {
		if _, err := spectrumColumns(g, &j.options, newNotes("", 1)); err == nil {
			return j.readSpectrum(ctx, g)
		}
	}
	return j.readSpectrum(ctx, grids[0])
}

// fitsSource is the facility of a spectrum if a TOM would find it in the header, which it does for
// Las Cumbres Observatory; otherwise "".
func fitsSource(get func(string) (string, bool)) string {
	if origin, _ := get("ORIGIN"); origin == "LCOGT" {
		return "LCO"
	}
	return ""
}

// spectrumOf returns the reader of a format that has one table.
func spectrumOf(grid func(bounded.File) (*grid, error)) func(context.Context, *job) error {
	return func(ctx context.Context, j *job) error {
		g, err := grid(j.file)
		if err != nil {
			return err
		}
		return j.readSpectrum(ctx, g)
	}
}

// readTextSpectrum reads a table of wavelengths, fluxes and optional errors. Without a header the
// first line is numbers.
func readTextSpectrum(ctx context.Context, j *job) error {
	g, err := textGrid(j.file)
	if err != nil {
		return err
	}
	g.format = "spectrum text (" + g.Separation() + ")"
	g.headerless = allNumbers(g.First)
	return j.readSpectrum(ctx, g)
}

// readSpectrum reads a table that has one pixel in each row. Keywords are those of the table and of
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
	keys := g.keys
	if keys == nil {
		keys = table.Keywords{}
	}
	first := len(j.report.Columns) == 0 // in a file of several spectra an earlier one has set them
	said := j.notes
	if !first {
		said = newNotes("", 1)
	}
	if c.unnamed {
		said.warn("%s is taken for the wavelength, because of its unit", problem.Quoted(c.names[c.wavelength]))
	}
	c.scaleErrors(g, keys, said)
	if first {
		c.report(j.notes)
	}
	spectra := j.newSpectra(g, &c)
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
		if r.Fit(c.width); r.Reason == "" && len(r.Cells) != c.width {
			r.Reason = problem.Plural(len(r.Cells), "field") + " where there are " + problem.Plural(c.width, "column")
		}
		if r.Reason != "" {
			place := g.problemAt(r.Line)
			place.Reason = r.Reason
			j.problem(place)
			continue
		}
		s, err := spectra.of(r.Cells)
		if err == nil {
			err = s.check(int64(rows))
		}
		if err != nil {
			return err
		}
		j.addRow(s, g, c, &r)
	}
	if j.refused() && j.options.SkipBadRows {
		j.warn("bad_rows skip is for photometry: rows of a spectrum are its pixels, and none is left out")
	}
	if first {
		c.warnLeft(spectra.kept(), j.notes)
	}
	least, most := spectra.ends()
	wavelengthUnits, fluxUnits, err := c.units(g, keys, least, most, j.notes)
	if err != nil {
		return err
	}
	source := keys.First("FACILITY")
	if source == "" {
		source = fitsSource(keys.Get)
	}
	return spectra.emit(func(s *spectrum) error {
		if row, several := s.order.several(); several {
			place := g.problemAt(row)
			place.Column, place.Reason = c.name(c.wavelength), severalSpectra
			return bounded.Refuse(place)
		}
		if c.guessed {
			if err := j.plausible(s, wavelengthUnits, c.weak); err != nil {
				return err
			}
		}
		d, err := spectra.date(keys, bounded.Problem{HDU: g.hdu})
		if err != nil {
			return err
		}
		s.medium = mediumOf(keys.Get)
		return j.emitSpectrum(s, d, source, fluxUnits, wavelengthUnits)
	})
}

// addRow reads one pixel.
func (j *job) addRow(s *spectrum, g *grid, c specColumns, r *row) {
	cell := r.Cells[c.wavelength]
	bad := func(i int, reason string) {
		place := g.problemAt(r.Line)
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
	case ok && w.Zero(), !ok && isNaN(cell) || g.numbered && missing(cell):
		j.leaveOut(s)
		return
	case !ok && missing(cell):
		bad(c.wavelength, "the row has no wavelength")
	case !ok:
		bad(c.wavelength, notNumber(cell))
	default:
		if reason := s.addWavelength(v, r.Line); reason != "" {
			bad(c.wavelength, problem.Quoted(cell)+": "+reason)
		}
	}
	if c.logarithm {
		s.wavelength = jsontext.AppendFloat(withComma(s.wavelength), v)
	} else {
		s.wavelength = w.AppendJSON(withComma(s.wavelength))
	}
	var there bool
	if s.flux, there = j.addFlux(s.flux, r.Cells[c.flux], asSigma, 1, c.flux, bad); !there {
		s.none++
	}
	if c.errors >= 0 {
		s.errors, _ = j.addFlux(s.errors, r.Cells[c.errors], c.spread, c.factor, c.errors, bad)
	}
}

// isNaN reports whether a cell says NaN.
func isNaN(cell []byte) bool { return strings.EqualFold(strings.TrimLeft(string(cell), "+-"), "nan") }

// addFlux writes a flux or an error: a number with the digits of the file, or null. written is
// false for null. An error is multiplied by factor.
func (j *job) addFlux(list, cell []byte, as errorKind, factor float64, i int,
	bad func(int, string)) (out []byte, written bool) {
	list = withComma(list)
	d, ok := instant.ParseDecimal(cell)
	if !ok {
		if !missing(cell) && !notAvailable(cell) {
			bad(i, notNumber(cell))
		}
		return append(list, "null"...), false
	}
	if !j.scaled() && as == asSigma && factor == 1 {
		if !d.Finite() {
			bad(i, problem.Quoted(cell)+" is out of range")
		}
		return d.AppendJSON(list), true
	}
	v, _ := d.Float()
	if v = as.sigma(v); math.IsNaN(v) {
		return append(list, "null"...), false
	}
	v = times(v, factor)
	if j.scaled() {
		v *= j.options.FluxScale
	}
	if v-v != 0 { // only for an infinite number or NaN
		bad(i, problem.Quoted(cell)+" is out of range when multiplied")
		return append(list, "null"...), false
	}
	return jsontext.AppendFloat(list, v), true
}
