package ingest

import (
	"strings"
	"testing"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
)

// alertJSON is an object as ALeRCE's API returns it, according to its description.
const alertJSON = `{"detections": [{"tid": "ztf", "mjd": 58860.46108799987, "candid": "1107461080015015004", "fid": 1, "magpsf": 16.90, "sigmapsf": 0.05, "diffmaglim": 20.4, "isdiffpos": 1,
  "corrected": false, "magpsf_corr": null, "extra_fields": {"field": 1, "list": [1, {"a": []}]}}],
 "non_detections": [{"tid": "ztf", "mjd": 58855.5, "fid": 2, "diffmaglim": 20.5}]}
`

// openCatalogJSON is an event according to the description of the Open Supernova Catalog.
const openCatalogJSON = `{"SN2011fe": {"name": "SN2011fe", "sources": [{"name": "2012A", "alias": "1"}], "photometry": [
  {"time": "55797.2", "u_time": "MJD", "band": "g", "e_magnitude": "0.1", "magnitude": "17.20", "source": "1",
	"system": "AB", "telescope": "P48"},
  {"time": "2455796.7", "u_time": "JD", "band": "g", "magnitude": "21.5", "upperlimit": true, "source": "1,2"},
  {"time": ["55800", "55801"], "u_time": "MJD", "flux": "1e-13", "u_flux": "ergs/s/cm^2", "source": "1"},
  {"time": "55802", "u_time": "MJD", "magnitude": "15", "host": true, "source": "1"}],
 "spectra": [
  {"data": [["3600.10", "1e-15", "1e-16"], ["3601", "Nan", "1e-16"]], "deredshifted": false, "telescope": "UH88",
	"time": "55798.25", "u_time": "MJD", "u_wavelengths": "Angstrom",
   "u_fluxes": "erg/s/cm^2/Angstrom", "u_errors": "erg/s/cm^2/Angstrom"},
  {"data": [["3600", "1"], ["3601", "2"]], "deredshifted": true, "time": "55799", "u_time": "MJD",
	"note": {"data": [[1]]}},
  {"filename": "lost.dat"},
  {"time": "2455800.5", "u_time": "JD", "u_wavelengths": "nm", "u_fluxes": "Jy", "data": [[360, 1.5]]}]}}
`

func TestJSONPhotometry(t *testing.T) {
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for _, c := range []photometryCase{
		{name: "two lists", text: alertJSON,
			warnings: []string{"column extra_fields is left out: it holds lists or objects", "difference fluxes"},
			values: []string{`{"tid":"ztf","mjd":58860.46108799987,"candid":"1107461080015015004","filter":"g",` +
				`"magnitude":16.90,"error":0.05,"limit":20.4,"isdiffpos":1,"corrected":"false","difference":true}`,
				`{"tid":"ztf","mjd":58855.5,"filter":"r","limit":20.5,"difference":true}`}},
		{name: "an event", text: openCatalogJSON,
			warnings: []string{"lists of the document that are not read: 'sources', 'spectra'",
				"1 magnitude flagged as not detected"},
			rejected: []string{"row 3: the row's time is a span of time",
				"row 4: the row is of the kind 'host', not of the observed object"},
			values: []string{`{"time":55797.2,"u_time":"MJD","filter":"g","error":0.1,"magnitude":17.20,` +
				`"source":1,"magsys":"AB","telescope":"P48"}`,
				`{"time":2455796.7,"u_time":"JD","filter":"g","limit":21.5,"source":"1,2","upperlimit":"true"}`}},
		{name: "a list of records",
			text: "\xef\xbb\xbf\n[{\"mjd\": \"58849.50\", \"mag\": \"15.10\", \"filter\": \"r\"}, {\"filter\": " +
				"\"g \\\"\\u00e9\", \"limit\": 2e1, \"mjd\": 58850, \"mag\": null}]",
			values: []string{`{"mjd":58849.50,"magnitude":15.10,"filter":"r"}`,
				`{"mjd":58850,"filter":"g \"é","limit":2e1}`}},
		{name: "a list within others",
			text: `{"status": "success", "data": [{"mjd": 58849, "mag": 15, "groups": [{"id": 1}], "altdata": ` +
				`{"a": [{"b": 1}]}}]}`,
			values: []string{`{"mjd":58849,"magnitude":15}`}, warnings: []string{"column groups is left out",
				"column altdata is left out"}},
		{name: "a word for a number", text: `[{"mjd": 58849, "mag": "bright"}]`,
			errors: []string{"row 1, column mag: 'bright' is not a number"}},
		{name: "a member twice", text: `[{"mjd": 58849, "mag": 15}, {"mjd": 58849, "mag": 15, "mag": 16}]`,
			errors: []string{"row 2: the member 'mag' occurs twice"},
			warnings: []string{"a row that cannot be read refuses the file; with bad_rows skip the upload leaves " +
				"it out"}},
		{name: "not UTF-8", text: "[{\"mjd\": 58849, \"mag\": 15, \"filter\": \"\xfc\"}]",
			errors: []string{"row 1: not text: not valid UTF-8"}},
		{name: "another count of days",
			text:   `{"A": {"photometry": [{"time": "1", "u_time": "weeks", "magnitude": "15", "source": "1"}]}}`,
			errors: []string{"row 1: times in 'weeks' are not read"}},
		{name: "no list", text: `{"mjd": 58849, "mag": 15}`,
			errors: []string{"a JSON document without a list of records"}},
		{name: "lists of other names", text: `{"a": [{"mjd": 1}], "b": [{"mjd": 1}]}`,
			errors: []string{"a JSON document with several lists of records, none of which is called photometry, " +
				"detections or candidates: 'a', 'b'"}},
		{name: "no time", text: `[{"mag": 15}]`,
			errors: []string{"no time column (as time, mjd, jd or date); the columns are 'mag'; say which with " +
				"time_column"}},
		{name: "two values", text: `[{"mjd": 58849, "mag": 15}] []`, errors: []string{"more than one JSON value"}},
		{name: "cut off", text: `[{"mjd": 58849, "mag": 15}`, errors: []string{"the JSON document ends too early"}},
		{name: "not JSON", text: `[{"mjd": 58849, mag: 15}]`,
			errors: []string{"no valid JSON at byte 16: invalid character 'm' looking for beginning of object key " +
				"string"}},
		{name: "too deep", text: `[{"mjd": 58849, "mag": ` + deep + `}]`,
			errors: []string{"JSON that is nested more than 32 deep"}},
		{name: "a long value", text: `[{"mjd": 58849, "mag": "` + strings.Repeat("x", bounded.MaxJSONValue+1) + `"}]`,
			errors: []string{"a value longer than 4194304 bytes"}},
	} {
		t.Run(c.name, c.run)
	}
}

