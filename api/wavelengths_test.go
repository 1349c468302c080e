package api

import (
	"strings"
	"testing"
)

// TestWavelengthUnits: wavelengths come in the units that are asked for, digit by digit, and as
// they are stored else.
func TestWavelengthUnits(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	post := func(second, value string) string {
		return n.ask("astro", "POST", "/api/reduceddatums/",
			jsonText(`{"target": `+target+`, "data_type": "spectroscopy", "timestamp": "2026-01-01T00:00:`+second+`Z", "value": `+value+`}`)).want(t, 201).id(t)
	}
	const stored = `{"flux":[1.50,2],"flux_units":"Jy","wavelength":[6562.80,7000],"wavelength_units":"Angstroms"}`
	id := post("01", stored)
	odd := post("02", `{"flux":[1],"flux_units":"Jy","wavelength":[1],"wavelength_units":"pix"}`)
	n.datum("astro", target, 3)
	const converted = `"value":{"flux":[1.50,2],"flux_units":"Jy","wavelength":[656.280,700.0],"wavelength_units":"nm"}`
	const list, csv = "/api/reduceddatums/", "flux,value.flux_units,value.wavelength,value.wavelength_units"
	n.play(t, []scenario{
		{name: "not asked", as: "astro", method: "GET", path: list, status: 200, has: []string{`"value":` + stored}},
		{name: "nothing asked", as: "astro", method: "GET", path: list + "?wavelength_units=", status: 200,
			has: []string{`"value":` + stored}},
		{name: "a list", as: "astro", method: "GET", path: list + "?strict=true&wavelength_units=nm", status: 200,
			has: []string{`"count":3`, converted, `"wavelength":[1],"wavelength_units":"pix"`, `"magnitude"`}},
		{name: "pages", as: "astro", method: "GET", path: list + "?wavelength_units=nm&pagination_style=cursor&limit=1",
			status: 200, has: []string{converted, "cursor=", "wavelength_units=nm"}},
		{name: "members", as: "astro", method: "GET", path: list + "?wavelength_units=nm&fields=value", status: 200,
			has: []string{`{` + converted + `}`}},
		{name: "one", as: "astro", method: "GET", path: list + id + "/?strict=true&wavelength_units=Nanometers",
			status: 200, has: []string{converted}},
		{name: "one in micron", as: "astro", method: "GET", path: list + id + "/?wavelength_units=micron", status: 200,
			has: []string{`"wavelength":[0.656280,0.7000],"wavelength_units":"um"`}},
		{name: "one as stored", as: "astro", method: "GET", path: list + id + "/", status: 200,
			has: []string{`"value":` + stored}},
		{name: "one that cannot be had", as: "astro", method: "GET", path: list + odd + "/?wavelength_units=nm",
			status: 400, has: []string{
				`{"wavelength_units":["This datum can only be served as it is stored: the wavelengths are in \"pix\"`}},
		{name: "no unit", as: "astro", method: "GET", path: list + "?wavelength_units=furlong", status: 400,
			has: []string{`{"wavelength_units":["\"furlong\" is not a known unit of wavelength. Use one of Angstrom, pm, nm, um, mm, cm, m."]}`}},
		{name: "energies", as: "astro", method: "GET", path: list + id + "/?wavelength_units=eV", status: 400,
			has: []string{`\"eV\" is not a known unit`}},
		{name: "ndjson", as: "astro", method: "GET", path: list + "?format=ndjson&wavelength_units=nm", status: 200,
			has: []string{converted, `"pix"`}},
		{name: "ndjson in no unit", as: "astro", method: "GET", path: list + "?format=ndjson&wavelength_units=x",
			status: 400, has: []string{`\"x\" is not a known unit`}},
		{name: "csv", as: "astro", method: "GET", path: list + "?format=csv&wavelength_units=nm", status: 200,
			has: []string{csv, `,Jy,"[656.280,700.0]",nm`}},
		{name: "fits", as: "astro", method: "GET", path: list + "?format=fits&wavelength_units=nm", status: 200,
			has: []string{"[656.280,700.0]"}},
		{name: "described", as: "astro", method: "OPTIONS", path: list, status: 200,
			has: []string{`"wavelength_units":{"type"`, `"choices":["Angstrom","pm","nm","um","mm","cm","m"]`}},
		{name: "described for one", as: "astro", method: "OPTIONS", path: list + id + "/", status: 200,
			has: []string{`"wavelength_units":{"type"`}},
	})
	if schema := string(n.ask("astro", "GET", "/api/schema/", nil).want(t, 200).body); strings.Count(schema,
		`"name":"wavelength_units","in":"query"`) != 2 {
		t.Error("the schema does not describe the parameter twice")
	}
	// what was answered in one unit is not fresh in another
	tag := n.ask("astro", "GET", list+"?wavelength_units=nm", nil).header.Get("ETag")
	n.ask("astro", "GET", list+"?wavelength_units=nm", nil, "If-None-Match", tag).want(t, 304)
	n.ask("astro", "GET", list+"?wavelength_units=m", nil, "If-None-Match", tag).want(t, 200)
}
