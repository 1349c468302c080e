package ingest

import (
	"strings"
	"testing"
)

// TestMissingNumbers: a number outside the physical range of its column is missing and counted. In
// fluxes the range never counts: a flux is missing only if its error is such a number, too.
func TestMissingNumbers(t *testing.T) {
	const none = ": the row holds neither a magnitude nor a limit nor a flux"
	for _, c := range []photometryCase{
		{name: "magnitudes", text: "mjd,mag,err\n58000,18.21,0.04\n58001,99.999,9.999\n58002,-99.0,-99.0\n" +
			"58003,40,5\n58004,-30,0\n58005,40.01,5.01\n58006,9.99e2,-1e-3\n58007,-1.46,.1\n",
			values: []string{`{"mjd":58000,"magnitude":18.21,"error":0.04}`, `{"mjd":58003,"magnitude":40,"error":5}`,
				`{"mjd":58004,"magnitude":-30,"error":0}`, `{"mjd":58007,"magnitude":-1.46,"error":0.1}`},
			rejected: []string{"line 3" + none, "line 4" + none, "line 7" + none, "line 8" + none},
			warnings: []string{"1 error above 1 mag",
				"column mag: 4 values outside -30 to 40 taken as missing (first: 99.999)",
				"column err: 4 values outside 0 to 5 taken as missing (first: 9.999)"}},
		{name: "limits", text: "mjd,mag,limit\n58000,99,-999\n58001,99.9,20.1\n58002,>99,\n58003,>18,99.99\n",
			values:   []string{`{"mjd":58001,"limit":20.1}`, `{"mjd":58003,"limit":18}`},
			rejected: []string{"line 2" + none, "line 4" + none},
			warnings: []string{"1 magnitude with <", "column mag: 3 values outside", "column limit: 2 values outside"}},
		{name: "zero points", text: "mjd,flux,fluxerr,zp\n58000,100,1,25\n58001,100,1,-9\n58002,100,1,99.99\n" +
			"58003,100,1,60.5\n58004,100,1,-48.6\n58005,100,1,-47.4\n",
			values: []string{`{"mjd":58000,"flux":100,"flux_error":1,"zero_point":25,"magnitude":20,"error":0.010857}`,
				`{"mjd":58001,"flux":100,"flux_error":1}`, `{"mjd":58002,"flux":100,"flux_error":1}`,
				`{"mjd":58003,"flux":100,"flux_error":1}`,
				`{"mjd":58004,"flux":100,"flux_error":1,"zero_point":-48.6,"magnitude":-53.6,"error":0.010857}`,
				`{"mjd":58005,"flux":100,"flux_error":1}`},
			warnings: []string{"2 magnitudes computed",
				"column zp: 4 values outside 0 to 60 taken as missing (first: -9)"}},
		{name: "a zero point of cgs with another unit", text: "mjd,flux (mJy),zp\n58000,100,-48.6\n58001,100,16.4\n",
			values: []string{`{"mjd":58000,"flux":100,"flux_unit":"mJy"}`,
				`{"mjd":58001,"flux":100,"flux_unit":"mJy","zero_point":16.4,"magnitude":11.4}`},
			warnings: []string{"1 magnitude computed", "column zp: 1 value outside"}},
		{name: "fluxes", text: "mjd,uJy,duJy\n58000,-999,3\n58001,-999,-999\n58002,99.990,99.99\n58003,99,1\n" +
			"58004,9999,-9999.0\n58005,-99.9,-99\n58006,5e4,-2\n58007,-9.99e2,999\n58008,-999,\n",
			values: []string{`{"mjd":58000,"flux":-999,"flux_unit":"uJy","flux_error":3}`,
				`{"mjd":58003,"flux":99,"flux_unit":"uJy","flux_error":1}`,
				`{"mjd":58005,"flux":-99.9,"flux_unit":"uJy"}`, `{"mjd":58006,"flux":5e4,"flux_unit":"uJy"}`,
				`{"mjd":58008,"flux":-999,"flux_unit":"uJy"}`},
			rejected: []string{"line 3" + none, "line 4" + none, "line 6" + none, "line 9" + none},
			warnings: []string{"column uJy: 4 values taken as missing, as the errors beside them are such numbers, " +
				"too (first: -999)", "column duJy: 2 values below 0 taken as missing (first: -99)"}},
		{name: "a negative error makes no magnitude", text: "mjd,flux,fluxerr,zp\n58000,100,-1,25\n58001,100,-0,25\n",
			values: []string{`{"mjd":58000,"flux":100,"zero_point":25}`,
				`{"mjd":58001,"flux":100,"flux_error":-0,"zero_point":25}`},
			warnings: []string{"column fluxerr: 1 value below 0 taken as missing (first: -1)"}},
		{name: "no bounds elsewhere", text: "mjd,mag,airmass,seeing\n58000,15,99.99,-999\n",
			values: []string{`{"mjd":58000,"magnitude":15,"airmass":99.99,"seeing":-999}`}},
	} {
		t.Run(c.name, c.run)
	}
}