// TestJSONObjects: rows of several events name their object.
func TestJSONObjects(t *testing.T) {
	text := `{"A": {"photometry": [{"time": "58000", "u_time": "MJD", "magnitude": "15", "source": "1"}]}, "B": ` +
		`{"photometry": [{"time": "58001", "u_time": "MJD", "magnitude": "16", "source": "1"}]}}`
	points, report, err := process("photometry", "f", []byte(text), Options{})
	if err != nil || len(points) != 2 || points[0].Object != "A" || points[1].Object != "B" ||
		report.Format != "Open Supernova Catalog, JSON" {
		t.Errorf("%v, %+v, %s", err, report, values(points))
	}
	points, report, err = process("photometry", "f", []byte(text), Options{Names: []string{"b"}})
	if err != nil || len(points) != 1 || points[0].Object != "B" ||
		strings.Join(problemTexts(report.Rejected), "") != "row 1: the row is of 'A', not of the target" {
		t.Errorf("%v, %+v, %s", err, report, values(points))
	}
}

func TestJSONSpectra(t *testing.T) {
	points, report, err := process("spectroscopy", "f", []byte(openCatalogJSON), Options{})
	want := strings.Replace(specValue("[1e-15,null]", "[3600.10,3601]", "Angstrom"), `"Angstrom"}`,
		`"Angstrom","flux_error":[1e-16,1e-16]}`, 1) + "\n" +
		`{"flux":[1.5],"flux_units":"Jy","wavelength":[360],"wavelength_units":"nm"}`
	if err != nil || values(points) != want || instant.Text(points[0].Time) != "2011-08-25T06:00:00Z" ||
		instant.Text(points[1].Time) != "2011-08-27T00:00:00Z" || points[0].Source != "UH88" {
		t.Errorf("%v, %+v, got\n%s\nwant\n%s", err, report, values(points), want)
	}
	if got := strings.Join(problemTexts(report.Rejected),
		"\n"); got != "row 2: the spectrum is of the kind 'deredshifted', not of the observed object\n"+
		"row 3: the spectrum has no data" {
		t.Error(got)
	}
	spectrum := func(more string) string {
		return `{"A": {"spectra": [{"time": "58000", "u_time": "MJD", "u_wavelengths": "nm", "u_fluxes": "Jy", ` +
			more + `}]}}`
	}
	for _, c := range []struct{ name, text, want string }{
		{"no spectra", alertJSON, "a JSON document without a list spectra"},
		{"none left", spectrum(`"model": true, "data": [[1, 2]]`), "no spectrum is left"},
		{"errors in another unit", spectrum(`"u_errors": "mJy", "data": [[1, 2, 3]]`), "no spectrum is left"},
		{"four numbers", spectrum(`"data": [[1, 2, 3, 4]]`), "no spectrum is left"},
		{"another length", spectrum(`"data": [[1, 2], [3]]`), "row 2: 1 field where there are 2 columns"},
		{"no list", spectrum(`"data": [[1, 2], 3]`), "row 2: a pixel is a list of numbers"},
		{"lists in it", spectrum(`"data": [[1, 2], [3, [4]]]`), "row 2: a pixel is a list of numbers"},
		{"a word", spectrum(`"data": [[1, "x"]]`), "row 1, column flux: 'x' is not a number"},
		{"another count of days", `{"A": {"spectra": [{"time": "1", "u_time": "HJD", "data": [[1, 2]]}]}}`,
			"column u_time: times in 'HJD' are not read"},
		{"another unit", strings.Replace(spectrum(`"data": [[1, 2]]`), `"nm"`, `"Hz"`, 1),
			"'Hz' is not a unit of wavelength"},
	} {
		if _, _, err := process("spectroscopy", "f", []byte(c.text), Options{}); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{alertJSON, openCatalogJSON, `[{"mjd": "58849", "mag": 15, "x": [{"a": 1}]}]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, dataType := range []string{"photometry", "spectroscopy"} {
			points, report, err := process(dataType, "f", data, Options{MaxProblems: 5})
			if dataType == "photometry" || err != nil {
				checkOutcome(t, points, report, err)
			}
		}
	})
}
