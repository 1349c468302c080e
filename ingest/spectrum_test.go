package ingest

import (
	"strings"
	"testing"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
)

func TestTextSpectrum(t *testing.T) {
	const wave = "no unit of wavelength: Angstrom is assumed"
	spec := func(flux, waves string) string { return specValue(flux, waves, "Angstrom") }
	units := func(flux, waves, fluxUnits, waveUnits string) string {
		return strings.Replace(specValue(flux, waves, waveUnits), defaultFluxUnit, fluxUnits, 1)
	}
	const known = "# WAVELENGTH_UNITS: Angstrom\n# FLUX_UNITS: erg/s/cm2/A\n# MJD: 58000.5\n"
	for _, c := range []struct {
		name, text, value string // value, or ! and the error
		warnings          []string
		source            string
	}{
		{name: "header", text: known + "wavelength,flux\n4000.0,1.5e-15\n4001.0,+.5\n",
			value: spec("[1.5e-15,0.5]", "[4000.0,4001.0]")},
		{name: "order and synonyms", text: known + "err flam lambda\n.1 1 4000\nnan 2 4001\n",
			value: strings.Replace(spec("[1,2]", "[4000,4001]"), `"Angstrom"}`,
				`"Angstrom","flux_error":[0.1,null]}`, 1)},
		{name: "units in brackets", text: "# MJD: 58000.5\nWavelength (nm)\tFlux [W m-2 um-1]\n400\t1\n",
			value: units("[1]", "[400]", "W / (um m2)", "nm")},
		{name: "units in brackets between blanks",
			text: "# MJD: 58000.5\nWavelength (nm)  Flux (1e-17 erg / s cm2 AA)\n400  1\n", value: units("[1]", "[400]",
				"1e-17 erg / (Angstrom s cm2)", "nm")},
		{name: "units under keywords",
			text: "# CUNIT1 = 'um' / unit\n# BUNIT = mJy\n# MJD-OBS = 58000.5 / x\nwave|fnu\n4|1\n", value: units("[1]",
				"[4]", "mJy", "um")},
		{name: "a flux per frequency without a unit", text: "wave,fnu\n4000,1\n",
			value: "!column fnu: a flux per frequency needs its unit"},
		{name: "assumed units and date", text: "wavelength flux\n4000 1\n", value: spec("[1]", "[4000]"),
			warnings: []string{wave, noFlux, noDate}},
		{name: "no wavelength unit", text: "wavelength (Hz),flux\n4000,1\n",
			value: "!column wavelength (Hz): 'Hz' is not a unit of wavelength"},
		{name: "an unknown wavelength unit", text: "# MJD: 58000.5\nwavelength (bananas),flux (Jy)\n4000,1\n",
			value: units("[1]", "[4000]", "Jy", "bananas"), warnings: []string{"'bananas' is unknown"}},
		{name: "facility", text: known + "# FACILITY: My Own 0.3m\nwavelength,flux\n4000,1\n",
			value: spec("[1]", "[4000]"), source: "My Own 0.3m"},
		{name: "null fluxes", text: known + "wavelength,flux\n4000,\n4001,NaN\n4002,1\n",
			value: spec("[null,null,1]", "[4000,4001,4002]"), warnings: []string{"2 pixels without a flux"}},
		{name: "no flux anywhere", text: known + "wavelength,flux\n4000,\n", value: "!no pixel has a flux"},
		{name: "wavelengths up and down", text: known + "wavelength,flux\n4000,1\n3999,1\n4005,1\n",
			value: spec("[1,1,1]", "[4000,3999,4005]"), warnings: []string{"neither rise nor fall"}},
		{name: "a wavelength twice", text: known + "wavelength,flux\n4000,1\n4000,2\n",
			value: spec("[1,2]", "[4000,4000]"), warnings: []string{"neither rise nor fall"}},
		{name: "no header", text: known + "4000 1\n4001 2\n", value: spec("[1,2]", "[4000,4001]"),
			warnings: []string{"no header line: the columns are taken for wavelength, flux"}},
		{name: "no header, three columns", text: known + "4000 1 .1\n4001 2 .2\n",
			value: strings.Replace(spec("[1,2]", "[4000,4001]"), `"Angstrom"}`,
				`"Angstrom","flux_error":[0.1,0.2]}`, 1),
			warnings: []string{"no header line: the columns are taken for wavelength, flux, error"}},
		{name: "no header, five columns", text: "4000 1 2 3 4\n",
			value: "!line 1: no header line, and 5 columns of numbers"},
		{name: "no header, four columns", text: known + "4000 1 .1 3\n",
			value:    strings.Replace(spec("[1]", "[4000]"), `"Angstrom"}`, `"Angstrom","flux_error":[0.1]}`, 1),
			warnings: []string{"no header line", "columns that are not kept: 'column 4'"}},
		{name: "no header, frequencies by the comment", text: "# frequency (GHz) flux (Jy)\n100 1\n101 2\n",
			value: "!line 2: the comment above the numbers calls the first column 'frequency (GHz)', which is not a " +
				"wavelength"},
		{name: "no header, energies by the comment", text: "# energy flux\n1 1\n2 2\n",
			value: "!which is not a wavelength"},
		{name: "names in a comment further above",
			text: "# wavelength flux sky_flux flux_unc xpixel\n# MJD: 58000.5\n# Keck I\n4000 1 7 .1 1\n4001 2 7 " +
				".2 2\n",
			value: strings.Replace(spec("[1,2]", "[4000,4001]"), `"Angstrom"}`, `"Angstrom","flux_error":[0.1,0.2]}`,
				1), warnings: []string{"named by the comment above them: 'wavelength', 'flux', 'sky_flux', " +
				"'flux_unc', 'xpixel'", "not kept: 'sky_flux', 'xpixel'", wave, noFlux}},
		{name: "a comment that is not UTF-8", text: known + "# OBSERVER: M\xfcller\nwavelength,flux\n4000,1\n",
			value: spec("[1]", "[4000]")},
		{name: "a row that is not UTF-8", text: known + "wavelength,flux\n4000,1\xfc\n",
			value: "!line 5: not text: not valid UTF-8"},
		{name: "VizieR's units", text: "# MJD: 58000.5\nlambda\tFlux\n0.1nm\tmW/m2/nm\n------\t----\n4000.0\t1\n",
			value: units("[1]", "[4000.0]", "mW / (nm m2)",
				"Angstrom"), warnings: []string{"the line below the header is taken for units"}},
		{name: "IRAF's missing pixels", text: known + "4000 1\n4001 INDEF\n", value: spec("[1,null]", "[4000,4001]"),
			warnings: []string{"no header line", "1 pixel without a flux"}},
		{name: "a year in two digits",
			text: "# DATE-OBS: 05/09/19\n# UT: 01:02:03\nwavelength (nm),flux (Jy)\n4000,1\n", value: units("[1]",
				"[4000]", "Jy", "nm"), warnings: []string{"DATE-OBS = 05/09/19 is taken for a day of 1919"}},
		{name: "no header, delimiters at the ends", text: known + "4000,1,\n4001,2,\n",
			value: spec("[1,2]", "[4000,4001]"), warnings: []string{"taken for wavelength, flux"}},
		{name: "no header, one row with an error", text: known + "4000,1,\n4001,2,.1\n",
			value: strings.Replace(spec("[1,2]", "[4000,4001]"), `"Angstrom"}`, `"Angstrom","flux_error":[null,0.1]}`,
				1), warnings: []string{"taken for wavelength, flux, error"}},
		{name: "one column", text: "4000\n4001\n", value: "!line 1: no header line, and 1 column of numbers"},
		{name: "a header in a comment", text: "# MJD: 58000.5\n# flux (Jy) wave (nm) sky (Jy)\n1 400 7\n",
			value: units("[1]", "[400]", "Jy", "nm"),
			warnings: []string{"the columns are named by the comment above them",
				"columns that are not kept: 'sky (Jy)'"}},
		{name: "prose in a comment", text: known + "# taken in rain\n4000 1 .1\n",
			value:    strings.Replace(spec("[1]", "[4000]"), `"Angstrom"}`, `"Angstrom","flux_error":[0.1]}`, 1),
			warnings: []string{"no header line"}},
		{name: "columns that are not kept", text: known + "wavelength,flux,sky,mask\n4000,1,2,3\n",
			value: spec("[1]", "[4000]"), warnings: []string{"columns that are not kept: 'sky', 'mask'"}},
		{name: "inverse variance", text: known + "loglam (log10(A)),flux,ivar\n3.5,1,4\n4,2,0\n",
			value: strings.Replace(spec("[1,2]", "[3162.2776601683795,10000]"), `"Angstrom"}`,
				`"Angstrom","flux_error":[0.5,null]}`, 1)},
		{name: "logarithms in no unit of length", text: "# MJD: 58000.5\nloglam (log(Hz)),flux (Jy)\n4,2\n",
			value:    units("[2]", "[10000]", "Jy", "Angstrom"),
			warnings: []string{"logarithms to base 10 without a unit of length: Angstrom is assumed"}},
		{name: "names that mean the same", text: "wavelength,lam,flux\n4000,4000,1\n",
			value: "!line 1, column lam: both 'wavelength' and 'lam' mean wavelength"},
		{name: "missing columns", text: "a,b\n1,2\n",
			value: "!line 1: no column wavelength and no column flux; the columns are 'a', 'b'"},
		{name: "bad numbers", text: known + "wavelength,flux\nx,1\n,1\n4000,y\n0,1\n4000\n4000,1e999\n",
			value: "!line 5, column wavelength: 'x' is not a number (and 4 more problems)"},
		{name: "no rows", text: known + "wavelength,flux\n", value: "!no rows"},
		{name: "comments alone", text: "# x\n", value: "!no rows: the file holds only comments"},
		{name: "a comment after the rows", text: "wavelength (nm),flux (Jy)\n4000,1\n# DATE-OBS: 2018-02-15T10:20:30\n",
			value: units("[1]", "[4000]", "Jy", "nm")},
		{name: "a date with a comment and a colon",
			text: "# DATE-OBS= '2018-02-15T10:20:30' / start: UTC\nwavelength (nm),flux (Jy)\n4000,1\n", value: units(
				"[1]", "[4000]", "Jy", "nm")},
		{name: "a date with its zone's name",
			text: "# Date Obs: 2018-02-15 10:20:30 UTC\nwavelength (nm),flux (Jy)\n4000,1\n", value: units("[1]",
				"[4000]", "Jy", "nm")},
		{name: "an unreadable date", text: "# DATE-OBS: yesterday\nwavelength,flux\n4000,1\n",
			value: "!column DATE-OBS: 'yesterday' is not a time"},
		{name: "a year for a date", text: "# DATE-OBS: 2018.12\nwavelength,flux\n4000,1\n",
			value: "!column DATE-OBS: '2018.12' may be a date of any kind"},
	} {
		t.Run(c.name, func(t *testing.T) {
			points, report, err := process("spectroscopy", "s.txt", []byte(c.text), Options{})
			if want, refused := strings.CutPrefix(c.value, "!"); refused {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			if err != nil || len(points) != 1 || string(points[0].Value) != c.value || points[0].Source != c.source {
				t.Fatalf("%v, got\n%s want\n%s", err, values(points), c.value)
			}
			checkWarnings(t, report.Warnings, c.warnings)
			if said := strings.Contains(strings.Join(report.Warnings, "\n"), noDate); points[0].Timed == said {
				t.Errorf("timed %v, warnings %q", points[0].Timed, report.Warnings)
			}
		})
	}
}

func TestTextKeys(t *testing.T) {
	keys := table.Keywords{}
	for _, line := range []string{"DATE-OBS: 2018-02-15T10:20:30", "date_obs = 2019-01-01",
		"EXPTIME = 1200.0 / [s] length", "FLUX UNITS = erg / (s cm2 AA)",
		"OBSERVER= 'O''Neill' / who", "prose without anything", ": no key", "EMPTY:", "URL: http://a/b?c=d",
		"MJD-OBS 58000.5", "UTC: \"01:02:03\"", "two words", strings.Repeat("x", 41) + ": y"} {
		addComment(keys, []byte(line))
	}
	want := table.Keywords{"DATE-OBS": "2018-02-15T10:20:30", "EXPTIME": "1200.0", "FLUX-UNITS": "erg / (s cm2 AA)",
		"OBSERVER": "O'Neill", "URL": "http://a/b?c=d", "MJD-OBS": "58000.5", "UTC": "01:02:03"}
	if len(keys) != len(want) {
		t.Errorf("got %q", keys)
	}
	for k, v := range want {
		if keys[k] != v {
			t.Errorf("%s is %q, want %q", k, keys[k], v)
		}
	}
}

func TestFluxScaleOfText(t *testing.T) {
	points, report, err := process("spectroscopy", "a",
		[]byte("# MJD: 58000.5\nwave (nm),flux (Jy),err\n1,2,4\n2,nan,1\n"), Options{FluxScale: 0.5})
	if err != nil || !strings.HasPrefix(values(points), `{"flux":[1,null],`) ||
		!strings.HasSuffix(values(points), `"flux_error":[2,0.5]}`) {
		t.Errorf("%v %s", err, values(points))
	}
	checkWarnings(t, report.Warnings, []string{"1 pixel without a flux", "multiplied by 0.5"})
	if _, _, err := process("spectroscopy", "a", []byte("wave,flux\n1,1e300\n"),
		Options{FluxScale: 1e300}); err == nil {
		t.Error("an infinite flux was stored")
	}
}

func TestSpectrumIsBounded(t *testing.T) {
	s := new(job).newSpectrum()
	if s.check(bounded.MaxPixels) != nil || s.check(bounded.MaxPixels+1) == nil {
		t.Error("the number of pixels")
	}
	s.flux = make([]byte, bounded.MaxSpectrum)
	if s.check(1) == nil {
		t.Error("the size")
	}
}

// FuzzSpectrum: for any file, the value is a JSON object with lists of equal length.
func FuzzSpectrum(f *testing.F) {
	for _, s := range []string{"wavelength,flux\n4000,1\n",
		"# DATE-OBS: 2018-02-15T10:20:30\n# FACILITY: LCO\nwave (nm) flux (1e-17 erg/s/cm2/A) e\n4 nan 1\n3 1 x\n",
		"1 2\n3 4\n",
		"# TIMESYS = 'TT' / x\n# MJD-OBS = 58000.5\nlam;f;e\n+.5;1.;007\n", "# wave flux sky\n1\t2\t3\n",
		"wl|fnu\n\"1\"|2\n"} {
		f.Add([]byte(s), "", 0.0)
	}
	f.Add([]byte("wave,flux\n1,1e300"), "2016-12-31T23:59:60", 1e300)
	f.Fuzz(func(t *testing.T, data []byte, date string, scale float64) {
		points, report, err := process("spectroscopy", "f", data,
			Options{MaxProblems: 5, DateObs: date, FluxScale: scale})
		checkOutcome(t, points, report, err)
	})
}
