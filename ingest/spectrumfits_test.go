package ingest

import (
	"context"
	"math"
	"strings"
	"testing"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits"
	"nightjar/ingest/fits/fitstest"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
)

const (
	noDate = "the file gives no date, so the time of the upload is taken: give the date with the upload (date_obs)"
	noFlux = "the file gives no unit of flux"
)

func TestFITSSpectrum(t *testing.T) {
	value := func(flux, wave string) string { return specValue(flux, wave, "Angstrom") }
	three := value("[1,2,3]", "[4000,4002,4004]")
	image := func(bitpix int, cards []string, pixels ...float64) []byte {
		return append(fitstest.Header(fitstest.With(fitstest.Shape(bitpix, len(pixels)), cards...)...),
			fitstest.Data(bitpix, pixels...)...)
	}
	empty := fitstest.Header("SIMPLE  =                    T", "BITPIX  =                    8",
		"NAXIS   =                    0", "DATE-OBS= '2020-01-01T10:20:30.5'", "EXTEND  =                    T")
	bunit := "BUNIT   = 'erg/s/cm2/Angstrom'"
	for _, c := range []struct {
		name     string
		data     []byte
		value    string // or ! and the error
		warnings []string
	}{
		{"one axis", fitstest.Spectrum([]int{3}, fitstest.With(fitstest.LinearWCS, bunit)...), three, []string{noDate}},
		{"trailing axes of one", fitstest.Spectrum([]int{3, 1, 1}, fitstest.With(fitstest.LinearWCS, bunit)...), three,
			[]string{noDate}},
		{"two rows", fitstest.Spectrum([]int{3, 2}, fitstest.With(fitstest.LinearWCS, bunit)...), three,
			[]string{"the image has 2 rows: the first is the flux, others are not kept", noDate}},
		{"IRAF bands", fitstest.Spectrum([]int{3, 1, 2}, fitstest.With(fitstest.LinearWCS, bunit)...), three,
			[]string{"the image has 2 rows", noDate}},
		{"bands with sigma", fitstest.Spectrum([]int{4, 1, 4},
			fitstest.With(fitstest.LinearWCS, bunit, "BANDID1 = 'spectrum'", "BANDID2 = 'raw'",
				"BANDID3 = 'background'", "BANDID4 = 'sigma - x'")...),
			strings.Replace(value("[1,2,3,4]", "[4000,4002,4004,4006]"), `"Angstrom"}`,
				`"Angstrom","flux_error":[13,14,15,16]}`, 1),
			[]string{"the image has 4 rows: the first is the flux, 4 its error", noDate}},
		{"rows with sigma", fitstest.Spectrum([]int{3, 2},
			fitstest.With(fitstest.LinearWCS, bunit, "BANDID1 = 'spectrum'", "BANDID2 = 'sigma'")...),
			strings.Replace(three, `"Angstrom"}`, `"Angstrom","flux_error":[4,5,6]}`, 1), []string{noDate}},
		{"three rows", fitstest.Spectrum([]int{3, 3}, fitstest.LinearWCS...),
			"!HDU 1, column NAXIS2: an image of 3 x 3: what its 3 rows are is not known", nil},
		{"many spectra", fitstest.Spectrum([]int{3, 2, 2}, fitstest.LinearWCS...),
			"!HDU 1, column NAXIS: an image of 3 x 2 x 2 is not one spectrum", nil},
		{"wavelength along the second axis", fitstest.Spectrum([]int{1, 2}, fitstest.LinearWCS...),
			"!HDU 1, column NAXIS1: an image of 1 x 2: the wavelength must be along the first axis", nil},

		{"integers", image(16, fitstest.With(fitstest.LinearWCS, bunit), 1, -2, 300),
			value("[1,-2,300]", "[4000,4002,4004]"), []string{noDate}},
		{"bytes", image(8, fitstest.With(fitstest.LinearWCS, bunit), 1, 2, 255), value("[1,2,255]", "[4000,4002,4004]"),
			[]string{noDate}},
		{"64 bits", image(64, fitstest.With(fitstest.LinearWCS, bunit), 1, -2, 1<<52),
			value("[1,-2,4503599627370496]", "[4000,4002,4004]"), []string{noDate}},
		{"scaled integers", image(32, fitstest.With(fitstest.LinearWCS, bunit, "BSCALE  =  5.0D-1", "BZERO   =  10."),
			1, -2, 3), value("[10.5,9,11.5]", "[4000,4002,4004]"), []string{noDate}},
		{"blank", image(16, fitstest.With(fitstest.LinearWCS, bunit, "BLANK   = -99", "BSCALE  = 2.0"), 1, -99, 3),
			value("[2,null,6]", "[4000,4002,4004]"), []string{noDate, "1 pixel without a flux"}},
		{"doubles", image(-64, fitstest.With(fitstest.LinearWCS, bunit), 1e-17, nan, math.Inf(1)),
			value("[1e-17,null,null]", "[4000,4002,4004]"), []string{noDate, "2 pixels without a flux"}},
		{"scaled floats", image(-32, fitstest.With(fitstest.LinearWCS, bunit, "BZERO   = 1.0"), 1, 2, 3),
			value("[2,3,4]", "[4000,4002,4004]"), []string{noDate}},
		{"no flux at all", image(-32, fitstest.LinearWCS, nan, nan, nan), "!no pixel has a flux", nil},
		{"an unreadable scale", image(-32, fitstest.With(fitstest.LinearWCS, "BSCALE  = 'x'"), 1, 2),
			"!column BSCALE: 'x' is not a number", nil},

		{"a first HDU without data",
			append(append([]byte{}, empty...),
				append(fitstest.Header(fitstest.Extension(fitstest.With(fitstest.Shape(-32, 3),
					fitstest.With(fitstest.LinearWCS, bunit)...))...), fitstest.Data(-32, 1, 2, 3)...)...), three, nil},
		{"an error before the flux", append(append(append([]byte{}, empty...),
			append(fitstest.Header(fitstest.Extension(fitstest.With(fitstest.Shape(-32, 2), "EXTNAME = 'ERR'"))...),
				fitstest.Data(-32, 9, 9)...)...),
			append(fitstest.Header(fitstest.Extension(fitstest.With(fitstest.Shape(-32, 3),
				fitstest.With(fitstest.LinearWCS, bunit)...))...), fitstest.Data(-32, 1, 2, 3)...)...), three, nil},
		{"no data", empty, "!no image with data", nil},
		{"only a table", append(append([]byte{}, empty...),
			fitstest.Header("XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 0", "NAXIS2  = 0",
				"PCOUNT  = 0", "GCOUNT  = 1")...),
			"!HDU 2, column TFIELDS: must be from 0 to 1000", nil},
		{"special records at the end",
			append(append(empty[:len(empty):len(empty)],
				append(fitstest.Header(fitstest.Extension(fitstest.With(fitstest.Shape(-32, 3),
					fitstest.With(fitstest.LinearWCS, bunit)...))...), fitstest.Data(-32, 1, 2, 3)...)...),
				"junk"...), three, nil},

		{"nanometres", fitstest.Spectrum([]int{2},
			fitstest.With(fitstest.Without(fitstest.LinearWCS, "CUNIT1"), "CUNIT1  = 'nm'", bunit)...),
			specValue("[1,2]", "[4000,4002]", "nm"), []string{noDate}},
		{"no units", fitstest.Spectrum([]int{2}, fitstest.Without(fitstest.LinearWCS, "CUNIT1")...),
			value("[1,2]", "[4000,4002]"), []string{"no unit of wavelength: Angstrom is assumed", noFlux, noDate}},
		{"IRAF's units", fitstest.Spectrum([]int{2},
			fitstest.With(fitstest.Without(fitstest.LinearWCS, "CUNIT1"), bunit,
				"WAT1_001= 'wtype=linear label=Wavelength un'", "WAT1_002= 'its=\"Nanometers\"'")...),
			specValue("[1,2]", "[4000,4002]", "nm"), []string{noDate}},
		{"degrees of wavelength",
			fitstest.Spectrum([]int{2},
				fitstest.With(fitstest.Without(fitstest.LinearWCS, "CUNIT1"), bunit, "CUNIT1  = 'deg'")...),
			value("[1,2]", "[4000,4002]"), []string{"CUNIT1 = deg is not a wavelength: Angstrom is assumed", noDate}},
		{"a frequency", fitstest.Spectrum([]int{2},
			fitstest.With(fitstest.Without(fitstest.LinearWCS, "CUNIT1"), "CUNIT1  = 'Hz'")...),
			"!HDU 1, column CUNIT1: 'Hz' is not a unit of wavelength", nil},
		{"an unknown unit", fitstest.Spectrum([]int{2},
			fitstest.With(fitstest.LinearWCS, "BUNIT   = 'relative flux'")...),
			strings.Replace(value("[1,2]", "[4000,4002]"), "erg / (Angstrom s cm2)", "relative flux",
				1), []string{"'relative flux' is unknown", noDate}},
		{"a scaled unit", fitstest.Spectrum([]int{2},
			fitstest.With(fitstest.LinearWCS, "BUNIT   = '1E-17 erg/cm^2/s/Ang'")...),
			strings.Replace(value("[1,2]", "[4000,4002]"), "erg /", "1e-17 erg /", 1), []string{noDate}},

		{"no CRPIX1", fitstest.Spectrum([]int{2},
			fitstest.With(fitstest.Without(fitstest.LinearWCS, "CRPIX1"), bunit)...), value("[1,2]", "[4000,4002]"),
			[]string{"CRPIX1 is missing", noDate}},
		{"another CRPIX1", fitstest.Spectrum([]int{2},
			fitstest.With(fitstest.Without(fitstest.LinearWCS, "CRPIX1"), bunit, "CRPIX1  = -9.")...),
			value("[1,2]", "[4020,4022]"), []string{noDate}},
		{"no CTYPE1", fitstest.Spectrum([]int{2},
			fitstest.With(fitstest.Without(fitstest.LinearWCS, "CTYPE1"), bunit, "CTYPE1  = ''")...),
			value("[1,2]", "[4000,4002]"), []string{"CTYPE1 is empty", noDate}},
		{"no scale", fitstest.Spectrum([]int{2}), "!HDU 1: no wavelength scale", []string{"CTYPE1 is empty"}},
		{"CD1_1", fitstest.Spectrum([]int{2},
			fitstest.With(fitstest.Without(fitstest.LinearWCS, "CDELT1"), bunit, "CD1_1   = 3.0")...),
			value("[1,2]", "[4000,4003]"), []string{noDate}},
		{"CD1_1 and CDELT1", fitstest.Spectrum([]int{2}, fitstest.With(fitstest.LinearWCS, bunit, "CD1_1   = 3.0")...),
			value("[1,2]", "[4000,4003]"), []string{"CD1_1 = 3 and CDELT1 = 2 disagree", noDate}},
		{"PC1_1", fitstest.Spectrum([]int{2}, fitstest.With(fitstest.LinearWCS, bunit, "PC1_1   = 2.0")...),
			value("[1,2]", "[4000,4004]"), []string{noDate}},
		{"no step", fitstest.Spectrum([]int{2},
			fitstest.With(fitstest.Without(fitstest.LinearWCS, "CDELT1"), "CDELT1  = 0.0")...),
			"!column CDELT1: the step of the wavelength is 0", nil},
		{"below 0", fitstest.Spectrum([]int{3},
			fitstest.With(fitstest.Without(fitstest.LinearWCS, "CDELT1"), "CDELT1  = -2000.0")...),
			"!column CRVAL1: pixel 3: a wavelength must be a finite number above 0", nil},
		{"falling wavelengths", fitstest.Spectrum([]int{2},
			fitstest.With(fitstest.Without(fitstest.LinearWCS, "CDELT1"), bunit, "CDELT1  = -2.0")...),
			value("[1,2]", "[4000,3998]"), []string{noDate}},
		{"a velocity", fitstest.Spectrum([]int{2},
			fitstest.With(fitstest.Without(fitstest.LinearWCS, "CTYPE1"), "CTYPE1  = 'VELO'")...),
			"!column CTYPE1: 'VELO' is not a linear or logarithmic axis", nil},
		{"MULTISPEC", fitstest.Spectrum([]int{2},
			fitstest.With(fitstest.Without(fitstest.LinearWCS, "CTYPE1"), "CTYPE1  = 'MULTISPE'")...),
			"!column WAT2_001: IRAF's MULTISPEC", nil},
		{"pixels", fitstest.Spectrum([]int{2}, fitstest.With(fitstest.LinearWCS, "DC-FLAG = -1")...),
			"!column DC-FLAG: the pixels have no wavelengths", nil},
		{"two logarithms", fitstest.Spectrum([]int{2},
			fitstest.With(fitstest.Without(fitstest.LinearWCS, "CTYPE1"), "CTYPE1  = 'WAVE-LOG'", "DC-FLAG = 1")...),
			"!column DC-FLAG: DC-FLAG = 1 contradicts", nil},
		{"common logarithm", fitstest.Spectrum([]int{3}, "CTYPE1  = 'LINEAR'", "CRPIX1  = 1", "CRVAL1  = 3.0",
			"CDELT1  = 1.0", "CUNIT1  = 'Angstrom'", "DC-FLAG = 1", bunit), value("[1,2,3]", "[1000,10000,100000]"),
			[]string{noDate}},
		{"a logarithm beyond all numbers",
			fitstest.Spectrum([]int{3}, "CTYPE1  = 'LINEAR'", "CRPIX1  = 1", "CRVAL1  = 300.0", "CDELT1  = 10.0",
				"DC-FLAG = 1"), "!column CRVAL1: pixel 2: a wavelength must be", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			points, report, err := process("spectroscopy", "s.fits", c.data, Options{})
			if want, refused := strings.CutPrefix(c.value, "!"); refused {
				if err == nil || !strings.Contains(err.Error(), want) || report.Format != "FITS image" {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			if err != nil || len(points) != 1 || string(points[0].Value) != c.value || points[0].Line != 0 {
				t.Fatalf("%v, got\n%s want\n%s", err, values(points), c.value)
			}
			checkWarnings(t, report.Warnings, c.warnings)
		})
	}
}

// TestNaturalLogarithm checks WAVE-LOG against Greisen et al. 2006: at the reference pixel the step
// is CDELT1.
func TestNaturalLogarithm(t *testing.T) {
	d := fits.Dispersion{Reference: 5000, Pixel: 1, Step: 2, Form: fits.NaturalLog}
	for i, want := range []float64{5000, 5000 * math.Exp(2.0/5000), 5000 * math.Exp(4.0/5000)} {
		if got := d.Wavelength(int64(i)); math.Abs(got-want) > 1e-9 {
			t.Errorf("pixel %d: %v, want %v", i, got, want)
		}
	}
	if d.Step = 1e-9; math.Abs((d.Wavelength(1)-5000)/1e-9-1) > 1e-2 {
		t.Error("the derivative at the reference is not CDELT1")
	}
}

func TestFITSDates(t *testing.T) {
	for _, c := range []struct {
		name   string
		cards  []string
		file   string
		option string
		want   string // "" for no date, ! and the error
		warn   string
	}{
		{name: "whole", cards: []string{"DATE-OBS= '2018-02-15T10:20:30.123456'"}, want: "2018-02-15T10:20:30.123456Z"},
		{name: "MJD first", cards: []string{"DATE-OBS= '2018-02-15T10:20:30'", "MJD-OBS = 58000.5"},
			want: "2017-09-04T12:00:00Z"},
		{name: "underscores", cards: []string{"MJD_OBS = 58000.5"}, want: "2017-09-04T12:00:00Z"},
		{name: "an MJD of 0 says nothing", cards: []string{"MJD-OBS = 0.0", "DATE-OBS= '2018-02-15T10:20:30'"},
			want: "2018-02-15T10:20:30Z", warn: "MJD-OBS is 0"},
		{name: "exponent", cards: []string{"MJD-OBS = 5.80005D+04"}, want: "2017-09-04T12:00:00Z"},
		{name: "JD", cards: []string{"JD      = 2458001.0"}, want: "2017-09-04T12:00:00Z"},
		{name: "day and hour", cards: []string{"DATE-OBS= '2018-02-15'", "UT      = ' 1:20:30.5'"},
			want: "2018-02-15T01:20:30.5Z"},
		{name: "day and hour at Keck", cards: []string{"DATE-OBS= '2018-02-15'", "UTC     = '10:20:30.5'"},
			want: "2018-02-15T10:20:30.5Z"},
		{name: "day and MJD", cards: []string{"DATE-OBS= '2018-02-15'", "EXPSTART= 58164.25"},
			want: "2018-02-15T06:00:00Z"},
		{name: "day", cards: []string{"DATE-OBS= '2018-02-15'"}, want: "2018-02-15T00:00:00Z",
			warn: "DATE-OBS has no time of day"},
		{name: "old", cards: []string{"DATE-OBS= '31/12/98'", "UT      = '23:00:00'"}, want: "1998-12-31T23:00:00Z",
			warn: "leap second"},
		{name: "TT", cards: []string{"DATE-OBS= '2018-02-15T00:01:09.184'", "TIMESYS = 'TT'"},
			want: "2018-02-15T00:00:00Z", warn: "DATE-OBS is TT: 69.184 s were subtracted"},
		{name: "TAI as MJD", cards: []string{"MJD-OBS = 58000.5", "TIMESYS = 'TAI'"}, want: "2017-09-04T11:59:23Z",
			warn: "MJD-OBS is TAI: 37 s were subtracted"},
		{name: "TDB", cards: []string{"DATE-OBS= '2018-02-15T00:01:09.184'", "TIMESYS = 'TDB'"},
			want: "2018-02-14T23:59:59.998861Z", warn: "DATE-OBS is TDB: 69.185139 s were subtracted"},
		{name: "an odd scale", cards: []string{"DATE-OBS= '2018-02-15T00:01:09.184'", "TIMESYS = 'LOCAL'"},
			want: "!times of the scale TIMESYS = LOCAL are not read"},
		{name: "unreadable", cards: []string{"DATE-OBS= 'soon'"},
			want: "!HDU 1, column DATE-OBS: 'soon' is not a time"},
		{name: "shifted JD", cards: []string{"JD      = 58001.0"},
			want: "!HDU 1, column JD: '58001.0' is below 2,400,000"},
		{name: "file name", file: "SN2019np_2019-09-05_01-02-03_FTN.fits", want: "2019-09-05T01:02:03Z",
			warn: "taken from the file's name"},
		{name: "by hand", option: "58164.5", want: "2018-02-15T12:00:00Z",
			warn: "the date 58164.5, read as 2018-02-15T12:00:00Z, was given with the upload (date_obs)"},
		{name: "by hand overrides the file", option: "2018-02-16T00:00Z",
			cards: []string{"DATE-OBS= 'soon'",
				"TIMESYS = 'TDB'"}, want: "2018-02-16T00:00:00Z",
			warn: "the date 2018-02-16T00:00Z of the upload is used; DATE-OBS = soon in the file is not"},
		{name: "by hand, badly", option: "soon", want: "!column date_obs: 'soon' is not a time; write it as ISO 8601"},
		{name: "by hand, a JD", option: "2458165", want: "2018-02-15T12:00:00Z",
			warn: "was given with the upload (date_obs)\ndate_obs is between 2,400,000 and 2,500,000"},
		{name: "none", warn: noDate},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := fitstest.Spectrum([]int{2},
				fitstest.With(fitstest.With(fitstest.LinearWCS, "BUNIT   = 'Jy'"), c.cards...)...)
			points, report, err := process("spectroscopy", c.file, data, Options{DateObs: c.option})
			if want, refused := strings.CutPrefix(c.want, "!"); refused {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if p := points[0]; p.Timed != (c.want != "") || p.Timed && instant.Text(p.Time) != c.want {
				t.Errorf("got %v %s, want %s", p.Timed, instant.Text(p.Time), c.want)
			}
			var want []string
			if c.warn != "" {
				want = strings.Split(c.warn, "\n")
			}
			checkWarnings(t, report.Warnings, want)
		})
	}
}

