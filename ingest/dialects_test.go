package ingest

import (
	"testing"

	"nightjar/internal/instant"
)

// TestDialects reads tables of known origin, made from their descriptions.
func TestDialects(t *testing.T) {
	const atlas = "###MJD          m      dm   uJy   duJy F err chi/N     RA       Dec        x        y     maj  " +
		"min   phi  apfit mag5sig Sky   Obs\n"
	for _, c := range []struct {
		photometryCase
		source string
		format string
	}{
		{source: "ATLAS", format: "ATLAS forced photometry, delimited text (blanks)",
			photometryCase: photometryCase{name: "ATLAS", text: atlas +
				"59000.123456 18.100 0.050   210   10 o  0  1.02 150.00000  2.00000 5000.00 5000.00 2.5  2.4  " +
				"45.0 -0.4  19.50 20.1 02a59000o0001o\n" +
				"59001.123456 -19.500 0.400   -57   21 c  0  1.02 150.00000  2.00000 5000.00 5000.00 2.5  2.4  " +
				"45.0 -0.4  19.50 20.1 02a59001o0001c\n",
				values: []string{
					`{"mjd":59000.123456,"magnitude":18.100,"error":0.050,"flux":210,"flux_unit":"uJy",` +
						`"flux_error":10,"filter":"o","err":0,"chi/N":1.02,"RA":150.00000,"Dec":2.00000,` +
						`"x":5000.00,"y":5000.00,"maj":2.5,"min":2.4,"phi":45.0,"apfit":-0.4,"mag5sig":19.50,` +
						`"Sky":20.1,"Obs":"02a59000o0001o","snr":21,"telescope":"ATLAS","difference":true}`,
					`{"mjd":59001.123456,"flux":-57,"flux_unit":"uJy","flux_error":21,"filter":"c","err":0,` +
						`"chi/N":1.02,"RA":150.00000,"Dec":2.00000,"x":5000.00,"y":5000.00,"maj":2.5,"min":2.4,` +
						`"phi":45.0,"apfit":-0.4,"mag5sig":19.50,"Sky":20.1,"Obs":"02a59001o0001c",` +
						`"limit":19.401649,"snr":-2.714286,"telescope":"ATLAS","difference":true}`},
				warnings: []string{"the columns are named by the comment above them", "difference flux",
					"1 row with a flux of at most 3 times its error: the limit is that of 3 errors"}}},
		{source: "ZTF", format: "ZTF forced photometry, delimited text (blanks)",
			photometryCase: photometryCase{name: "ZTF forced",
				text: "# Requested input R.A. = 150.0 degrees\n# Lightcurve\nindex, field, ccdid, filter, zpdiff, " +
					"diffmaglim, jd, forcediffimflux, forcediffimfluxunc, procstatus\n" +
					"0 600 1 ZTF_g 26.0 20.5 2459000.7 400.0 20.0 0\n1 600 1 ZTF_r 26.1 20.4 2459001.7 30.0 20.0 " +
					"0\n2 600 1 ZTF_r 26.1 20.4 2459002.7 null null 61\n",
				values: []string{
					`{"index":0,"field":600,"ccdid":1,"filter":"ZTF_g","zero_point":26.0,"diffmaglim":20.5,` +
						`"jd":2459000.7,"flux":400.0,"flux_unit":"DN","flux_error":20.0,"procstatus":0,` +
						`"magnitude":19.49485,"error":0.054287,"snr":20,"telescope":"ZTF","difference":true}`,
					`{"index":1,"field":600,"ccdid":1,"filter":"ZTF_r","zero_point":26.1,"diffmaglim":20.4,` +
						`"jd":2459001.7,"flux":30.0,"flux_unit":"DN","flux_error":20.0,"procstatus":0,` +
						`"limit":21.1,"snr":1.5,"telescope":"ZTF","difference":true}`},
				rejected: []string{"line 6: the row holds neither a magnitude nor a limit nor a flux"},
				warnings: []string{"no baseline was subtracted", "1 magnitude computed",
					"the limit is that of 5 errors"}}},
		{source: "ZTF", format: "ZTF alert light curve (ALeRCE, Lasair), delimited text (comma)",
			photometryCase: photometryCase{name: "alerts",
				text: "candid,mjd,fid,magpsf,sigmapsf,diffmaglim,isdiffpos,magpsf_corr\n1,59000.1,1,18.5,0.05," +
					"20.5,t,17.9\n,59001.1,2,,,20.1,,\n",
				values: []string{`{"candid":1,"mjd":59000.1,"filter":"g","magnitude":18.5,"error":0.05,` +
					`"limit":20.5,"isdiffpos":"t","magpsf_corr":17.9,"difference":true}`,
					`{"mjd":59001.1,"filter":"r","limit":20.1,"difference":true}`},
				warnings: []string{"difference fluxes"}}},
		{source: "ZTF", format: "ZTF alert light curve (ALeRCE), delimited text (comma)",
			photometryCase: photometryCase{name: "newer alerts",
				text: "oid,mjd,fid,mag,e_mag,mag_corr,e_mag_corr,isdiffpos\nZTF20abcdefg,59000.1,3,18.5,0.05," +
					"17.9,0.1,-1\n",
				values: []string{`{"oid":"ZTF20abcdefg","mjd":59000.1,"filter":"i","magnitude":18.5,` +
					`"error":0.05,"mag_corr":17.9,"e_mag_corr":0.1,"isdiffpos":-1,"difference":true}`},
				warnings: []string{"difference fluxes"}}},
		{source: "ZTF", format: "Lasair light curve, delimited text (comma)",
			photometryCase: photometryCase{name: "Lasair",
				text: "MJD,filter,unforced_mag,unforced_mag_error,unforced_mag_status,forced_uJy," +
					"forced_uJy_error\n59000.1,g,18.5,0.05,positive diff,140,5\n59001.1,r,20.3,,non-detection,,\n",
				values: []string{`{"mjd":59000.1,"filter":"g","magnitude":18.5,"error":0.05,` +
					`"unforced_mag_status":"positive diff","flux":140,"flux_unit":"uJy","flux_error":5,` +
					`"difference":true}`,
					`{"mjd":59001.1,"filter":"r","limit":20.3,"unforced_mag_status":"non-detection",` +
						`"difference":true}`},
				warnings: []string{"difference fluxes", "1 magnitude flagged as not detected"}}},
		{source: "Pan-STARRS", format: "Pan-STARRS mean object, delimited text (comma)",
			photometryCase: photometryCase{name: "Pan-STARRS",
				text: "objID,epochMean,gMeanPSFMag,gMeanPSFMagErr,rMeanPSFMag,rMeanPSFMagErr,iMeanPSFMag," +
					"iMeanPSFMagErr,zMeanPSFMag,zMeanPSFMagErr,yMeanPSFMag,yMeanPSFMagErr,gQfPerfect\n" +
					"120001234567890123,56000.5,20.1,0.02,19.8,0.01,-999.0,-999.0,19.6,-999,-999,-999,1\n",
				values: []string{`{"objID":"120001234567890123","epochmean":56000.5,"gQfPerfect":1,"filter":"g",` +
					`"magnitude":20.1,"error":0.02,"telescope":"Pan-STARRS","magsys":"AB"}`,
					`{"objID":"120001234567890123","epochmean":56000.5,"gQfPerfect":1,"filter":"r",` +
						`"magnitude":19.8,"error":0.01,"telescope":"Pan-STARRS","magsys":"AB"}`,
					`{"objID":"120001234567890123","epochmean":56000.5,"gQfPerfect":1,"filter":"z",` +
						`"magnitude":19.6,"telescope":"Pan-STARRS","magsys":"AB"}`},
				warnings: []string{"one point for each band", "column MeanPSFMagErr: 1 value outside 0 to 5 taken as " +
					"missing (first: -999)"}}},
		{source: "ABC", format: "AAVSO download, delimited text (comma)",
			photometryCase: photometryCase{name: "AAVSO download",
				text: "JD,Magnitude,Uncertainty,HQuncertainty,Band,Observer Code,Comment Code(s),HJD,Star Name," +
					"Measurement Method\n2459000.5,<12.5,,,Vis.,ABC,,2459000.503,SS CYG,\n2459001.5,8.61,0.02,,V," +
					"ABC,,,SS CYG,DIF\n2459001.5,8.62,0.02,,V,ABC,,,SS CYG,STD\n",
				values: []string{`{"jd":2459000.5,"limit":12.5,"filter":"Vis.","HJD":2459000.503,"Star Name":"SS CYG"}`,
					`{"jd":2459001.5,"differential_magnitude":8.61,"error":0.02,"filter":"V","Star Name":"SS CYG",` +
						`"Measurement Method":"DIF"}`,
					`{"jd":2459001.5,"magnitude":8.62,"error":0.02,"filter":"V","Star Name":"SS CYG","Measurement ` +
						`Method":"STD"}`},
				warnings: []string{"kept as ordinary columns: 'HJD'", "1 magnitude with < or >"}}},
		{source: "me", format: "delimited text (comma)", photometryCase: photometryCase{name: "SkyPortal",
			text: "obj_id,mjd,flux,fluxerr,zp,magsys,filter,origin,altdata.calib\nZTF20x,59000.1,2.0,1.0,23.9," +
				"ab,ztfg,me,1\n",
			values: []string{`{"obj_id":"ZTF20x","mjd":59000.1,"flux":2.0,"flux_error":1.0,"zero_point":23.9,` +
				`"magsys":"ab","filter":"ztfg","origin":"me","altdata.calib":1,"limit":22.707197}`},
			warnings: []string{"1 row with a flux of at most 3 times its error"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.photometryCase.run(t)
			points, report, _ := process("photometry", "lc.csv", []byte(c.text), Options{})
			if report.Format != c.format || len(points) == 0 || points[0].Source != c.source {
				t.Errorf("format %q, %d points", report.Format, len(points))
			}
		})
	}
}

// TestUserColumns: what the user says about columns overrides what their names say.
func TestUserColumns(t *testing.T) {
	for _, c := range []struct {
		name, text string
		options    Options
		when       string
		value      string
		err        string
	}{
		{name: "time_column", text: "night,mag\n58849.5,15\n", options: Options{TimeColumn: "night"},
			when: "2020-01-01T12:00:00Z", value: `{"night":58849.5,"magnitude":15}`},
		{name: "time_format", text: "date,mag\n8850.0,15\n", options: Options{TimeFormat: "JD-2450000"},
			when: "2020-01-01T12:00:00Z", value: `{"date":8850.0,"magnitude":15}`},
		{name: "both", text: "phase,mag\n58849.500800740740740740,15\n",
			options: Options{TimeColumn: "PHASE", TimeFormat: "mjd_tt"}, when: "2020-01-01T12:00:00Z"},
		{name: "a refused format that the user corrects", text: "tbjd,mag\n1850,15\n",
			options: Options{TimeFormat: "bjd_utc-2457000"}, when: "2020-01-01T12:00:00Z",
			value: `{"tbjd":1850,"magnitude":15,"time_ref":"barycentric"}`},
		{name: "roles", text: "t,mag,m_corr,b\n58849.5,15,14,V\n",
			options: Options{Columns: map[string]string{"time": "t", "magnitude": "m_corr",
				"filter": "b"}}, when: "2020-01-01T12:00:00Z",
			value: `{"t":58849.5,"mag":15,"magnitude":14,"filter":"V"}`},
		{name: "no such column", text: "t,mag\n58849.5,15\n", options: Options{TimeColumn: "u"},
			err: "column time_column: there is no column 'u'; the columns are 't', 'mag'"},
		{name: "no such role", text: "mjd,mag\n58849.5,15\n",
			options: Options{Columns: map[string]string{"colour": "mag"}},
			err:     "column columns: 'colour' is not a role"},
		{name: "no such format", text: "mjd,mag\n58849.5,15\n", options: Options{TimeFormat: "stardate"},
			err: "column time_format: 'stardate' is not understood"},
		{name: "Unix", text: "t,mag\n1577880000.5,15\n", options: Options{TimeColumn: "t", TimeFormat: "unix"},
			when: "2020-01-01T12:00:00.5Z"},
		{name: "GPS", text: "t,mag\n58849.5,15\n", options: Options{TimeColumn: "t", TimeFormat: "mjd_gps"},
			when: "2020-01-01T11:59:42Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			points, report, err := process("photometry", "lc.csv", []byte(c.text), c.options)
			if c.err != "" {
				if len(report.Errors) == 0 || len(report.Errors[0].String()) < len(c.err) ||
					report.Errors[0].String()[:len(c.err)] != c.err {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || len(points) != 1 {
				t.Fatal(err)
			}
			if got := instant.Text(points[0].Time); got != c.when {
				t.Errorf("got %s, want %s", got, c.when)
			}
			if c.value != "" && string(points[0].Value) != c.value {
				t.Errorf("got %s, want %s", points[0].Value, c.value)
			}
		})
	}
}

// TestDateText reads dates as people write them.
func TestDateText(t *testing.T) {
	for text, want := range map[string]string{
		"2020-01-31T10:20:30.5":     "2020-01-31T10:20:30.5Z",
		"2020-01-31 10:20":          "2020-01-31T10:20:00Z",
		"2020/01/31 10:20:30":       "2020-01-31T10:20:30Z",
		"20200131T102030":           "2020-01-31T10:20:30Z",
		"20200131T102030.25Z":       "2020-01-31T10:20:30.25Z",
		"2020-031":                  "2020-01-31T00:00:00Z",
		"2020-366T12:00":            "2020-12-31T12:00:00Z",
		"2020-01-31.5":              "2020-01-31T12:00:00Z",
		"2020 01 31.25":             "2020-01-31T06:00:00Z",
		"2020.01.31":                "2020-01-31T00:00:00Z",
		"2020-Jan-31 10:20":         "2020-01-31T10:20:00Z",
		"31-Jan-2020":               "2020-01-31T00:00:00Z",
		"31 January 2020 01:02:03":  "2020-01-31T01:02:03Z",
		"2020-01-31T10:20:30+01:00": "2020-01-31T09:20:30Z",
		"2020/1/3":                  "2020-01-03T00:00:00Z",
		"2020-02-30":                "!",
		"2021-366":                  "!",
		"01/02/2020":                "!",
		"2020-13-01":                "!",
		"2020-01-31.5T10:00":        "!",
		"hello world":               "!",
		"2020-01":                   "!",
		"T10:20:30":                 "!",
	} {
		got, reason := instant.Parse([]byte(text), instant.KindUnknown)
		if (reason != "") != (want == "!") || reason == "" && instant.Text(got.Micros) != want {
			t.Errorf("%s: %s %q, want %s", text, instant.Text(got.Micros), reason, want)
		}
	}
}
