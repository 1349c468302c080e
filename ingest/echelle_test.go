package ingest

import (
	"fmt"
	"strings"
	"testing"

	"nightjar/ingest/fits/fitstest"
)

// multispecCards are those of an image in IRAF's MULTISPEC form, with a text of WAT2 in cards.
func multispecCards(wat2 string, more ...string) []string {
	cards := []string{"CTYPE1  = 'MULTISPE'", "CTYPE2  = 'MULTISPE'", "CD1_1   = 1.0", "BUNIT   = 'Jy'",
		"MJD-OBS = 58000.5",
		"WAT1_001= 'wtype=multispec label=Wavelength units=angstroms'"}
	wat2 = "wtype=multispec " + wat2
	for i := 1; wat2 != ""; i++ {
		n := min(68, len(wat2))
		cards = append(cards, fmt.Sprintf("WAT2_%03d= '%s'", i, wat2[:n]))
		wat2 = wat2[n:]
	}
	return append(cards, more...)
}

// TestEchelle: each line of an image in IRAF's MULTISPEC form is an order with its own wavelengths.
func TestEchelle(t *testing.T) {
	value := func(flux, waves, rest string) string {
		return strings.TrimSuffix(strings.Replace(specValue(flux, waves, "Angstrom"), defaultFluxUnit, "Jy", 1), "}") +
			rest + "}"
	}
	const two = `spec1 = "1 61 0 5000. 0.5 3 0. 1. 2." spec2 = "2 60 0 5100. 0.25 2 0. 3. 4."`
	for _, c := range []struct {
		name  string
		axes  []int
		cards []string
		want  string // the values, or ! and the error
	}{
		{"orders, one of them shorter", []int{3, 2}, multispecCards(two, "BANDID1 = 'spectrum'", "APNUM1  = '1 61'",
			"APNUM2  = '2 60'"),
			value("[1,2,3]", "[5000,5000.5,5001]", `,"order":61`) + "\n" + value("[4,5]", "[5100,5100.25]",
				`,"order":60`)},
		{"orders with bands", []int{3, 2, 3}, multispecCards(two, "BANDID3 = 'sigma'"),
			value("[1,2,3]", "[5000,5000.5,5001]", `,"flux_error":[13,14,15],"order":61`) + "\n" +
				value("[4,5]", "[5100,5100.25]", `,"flux_error":[16,17],"order":60`)},
		{"a line of its own", []int{2}, multispecCards(two, "WAXMAP01= '1 0 0 1'", "WCSDIM  = 2"),
			value("[1,2]", "[5100,5100.25]", "")},
		{"a part of each line", []int{2, 2}, multispecCards(two, "LTV1    = -1.0", "LTM1_1  = 1.0"),
			value("[1,2]", "[5000.5,5001]", `,"order":61`) + "\n" + value("[3,4]", "[5100.25,5100.5]", `,"order":60`)},
		{"pixels of two", []int{2, 2}, multispecCards(two, "LTV1    = 0.5", "LTM1_1  = 0.5"),
			value("[1,2]", "[5000,5001]", `,"order":61`) + "\n" + value("[3,4]", "[5100,5100.5]", `,"order":60`)},
		{"a logarithm and a shift", []int{2, 2},
			multispecCards(`spec1 = "1 61 1 3. 1. 2 0. 1. 2." spec2 = "2 60 0 5500. 11. 2 0.1 3. 4."`),
			value("[1,2]", "[1000,10000]", `,"order":61`) + "\n" + value("[3,4]", "[5000,5010]", `,"order":60`)},
		{"Chebyshev and Legendre", []int{3, 2}, multispecCards(
			`spec1 = "1 61 2 4990. 10. 3 0. 1. 2. 1. 0. 1 3 1. 3. 5000. 10. 0.5" ` +
				`spec2 = "2 60 2 5100. 10. 3 0. 1. 2. 0.5 0. 2 3 1. 3. 5100. 10. 2. 0.5 10. 2 1 1. 3. 5090."`),
			value("[1,2,3]", "[4990.5,4999.5,5010.5]", `,"order":61`) + "\n" +
				value("[4,5,6]", "[5096,5099.5,5106]", `,"order":60`)},
		{"splines and arrays", []int{3, 2}, multispecCards(
			`spec1 = "1 61 2 5000. 10. 3 0. 1. 2. 1. 0. 4 2 1. 3. 5000. 5010. 5030." ` +
				`spec2 = "2 60 2 5100. 10. 3 0. 1. 2. 1. 0. 5 3 5100. 5111. 5120."`),
			value("[1,2,3]", "[5000,5010,5030]", `,"order":61`) + "\n" + value("[4,5,6]", "[5100,5111,5120]",
				`,"order":60`)},
		{"a cubic spline", []int{3}, multispecCards( // of a straight line: 6 times 1000, at the second of its knots
			`spec1 = "1 61 2 6000. 10. 3 0. 1. 2. 1. 0. 3 2 1. 3. 990. 1000. 1010. 1020. 1030."`),
			value("[1,2,3]", "[6000,6060,6120]", "")},

		{"fibres", []int{3, 2},
			multispecCards(`spec1 = "1 1 0 5000. 0.5 3 0. 1. 2." spec2 = "2 2 0 5000. 0.5 3 0. 3. 4."`),
			"!these are spectra of several objects, or of the sky"},
		{"fibres of one beam", []int{3, 2},
			multispecCards(`spec1 = "1 1 0 5000. 0.5 3 0. 1. 2." spec2 = "2 1 0 6000. 0.5 3 0. 3. 4."`),
			"!these are spectra of several objects, or of the sky"},
		{"apertures of the same scale", []int{3, 2}, fitstest.With(fitstest.LinearWCS, "BANDID1 = 'x'",
			"APNUM1  = '1 1'", "APNUM2  = '2 1'"),
			"!HDU 1, column NAXIS2: an image of 3 x 2 with several apertures (APNUM2)"},
		{"a line without a scale", []int{3, 3}, multispecCards(two), "!has no spec3 that can be read"},
		{"an open text", []int{3}, multispecCards(`spec1 = "1 61 0 5000. 0.5 3 0. 1. 2.`),
			"!has no spec1 that can be read"},
		{"too few numbers", []int{3}, multispecCards(`spec1 = "1 61 0 5000. 0.5"`), "!less than 7 numbers"},
		{"no number", []int{3}, multispecCards(`spec1 = "1 61 0 5000. x.5 3 0. 1. 2."`), "!'x.5' is not a number"},
		{"no wavelengths", []int{3}, multispecCards(`spec1 = "1 61 -1 1. 1. 3 0. 1. 2."`),
			"!no wavelength calibration"},
		{"an unknown type", []int{3}, multispecCards(`spec1 = "1 61 3 1. 1. 3 0. 1. 2."`),
			"!a dispersion of an unknown type 3"},
		{"no function", []int{3}, multispecCards(`spec1 = "1 61 2 5000. 1. 3 0. 1. 2."`), "!without a function"},
		{"half a function", []int{3}, multispecCards(`spec1 = "1 61 2 5000. 1. 3 0. 1. 2. 1. 0. 1 3 1. 3. 5000. 10."`),
			"!2 coefficients where it needs 3"},
		{"no pieces", []int{3}, multispecCards(`spec1 = "1 61 2 5000. 1. 3 0. 1. 2. 1. 0. 3 0 1. 3. 5000. 10. 1."`),
			"!has no coefficients"},
		{"no range", []int{3}, multispecCards(`spec1 = "1 61 2 5000. 1. 3 0. 1. 2. 1. 0. 1 1 3. 1. 5000."`),
			"!no range of pixels"},
		{"a sampled array", []int{3}, multispecCards(`spec1 = "1 61 2 5000. 1. 3 0. 1. 2. 1. 0. 6 1 0 1. 5000."`),
			"!a nonlinear dispersion of the type 6 is not read"},
		{"a function that contradicts its header", []int{3},
			multispecCards(`spec1 = "1 61 2 5000. 1. 3 0. 1. 2. 2. 0. 1 1 1. 3. 5000."`),
			"!a wavelength of 10000, but its header says about 5000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			points, report, err := process("spectroscopy", "e.fits", fitstest.Spectrum(c.axes, c.cards...), Options{})
			if want, refused := strings.CutPrefix(c.want, "!"); refused {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			if err != nil || values(points) != c.want {
				t.Fatalf("%v, got\n%s want\n%s", err, values(points), c.want)
			}
			if said := strings.Contains(strings.Join(report.Warnings, "\n"), "the image has 2 orders: each is a "+
				"spectrum of its own"); said != (len(points) > 1) {
				t.Errorf("warnings %q", report.Warnings)
			}
		})
	}
	// rows whose wavelengths are rows of another image
	own := append(fitstest.Header(fitstest.With(fitstest.Shape(-64, 2, 2), "MJD-OBS = 58000.5", "BUNIT   = 'Jy'")...),
		fitstest.Data(-64, 1, 2, 3, 4)...)
	own = append(own, fitstest.Header(fitstest.Extension(fitstest.With(fitstest.Shape(-64, 2, 2), "EXTNAME = 'WAVE'",
		"BUNIT   = 'Angstrom'"))...)...)
	points, _, err := process("spectroscopy", "e.fits", append(own, fitstest.Data(-64, 5000, 5001, 6000, 6001)...),
		Options{})
	if want := value("[1,2]", "[5000,5001]", `,"row":1`) + "\n" + value("[3,4]", "[6000,6001]",
		`,"row":2`); err != nil ||
		values(points) != want {
		t.Errorf("%v, got\n%s want\n%s", err, values(points), want)
	}
}

