package ingest

import (
	"strings"
	"testing"

	"nightjar/internal/instant"
)

// Tables of known origin, with made-up values.
const (
	finkSample = "i:objectId,i:jd,i:fid,i:magpsf,i:sigmapsf,i:diffmaglim,i:isdiffpos,d:tag,v:lastdate\n" +
		"ZTF20abcdefg,2459000.7,1,18.31,0.08,20.2,t,valid,2020-05-31\n" +
		"ZTF20abcdefg,2458998.7,2,,,20.1,,upperlim,\n"
	antaresSample = "alert_id,ant_mjd,ant_survey,ant_ra,ant_passband,ant_mag,ant_magerr,ant_maglim,ztf_fid\n" +
		"ztf_candidate:1,59000.5,1,10.5,R,18.5,0.05,20.5,2\nztf_upper_limit:1,59001.5,2,,g,,,20.1,1\n"
	rubinSample = `{"diaObjectId": 7, "diaSourcesList": [
		{"diaSourceId": 170028500123456789, "midpointMjdTai": 61000.2, "psfFlux": 10000.0, "psfFluxErr": 100.0, ` +
		`"band": "r"},
		{"diaSourceId": 170028500123456790, "midpointMjdTai": 61003.2, "psfFlux": -30.5, "psfFluxErr": 100, "band": ` +
		`"g"},
		{"diaSourceId": 170028500123456791, "midpointMjdTai": 61004.2, "psfFlux": null, "psfFluxErr": 100, "band": ` +
		`"y"}],
		"diaForcedSourcesList": [{"midpointMjdTai": 61001.2, "psfFlux": 9000.0, "psfFluxErr": 100.0, "band": "r"}]}`
	rubinFinkSample = "r:diaObjectId,r:midpointMjdTai,r:band,r:psfFlux,r:psfFluxErr,f:xm_simbad_otype\n" +
		"7,61000.2,r,10000,100,Star\n"
	rubinForcedSample = "band,expMidptMJD,psfDiffFlux,psfDiffFluxErr,psfFlux,psfFluxErr\n" +
		"i,60623.25,-20,30,10000,30\n"
	rubinOlderSample = "diaSourceId,midPointTai,filterName,psFlux,psFluxErr\n5,60000.5,z,10000,100\n"
	plasticcSample   = "object_id,mjd,passband,flux,flux_err,detected\n615,59750.4229,2,-544.8,3.6,1\n"
	sousaSample      = "# SN2099zz magnitudes from Swift UVOT\n# of a photometry pipeline, version 2015.1\n#\n" +
		"# Filter   MJD[days]   Mag    MagErr  3SigMagLim  0.98SatLim[mag]  Rate[c/s] RateErr[c/s] Ap[arcsec] " +
		"Frametime[s] Exp[s] Telapse[s]\n#\n" +
		"  UVW2   58000.1234  17.25  0.06  20.30  11.08  1.90  0.10   5.0  0.0110322   250.1   254.2\n" +
		"  UVW2   58004.5000   NULL   NULL 20.11  11.08  0.02  0.05   3.0  0.0110322   150.0   152.4\n"
	binnedSample = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: time_bin_start, datatype: string}\n" +
		"# - {name: time_bin_size, unit: min, datatype: float64}\n# - {name: mag, unit: mag, datatype: float64}\n" +
		"time_bin_start time_bin_size mag\n2020-01-02T03:04:05.000 30.0 18.1\n"
	imageJSample = "\tLabel\tslice\tSaturated\tJ.D.-2400000\tJD_UTC\tJD_SOBS\tBJD_TDB\tAIRMASS\trel_flux_T1\t" +
		"rel_flux_err_T1\trel_flux_C2\tSource-Sky_T1\tSky_Rad(min)\tSky_Rad(max)\n" +
		"1\tstar_0001.fit\t1\t0\t58849.75\t2458849.75\t2458849.7495\t2458849.7534\t1.21\t0.1951\t0.0004\t0.31\t" +
		"185023.5\t18\t28\n"
	skyPatrolSample = "# \"asas_sn_id\": 1234\n\"JD\",\"Flux\",\"Flux Error\",\"Mag\",\"Mag Error\",\"Limit\"," +
		"\"FWHM\",\"Filter\",\"Quality\",\"Camera\"\n2459000.5,7.5,0.09,14.21,0.02,16.51,1.45,\"g\",\"G\",\"bA\"\n" +
		"2459001.5,0.1,0.09,99.990,99.99,16.51,1.45,\"g\",\"G\",\"bA\"\n" +
		"2459002.5,-0.1,0.09,16.5,99.99,16.5,1.45,\"V\",\"B\",\"bA\"\n"
	detectionsSample = "objID,detectID,filterID,obsTime,psfFlux,psfFluxErr,zp\n1,2,2,56000.5,0.000363078," +
		"0.0000036,25\n"
	ptfSample          = "obsmjd,mag_autocorr,magerr_auto,fid,limitmag\n56000.5,18.5,0.05,2,20.5\n"
	imageJNormalSample = "#BJD_TDB\trel_flux_T1_n\trel_flux_err_T1_n\n2458849.7534\t0.9987\t0.0011\n" +
		"2458849.7541\t0.9991\t0.0011\n"
)