func TestFITSSource(t *testing.T) {
	for origin, want := range map[string]string{"LCOGT": "LCO", "elsewhere": "", "LCO": ""} {
		points, _, err := process("spectroscopy", "a",
			fitstest.Spectrum([]int{2}, fitstest.With(fitstest.LinearWCS, "ORIGIN  = '"+origin+"'")...), Options{})
		if err != nil || points[0].Source != want {
			t.Errorf("%s: %q %v", origin, points[0].Source, err)
		}
	}
}

func TestFluxScaleOfFITS(t *testing.T) {
	points, report, err := process("spectroscopy", "a",
		fitstest.Spectrum([]int{2},
			fitstest.With(fitstest.LinearWCS, "BUNIT   = 'Jy'", "MJD     = 58000.5")...), Options{FluxScale: 1e-15})
	if err != nil || !strings.HasPrefix(values(points), `{"flux":[1e-15,2e-15],`) {
		t.Errorf("%v %s", err, values(points))
	}
	checkWarnings(t, report.Warnings, []string{"multiplied by 1e-15"})
}

func TestContextEndsPixels(t *testing.T) {
	data := fitstest.Spectrum([]int{40000}, fitstest.LinearWCS...)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f := bounded.File{Size: int64(len(data)), Content: strings.NewReader(string(data))}
	if _, err := NewProcessors().Process(ctx, "spectroscopy", f, Options{},
		func(Point) error { return nil }); err != context.Canceled {
		t.Error(err)
	}
}

