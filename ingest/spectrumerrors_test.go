package ingest

import (
	"strings"
	"testing"

	"nightjar/ingest/fits/fitstest"
)

// TestErrorsInTheirOwnUnit: the errors of a spectrum are stored in the unit of the fluxes, or not
// at all.
func TestErrorsInTheirOwnUnit(t *testing.T) {
	const cgs = "erg/s/cm2/A"
	ecsv := func(flux, sigma string) string {
		return "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: wavelength, unit: nm, datatype: float64}\n" +
			"# - {name: flux, unit: " + flux + ", datatype: float64}\n" +
			"# - {name: uncertainty, unit: " + sigma + ", datatype: float64}\nwavelength flux uncertainty\n400 1 5\n"
	}
	image := func(name, flux, sigma string) string {
		primary := fitstest.Spectrum([]int{2}, fitstest.With(fitstest.LinearWCS, "BUNIT   = '"+flux+"'")...)
		return string(primary) + string(fitstest.Header(fitstest.Extension(fitstest.With(fitstest.Shape(-64, 2),
			"EXTNAME = '"+name+"'", "BUNIT   = '"+sigma+"'"))...)) + string(fitstest.Data(-64, 4, 16))
	}
	const left = "cannot be converted to the unit of the fluxes: they are not kept"
	for _, c := range []struct{ text, flux, errors, warning string }{
		{"wavelength (nm),flux (Jy),err (mJy)\n400,1,5\n", "Jy", "0.005", "were multiplied by 0.001 to be in"},
		{"wave_nm,flux_mJy,err_uJy\n400,1,50\n", "mJy", "0.05", "in 'uJy' and were multiplied by 0.001"},
		{"wave_nm,flux_mJy,err_Jy\n400,1,0.05\n", "mJy", "50", "multiplied by 1000"},
		{"wave_nm,flux (1e-17 " + cgs + "),err (1e-18 " + cgs + ")\n400,1,3\n", "1e-17 erg / (Angstrom s cm2)", "0.3",
			"multiplied by 0.1 to"},
		{"wave_nm,flux (" + cgs + "),err (W/m2/um)\n400,1,3\n", "erg / (Angstrom s cm2)", "0.3", "multiplied by 0.1"},
		{ecsv("1e-17 erg / (Angstrom cm2 s)", "1e-18 erg / (Angstrom cm2 s)"), "1e-17 erg / (Angstrom s cm2)", "0.5",
			"multiplied by 0.1 to"},
		{ecsv("mJy", "MJy"), "mJy", "5000000000", "multiplied by 1e+09"},
		{ecsv("mJy", "erg / (Angstrom cm2 s)"), "mJy", "", left},
		{"wave_nm,flux_mJy,error (%)\n400,1,10\n", "mJy", "", left},
		{"wave_nm,flux,error (mJy)\n400,1,10\n", "mJy", "10", ""},
		{"wave_nm,flux_mJy,error (1 sigma)\n400,1,10\n", "mJy", "10", "is not compared with the unit"},
		{"wave_nm,flux_mJy,error (10^-3 Jy)\n400,1,10\n", "mJy", "10", ""},
		{"wave_nm,flux (1e-17 " + cgs + "),ivar (1e34 s2 cm4 A2 erg-2)\n400,1,4\n", "1e-17 erg / (Angstrom s cm2)",
			"0.5", ""},
		{"wave_nm,flux (1e-17 " + cgs + "),ivar (1e36 s2 cm4 A2 erg-2)\n400,1,4\n", "1e-17 erg / (Angstrom s cm2)",
			"0.05", "multiplied by 0.1"},
		{"wave_nm,flux_Jy,var (mJy2)\n400,1,4\n", "Jy", "0.002", "multiplied by 0.001"},
		{"wave_nm,flux_Jy,var (Jy)\n400,1,4\n", "Jy", "2", ""},
		{"wave_nm,flux_Jy,var (mJy)\n400,1,4\n", "Jy", "", left},
		{image("ERR", "Jy", "mJy"), "Jy", "0.004,0.016", "multiplied by 0.001"},
		{image("ERR", "Jy", "Jy"), "Jy", "4,16", ""},
		{image("VAR", "Jy", "mJy2"), "Jy", "0.002,0.004", "multiplied by 0.001"},
		{image("ERR", "Jy", "adu"), "Jy", "", left},
	} {
		points, report, err := process("spectroscopy", "s", []byte(c.text), Options{})
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		_, list, kept := strings.Cut(values(points), `"flux_error":[`)
		list, _, _ = strings.Cut(list, "]")
		if kept != (c.errors != "") || list != c.errors ||
			!strings.Contains(values(points), `"flux_units":"`+c.flux+`"`) {
			t.Errorf("%q: %s", c.text, values(points))
		}
		said := strings.Join(report.Warnings, "\n")
		if !strings.Contains(said, c.warning) || c.warning == "" && strings.Contains(said, "the errors in") {
			t.Errorf("%q: %q", c.text, report.Warnings)
		}
		for _, column := range report.Columns {
			if (column.Role == "flux_error") && !kept {
				t.Errorf("%q: the column %s has the role of errors", c.text, column.Name)
			}
		}
	}
}