// dialectSamples has a small file for each dialect, by its name in Formats and the data type.
func dialectSamples() map[string][]byte {
	out := map[string][]byte{}
	for name, text := range map[string]string{
		"ZTF alert light curve (Fink)": finkSample, "Rubin DIA sources": rubinSample, "ANTARES light " +
			"curve": antaresSample,

		"Rubin DIA sources (Fink)": rubinFinkSample, "Rubin forced sources": rubinForcedSample,
		"Rubin DIA sources (before 2023)": rubinOlderSample, "PLAsTiCC": plasticcSample,
		"Swift UVOT (SOUSA)": sousaSample, "ASAS-SN Sky Patrol": skyPatrolSample,
		"Pan-STARRS detections": detectionsSample, "PTF light curve": ptfSample, "TNS photometry": tnsSample,
		"BinnedTimeSeries": binnedSample, "AstroImageJ": imageJSample,
		"AstroImageJ (rel_flux_T1_n)":   imageJNormalSample,
		"AstroImageJ (rel_flux_T1_dfn)": strings.ReplaceAll(imageJNormalSample, "_n", "_dfn"),
		"AstroImageJ, calibrated":       strings.Replace(imageJCalibrated, "#", "", 1),
	} {
		out[name+" photometry"] = []byte(text)
	}
	return out
}

const imageJCalibrated = "Label\tJD_UTC\trel_flux_T1\trel_flux_err_T1\tSource_AMag_T1\tSource_AMag_Err_T1\tFILTER\n" +
	"a.fit\t2458849.75\t0.1951\t0.0004\t12.345\t0.012\tV\n"

