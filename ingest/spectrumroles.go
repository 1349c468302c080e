package ingest

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/ingest/units"
	"nightjar/internal/problem"
)

// errorKind is what a column of errors holds.
type errorKind uint8

const (
	asSigma errorKind = iota
	asVariance
	asInverse // inverse variance
)

// sigma returns the error of a flux; NaN for none.
func (s errorKind) sigma(v float64) float64 {
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

// specColumns says which columns of a table are those of a spectrum.
type specColumns struct {
	names                    []string  // of all columns
	header                   bool      // the layout's first line is a header and not a row
	width                    int       // number of columns
	wavelength, flux, errors int       // indexes; errors is -1 when there are none
	logarithm                bool      // the wavelength column holds its logarithm to base 10
	spread                   errorKind // what the errors are
	factor                   float64   // on the errors, as sigmas, to be in the unit of the flux
	unnamed                  bool      // only its unit says that the wavelength column is one
	guessed                  bool      // no name says what the columns are, nor the user that they are a spectrum
	weak                     bool      // if guessed: that of sayingSpectrum
}

// Folded names of the columns of a spectrum. A name of one letter counts only if there is no other,
// and so do counts beside a flux and logarithms beside wavelengths.
var (
	wavelengthNames = []string{"wavelength", "wavelengths", "wave", "waves", "lambda", "lam", "wl", "wvl", "wlen",
		"wavelen", "obs_wave", "wave_obs", "obs_wavelength", "wavelength_obs", "observed_wavelength", "lambda_obs",
		"wavelength_air", "air_wavelength", "wave_air", "lambda_air", "wavelength_vac", "vac_wavelength", "wave_vac",
		"lambda_vac", "wavelength_vacuum", "vacuum_wavelength", "loglam", "log_lambda", "log_wavelength"}
	fluxNames = []string{"flux", "fluxes", "flux_density", "fluxdensity", "flam", "f_lam", "flambda", "f_lambda",
		"flux_lambda", "flux_lam", "fnu", "f_nu", "flux_nu", "counts", "f"}
	// a name of a flux with one of these in front or behind is its error, and so is one alone
	errorWords = []string{"error", "errors", "err", "errs", "unc", "uncert", "uncertainty", "uncertainties", "sigma",
		"sig", "stddev", "std", "ferr", "e", "d"}
	varianceNames = []string{"ivar", "inverse_variance", "var", "variance", "flux_var",
		"flux_ivar"} // used if there is no error
	// ESO: not calibrated, used if there is no other
	reducedNames = []string{"flux_reduced", "err_reduced"}
)

// isFluxError reports whether a folded name is that of the error of a flux, such as flam_err,
// fluxerr, e_flux, unc.
func isFluxError(name string) bool {
	if slices.Contains(errorWords, name) {
		return name != "d"
	}
	for _, word := range errorWords {
		for _, rest := range []string{strings.TrimPrefix(name, word), strings.TrimSuffix(name, word)} {
			joined := len(word) == 1 && !strings.Contains(name, "_") // dflux and eflam, but not df and fluxe
			if joined && (len(rest) < 4 || !strings.HasSuffix(name, rest)) {
				continue
			}
			if trimmed := strings.Trim(rest, "_"); rest != name && slices.Contains(fluxNames, trimmed) {
				return true
			}
		}
	}
	return false
}

// spectrumColumns finds the columns by what the user, the format or the header says. Without a
// header, two columns of numbers are wavelength and flux, a third is the error and a fourth is left
// out, unless the comment above them names as many columns.
func spectrumColumns(g *grid, o *Options, n *notes) (c specColumns, err error) {
	l := g.Layout
	c = specColumns{names: l.First, header: !g.headerless, width: len(l.First)}
	if !g.headerless {
		err = c.find(g, o, l.Line)
		return c, err
	}
	for c.width > 2 && l.Empty(c.width-1) { // delimiters at the ends of lines
		c.width--
		l.First = l.First[:c.width]
	}
	c.names = l.First
	for i := range len(l.Others) + 1 { // the comment just above comes first
		line := l.Above
		if i > 0 {
			line = l.Others[len(l.Others)-i]
		}
		names := commentNames(l, line)
		if names == nil {
			continue
		}
		c.names = names
		if c.find(g, o, l.Line) == nil {
			g.unitsInComment(names, i > 0)
			_ = c.find(g, o, l.Line) // a unit may say that a column has logarithms
			n.warn("the columns are named by the comment above them: %s", problem.QuotedList(names))
			return c, nil
		}
		if base, unit := cutUnit(names[0]); isNoWavelength(fold(base), unit) || namesMeasurements(names) {
			return c, bounded.Refuse(bounded.Problem{Line: l.Line,
				Reason: "the comment above the numbers calls the first column " + problem.Quoted(names[0]) +
					", which is not a wavelength"})
		}
		if base, _ := nameAndUnit(names[0]); o.byContent && slices.Contains(wavelengthNames, fold(base)) &&
			isTransmission(names[1]) {
			return c, bounded.Refuse(bounded.Problem{Line: l.Line,
				Reason: "no header line, and the comment above the numbers calls the second column " +
					problem.Quoted(names[1]) + ", which is not a flux" + askForType})
		}
	}
	if c.names = numberedNames(l, o); c.names != nil {
		err = c.find(g, o, l.Line)
		return c, err
	}
	if c.width < 2 || c.width > 4 {
		return c, bounded.Refuse(bounded.Problem{Line: l.Line,
			Reason: "no header line, and " + problem.Plural(c.width, "column") +
				" of numbers: name the columns wavelength, flux and error; an upload can name them in columns, as " +
				"col1, col2 and so on"})
	}
	if c.guessed = o.byContent; c.guessed {
		if n.report.guess, c.weak, err = g.sayingSpectrum(n.file); err != nil {
			return c, err
		}
	}
	c.names = []string{"wavelength", "flux", "error", "column 4"}[:c.width]
	n.warn("no header line: the columns are taken for %s", strings.Join(c.names[:min(c.width, 3)], ", "))
	err = c.find(g, o, l.Line)
	return c, err
}

// unitsInComment takes the units of the columns from a comment that has one for each: the keyword
// UNITS, or, if above is set, the line between the names and the numbers.
func (g *grid) unitsInComment(names []string, above bool) {
	texts := []string{g.keys.First("UNITS", "UNIT")}
	if above {
		texts = append(texts, g.Above)
	}
	for _, text := range texts {
		for _, d := range []table.Delimiter{g.Delimiter, table.Blanks, ','} {
			cells, reason := d.Split([]byte(text), nil)
			list := table.Texts(cells)
			if reason != "" || len(list) != len(names) || text == "" ||
				!unitsRow(table.Layout{First: names, Sample: [][]string{list, g.First}}) {
				continue
			}
			g.fields = nil
			for _, unit := range list {
				g.fields = append(g.fields, field{unit: strings.Trim(withoutBrackets(unit), "-")})
			}
			return
		}
	}
}

// isTransmission reports whether the name of a column says that the numbers at the wavelengths are
// not fluxes but those of a filter, an instrument or the air.
func isTransmission(name string) bool {
	base, _ := nameAndUnit(name)
	name = fold(base)
	if slices.Contains([]string{"t", "qe", "trans", "albedo"}, name) {
		return true
	}
	return slices.ContainsFunc([]string{"through", "transmi", "respon", "efficien", "sensitiv", "reflect", "absorp",
		"extinction", "opacity", "telluric"}, func(part string) bool { return strings.Contains(name, part) })
}

// find finds the columns by what the user, the format and the names say.
func (c *specColumns) find(g *grid, o *Options, line int) error {
	for _, part := range []struct {
		at   *int
		role string
		is   func(name string) bool
	}{{&c.wavelength, "wavelength", oneOf(wavelengthNames)}, {&c.flux, "flux", oneOf(fluxNames)},
		{&c.errors, "flux_error", isFluxError}} {
		if name, given := o.Columns[part.role]; given {
			if *part.at = slices.IndexFunc(c.names,
				func(n string) bool { return fold(n) == fold(name) }); *part.at < 0 {
				return bounded.Refuse(bounded.Problem{Column: "columns",
					Reason: "there is no column " + problem.Quoted(name) + "; the columns are " +
						problem.QuotedList(c.names)})
			}
			continue
		}
		var err error
		if *part.at = c.byField(g, part.role); *part.at < 0 {
			if *part.at, err = c.one(part.role, part.is, line); err != nil {
				return err
			}
		}
	}
	for _, spare := range []struct {
		at    *int
		names []string
	}{{&c.flux, reducedNames[:1]}, {&c.errors, reducedNames[1:]}, {&c.errors, varianceNames}} {
		if *spare.at >= 0 {
			continue
		}
		var err error
		if *spare.at, err = c.one(spare.names[0], oneOf(spare.names), line); err != nil {
			return err
		}
	}
	c.byUnit(g)
	if c.wavelength >= 0 {
		base, _ := nameAndUnit(c.names[c.wavelength])
		unit := c.unitText(g, c.wavelength)
		c.logarithm = strings.HasPrefix(fold(base), "log") || isLogarithm(unit) &&
			!strings.HasPrefix(strings.ToLower(unit), "ln")
		if base = fold(base); base == "ln" || strings.HasPrefix(base, "ln_") {
			return bounded.Refuse(bounded.Problem{Line: line, Column: c.name(c.wavelength),
				Reason: "natural logarithms of wavelengths are not read: give the wavelengths, or their logarithms " +
					"to base 10, as log_wavelength"})
		}
	}
	if c.errors >= 0 {
		switch base, _ := cutUnit(c.names[c.errors]); fold(base) {
		case "ivar", "inverse_variance", "flux_ivar":
			c.spread = asInverse
		case "var", "variance", "flux_var":
			c.spread = asVariance
		}
	}
	var lacking []string
	if c.wavelength < 0 {
		lacking = append(lacking, "wavelength")
	}
	if c.flux < 0 {
		lacking = append(lacking, "flux")
	}
	if len(lacking) > 0 {
		pixels := ""
		if c.wavelength < 0 && slices.ContainsFunc(c.names, func(name string) bool {
			return slices.Contains([]string{"pixel", "pixels", "pix", "channel"}, fold(name))
		}) {
			pixels = "; pixels are no wavelengths: the spectrum has no wavelength calibration"
		}
		return bounded.Refuse(bounded.Problem{Line: line,
			Reason: "no column " + strings.Join(lacking, " and no column ") +
				"; the columns are " + problem.QuotedList(c.names) + pixels + g.rowForHeader()})
	}
	return nil
}

// byField returns the column that has the role according to the format: the only one, or the only
// main one; otherwise -1.
func (c *specColumns) byField(g *grid, role string) int {
	found, main := []int(nil), []int(nil)
	for i := range c.names {
		ucd := strings.ToLower(g.field(i).ucd)
		spread := strings.Contains(ucd, "stat.error") || strings.Contains(ucd, "stat.stdev")
		is := ""
		switch {
		case strings.Contains(ucd, "background") || strings.Contains(ucd, "meta.code"):
		case strings.Contains(ucd, "phot.flux") && spread:
			is = "flux_error"
		case strings.Contains(ucd, "phot.flux"):
			is = "flux"
		case strings.HasPrefix(ucd, "em.wl") && !spread:
			is = "wavelength"
		}
		if is != role {
			continue
		}
		if found = append(found, i); strings.Contains(ucd, "meta.main") {
			main = append(main, i)
		}
	}
	switch {
	case len(main) == 1:
		return main[0]
	case len(found) == 1:
		return found[0]
	}
	return -1
}

// byUnit finds columns that no name tells: the only one with a unit of length is the wavelength,
// the only one with a unit of energy in it the flux. A width, an edge of a bin or a wavelength of
// the rest frame is not the wavelength.
func (c *specColumns) byUnit(g *grid) {
	wavelength, flux := -1, -1
	for i := range c.names {
		u, ok := units.Parse(g.field(i).unit)
		switch {
		case !ok:
		case u.IsLength() && noPixelLength(c.names[i]):
		case u.IsLength() && wavelength == -1:
			wavelength = i
		case u.IsLength():
			wavelength = -2
		case u.IsFlux() && flux == -1:
			flux = i
		case u.IsFlux():
			flux = -2
		}
	}
	if c.wavelength < 0 && wavelength >= 0 {
		c.wavelength, c.unnamed = wavelength, true
	}
	if c.flux < 0 && flux >= 0 && flux != c.errors {
		c.flux = flux
	}
}

// noPixelLength reports whether a column of lengths has a name of others than the wavelengths at
// which a spectrum was observed.
func noPixelLength(name string) bool {
	return slices.ContainsFunc(strings.Split(fold(name), "_"), func(word string) bool {
		return slices.Contains([]string{"rest", "restframe", "fwhm", "width", "ew", "eqw", "lo", "low", "lower", "hi",
			"high", "upper", "min", "max", "left", "right", "edge", "start", "end", "bin", "step", "delta", "err",
			"error", "sigma", "unc", "resolution", "res", "shift", "distance", "altitude", "seeing", "slit"}, word)
	})
}

// oneOf returns a function that reports whether a name is in a list.
func oneOf(names []string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

// one returns the column whose folded name means a role, -1 for none; two are refused.
func (c *specColumns) one(role string, is func(string) bool, line int) (int, error) {
	found, weak := -1, -1
	for i, name := range c.names {
		base, _ := nameAndUnit(name)
		base = fold(base)
		switch {
		case !is(base):
		case len(base) == 1 || base == "counts" || strings.HasPrefix(base, "log"):
			if weak < 0 {
				weak = i
			}
		case found >= 0:
			return -1, bounded.Refuse(bounded.Problem{Line: line, Column: problem.Clip(name),
				Reason: "both " + problem.Quoted(c.names[found]) + " and " + problem.Quoted(name) +
					" mean " + strings.TrimPrefix(role, "flux_")})
		default:
			found = i
		}
	}
	if found < 0 {
		found = weak
	}
	return found, nil
}

// name is the name of a column in a message.
func (c *specColumns) name(i int) string { return problem.Clip(c.names[i]) }

// units finds the units of wavelength and flux, in brackets after the name, in the format or under
// a keyword, and adds them to the columns of the report. least and most are the shortest and the
// longest wavelength.
func (c *specColumns) units(g *grid, keys table.Keywords, least, most float64,
	n *notes) (wavelength, flux string, err error) {
	if _, wavelength = nameAndUnit(c.names[c.wavelength]); wavelength == "" {
		wavelength = g.field(c.wavelength).unit
	}
	if c.logarithm {
		wavelength = logUnit(wavelength, n)
	}
	if wavelength == "" {
		wavelength = keys.First("WAVELENGTH-UNITS", "WAVELENGTH-UNIT", "WAVE-UNITS", "WAVE-UNIT", "WUNIT", "CUNIT1",
			"XUNITS", "XUNIT")
	}
	if wavelength == "" {
		if 3 < least && least <= most && most < 4.7 {
			return "", "", bounded.Refuse(bounded.Problem{Column: c.name(c.wavelength),
				Reason: fmt.Sprintf("wavelengths from %g to %g without a unit look like the logarithms of "+
					"wavelengths: name the column log_wavelength, or its unit, as in wavelength (um)", least, most)})
		}
		unusual := ""
		if most < 500 {
			unusual = fmt.Sprintf(", although they end with %g; if they are in another unit, name it, as in "+
				"wavelength (nm)", most)
		}
		n.warn("the file gives no unit of wavelength: %s is assumed%s", defaultWavelengthUnit, unusual)
		wavelength = defaultWavelengthUnit
	}
	place := bounded.Problem{Column: c.name(c.wavelength)}
	if wavelength, err = wavelengthUnit(wavelength, n, place); err != nil {
		return "", "", err
	}
	flux = c.fluxUnitText(g, keys)
	name, _ := nameAndUnit(c.names[c.flux])
	if flux == "" && slices.Contains([]string{"fnu", "f_nu", "flux_nu"}, fold(name)) {
		return "", "", bounded.Refuse(bounded.Problem{Column: c.name(c.flux),
			Reason: "a flux per frequency needs its unit, as fnu (mJy)"})
	}
	flux = fluxUnit(flux, n)
	for i := range n.report.Columns {
		switch i {
		case c.wavelength:
			n.report.Columns[i].Unit = wavelength
		case c.flux, c.errors:
			n.report.Columns[i].Unit = flux
		}
	}
	return wavelength, flux, nil
}

// unitText is the unit of a column: behind its name or in the format, "" for none.
func (c *specColumns) unitText(g *grid, i int) string {
	if _, unit := nameAndUnit(c.names[i]); unit != "" {
		return unit
	}
	return g.field(i).unit
}

// fluxUnitText is the unit of the flux that the file gives; "" for none.
func (c *specColumns) fluxUnitText(g *grid, keys table.Keywords) string {
	unit := c.unitText(g, c.flux)
	if unit == "" {
		unit = keys.First("FLUX-UNITS", "FLUX-UNIT", "FUNIT", "BUNIT", "YUNITS", "YUNIT")
	}
	if name, _ := nameAndUnit(c.names[c.flux]); unit == "" && fold(name) == "counts" {
		unit = "ct"
	}
	if unit == "" && c.errors >= 0 && c.spread == asSigma {
		if u, ok := units.Parse(c.unitText(g, c.errors)); ok && u.IsFlux() {
			unit = u.String()
		}
	}
	return unit
}

// scaleErrors finds the factor of the errors by their unit. Errors that are none of these fluxes
// are not kept.
func (c *specColumns) scaleErrors(g *grid, keys table.Keywords, n *notes) {
	c.factor = 1
	if c.errors < 0 {
		return
	}
	flux := c.fluxUnitText(g, keys)
	if flux == "" {
		flux = defaultFluxUnit
	}
	kept := false
	if c.factor, kept = errorFactor(c.names[c.errors], c.unitText(g, c.errors), flux, c.spread, n); !kept {
		c.errors = -1
	}
}

// warnLeft warns about the columns that are not kept; those in kept are.
func (c *specColumns) warnLeft(kept []int, n *notes) {
	var left []string
	for i, name := range c.names {
		if i != c.wavelength && i != c.flux && i != c.errors && !slices.Contains(kept, i) {
			left = append(left, name)
		}
	}
	if len(left) > 0 {
		n.warn("columns that are not kept: %s", problem.QuotedList(left))
	}
}

// report describes the columns.
func (c *specColumns) report(n *notes) {
	for i, name := range c.names {
		r := Column{Name: reportName(name)}
		switch i {
		case c.wavelength:
			r.Role = "wavelength"
		case c.flux:
			r.Role = "flux"
		case c.errors:
			r.Role = "flux_error"
		}
		n.report.Columns = append(n.report.Columns, r)
	}
}

// nameAndUnit splits off the unit of a column's name: in brackets, or behind the name of a
// wavelength or flux, as in wave_nm and flux_mJy.
func nameAndUnit(name string) (base, unit string) {
	if base, unit = cutUnit(name); unit != "" {
		return base, unit
	}
	i := strings.LastIndexAny(name, "_ -")
	if i < 0 {
		return name, ""
	}
	u, ok := units.Parse(name[i+1:])
	front := fold(name[:i])
	if ok && (u.IsLength() && slices.Contains(wavelengthNames, front) ||
		u.IsFlux() && (slices.Contains(fluxNames, front) || isFluxError(front))) && !slices.Contains(wavelengthNames,
		fold(name)) {
		return name[:i], name[i+1:]
	}
	return name, ""
}

// isNoWavelength reports whether the folded name or the unit of a column says that it is not a
// wavelength but, for example, a frequency.
func isNoWavelength(name, unit string) bool {
	if u, ok := units.Parse(unit); ok {
		return !u.IsLength()
	}
	return slices.Contains([]string{"frequency", "freq", "nu", "energy", "wavenumber", "wave_number", "velocity",
		"vel", "pixel"}, name)
}

// logUnit is the unit of the wavelengths whose logarithms a column has.
func logUnit(text string, n *notes) string {
	if i := strings.IndexAny(text, "([ "); i >= 0 && isLogarithm(text) {
		text = strings.Trim(text[i:], "([]) ")
	}
	if u, ok := units.Parse(text); ok && u.IsLength() {
		return text
	}
	n.warn("the wavelengths are logarithms to base 10 without a unit of length: %s is assumed", defaultWavelengthUnit)
	return defaultWavelengthUnit
}
