package ingest

import (
	"strings"
	"testing"
)

// TestColumnsOfASpectrum: the name of a column decides which are the wavelengths and the fluxes,
// and a unit only where no name does and none says that the lengths are others.
func TestColumnsOfASpectrum(t *testing.T) {
	ecsv := func(columns ...string) string {
		text, names, row := "# %ECSV 1.0\n# ---\n# datatype:\n", "", ""
		for i, column := range columns {
			name, unit, _ := strings.Cut(column, " ")
			text += "# - {name: " + name + ", unit: '" + unit + "', datatype: float64}\n"
			names += name + " "
			row += string(rune('1'+i)) + "00 "
		}
		return text + strings.TrimSpace(names) + "\n" + strings.TrimSpace(row) + "\n"
	}
	for _, c := range []struct{ text, wavelength, flux, said string }{
		{"wave,counts,flux\n100,200,300\n", "100", "300", "not kept: 'counts'"},
		{"wave,flux,counts\n100,200,300\n", "100", "200", "not kept: 'counts'"},
		{"wave,counts\n100,200\n", "100", "200", ""},
		{"loglam,wave,flux\n2,200,300\n", "200", "300", "not kept: 'loglam'"},
		{"loglam,flux\n2,200\n", "100", "200", ""},
		{ecsv("axis nm", "flux Jy"), "100", "200", "'axis' is taken for the wavelength, because of its unit"},
		{ecsv("wave nm", "flux Jy"), "100", "200", ""},
		{ecsv("rest_wavelength nm", "flux Jy"), "", "", "no column wavelength"},
		{ecsv("rest_wavelength nm", "axis nm", "flux Jy"), "200", "300", "'axis' is taken for the wavelength"},
		{ecsv("wave_lo nm", "wave_hi nm", "flux Jy"), "", "", "no column wavelength"},
		{ecsv("line ", "ew nm", "flux Jy"), "", "", "no column wavelength"},
		{ecsv("line ", "FWHM nm", "flux Jy"), "", "", "no column wavelength"},
	} {
		points, report, err := process("spectroscopy", "s.txt", []byte(c.text), Options{})
		if c.wavelength == "" {
			if err == nil || !strings.Contains(err.Error(), c.said) {
				t.Errorf("%q: %v, want %s", c.text, err, c.said)
			}
			continue
		}
		said := strings.Join(report.Warnings, "\n")
		if got := values(points); err != nil || !strings.Contains(got, `"wavelength":[`+c.wavelength+`]`) ||
			!strings.Contains(got, `"flux":[`+c.flux+`]`) || !strings.Contains(said, c.said) ||
			c.said == "" && strings.Contains(said, "because of its unit") {
			t.Errorf("%q: %v %s %q", c.text, err, got, said)
		}
	}
}

// TestUnitsInAComment: a comment below the names of columns, or the keyword UNITS, gives the units
// of a spectrum.
func TestUnitsInAComment(t *testing.T) {
	const nm = `"flux_units":"mJy","wavelength":[400,401],"wavelength_units":"nm"`
	for _, c := range []struct{ comments, want string }{
		{"# wavelength flux\n# nm mJy\n", nm},
		{"# wavelength flux\n# [nm] [mJy]\n", nm},
		{"# wavelength flux\n# (nm) (mJy)\n", nm},
		{"# units: nm, mJy\n# wavelength flux\n", nm},
		{"# wavelength flux\n# by me\n", `"wavelength_units":"Angstrom"`},
		{"# wavelength flux\n# log(nm) mJy\n", `"wavelength_units":"Angstrom"`},
		{"# units: nm\n# wavelength flux\n", `"wavelength_units":"Angstrom"`},
	} {
		points, _, err := process("spectroscopy", "s.txt", []byte(c.comments+"400 1\n401 2\n"), Options{})
		if err != nil || !strings.Contains(values(points), c.want) {
			t.Errorf("%q: %v %s", c.comments, err, values(points))
		}
	}
}
