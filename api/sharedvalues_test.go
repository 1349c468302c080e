package api

import (
	"fmt"
	"strings"
	"testing"
)

// TestSharedValues: values as TOM Toolkit 3 shares them are returned as they were sent, are
// duplicates of themselves, and have units in exports.
func TestSharedValues(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	post := func(target, kind, second, value string, status int) {
		t.Helper()
		n.ask("astro", "POST", "/api/reduceddatums/", jsonText(fmt.Sprintf(`{"data_product": null, "data_type": %q, `+
			`"source_name": "Other TOM", "source_location": "", "timestamp": "2026-01-02T03:04:%sZ", "value": %s, `+
			`"target": %s}`, kind, second, value, target))).want(t, status)
	}
	point := func(members string) string {
		return `{` + members + `,"bandpass":"r","telescope":"1m0","instrument":"fa05"}`
	}
	mags, fluxes, both := n.target("astro", "A"), n.target("astro", "B"), n.target("astro", "C")
	post(mags, "photometry", "01", point(`"brightness":17.50,"brightness_error":0.10,"unit":"AB mag"`), 201)
	post(mags, "photometry", "01", point(`"brightness":17.5,"brightness_error":0.1,"unit":"AB mag"`), 400)
	post(mags, "photometry", "02", point(`"brightness":null,"limit":20.5,"unit":""`), 201)
	post(mags, "photometry", "03", `{"magnitude":17.4,"error":0.1,"limit":20,"filter":"r"}`, 201)
	post(fluxes, "photometry", "01", point(`"brightness":1.5,"brightness_error":0.1,"unit":"mJy"`), 201)
	post(fluxes, "photometry", "02", point(`"brightness":null,"limit":0.3,"unit":"mJy"`), 201)
	post(both, "photometry", "01", point(`"brightness":1.5,"brightness_error":0.1,"unit":"mJy"`), 201)
	post(both, "photometry", "02", point(`"brightness":17.5,"brightness_error":0.1,"unit":"mag"`), 201)
	rows := n.ask("astro", "GET", "/api/reduceddatums/?target__id="+mags, nil)
	if want := `"value":` + point(`"brightness":17.50,"brightness_error":0.10,"unit":"AB mag"`); !strings.Contains(
		string(rows.body), want) {
		t.Errorf("no %s in %s", want, rows.body)
	}
	for target, want := range map[string]map[string]string{
		mags: {"brightness": `unit: "mag", datatype: float64, description: "Brightness"`,
			"brightness_error": `unit: "mag", datatype: float64`, "limit": `unit: "mag", datatype: float64`,
			"bandpass": `datatype: string, description: "Filter"`},
		fluxes: {"brightness": `unit: "mJy", datatype: float64`, "brightness_error": `unit: "mJy", datatype: float64`,
			"limit": `unit: "mJy", datatype: float64`},
		both: {"brightness": `datatype: float64`, "brightness_error": `datatype: float64`},
	} {
		ecsv := string(n.ask("astro", "GET", "/api/reduceddatums/?format=ecsv&target__id="+target, nil).body)
		for member, head := range want {
			if line := `{name: "value.` + member + `", ` + head; !strings.Contains(ecsv, line) {
				t.Errorf("target %s: no %q in\n%s", target, line, ecsv)
			}
		}
	}
	votable := string(n.ask("astro", "GET", "/api/reduceddatums/?format=votable&target__id="+fluxes, nil).body)
	if !strings.Contains(votable, `ucd="phot.flux"`) || strings.Contains(votable, "phot.mag") {
		t.Errorf("the UCDs of fluxes: %s", votable)
	}
	post(mags, "spectroscopy", "01", `{"flux":[1.5,1.25],"wavelength":[4000,4001],"error":[0.1,0.2],`+
		`"flux_unit":"mJy","wavelength_unit":"Angstrom"}`, 201)
	ecsv := string(n.ask("astro", "GET", "/api/reduceddatums/?format=ecsv&data_type=spectroscopy", nil).body)
	if want := `{name: "value.error", datatype: string`; !strings.Contains(ecsv, want) {
		t.Errorf("the error of a spectrum: no %q in\n%s", want, ecsv)
	}
	n.play(t, []scenario{{name: "wavelengths in nm", as: "astro", method: "GET", status: 200,
		path: "/api/reduceddatums/?data_type=spectroscopy&wavelength_units=nm",
		has:  []string{`"wavelength":[400.0,400.1],"error":[0.1,0.2],"flux_unit":"mJy","wavelength_unit":"nm"`}}})
}

// TestAstrometry: astrometry is a type of datums, but not of files, unless the types are set.
func TestAstrometry(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	target := n.target("astro", "A")
	datum := func(second int, kind string) raw {
		return jsonText(fmt.Sprintf(`{"target": %s, "data_type": %q, "timestamp": "2026-01-02T03:04:%02dZ", "value": `+
			`{"ra": 10.5, "dec": -20.25, "ra_error": 0.1, "dec_error": 0.1, "ra_error_units": "arcsec"}}`, target, kind,
			second))
	}
	file := newForm("target", target, "data_product_type", "astrometry").file("a.csv", []byte("x"))
	types := func(list string) map[string]string { return map[string]string{"value": list} }
	const setting = "/api/settings/data_product_types/"
	n.play(t, []scenario{
		{name: "a datum", as: "astro", method: "POST", path: "/api/reduceddatums/", body: datum(1, "astrometry"),
			status: 201, has: []string{`"data_type":"astrometry"`, `"ra":10.5`}},
		{name: "is found", as: "astro", method: "GET", path: "/api/reduceddatums/?data_type=astrometry", status: 200,
			has: []string{`"count":1,`}},
		{name: "by its time", as: "astro", method: "GET", status: 200, has: []string{`"count":1,`},
			path: "/api/reduceddatums/?data_type=astrometry&timestamp_after=2026-01-01T00:00:00Z"},
		{name: "in a stream", as: "astro", method: "POST", path: "/api/reduceddatums/", status: 201,
			body: raw{typeNDJSON, datum(2, "astrometry").text + "\n"}, has: []string{`"created":1`}},
		{name: "another type", as: "astro", method: "POST", path: "/api/reduceddatums/", body: datum(3, "gossip"),
			status: 400,
			has:    []string{"Valid data_types are photometry, fits_file, spectroscopy, image_file, astrometry."}},
		{name: "a file", as: "astro", method: "POST", path: "/api/dataproducts/", body: file, status: 400,
			has: []string{"Valid data_product_types are photometry, fits_file, spectroscopy, image_file."}},
		{name: "other types", as: "admin", method: "PUT", path: setting, status: 200,
			body: types("photometry,fits_file,spectroscopy,image_file,radio")},
		{name: "without it", as: "astro", method: "POST", path: "/api/reduceddatums/", body: datum(3, "astrometry"),
			status: 400, has: []string{"spectroscopy, image_file, radio."}},
		{name: "with it", as: "admin", method: "PUT", path: setting, status: 200,
			body: types("photometry,fits_file,spectroscopy,image_file,radio,astrometry")},
		{name: "again", as: "astro", method: "POST", path: "/api/reduceddatums/", body: datum(3, "astrometry"),
			status: 201},
		{name: "and a file", as: "astro", method: "POST", path: "/api/dataproducts/", body: newForm("target", target,
			"data_product_type", "astrometry").file("a.csv", []byte("x")), status: 201},
	})
}