// TestAxisOfPixels: an axis that counts pixels is not one of wavelengths.
func TestAxisOfPixels(t *testing.T) {
	linear := func(ctype, first, step string, more ...string) []string {
		return append([]string{"CTYPE1  = '" + ctype + "'", "CRPIX1  = 1", "CRVAL1  = " + first, "CDELT1  = " + step,
			"BUNIT   = 'Jy'", "MJD-OBS = 58000.5"}, more...)
	}
	for _, c := range []struct {
		cards []string
		want  string // the unit of wavelength, or ! and the error
	}{
		{linear("PIXEL", "1.0", "1.0"), "!column CTYPE1: the axis counts pixels: the spectrum has no wavelength " +
			"calibration"},
		{linear("PIXEL", "4000.0", "2.0"), "!the axis counts pixels"},
		{linear("PIXEL", "4000.0", "2.0", "CUNIT1  = 'Angstrom'"), "Angstrom"},
		{linear("PIXEL", "4000.0", "2.0", "WAT1_001= 'wtype=linear label=Wavelength units=Angstroms'"), "Angstrom"},
		{linear("PIXEL", "1.0", "1.0", "CUNIT1  = 'Angstrom'"), "!column CRVAL1: the axis counts pixels from 1"},
		{linear("LINEAR", "1.0", "1.0"), "!the axis counts pixels from 1: the spectrum has no wavelength calibration"},
		{linear("LINEAR", "0.0", "1.0"), "!the axis counts pixels from 0"},
		{linear("", "1.0", "1.0"), "!the axis counts pixels from 1"},
		{linear("LINEAR", "3.0", "1.0", "DC-FLAG = 1"), "Angstrom"},
		{linear("WAVE", "4000.0", "2.0", "CUNIT1  = 'pixel'"), "!column CUNIT1: 'pixel' is not a unit of wavelength: " +
			"the spectrum has no wavelength calibration"},
		{linear("LINEAR", "4000.0", "2.0", "WAT1_001= 'wtype=linear label=Pixel units=pixels'"),
			"!no wavelength calibration"},

		{linear("WAVELENGTH [Ang]", "4000.0", "2.0"), "Angstrom"},
		{linear("Wavelength (nm)", "400.0", "2.0"), "nm"},
		{linear("Wavelength in microns", "4.0", "2.0"), "um"},
		{linear("lambda (A)", "4000.0", "2.0"), "Angstrom"},
		{linear("LAMBDA, vacuum", "4000.0", "2.0"), "Angstrom"},
		{linear("nm", "400.0", "2.0"), "nm"},
		{linear("ANGSTROMS", "4000.0", "2.0"), "Angstrom"},
		{linear("Observed wavelength", "4000.0", "2.0", "CUNIT1  = 'nm'"), "nm"},
		{linear("WAVELENGTH [Ang]", "400.0", "2.0", "CUNIT1  = 'nm'"), "!column CTYPE1: the unit Angstrom in CTYPE1 " +
			"and the unit nm of the axis contradict each other"},
		{linear("Rest wavelength", "4000.0", "2.0"), "!'Rest wavelength' is not a linear or logarithmic axis of " +
			"wavelengths"},
		{linear("log wavelength", "3.6", "0.1"), "!is not a linear or logarithmic axis"},
		{linear("Frequency [Hz]", "4000.0", "2.0"), "!is not a linear or logarithmic axis"},
		{linear("WAVE-TAB", "4000.0", "2.0"), "!is not a linear or logarithmic axis"},
		{linear("Energy (eV)", "4000.0", "2.0"), "!is not a linear or logarithmic axis"},
	} {
		points, _, err := process("spectroscopy", "s.fits", fitstest.Spectrum([]int{3}, c.cards...), Options{})
		if want, refused := strings.CutPrefix(c.want, "!"); refused {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: got %v, want %s", c.cards, err, want)
			}
			continue
		}
		medium := strings.Contains(values(points), `,"wavelength_medium":"vacuum"`)
		if err != nil || !strings.Contains(values(points), `"wavelength_units":"`+c.want+`"`) ||
			medium != strings.Contains(c.cards[0], "vacuum") {
			t.Errorf("%q: %v, %s", c.cards, err, values(points))
		}
	}
}

