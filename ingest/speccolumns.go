package ingest

import (
	"slices"
	"strings"
)

// specColumns says which columns of a text are a spectrum's.
type specColumns struct {
	names                    []string // of all columns
	header                   bool     // the layout's first line is a header and no row
	width                    int      // number of columns
	wavelength, flux, errors int      // indexes; errors is -1 when there are none
}

// Names of a spectrum's columns, folded. Those of one letter, last, are only taken when no other is there.
var (
	wavelengthNames = []string{"wavelength", "wavelengths", "wave", "lambda", "lam", "wl"}
	fluxNames       = []string{"flux", "fluxes", "flux_density", "flam", "fnu", "f"}
	fluxErrorNames  = []string{"flux_error", "flux_err", "fluxerr", "error", "err", "uncertainty", "sigma", "stddev", "ferr", "e"}
)

// spectrumColumns finds the columns by the header. Without one, two columns of numbers are wavelength and flux and a third
// is the flux's error, unless the comment above them names as many columns.
func spectrumColumns(l layout, n *notes) (c specColumns, err error) {
	c = specColumns{names: l.first, header: true, width: len(l.first)}
	if !allNumbers(l.first) {
		err = c.find(l.line)
		return c, err
	}
	c.header = false
	if names := commentNames(l); names != nil {
		c.names = names
		if c.find(l.line) == nil {
			n.warn("the columns are named by the comment above them: %s", quotedList(names))
			return c, nil
		}
	}
	if c.width != 2 && c.width != 3 {
		return c, refuse(Problem{Line: l.line, Reason: "no header line, and " + plural(c.width, "column") +
			" of numbers: name the columns wavelength, flux and error"})
	}
	c.names = []string{"wavelength", "flux", "error"}[:c.width]
	n.warn("no header line: the columns are taken for %s", strings.Join(c.names, ", "))
	err = c.find(l.line)
	return c, err
}

// find looks for the columns by their names.
func (c *specColumns) find(line int) error {
	var err error
	if c.wavelength, err = c.one(wavelengthNames, line); err != nil {
		return err
	}
	if c.flux, err = c.one(fluxNames, line); err != nil {
		return err
	}
	if c.errors, err = c.one(fluxErrorNames, line); err != nil {
		return err
	}
	var lacking []string
	if c.wavelength < 0 {
		lacking = append(lacking, "wavelength")
	}
	if c.flux < 0 {
		lacking = append(lacking, "flux")
	}
	if len(lacking) > 0 {
		return refuse(Problem{Line: line, Reason: "no column " + strings.Join(lacking, " and no column ") +
			"; the columns are " + quotedList(c.names)})
	}
	return nil
}

// one is the index of the column with one of these names, -1 for none; two are refused.
func (c *specColumns) one(names []string, line int) (int, error) {
	found, weak := -1, -1
	for i, name := range c.names {
		base, _ := cutUnit(name)
		base = fold(base)
		switch {
		case !slices.Contains(names, base):
		case len(base) == 1:
			if weak < 0 {
				weak = i
			}
		case found >= 0:
			return -1, refuse(Problem{Line: line, Column: clip(name),
				Reason: "both " + quoted(c.names[found]) + " and " + quoted(name) + " mean " + names[0]})
		default:
			found = i
		}
	}
	if found < 0 {
		found = weak
	}
	return found, nil
}

// name is a column's in a message.
func (c *specColumns) name(i int) string { return clip(c.names[i]) }

// units finds the units of wavelength and flux, in brackets behind the column's name, else under a keyword, and adds them to
// the report's columns.
func (c *specColumns) units(keys textKeys, n *notes) (wavelength, flux string, err error) {
	_, wavelength = cutUnit(c.names[c.wavelength])
	if wavelength == "" {
		wavelength = keys.first("WAVELENGTH-UNITS", "WAVELENGTH-UNIT", "WAVE-UNITS", "WAVE-UNIT", "WUNIT", "CUNIT1", "XUNITS", "XUNIT")
	}
	if wavelength == "" {
		n.warn("the file gives no unit of wavelength: %s is assumed", defaultWavelengthUnit)
		wavelength = defaultWavelengthUnit
	}
	place := Problem{Column: c.name(c.wavelength)}
	if wavelength, err = wavelengthUnit(wavelength, n, place); err != nil {
		return "", "", err
	}
	name, flux := cutUnit(c.names[c.flux])
	if flux == "" {
		flux = keys.first("FLUX-UNITS", "FLUX-UNIT", "FUNIT", "BUNIT", "YUNITS", "YUNIT")
	}
	if flux == "" && fold(name) == "fnu" {
		return "", "", refuse(Problem{Column: c.name(c.flux), Reason: "a flux per frequency needs its unit, as fnu (mJy)"})
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

// report says what the columns were taken for, and which are not kept.
func (c *specColumns) report(n *notes) {
	var left []string
	for i, name := range c.names {
		r := Column{Name: reportName(name)}
		switch i {
		case c.wavelength:
			r.Role = "wavelength"
		case c.flux:
			r.Role = "flux"
		case c.errors:
			r.Role = "flux_error"
		default:
			left = append(left, name)
		}
		n.report.Columns = append(n.report.Columns, r)
	}
	if len(left) > 0 {
		n.warn("columns that are not kept: %s", quotedList(left))
	}
}

// commentNames splits the comment above the numbers into column names; nil when it has another number of them.
func commentNames(l layout) []string {
	for _, d := range []delimiter{l.delim, blanks} {
		cells, reason := d.split([]byte(l.above), nil)
		names := texts(cells)
		if d == blanks {
			names = joinUnits(names)
		}
		if reason == "" && len(names) == len(l.first) {
			return names
		}
	}
	return nil
}

// allNumbers tells whether every field is a number, so that the line is no header.
func allNumbers(fields []string) bool {
	for _, f := range fields {
		if _, ok := parseDecimal([]byte(f)); !ok && !missing([]byte(f)) {
			return false
		}
	}
	return true
}