// TestLimitFlags: a column may tell limits from detections by its name and by what it holds. One
// that looks as if it did but is not understood is a warning.
func TestLimitFlags(t *testing.T) {
	const a, b = "58000,18.3,0.05,", "58001,20.4,0.3,"
	limits := func(header, detection, limit string) photometryCase {
		return photometryCase{name: header + " " + limit,
			text: "mjd,mag,err," + header + "\n" + a + detection + "\n" + b + limit + "\n"}
	}
	for _, c := range []photometryCase{
		limits("is_upper_limit", "False", "True"), limits("upperlim", "no", "yes"), limits("UpperLim", "0", "1"),
		limits("upper_limit", "f", "t"), limits("upper_limit", "0", "1"), limits("fainterthan", "False", "True"),
		limits("Fainter Than", "", "1.0"), limits("detected", "True", "False"), limits("detection", "1", "0"),
		limits("is_detected", "Y", "N"), limits("non_detection", "false", "true"), limits("nondet", "", "1"),
		limits("non-detection", "0", "1"), limits("tag", "valid", "upperlim"), limits("tag", "", "upperlim"),
		limits("l_mag", "", ">"), limits("l_Vmag", "", "<"), limits("ul", "0", "1"), limits("is_ul", "n", "y"),
		limits("limit_flag", "0", "1"), limits("flag_limit", "0", "1"), limits("magul", "0", "1"),
		limits("uplim", "", "1"), limits("islimit", "no", "yes"), limits("status", "detection", "non-detection"),
		limits("sign", "=", ">"), limits("Limit?", "detected", "upper limit"), limits("notes", "", "Upper limit"),
		limits("limit", "False", "True"), limits("limit", "", ">"), limits("undet", "det", "nondet"),
		limits("mag_ul", "False", "True"), limits("ul_mag", "0", "1"), limits("undetected", "0", "1"),
		limits("upplim", "n", "y"), limits("censored", "False", "True"), limits("UpperLimits", "0", "1"),
		limits("Upper Limit?", "No", "Yes"), limits("limit_type", "", "upper"), limits("det_flag", "1", "0"),
		limits("limmag_flag", "detected", "nondetected"), limits("<", "", "<"), limits("isdetection", "TRUE", "FALSE"),
		limits("lim", "0", "1"), limits("Upperlimit", "F", "T"),
	} {
		t.Run(c.name, func(t *testing.T) {
			points, report, err := process("photometry", "lc.csv", []byte(c.text), Options{})
			if err != nil || len(points) != 2 {
				t.Fatal(err, values(points))
			}
			if !strings.Contains(string(points[0].Value), `"magnitude":18.3,"error":0.05`) ||
				!strings.Contains(string(points[1].Value), `{"mjd":58001,"limit":20.4,`) ||
				strings.Contains(string(points[1].Value), `error`) {
				t.Error(values(points))
			}
			checkWarnings(t, report.Warnings, []string{"1 magnitude flagged as not detected stored as limit",
				"1 error of limits left out"})
		})
	}
	for _, c := range []photometryCase{
		{name: "a flag of the fluxes", text: "mjd,uJy,zp,ul\n58000,100,23.9,0\n58001,10,23.9,1\n58002,10,,1\n",
			values: []string{`{"mjd":58000,"flux":100,"flux_unit":"uJy","zero_point":23.9,"ul":0,"magnitude":18.9}`,
				`{"mjd":58001,"zero_point":23.9,"ul":1,"limit":21.4}`},
			rejected: []string{"line 4: the flux is a limit, as a flag says; only limits in magnitudes are stored, " +
				"and there is no zero point"},
			warnings: []string{"1 magnitude computed", "column uJy: 1 value flagged as not detected stored as limit"}},
		{name: "a flux with an error is measured", text: "mjd,uJy,duJy,detected\n58000,100,2,1\n58001,3,2,0\n",
			values: []string{`{"mjd":58000,"flux":100,"flux_unit":"uJy","flux_error":2,"detected":1}`,
				`{"mjd":58001,"flux":3,"flux_unit":"uJy","flux_error":2,"detected":0}`}},
		{name: "the same limit twice", text: "mjd,mag,limit,ul\n58000,20.5,20.5,1\n58001,18,20.5,0\n",
			values: []string{`{"mjd":58000,"limit":20.5,"ul":1}`, `{"mjd":58001,"magnitude":18,"limit":20.5,"ul":0}`}},
		{name: "two limits", text: "mjd,mag,limit,ul\n58000,20.4,20.5,1\n",
			errors: []string{"line 2, column mag: '20.4' is a limit, and column limit gives another one"}},
		{name: "a limiting magnitude is none", text: "mjd,mag,limit,upper_limit\n58000,18,20.5,21\n",
			errors: []string{"line 1, column upper_limit: both 'limit' and 'upper_limit' mean limit"}},
		{name: "other words", text: "mjd,mag,notes\n58000,18,clouds\n58001,20,upper limit\n",
			values: []string{`{"mjd":58000,"magnitude":18,"notes":"clouds"}`,
				`{"mjd":58001,"limit":20,"notes":"upper limit"}`},
			warnings: []string{"column notes: 'upper limit' marks a limit; other words, such as 'clouds', are taken",
				"1 magnitude flagged"}},
		{name: "not understood", text: "mjd,mag,has_upper,det_limit_flag\n58000,18,0,A\n58001,20,1,B\n",
			values: []string{`{"mjd":58000,"magnitude":18,"has_upper":0,"det_limit_flag":"A"}`,
				`{"mjd":58001,"magnitude":20,"has_upper":1,"det_limit_flag":"B"}`},
			warnings: []string{"column has_upper looks like a flag for limits but is not understood ('0')",
				"column det_limit_flag looks like a flag for limits but is not understood ('A')"}},
		{name: "a detection limit", text: "mjd,mag,detection_limit\n58000,18,20.5\n58001,,20.4\n",
			values: []string{`{"mjd":58000,"magnitude":18,"limit":20.5}`, `{"mjd":58001,"limit":20.4}`}},
		{name: "limits as numbers", text: "mjd,mag,upperlim\n58000,18,20.5\n58001,,20.4\n",
			values: []string{`{"mjd":58000,"magnitude":18,"limit":20.5}`, `{"mjd":58001,"limit":20.4}`}},
		{name: "no flags", text: "mjd,mag,transformed,detector,ndet,isdiffpos,limitmag5\n" +
			"58000,18,True,CCD1,3,-1,20.5\n",
			values: []string{`{"mjd":58000,"magnitude":18,"transformed":"True","detector":"CCD1","ndet":3,` +
				`"isdiffpos":-1,"limitmag5":20.5}`}},
		{name: "a word that comes later", text: "mjd,mag,nondet\n58000,18,0\n" + strings.Repeat("58000,18,0\n", 60) +
			"58001,20,perhaps\n", errors: []string{"line 63, column nondet: 'perhaps' is neither yes nor no"},
			warnings: []string{"bad_rows"}},
	} {
		t.Run(c.name, c.run)
	}
	// a flag beyond the rows that are looked at first
	late := "mjd,mag,comments\n" + strings.Repeat("58000,18,\n", 100) + "58001,20,nondetection\n"
	points, _, err := process("photometry", "lc.csv", []byte(late), Options{})
	if err != nil || string(points[100].Value) != `{"mjd":58001,"limit":20,"comments":"nondetection"}` {
		t.Error(err, values(points[100:]))
	}
	points, _, err = process("photometry", "lc.csv", []byte("mjd,mag,upper\n58000,18,0\n58001,20,1\n"),
		Options{Columns: map[string]string{"limit_flag": "upper"}})
	if err != nil || values(points[1:]) != `{"mjd":58001,"limit":20,"upper":1}` {
		t.Error(err, values(points))
	}
}