// TestOtherImages: a spectrum of LAMOST has its inverse variance where SDSS has another spectrum,
// and what a file has besides the spectrum that is read is not passed over in silence.
func TestOtherImages(t *testing.T) {
	sloan := fitstest.With(fitstest.LinearWCS, "COEFF0  = 3.6", "COEFF1  = 0.0001", "BUNIT   = 'Jy'",
		"MJD-OBS = 58000.5")
	extension := func(bitpix int, axes []int, cards []string, pixels ...float64) []byte {
		return append(fitstest.Header(fitstest.Extension(fitstest.With(fitstest.Shape(bitpix, axes...), cards...))...),
			fitstest.Data(bitpix, pixels...)...)
	}
	table := func(name, unit string) []byte {
		return fitstest.TableFile([]string{name + " D", "flux D"}, []string{"TUNIT1  = '" + unit + "'",
			"TUNIT2  = 'Jy'"},
			16, 2,
			fitstest.BigEndian(4000.0, 1.0, 4001.0, 2.0))
	}
	for _, c := range []struct {
		name string
		data []byte
		want string // a part of the value, or ! and the error
		warn string
	}{
		{"SDSS", fitstest.Spectrum([]int{5, 5}, sloan...), `"flux_error":[11,12,13,14,15]`, "an SDSS image"},
		{"LAMOST", fitstest.Spectrum([]int{5, 5}, fitstest.With(sloan, "TELESCOP= 'LAMOST  '")...),
			`"flux_error":[0.4082482904638631,0.3779644730092272,0.35355339059327373,0.3333333333333333,0.3162`,
			"a LAMOST image of 5 rows: the first is the flux, the second its inverse variance"},
		{"wavelengths of another shape", append(fitstest.Spectrum([]int{3, 2}), extension(-32, []int{3},
			[]string{"EXTNAME = 'WAVE'"},
			1, 2, 3)...), "!HDU 2, column NAXIS: the wavelengths are an image of 3, and the fluxes one of 3 x 2", ""},
		{"another image", append(fitstest.Spectrum([]int{2}, fitstest.LinearWCS...), extension(-32, []int{2},
			fitstest.LinearWCS,
			1, 2)...), `"flux":[1,2]`, "the image of HDU 1 is read, and 1 other image not"},
		{"another table", append(table("wave", "Angstrom"), table("lambda", "Angstrom")[2880:]...), `"flux":[1,2]`,
			"1 other table of the file with wavelengths and fluxes not read"},
		{"a table of something else", append(table("wave", "Angstrom"), table("day", "d")[2880:]...), `"flux":[1,2]`,
			""},
		{"logarithms without a word", fitstest.Spectrum([]int{3}, "CTYPE1  = 'LINEAR'", "CRPIX1  = 1", "CRVAL1  = 3.6",
			"CDELT1  = 0.001"), "!wavelengths from 3.6 to 3.602 angstroms look like the logarithms of wavelengths", ""},
	} {
		points, report, err := process("spectroscopy", "s.fits", c.data, Options{})
		if want, refused := strings.CutPrefix(c.want, "!"); refused {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %s", c.name, err, want)
			}
			continue
		}
		said := strings.Join(report.Warnings, "\n")
		if err != nil || len(points) != 1 || !strings.Contains(values(points), c.want) || !strings.Contains(said,
			c.warn) ||
			c.warn == "" && strings.Contains(said, "not read") {
			t.Errorf("%s: %v, %s\n%s", c.name, err, values(points), said)
		}
	}
}