func TestScalesToUTC(t *testing.T) {
	for _, c := range []struct{ scale, in, want string }{
		{"", "2020-01-01T00:00:00", "2020-01-01T00:00:00Z"},
		{"UTC", "2020-01-01T00:00:00", "2020-01-01T00:00:00Z"},
		{"TAI", "2020-01-01T00:00:37", "2020-01-01T00:00:00Z"},
		{"tt(bipm08)", "2020-01-01T00:01:09.184", "2020-01-01T00:00:00Z"},
		{"TDT", "1999-01-01T00:01:04.184", "1999-01-01T00:00:00Z"},
		{"TAI", "1972-01-01T00:00:10", "1972-01-01T00:00:00Z"},
		{"TAI", "1972-01-01T00:00:09", "!before 1972"},
		{"TT", "1965-01-01T00:00:09", "!before 1972"},
		{"TDB", "2020-01-01T00:00:00", "2019-12-31T23:58:50.8161Z"},
		{"TCB", "2020-01-01T00:00:00", "2019-12-31T23:58:29.776846Z"},
		{"UT1", "2020-01-01T00:00:00", "!TIMESYS = UT1"},
		{"GPS", "2020-01-01T00:00:00", "2019-12-31T23:59:42Z"},
	} {
		in, _ := instant.Parse([]byte(c.in), instant.KindTime)
		got, _, reason := toUTC(in.Micros, table.Keywords{"TIMESYS": c.scale}.Get)
		if part, refused := strings.CutPrefix(c.want, "!"); refused != (reason != "") ||
			!strings.Contains(reason, part) && refused ||
			!refused && instant.Text(got) != c.want {
			t.Errorf("%s %s: got %s %q, want %s", c.scale, c.in, instant.Text(got), reason, c.want)
		}
	}
}

var nan = math.NaN()

// TestCompressedSpectrum: the rows of a compressed image are read as those of any other.
func TestCompressedSpectrum(t *testing.T) {
	points, report, err := process("spectroscopy", "spectrum.fits.fz", byAstropy(t).files["spectrum.fits.fz"],
		Options{})
	if err != nil || values(points) != `{"flux":[1,2,3,4,5],"flux_units":"Jy","wavelength":[4000,4002,4004,4006,`+
		`4008],"wavelength_units":"Angstrom"}` {
		t.Errorf("%v %+v %s", err, report, values(points))
	}
}