// TestTOMHeader: the columns of a TOM keep their meaning beside others that mean the same, and its
// time is an MJD of any year.
func TestTOMHeader(t *testing.T) {
	for _, c := range []photometryCase{
		{name: "times", text: "mjd,jd,bjd,time,magnitude\n58849.5,2458850.0,2458850.001,58849.5,15\n" +
			"58850.50001,2458851.000005,,58850.5,16\n",
			values: []string{`{"mjd":58849.5,"jd":2458850.0,"bjd":2458850.001,"time":58849.5,"magnitude":15}`,
				`{"mjd":58850.50001,"jd":2458851.000005,"time":58850.5,"magnitude":16}`},
			warnings: []string{"the time is taken from column time; kept as ordinary columns: 'mjd', 'jd', 'bjd'",
				"column mjd: 1 time more than 0.5 s away from column time, which is used; the largest difference is " +
					"0.864 s", "column bjd: 1 time more than 0.5 s away"}},
		{name: "half a second", text: "jd,time,magnitude\n2458850.0000057,58849.5,15\n",
			values:   []string{`{"jd":2458850.0000057,"time":58849.5,"magnitude":15}`},
			warnings: []string{"the time is taken from column time"}},
		{name: "columns", text: "time,band,filter,mag,magnitude,magerr,error,limit,limiting_mag,source,observer," +
			"obscode,origin\n58849.5,SDSS r,r,15.2,15.1,0.2,0.1,20,21,S,O,C,P\n",
			values: []string{`{"time":58849.5,"band":"SDSS r","filter":"r","mag":15.2,"magnitude":15.1,"magerr":0.2,` +
				`"error":0.1,"limit":20,"limiting_mag":21,"observer":"O","obscode":"C","origin":"P"}`},
			warnings: []string{"the columns of a TOM are used; kept as ordinary columns: 'band', 'mag', 'magerr', " +
				"'limiting_mag'"}},
		{name: "observers without a source", text: "time,magnitude,observer,obscode,origin\n58849.5,15.1,O,C,P\n",
			values: []string{`{"time":58849.5,"magnitude":15.1,"observer":"O","obscode":"C","origin":"P"}`}},
		{name: "any MJD", text: "time,magnitude\n-10.5,15\n15020.5,15\n", values: []string{
			`{"time":-10.5,"magnitude":15}`, `{"time":15020.5,"magnitude":15}`},
			warnings: []string{"1 value below 10,000 taken for a modified Julian date"}},
		{name: "text as time", text: "time,mjd,magnitude\n2020-01-01T00:00:00,58849,15\n", values: []string{
			`{"time":"2020-01-01T00:00:00","mjd":58849,"magnitude":15}`},
			warnings: []string{"the time is taken from column mjd"}},
		{name: "two bands", text: "mjd,mag,band,filter\n58849.5,15,SDSS,r\n",
			values:   []string{`{"mjd":58849.5,"magnitude":15,"band":"SDSS","filter":"r"}`},
			warnings: []string{"the filter is taken from column filter; kept as an ordinary column: 'band'"}},
		{name: "an observer elsewhere", text: "mjd,mag,observer\n58849.5,15,O\n",
			values: []string{`{"mjd":58849.5,"magnitude":15,"observer":"O"}`}},
	} {
		t.Run(c.name, c.run)
	}
	points, _, err := process("photometry", "lc.csv", []byte("time,magnitude,observer\n58849.5,15.1,O\n"), Options{})
	if err != nil || points[0].Source != "" {
		t.Errorf("%v: the source is %q", err, points[0].Source)
	}
	points, _, err = process("photometry", "lc.csv", []byte("mjd,mag,observer\n58849.5,15.1,O\n"), Options{})
	if err != nil || points[0].Source != "O" {
		t.Errorf("%v: the source is %q", err, points[0].Source)
	}
}