// FuzzMultispec: no dispersion in WAT2 makes the reader panic, and what it accepts is a spectrum.
func FuzzMultispec(f *testing.F) {
	for _, spec := range []string{"1 61 0 5000. 0.5 3 0. 1. 2.", "1 61 1 3. 1. 2 0.1 1. 2.",
		"1 61 2 4990. 10. 3 0. 1. 2. 1. 0. 1 3 1. 3. 5000. 10. 0.5", "1 61 2 5100. 10. 3 0. 1. 2. 0.5 0. 2 1 1. 3. " +
			"5100. 0.5 0. 5 3 1 2 3",
		"1 61 2 5000. 10. 3 0. 1. 2. 1. 0. 4 2 1. 3. 5000. 5010. 5030.", "1 61 2 6000. 10. 3 0. 1. 2. 1. 0. 3 1 1. " +
			"3. 990. 1000. 1010. 1e9"} {
		f.Add(spec, spec, -0.5)
	}
	f.Fuzz(func(t *testing.T, one, two string, shift float64) {
		if len(one)+len(two) > 2000 || strings.ContainsAny(one+two, "'\n") || !isASCII(one+two) {
			return
		}
		data := fitstest.Spectrum([]int{3, 2}, multispecCards(`spec1 = "`+one+`" spec2 = "`+two+`"`,
			fmt.Sprintf("LTV1    = %g", shift))...)
		points, report, err := process("spectroscopy", "f.fits", data, Options{MaxProblems: 5})
		checkOutcome(t, points, report, err)
	})
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}