// TestSurveyDialects reads tables of known origin. The magnitude of 10000 nJy is 21.4, and the
// limit of an error of 100 nJy is 31.4 - 2.5 lg 300.
func TestSurveyDialects(t *testing.T) {
	const rubinEnd = `,"telescope":"Rubin","zero_point":31.4,"magsys":"AB"`
	const taken = "the time is taken from column"
	for _, c := range []struct {
		photometryCase
		source, when string // of the first point
	}{
		{source: "ZTF", when: "2020-05-31T04:48:00Z", photometryCase: photometryCase{name: "Fink", text: finkSample,
			values: []string{`{"i:objectId":"ZTF20abcdefg","i:jd":2459000.7,"filter":"g","magnitude":18.31,` +
				`"error":0.08,` +
				`"limit":20.2,"i:isdiffpos":"t","d:tag":"valid","v:lastdate":"2020-05-31","difference":true}`,
				`{"i:objectId":"ZTF20abcdefg","i:jd":2458998.7,"filter":"r","limit":20.1,"d:tag":"upperlim",` +
					`"difference":true}`},
			warnings: []string{"difference fluxes", "d:tag"}}},
		{source: "ZTF", when: "2020-05-31T12:00:00Z", photometryCase: photometryCase{name: "ANTARES",
			text: antaresSample,
			values: []string{`{"alert_id":"ztf_candidate:1","ant_mjd":59000.5,"ant_survey":1,"ant_ra":10.5,` +
				`"filter":"R",` +
				`"magnitude":18.5,"error":0.05,"limit":20.5,"ztf_fid":2,"difference":true}`,
				`{"alert_id":"ztf_upper_limit:1","ant_mjd":59001.5,"ant_survey":2,"filter":"g","limit":20.1,` +
					`"ztf_fid":1,` +
					`"difference":true}`},
			warnings: []string{"difference fluxes"}}},
		{source: "LSST", when: "2025-11-21T04:47:23Z", photometryCase: photometryCase{name: "Rubin", text: rubinSample,
			values: []string{`{"diaSourceId":"170028500123456789","midpointmjdtai":61000.2,"flux":10000.0,` +
				`"flux_unit":"nJy","flux_error":100.0,"filter":"r","magnitude":21.4,"error":0.010857,` +
				`"snr":100` + rubinEnd +
				`,"difference":true}`,
				`{"diaSourceId":"170028500123456790","midpointmjdtai":61003.2,"flux":-30.5,"flux_unit":"nJy",` +
					`"flux_error":100,"filter":"g","limit":25.207197,"snr":-0.305` + rubinEnd + `,"difference":true}`,
				`{"diaSourceId":"170028500123456791","midpointmjdtai":61004.2,"flux_error":100,"filter":"y",` +
					`"limit":25.207197` + rubinEnd + `,"difference":true}`},
			warnings: []string{"lists of the document that are not read: 'diaForcedSourcesList'", "31.4",
				"difference images",
				"TAI", "1 magnitude computed", "at most 3 times its error", "1 row with an error and without a flux"}}},
		{source: "LSST", when: "2025-11-21T04:47:23Z", photometryCase: photometryCase{name: "Fink's Rubin",
			text: rubinFinkSample,
			values: []string{`{"r:diaObjectId":7,"r:midpointmjdtai":61000.2,"filter":"r","flux":10000,` +
				`"flux_unit":"nJy",` +
				`"flux_error":100,"f:xm_simbad_otype":"Star","magnitude":21.4,"error":0.010857,"snr":100` + rubinEnd +
				`,"difference":true}`},
			warnings: []string{"31.4", "difference images", "TAI", "1 magnitude computed"}}},
		{source: "LSST", when: "2024-11-09T05:59:23Z", photometryCase: photometryCase{name: "Rubin, forced",
			text: rubinForcedSample,
			values: []string{`{"filter":"i","expmidptmjd":60623.25,"psfDiffFlux":-20,"psfDiffFluxErr":30,` +
				`"flux":10000,` +
				`"flux_unit":"nJy","flux_error":30,"magnitude":21.4,"error":0.003257,` +
				`"snr":333.333333` + rubinEnd + `}`},
			warnings: []string{"31.4", "psfDiffFlux", "TAI", "1 magnitude computed"}}},
		{source: "LSST", when: "2023-02-25T11:59:23Z", photometryCase: photometryCase{name: "Rubin, older",
			text: rubinOlderSample,
			values: []string{`{"diaSourceId":5,"midpointtai":60000.5,"filter":"z","flux":10000,"flux_unit":"nJy",` +
				`"flux_error":100,"magnitude":21.4,"error":0.010857,"snr":100` + rubinEnd + `,"difference":true}`},
			warnings: []string{"31.4", "difference images", "TAI", "1 magnitude computed"}}},
		{source: "PLAsTiCC", when: "2022-06-20T10:08:58.56Z", photometryCase: photometryCase{name: "PLAsTiCC",
			text: plasticcSample,
			values: []string{`{"object_id":615,"mjd":59750.4229,"filter":"r","flux":-544.8,"flux_error":3.6,` +
				`"detected":1}`}, warnings: []string{"column flux: the file gives no unit of the fluxes"}}},
		{source: "Swift", when: "2017-09-04T02:57:41.76Z", photometryCase: photometryCase{name: "SOUSA",
			text: sousaSample,
			values: []string{`{"filter":"UVW2","mjd[days]":58000.1234,"magnitude":17.25,"error":0.06,"limit":20.30,` +
				`"0.98SatLim[mag]":11.08,"Rate[c/s]":1.90,"RateErr[c/s]":0.10,"Ap[arcsec]":5.0,` +
				`"Frametime[s]":0.0110322,` +
				`"Exp[s]":250.1,"Telapse[s]":254.2,"telescope":"Swift","instrument":"UVOT","magsys":"Vega"}`,
				`{"filter":"UVW2","mjd[days]":58004.5000,"limit":20.11,"0.98SatLim[mag]":11.08,"Rate[c/s]":0.02,` +
					`"RateErr[c/s]":0.05,"Ap[arcsec]":3.0,"Frametime[s]":0.0110322,"Exp[s]":150.0,"Telapse[s]":152.4,` +
					`"telescope":"Swift","instrument":"UVOT","magsys":"Vega"}`},
			warnings: []string{"named by the comment", "3SigMagLim"}}},
		{when: "2020-01-02T03:04:05Z", photometryCase: photometryCase{name: "binned", text: binnedSample,
			values: []string{`{"time_bin_start":"2020-01-02T03:04:05.000","time_bin_size":30.0,"magnitude":18.1,` +
				`"time_bin_size_unit":"min"}`},
			warnings: []string{"the times are the starts of bins"}}},
		{when: "2020-01-01T06:00:00Z", photometryCase: photometryCase{name: "AstroImageJ", text: imageJSample,
			values: []string{`{"Label":"star_0001.fit","slice":1,"Saturated":0,"J.D.-2400000":58849.75,` +
				`"jd_utc":2458849.75,` +
				`"JD_SOBS":2458849.7495,"BJD_TDB":2458849.7534,"AIRMASS":1.21,"flux":0.1951,"flux_error":0.0004,` +
				`"rel_flux_C2":0.31,"Source-Sky_T1":185023.5,"Sky_Rad(min)":18,"Sky_Rad(max)":28,` +
				`"relative_flux":true}`},
			warnings: []string{"column 1 has no name", taken, "relative to comparison stars"}}},
		{when: "2020-01-01T06:03:44.576093Z", photometryCase: photometryCase{name: "AstroImageJ, normalised",
			text: imageJNormalSample,
			values: []string{`{"bjd_tdb":2458849.7534,"flux":0.9987,"flux_error":0.0011,"time_ref":"barycentric",` +
				`"relative_flux":true}`, `{"bjd_tdb":2458849.7541,"flux":0.9991,"flux_error":0.0011,` +
				`"time_ref":"barycentric","relative_flux":true}`},
			warnings: []string{"named by the comment", "relative to", "converted to UTC", "barycentric"}}},
		{when: "2020-01-01T06:00:00Z", photometryCase: photometryCase{name: "AstroImageJ, calibrated",
			text: imageJCalibrated,
			values: []string{`{"Label":"a.fit","jd_utc":2458849.75,"flux":0.1951,"flux_error":0.0004,` +
				`"magnitude":12.345,` +
				`"error":0.012,"filter":"V","relative_flux":true}`},
			warnings: []string{"relative to"}}},
		{source: "ASAS-SN", when: "2020-05-31T00:00:00Z", photometryCase: photometryCase{name: "Sky Patrol",
			text: skyPatrolSample,
			values: []string{`{"jd":2459000.5,"flux":7.5,"flux_unit":"mJy","flux_error":0.09,"magnitude":14.21,` +
				`"error":0.02,` +
				`"limit":16.51,"FWHM":1.45,"filter":"g","Quality":"G","Camera":"bA","telescope":"ASAS-SN"}`,
				`{"jd":2459001.5,"flux":0.1,"flux_unit":"mJy","flux_error":0.09,"limit":16.51,"FWHM":1.45,` +
					`"filter":"g",` +
					`"Quality":"G","Camera":"bA","telescope":"ASAS-SN"}`,
				`{"jd":2459002.5,"flux":-0.1,"flux_unit":"mJy","flux_error":0.09,"limit":16.5,"FWHM":1.45,` +
					`"filter":"V",` +
					`"Quality":"B","Camera":"bA","telescope":"ASAS-SN"}`},
			warnings: []string{"column Mag Error: 2 values outside 0 to 5 taken as missing (first: 99.99)"}}},
		{source: "Pan-STARRS", when: "2012-03-14T12:00:00Z", photometryCase: photometryCase{name: "Pan-STARRS " +
			"detections",
			text: detectionsSample,
			values: []string{`{"objID":1,"detectID":2,"filter":"r","obstime":56000.5,"flux":0.000363078,` +
				`"flux_unit":"Jy",` +
				`"flux_error":0.0000036,"zp":25,"magnitude":17.5,"error":0.010765,"snr":100.855,` +
				`"telescope":"Pan-STARRS",` +
				`"zero_point":8.9,"magsys":"AB"}`},
			warnings: []string{"1 magnitude computed"}}},
		{source: "PTF", when: "2012-03-14T12:00:00Z", photometryCase: photometryCase{name: "PTF", text: ptfSample,
			values: []string{`{"obsmjd":56000.5,"magnitude":18.5,"error":0.05,"filter":"R","limit":20.5}`}}},
		{source: "ATLAS", when: "2020-05-31T12:00:00Z", photometryCase: photometryCase{name: "ATLAS without an error",
			text: "MJD,m,dm,uJy,duJy,F\n59000.5,0,0,0,0,o\n59001.5,18,0.1,210,10,o\n",
			values: []string{`{"mjd":59000.5,"flux":0,"flux_unit":"uJy","flux_error":0,"filter":"o",` +
				`"telescope":"ATLAS",` +
				`"difference":true}`, `{"mjd":59001.5,"magnitude":18,"error":0.1,"flux":210,"flux_unit":"uJy",` +
				`"flux_error":10,"filter":"o","snr":21,"telescope":"ATLAS","difference":true}`},
			warnings: []string{"difference flux", "1 row without an error of the flux above 0"}}},
		{photometryCase: photometryCase{name: "SkyPortal, an error without a flux",
			text: "mjd,filter,flux,fluxerr,zp,magsys\n58000.5,sdssr,,5,25,ab\n58001.5,sdssr,,,25,ab\n58002.5,sdssr," +
				"80,5,25,ab\n",
			values: []string{`{"mjd":58000.5,"filter":"sdssr","flux_error":5,"zero_point":25,"magsys":"ab",` +
				`"limit":22.059772}`,
				`{"mjd":58002.5,"filter":"sdssr","flux":80,"flux_error":5,"zero_point":25,"magsys":"ab",` +
					`"magnitude":20.242275,` +
					`"error":0.067859}`},
			rejected: []string{"line 3: the row holds neither a magnitude nor a limit nor a flux"},
			warnings: []string{"1 magnitude computed", "1 row with an error and without a flux: the limit is that " +
				"of 3 errors"}},
			when: "2017-09-04T12:00:00Z"},
		{source: "ZTF", when: "2020-05-31T12:00:00Z", photometryCase: photometryCase{name: "ZTF, an error without a " +
			"flux",
			text: "jd,filter,zpdiff,forcediffimflux,forcediffimfluxunc\n2459001.0,ZTF_g,25,null,5\n",
			values: []string{`{"jd":2459001.0,"filter":"ZTF_g","zero_point":25,"flux_error":5,"limit":21.50515,` +
				`"telescope":"ZTF","difference":true}`},
			warnings: []string{"difference flux", "the limit is that of 5 errors"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.photometryCase.run(t)
			points, _, err := process("photometry", "lc.csv", []byte(c.text), Options{})
			if err != nil || len(points) == 0 {
				t.Fatal(err)
			}
			if when := instant.Text(points[0].Time); when != c.when || points[0].Source != c.source {
				t.Errorf("the first point is of %s, source %q", when, points[0].Source)
			}
		})
	}
}

// TestDialectOfAnotherUnit: a flux with a unit of its own is not taken for one in nJy.
func TestDialectOfAnotherUnit(t *testing.T) {
	points, report, err := process("photometry", "x.ecsv", []byte("# %ECSV 1.0\n# ---\n# datatype:\n"+
		"# - {name: midpointMjdTai, datatype: float64}\n# - {name: band, datatype: string}\n"+
		"# - {name: psfFlux, unit: uJy, datatype: float64}\nmidpointMjdTai band psfFlux\n61000.2 r 10.0\n"), Options{})
	if err != nil || report.Format != "ECSV (blanks)" || values(points) !=
		`{"midpointmjdtai":61000.2,"filter":"r","flux":10.0,"flux_unit":"uJy"}` {
		t.Errorf("%s: %s, %v", report.Format, values(points), err)
	}
}

// TestConstantsOfDialects: what a column says is not said again by the origin of the table.
func TestConstantsOfDialects(t *testing.T) {
	const sousa = "Filter,MJD,Mag,MagErr,3SigMagLim,telescope,magsys\nU,58000.5,17,0.1,20,Swift/UVOT,AB\n"
	points, _, err := process("photometry", "x.csv", []byte(sousa), Options{})
	if err != nil || values(points) != `{"filter":"U","mjd":58000.5,"magnitude":17,"error":0.1,"limit":20,`+
		`"telescope":"Swift/UVOT","magsys":"AB","instrument":"UVOT"}` {
		t.Errorf("%s %v", values(points), err)
	}
	points, _, err = process("photometry", "x.csv",
		[]byte("mjd,filter,flux,fluxerr,zp,err\n58000.5,r,80,5,25,0.3\n"), Options{})
	if err != nil || values(points) != `{"mjd":58000.5,"filter":"r","flux":80,"flux_error":5,"zero_point":25,`+
		`"error":0.3,"magnitude":20.242275}` {
		t.Errorf("%s %v", values(points), err)
	}
}

// TestFilterNames: filters under the names that surveys give them.
func TestFilterNames(t *testing.T) {
	for _, name := range []string{"filterName", "Band Name", "passband", "flt", "filter_id", "filtername",
		"phot_filter",
		"photometric_band", "fltname", "Filter Name", "FilterCode", "photometric filter", "Filter (Bessell)",
		"bandpass_name", "filter-name", "Band/Filter", "FILT", "obs_filter"} {
		points, report, err := process("photometry", "x.csv", []byte("mjd,mag,"+name+"\n58000.5,15,r'\n"), Options{})
		if err != nil || values(points) != `{"mjd":58000.5,"magnitude":15,"filter":"r'"}` {
			t.Errorf("%s: %s %v", name, values(points), err)
		}
		checkWarnings(t, report.Warnings, nil)
	}
}

// TestNoFilter: photometry without a filter is a warning, unless a keyword or the origin of the
// table names it. Of two columns the one with the plain name is the filter.
func TestNoFilter(t *testing.T) {
	for _, c := range []struct{ text, value, warning string }{
		{"mjd,mag\n58000.5,15\n", `{"mjd":58000.5,"magnitude":15}`, noFilter},
		{"# FILTER: V\nmjd,mag\n58000.5,15\n", `{"mjd":58000.5,"magnitude":15,"filter":"V"}`, "keyword of the file: " +
			"'V'"},
		{"# Filter = 'SDSS r' / of the wheel\nmjd,mag\n58000.5,15\n", `{"mjd":58000.5,"magnitude":15,"filter":"SDSS ` +
			`r"}`,
			"keyword of the file: 'SDSS r'"},
		{"# filter: see the table of the paper, in its appendix\nmjd,mag\n58000.5,15\n", `{"mjd":58000.5,` +
			`"magnitude":15}`,
			noFilter},
		{"# FILTER: V\nmjd,mag,band\n58000.5,15,R\n", `{"mjd":58000.5,"magnitude":15,"filter":"R"}`, ""},
		{"mjd,mag,filter_id\n58000.5,15,3\n", `{"mjd":58000.5,"magnitude":15,"filter":"3"}`,
			"column filter_id: the filters are numbers, such as 3"},
		{"mjd,mag,filter_id,filter\n58000.5,15,3,r\n", `{"mjd":58000.5,"magnitude":15,"filter_id":3,"filter":"r"}`, ""},
		{"mjd,mag,filter\n58000.5,15,\n", `{"mjd":58000.5,"magnitude":15}`, "column filter is empty in the first rows"},
		{gaiaSample, "", ""},
	} {
		points, report, err := process("photometry", "x.csv", []byte(c.text), Options{})
		if err != nil || c.value != "" && values(points) != c.value {
			t.Errorf("%s: %s %v", c.text, values(points), err)
		}
		found := ""
		for _, w := range report.Warnings {
			if strings.Contains(w, "filter") {
				found = w
			}
		}
		if !strings.Contains(found, c.warning) || c.warning == "" && found != "" {
			t.Errorf("%s: warning %q", c.text, found)
		}
	}
}