// TestFluxOptions: units in names, and what the upload says about fluxes.
func TestFluxOptions(t *testing.T) {
	const file = "mjd,flux,fluxerr\n58000,100,1\n58001,-2,1\n"
	const unknown = "column flux: the file gives no unit of the fluxes, so they have no magnitudes; the upload can " +
		"give it as flux_unit, or as zero_point the magnitude of a flux of 1"
	for _, c := range []struct {
		text     string
		o        Options
		values   []string
		warnings []string
		err      string
	}{
		{text: file, values: []string{`{"mjd":58000,"flux":100,"flux_error":1}`,
			`{"mjd":58001,"flux":-2,"flux_error":1}`},
			warnings: []string{unknown}},
		{text: file, o: Options{FluxUnit: "microjansky"}, values: []string{
			`{"mjd":58000,"flux":100,"flux_unit":"uJy","flux_error":1}`,
			`{"mjd":58001,"flux":-2,"flux_unit":"uJy","flux_error":1}`},
			warnings: []string{"column flux: the unit uJy is given by the upload"}},
		{text: file, o: Options{ZeroPoint: "25"}, values: []string{
			`{"mjd":58000,"flux":100,"zero_point":25,"flux_error":1,"magnitude":20,"error":0.010857}`,
			`{"mjd":58001,"flux":-2,"zero_point":25,"flux_error":1,"limit":23.807197}`},
			warnings: []string{"the zero point 25 of the upload is used for fluxes that have none",
				"1 magnitude computed",
				"1 row with a flux of at most 3 times its error: the limit is that of 3 errors"}},
		{text: "mjd,flux,zp\n58000,100,26\n58001,100,-9\n58002,100,\n", o: Options{ZeroPoint: "25.0"},
			values: []string{`{"mjd":58000,"flux":100,"zero_point":26,"magnitude":21}`,
				`{"mjd":58001,"flux":100,"zero_point":25.0,"magnitude":20}`,
				`{"mjd":58002,"flux":100,"zero_point":25.0,"magnitude":20}`},
			warnings: []string{"the zero point 25.0 of the upload",
				"3 magnitudes computed", "column zp: 1 value outside"}},
		{text: "mjd,flux (e-/s)\n58000,100\n", values: []string{`{"mjd":58000,"flux":100,"flux_unit":"e-/s"}`},
			warnings: []string{"column flux (e-/s): fluxes in e-/s have no magnitudes without a zero point, which " +
				"the upload can give as zero_point"}},
		{text: "mjd,flux (e-/s)\n58000,100\n", o: Options{ZeroPoint: "20.44"}, values: []string{
			`{"mjd":58000,"flux":100,"flux_unit":"e-/s","zero_point":20.44,"magnitude":15.44}`},
			warnings: []string{"the zero point 20.44 of the upload", "1 magnitude computed"}},
		{text: "mjd,flux (mJy)\n58000,100\n", o: Options{FluxUnit: "uJy"},
			values:   []string{`{"mjd":58000,"flux":100,"flux_unit":"uJy"}`},
			warnings: []string{"column flux (mJy): the unit uJy of the upload is used; mJy in the file is not"}},
		{text: "mjd,flux (mJy),fluxerr (uJy)\n58000,100,3\n",
			err: "line 1, column fluxerr (uJy): the errors are in 'uJy', and the fluxes in 'mJy'"},
		{text: "mjd,flux,flux_unit\n58000,100,mJy\n", o: Options{FluxUnit: "uJy"},
			err: "column flux_unit: column flux_unit gives the unit of each flux"},
		{text: "mjd,flux,flux_unit\n58000,100,mJy\n",
			values: []string{`{"mjd":58000,"flux":100,"flux_unit":"mJy"}`}},
		{text: "mjd,mag\n58000,15\n", o: Options{FluxUnit: "uJy", ZeroPoint: "25"},
			values:   []string{`{"mjd":58000,"magnitude":15}`},
			warnings: []string{"flux_unit is not used: the file has no fluxes", "zero_point is not used"}},
		{text: "mjd,mag,flux\n58000,15,100\n", o: Options{ZeroPoint: "25"},
			values:   []string{`{"mjd":58000,"magnitude":15,"flux":100,"zero_point":25}`},
			warnings: []string{"the zero point 25"}},
		{text: file, o: Options{Images: ImagesDifference, FluxUnit: "uJy"}, values: []string{
			`{"mjd":58000,"flux":100,"flux_unit":"uJy","flux_error":1,"difference":true}`,
			`{"mjd":58001,"flux":-2,"flux_unit":"uJy","flux_error":1,"difference":true}`},
			warnings: []string{"column flux: the unit uJy"}},
		{text: "mjd,flux,flux_ul (mJy)\n58000,1,True\n", err: "no rows are left: none has"},
		{text: file, o: Options{FluxUnit: "furlong"}, err: "column flux_unit: 'furlong' is not a known unit"},
		{text: file, o: Options{ZeroPoint: "99"}, err: "column zero_point: '99' is not a zero point"},
		{text: file, o: Options{ZeroPoint: "1e"}, err: "column zero_point: '1e' is not a zero point"},
		{text: file, o: Options{Images: "raw"}, err: "column images: 'raw' is neither difference nor reduced"},
	} {
		points, report, err := process("photometry", "lc.csv", []byte(c.text), c.o)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q %+v: %v, want %s", c.text, c.o, err, c.err)
			}
			continue
		}
		if err != nil || values(points) != strings.Join(c.values, "\n") {
			t.Errorf("%q: %v, got\n%s\nwant\n%s", c.text, err, values(points), strings.Join(c.values, "\n"))
		}
		checkWarnings(t, report.Warnings, c.warnings)
	}
}

