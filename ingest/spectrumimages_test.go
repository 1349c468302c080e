package ingest

import (
	"strings"
	"testing"

	"nightjar/ingest/fits/fitstest"
)

// TestUnitsOfImages: the unit of the wavelengths of an image comes from the keywords that say it,
// and what is assumed is said.
func TestUnitsOfImages(t *testing.T) {
	scale := func(first, step string, cards ...string) []byte {
		return fitstest.Spectrum([]int{3}, fitstest.With([]string{"CTYPE1  = 'LINEAR'", "CRPIX1  = 1.0",
			"CRVAL1  = " + first, "CDELT1  = " + step}, cards...)...)
	}
	rows := func(pixels []float64, cards ...string) []byte {
		return append(fitstest.Header(fitstest.With(fitstest.Shape(-64, 3, 2), cards...)...),
			fitstest.Data(-64, pixels...)...)
	}
	double := append(scale("4000.0", "2.0", "EXTNAME = 'SCI'", "CUNIT1  = 'nm'"),
		append(fitstest.Header(fitstest.Extension(fitstest.With(fitstest.Shape(-64, 3),
			fitstest.With(fitstest.LinearWCS, "EXTNAME = 'SCI'")...))...), fitstest.Data(-64, 7, 8, 9)...)...)
	for _, c := range []struct {
		name string
		data []byte
		want string // the end of the value, or ! and the error
		said string
	}{
		{"SpeX", rows([]float64{0.5, 0.75, 1, 7, 8, 9}, "XUNITS  = 'um'", "YUNITS  = 'W m-2 um-1'"),
			`{"flux":[7,8,9],"flux_units":"W / (um m2)","wavelength":[0.5,0.75,1],"wavelength_units":"um"}`, "2 rows"},
		{"CUNIT1 comes first", scale("0.5", "0.25", "XUNITS  = 'nm'", "CUNIT1  = 'um'"),
			`"wavelength":[0.5,0.75,1],"wavelength_units":"um"}`, ""},
		{"XUNITS of a scale", scale("0.5", "0.25", "XUNITS  = 'um'"),
			`"wavelength":[0.5,0.75,1],"wavelength_units":"um"}`, ""},
		{"XUNITS of velocities", scale("0.5", "0.25", "XUNITS  = 'km/s'"),
			"!column XUNITS: 'km/s' is not a unit of wavelength", ""},
		{"short, without a unit", scale("0.5", "0.25"), `"wavelength":[0.5,0.75,1],"wavelength_units":"Angstrom"}`,
			"Angstrom is assumed, although they end with 1; if they are in another unit"},
		{"the standard's metres", scale("5.0E-7", "2.5E-7"), `"wavelength":[5e-07,7.5e-07,0.000001],` +
			`"wavelength_units":"m"}`, "m is assumed, as the FITS standard says"},
		{"first row no wavelengths", rows([]float64{7, 9, 8, 4000, 4001, 4002}),
			"!the first row neither rises nor falls throughout", ""},
		{"a logarithm", scale("3.5", "0.25", "CUNIT1  = 'log(nm)'"), "!the axis is in 'log(nm)': logarithms", ""},
		{"a declared logarithm", scale("2.0", "1.0", "CUNIT1  = 'log(nm)'", "DC-FLAG = 1"),
			`"wavelength":[100,1000,10000],"wavelength_units":"nm"}`, ""},
		{"two images", double, `{"flux":[1,2,3],"flux_units":"erg / (Angstrom s cm2)","wavelength":[4000,4002,4004],` +
			`"wavelength_units":"nm"}`, "the image of HDU 1 is read, and 1 other image not"},
	} {
		points, report, err := process("spectroscopy", "s.fits", c.data, Options{})
		if want, refused := strings.CutPrefix(c.want, "!"); refused {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", c.name, err, want)
			}
			continue
		}
		said := strings.Join(report.Warnings, "\n")
		if err != nil || !strings.HasSuffix(values(points), c.want) || !strings.Contains(said, c.said) ||
			c.said == "" && strings.Contains(said, "unit of wavelength") {
			t.Errorf("%s: %v\n%s\n%s", c.name, err, values(points), said)
		}
	}
}

// TestLogarithmsOfWavelengths: a table's logarithms to base 10 are read where a name or a unit says
// so, and never taken for wavelengths.
func TestLogarithmsOfWavelengths(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"wavelength (log A),flux\n3,1\n4,2\n", `"wavelength":[1000,10000],"wavelength_units":"Angstrom"`},
		{"wavelength [log10(nm)],flux\n2,1\n3,2\n", `"wavelength":[100,1000],"wavelength_units":"nm"`},
		{"wavelength (dex(nm)),flux\n2,1\n3,2\n", `"wavelength":[100,1000],"wavelength_units":"nm"`},
		{"loglam,flux\n3,1\n4,2\n", `"wavelength":[1000,10000],"wavelength_units":"Angstrom"`},
		{"wavelength,flux\n3.5,1\n3.6,2\n", "!column wavelength: wavelengths from 3.5 to 3.6 without a unit look like"},
		{"wavelength,flux\n3.6,1\n3.5,2\n", "!column wavelength: wavelengths from 3.5 to 3.6 without a unit look like"},
		{"wavelength (um),flux\n3.5,1\n3.6,2\n", `"wavelength":[3.5,3.6],"wavelength_units":"um"`},
		{"wavelength (ln(A)),flux\n8.2,1\n8.3,2\n", "!column wavelength (ln(A)): the axis is in 'ln(A)'"},
	} {
		points, _, err := process("spectroscopy", "s.csv", []byte(c.text), Options{})
		if want, refused := strings.CutPrefix(c.want, "!"); refused && (err == nil ||
			!strings.Contains(err.Error(), want)) || !refused && (err != nil || !strings.Contains(values(points),
			c.want)) {
			t.Errorf("%q: %v, %s", c.text, err, values(points))
		}
	}
	natural := []byte("ln_wavelength,flux\n8.2,1\n8.3,2\n")
	_, _, err := process("spectroscopy", "s.csv", natural, Options{Columns: map[string]string{
		"wavelength": "ln_wavelength"}})
	if err == nil || !strings.Contains(err.Error(), "natural logarithms of wavelengths are not read") {
		t.Error(err)
	}
}