// TestFluxNames: the unit of a flux may be a part of its name.
func TestFluxNames(t *testing.T) {
	for _, c := range []struct{ flux, sigma, unit string }{
		{"flux_uJy", "flux_err_uJy", "uJy"}, {"flux_uJy", "flux_uJy_err", "uJy"}, {"FLUX_UJY", "FLUXERR_UJY", "uJy"},
		{"flux_mJy", "e_flux_mJy", "mJy"}, {"flux_mjy", "dflux_mjy", "mJy"}, {"f_nu_jy", "f_nu_jy_err", "Jy"},
		{"fnu_mJy", "fnu_mJy_unc", "mJy"}, {"psfFlux_nJy", "psfFluxErr_nJy", "nJy"}, {"mJy", "mJy_err", "mJy"},
		{"flux (mJy)", "fluxErr(mJy)", "mJy"}, {"fluxuJy", "fluxerruJy", "uJy"}, {"flux_MJy", "flux_err_MJy", "MJy"},
		{"flux µJy", "flux_err µJy", "uJy"}, {"flux_microJy", "sigma_microJy", "uJy"}, {"uJy", "err_uJy", "uJy"},
		{"flux_density_mJy", "flux_density_mJy_sigma", "mJy"}, {"FLUX_MJY", "FLUXERR_MJY", ""},
		{"flux_adu", "flux_adu_err", "adu"}, {"flux_counts", "flux_err_counts", "ct"},
	} {
		points, report, err := process("photometry", "lc.csv",
			[]byte("mjd;filter;"+c.flux+";"+c.sigma+"\n58000;r;100;2\n"), Options{})
		want := `{"mjd":58000,"filter":"r","flux":100,"flux_unit":"` + c.unit + `","flux_error":2}`
		if c.unit == "" {
			want = `{"mjd":58000,"filter":"r","flux":100,"flux_error":2}`
		}
		if err != nil || values(points) != want {
			t.Errorf("%s, %s: %v %s", c.flux, c.sigma, err, values(points))
		}
		if warned := len(report.Warnings) > 0; warned == strings.HasSuffix(c.unit, "Jy") {
			t.Errorf("%s: warnings %q", c.flux, report.Warnings)
		}
	}
	for _, name := range []string{"n_uJy", "id_mJy", "uJy_mJy", "sky_uJy", "flux_uJy_mJy"} {
		if r := fluxNamed(name); r != roleOther {
			t.Errorf("%s is a %s", name, r)
		}
	}
	points, _, err := process("photometry", "lc.csv", []byte("mjd,sky_uJy,other_uJy\n58000,100,2\n"),
		Options{Columns: map[string]string{"flux": "sky_uJy"}})
	if err != nil || values(points) != `{"mjd":58000,"flux":100,"flux_unit":"uJy","other_uJy":2}` {
		t.Error(err, values(points))
	}
	points, _, err = process("photometry", "lc.xml", []byte(`<VOTABLE><RESOURCE><TABLE><FIELD name="mjd" `+
		`datatype="double" unit="d"/><FIELD name="sky_uJy" datatype="double" ucd="phot.flux;em.opt"/><DATA><TABLEDATA>`+
		`<TR><TD>58000</TD><TD>100</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>`), Options{})
	if err != nil || values(points) != `{"mjd":58000,"flux":100,"flux_unit":"uJy"}` {
		t.Error("a flux by its UCD:", err, values(points))
	}
}

// TestATLASImages: the forced photometry of reduced images has no mark of differences.
func TestATLASImages(t *testing.T) {
	const text = "###MJD m dm uJy duJy F err chi/N RA Dec x y maj min phi apfit mag5sig Sky Obs\n" +
		"59000.1 18.1 0.05 210 10 o 0 1 150.0 2.0 5 5 2.5 2.4 45.0 -0.4 19.5 20.1 02a\n"
	for images, want := range map[string]bool{"": true, ImagesDifference: true, ImagesReduced: false} {
		points, report, err := process("photometry", "a.txt", []byte(text), Options{Images: images})
		if err != nil || strings.Contains(values(points), `"difference":true`) != want ||
			!strings.Contains(values(points), `"telescope":"ATLAS"`) ||
			strings.Contains(strings.Join(report.Warnings, "\n"), "reduced images, as the upload says") == want {
			t.Errorf("%s: %v %s %q", images, err, values(points), report.Warnings)
		}
	}
	_, _, err := process("photometry", "a.txt", []byte(text), Options{ZeroPoint: "25"})
	if err == nil || !strings.Contains(err.Error(), "the fluxes of ATLAS forced photometry have the zero point 23.9") {
		t.Error(err)
	}
	const ztf = "index, field, filter, zpdiff, diffmaglim, jd, forcediffimflux, forcediffimfluxunc\n" +
		"0 600 ZTF_g 26.0 20.5 2459000.7 400.0 20.0\n"
	_, _, err = process("photometry", "z.txt", []byte(ztf), Options{Images: ImagesReduced})
	if err == nil || !strings.Contains(err.Error(), "ZTF forced photometry is photometry of difference images") {
		t.Error(err)
	}
}
