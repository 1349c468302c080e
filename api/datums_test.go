package api

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/dataset"
	"nightjar/internal/jsontext"
)

func TestWriteDatum(t *testing.T) {
	for _, v := range []*archive.DatumView{
		{Datum: &archive.Datum{ID: 1, Target: 2, Time: 1262304000e6, Value: []byte(`{"magnitude":15.5}`)},
			Type: "photometry"},
		{Datum: &archive.Datum{ID: 1 << 39, Target: 77, Time: -1, Source: "a \"b\"\u2028", Location: "\x01é\xff",
			Value: []byte(`[1]`)}, Type: "x", Product: 9},
	} {
		var fast, plain wire.Writer
		for range 2 { // without and with a comma before it
			writeDatum(&fast, v)
			writeRow(&plain, datumColumns, v)
		}
		if string(fast.Buf) != string(plain.Buf) {
			t.Errorf("got %s\nwant %s", fast.Buf, plain.Buf)
		}
	}
}

// TestExactness: numbers and texts are answered exactly as they were sent.
func TestExactness(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "Θ Ori — 参宿 🌟")
	if name := n.ask("astro", "GET", "/api/targets/"+target+"/", nil).json(t)["name"]; name != "Θ Ori — 参宿 🌟" {
		t.Errorf("the name is %q", name)
	}
	for i, value := range []string{
		`{"magnitude":15.5820,"error":1e-17}`, `{"n":9007199254740993,"m":-9007199254740993,` +
			`"big":123456789012345678901234567890}`,
		`{"z":1,"a":2,"m":{"y":1,"x":[1.0,1.50,null,true]}}`, `{"filter":"g′ é 🌟\u0007","empty":""}`,
		`{"a":-0.0,"b":1E+5,"c":0.10}`,
	} {
		body := fmt.Sprintf(`{"target":%s,"data_type":"photometry","timestamp":"2026-01-01T00:00:0%d.000001Z",`+
			`"value":%s}`, target, i, value)
		r := n.ask("astro", "POST", "/api/reduceddatums/", jsonText(body)).want(t, 201)
		list := n.ask("astro", "GET", "/api/reduceddatums/"+r.id(t)+"/", nil).want(t, 200)
		for _, text := range [][]byte{r.body, list.body} {
			if !bytes.Contains(text, []byte(`"value":`+value)) {
				t.Errorf("%s came back as %s", value, text)
			}
			if !bytes.Contains(text, fmt.Appendf(nil, `"timestamp":"2026-01-01T00:00:0%d.000001Z"`, i)) {
				t.Errorf("the microsecond is lost: %s", text)
			}
		}
	}
}

// TestDuplicatesAndLists tests duplicates, lists, lines and dry runs.
func TestDuplicatesAndLists(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	hidden := n.target("bob", "secret")
	point := func(second int, more string) string {
		return fmt.Sprintf(`{"target": %s, "data_type": "photometry", "timestamp": "2026-01-01T00:00:%02dZ", `+
			`"value": {"magnitude": %d}%s}`, target, second, second, more)
	}
	list := func(items ...string) raw { return jsonText("[" + strings.Join(items, ",") + "]") }
	const path = "/api/reduceddatums/"
	table := []byte("time,magnitude,error,filter\n60000.1,15.1,0.1,r\n60000.2,15.2,0.1,r\n")
	n.play(t, []scenario{
		{name: "one", as: "astro", method: "POST", path: path, body: jsonText(point(1, "")), status: 201,
			has: []string{`"message":"Data successfully uploaded."`}},
		{name: "again", as: "astro", method: "POST", path: path, body: jsonText(point(1, "")), status: 400,
			has: []string{"already exists"}},
		{name: "again with duplicates=error", as: "astro", method: "POST", path: path + "?duplicates=error",
			body: jsonText(point(1, "")), status: 400, has: []string{"already exists"}},
		{name: "again with duplicates=skip", as: "astro", method: "POST", path: path + "?duplicates=skip",
			body: jsonText(point(1, "")), status: 200, has: []string{`"id":1`, "already exists"}},
		{name: "no such choice", as: "astro", method: "POST", path: path + "?duplicates=maybe",
			body: jsonText(point(2, "")), status: 400, has: []string{`"duplicates":["Select a valid choice.`}},
		{name: "a list without duplicates", as: "astro", method: "POST", path: path, body: list(point(2, "")),
			status: 400,
			has:    []string{"Expected a dictionary, but got list.", "duplicates=error"}},
		{name: "a list", as: "astro", method: "POST", path: path + "?duplicates=error",
			body: list(point(2, ""), point(3, "")), status: 201, has: []string{`[{"data_product":null`, `"id":2`,
				`"id":3`}, head: []string{"Nightjar-Created", "2", "Nightjar-Duplicate", "0"}},
		{name: "an empty list", as: "astro", method: "POST", path: path + "?duplicates=error", body: list(),
			status: 201, has: []string{"[]"}},
		{name: "a list with bad items", as: "astro", method: "POST", path: path + "?duplicates=skip",
			body: list(point(4, ""), point(5, `, "target": 999`), "7", `{"target": `+hidden+`}`), status: 400,
			has: []string{`[{},{"target":["Invalid pk \"999\" - object does not exist."]},` +
				`{"non_field_errors":["Invalid data. Expected a dictionary, but got int."]},` +
				`{"value":["This field is required."]`}},
		{name: "a list with repeats", as: "astro", method: "POST", path: path + "?duplicates=error",
			body: list(point(4, ""), point(2, ""),
				point(4, "")), status: 400, has: []string{`[{},{"non_field_errors":["This reduced datum already ` +
				`exists`}},
		{name: "a list with repeats skipped", as: "astro", method: "POST", path: path + "?duplicates=skip",
			body: list(point(4, ""), point(2, ""),
				point(4, "")), status: 201, has: []string{`"id":2`},
			head: []string{"Nightjar-Created", "1", "Nightjar-Duplicate", "2"}},
		{name: "a long list", as: "astro", method: "POST", path: path + "?duplicates=skip",
			body: list(slices.Repeat([]string{"1"}, wire.MaxParts+1)...), status: 400, has: []string{
				"A list may hold 10000 datums"}},
		{name: "a list by a guest", as: "", method: "POST", path: path + "?duplicates=skip",
			body: list(point(9, "")), status: 401},
		{name: "a hidden target", as: "bob", method: "POST", path: path + "?duplicates=skip", body: list(point(9, "")),
			status: 400, has: []string{`[{"target":["Invalid pk`}},
		{name: "lines", as: "astro", method: "POST", path: path,
			body: raw{typeNDJSON, point(5, "") + "\n\n" + point(1, "") + "\nnonsense\n" +
				`{"target_name": "M 31", "data_type": "photometry", "value": {"a": 1}, "timestamp": "2026-01-01"}`},
			status: 201,
			has:    []string{`"created":2,"duplicate":1,"rejected":1`, `"line":4`, "JSON parse error"}},
		{name: "lines with repeats refused", as: "astro", method: "POST", path: path + "?duplicates=error",
			body: raw{typeNDJSON, point(6, "") + "\n" + point(1, "") + "\n" + point(6, "") + "\n"}, status: 201,
			has: []string{`"created":1,"duplicate":0,"rejected":2`, `"line":2`, `"line":3`, "already exists"}},
		{name: "dry run", as: "astro", method: "POST", path: "/api/dataproducts/?dry_run=true",
			body: newForm("target", target, "data_product_type", "photometry").file("n.csv", table), status: 200,
			has: []string{`"message":"This was a dry run`, `"created":2,"duplicate":0`}},
		{name: "dry run by a field", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", target, "data_product_type", "photometry", "dry_run", "true").file("n.csv",
				table), status: 200, has: []string{`"created":2`}},
		{name: "dry run of a bad file", as: "astro", method: "POST", path: "/api/dataproducts/?dry_run=true",
			body: newForm("target", target, "data_product_type", "photometry").file("n.csv",
				[]byte("a,b\n1,2\n")), status: 400, has: []string{"Data processing error", `"file":"n.csv"`}},
		{name: "dry run for a hidden target", as: "bob", method: "POST", path: "/api/dataproducts/?dry_run=true",
			body: newForm("target", target, "data_product_type", "photometry").file("n.csv",
				table), status: 400, has: []string{"does not exist"}},
		{name: "a dry run stores nothing", as: "astro", method: "GET", path: "/api/dataproducts/", status: 200,
			has: []string{`"count":0`}},
		{name: "upload", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", target, "data_product_type", "photometry").file("n.csv",
				table), status: 201, has: []string{`"created":2`}},
		{name: "upload again refused", as: "astro", method: "POST", path: "/api/dataproducts/?duplicates=error",
			body: newForm("target", target, "data_product_type", "photometry").file("m.csv", table), status: 400,
			has: []string{"Data processing error", `"line":2`, `"line":3`, "already exists"}},
		{name: "upload again", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", target, "data_product_type", "photometry").file("m.csv",
				table), status: 201, has: []string{`"created":0,"duplicate":2`}},
	})
	if counts := n.rowCounts(); fmt.Sprint(counts["reduceddatums"]) != "9" ||
		fmt.Sprint(counts["dataproducts"]) != "2" {
		t.Errorf("at the end there are %v", counts)
	}
}

// TestWavelengthUnits: wavelengths are converted to the requested unit digit by digit; without a
// request they are answered as stored.
func TestWavelengthUnits(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	post := func(second, value string) string {
		return n.ask("astro", "POST", "/api/reduceddatums/",
			jsonText(`{"target": `+target+`, "data_type": "spectroscopy", `+
				`"timestamp": "2026-01-01T00:00:`+second+`Z", "value": `+value+`}`)).want(t, 201).id(t)
	}
	const stored = `{"flux":[1.50,2],"flux_units":"Jy","wavelength":[6562.80,7000],"wavelength_units":"Angstroms"}`
	id := post("01", stored)
	odd := post("02", `{"flux":[1],"flux_units":"Jy","wavelength":[1],"wavelength_units":"pix"}`)
	n.datum("astro", target, 3)
	const converted = `"value":{"flux":[1.50,2],"flux_units":"Jy","wavelength":[656.280,700.0],"wavelength_units":"nm"}`
	const list, csv = "/api/reduceddatums/", "flux,value.flux_units,value.wavelength,value.wavelength_units"
	n.play(t, []scenario{
		{name: "no unit requested", as: "astro", method: "GET", path: list, status: 200,
			has: []string{`"value":` + stored}},
		{name: "an empty unit", as: "astro", method: "GET", path: list + "?wavelength_units=", status: 200,
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
		{name: "one that cannot be converted", as: "astro", method: "GET", path: list + odd + "/?wavelength_units=nm",
			status: 400, has: []string{
				`{"wavelength_units":["This datum can only be served as it is stored: the wavelengths are in \"pix\"`}},
		{name: "an unknown unit", as: "astro", method: "GET", path: list + "?wavelength_units=furlong", status: 400,
			has: []string{`{"wavelength_units":["\"furlong\" is not a known unit of wavelength. Use one of ` +
				`Angstrom, pm, nm, um, mm, cm, m."]}`}},
		{name: "energies", as: "astro", method: "GET", path: list + id + "/?wavelength_units=eV", status: 400,
			has: []string{`\"eV\" is not a known unit`}},
		{name: "ndjson", as: "astro", method: "GET", path: list + "?format=ndjson&wavelength_units=nm", status: 200,
			has: []string{converted, `"pix"`}},
		{name: "ndjson in an unknown unit", as: "astro", method: "GET",
			path:   list + "?format=ndjson&wavelength_units=x",
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
	// an answer in one unit is not fresh for another
	tag := n.ask("astro", "GET", list+"?wavelength_units=nm", nil).header.Get("ETag")
	n.ask("astro", "GET", list+"?wavelength_units=nm", nil, "If-None-Match", tag).want(t, 304)
	n.ask("astro", "GET", list+"?wavelength_units=m", nil, "If-None-Match", tag).want(t, 200)
}

// samePlain compares a line that is read the fast way with the same line read the thorough way.
func samePlain(t *testing.T, line string) (plain bool) {
	t.Helper()
	var p plainLines
	quick, plain := p.read([]byte(line))
	if !plain {
		return false
	}
	thorough := new(rowReader).datum([]byte(line))
	var err error
	if thorough.Value, err = jsontext.Compact(nil, thorough.Value); err != nil {
		t.Errorf("%s: %v", line, err)
	}
	thorough.Compact = true
	if a, b := fmt.Sprintf("%#v", quick), fmt.Sprintf("%#v", thorough); a != b {
		t.Errorf("%s\nis %s\nwant %s", line, a, b)
	}
	return true
}

func TestPlainLines(t *testing.T) {
	for line, plain := range map[string]bool{
		`{"target":1,"data_type":"photometry","source_name":"ZTF","timestamp":"2010-01-01T00:00:00Z",` +
			`"value":{"magnitude":15.5}}`: true,
		` { "target" : 12 , "data_type": "x", "timestamp": "2010-01-01", "value" : ` +
			`[ 1, {"a" : "\u00e9"} ] } `: true,
		`{"target":1,"data_type":"a b","source_location":"","timestamp":"2010-01-01T00:00:00.123456+01:00",` +
			`"value":"x"}`: true,
		`{"target":1,"data_type":"p","timestamp":"2010-01-01T00:00:00Z","value":null}`:         false,
		`{"target":1,"data_type":"p","timestamp":"2010-01-01T00:00:00Z"}`:                      false,
		`{"target":1,"data_type":"p","timestamp":"2010-13-01T00:00:00Z","value":1}`:            false,
		`{"target":1,"data_type":"p","timestamp":"2010-01-01T00:00:00Z","value":1e999}`:        false,
		`{"target":1,"data_type":"p","timestamp":"2010-01-01T00:00:00Z","value":1} x`:          false,
		`{"target":1,"data_type":"p","timestamp":"2010-01-01T00:00:00Z","value":1,}`:           false,
		`{"target":1,"target":2,"data_type":"p","timestamp":"2010-01-01T00:00:00Z","value":1}`: false,
		`{"target":1.0,"data_type":"p","timestamp":"2010-01-01T00:00:00Z","value":1}`:          false,
		`{"target":0,"data_type":"p","timestamp":"2010-01-01T00:00:00Z","value":1}`:            false,
		`{"target":1,"data_type":" p","timestamp":"2010-01-01T00:00:00Z","value":1}`:           false,
		`{"target":1,"data_type":"","timestamp":"2010-01-01T00:00:00Z","value":1}`:             false,
		`{"target":1,"data_type":"p","extra":1,"timestamp":"2010-01-01T00:00:00Z","value":1}`:  false,
		`{"target":1,"data_type":"é","timestamp":"2010-01-01T00:00:00Z","value":1}`:            false,
		`{}`: false, `[]`: false, ``: false, `{`: false, `{"target":1`: false,
	} {
		if samePlain(t, line) != plain {
			t.Errorf("%s: plain is %t", line, !plain)
		}
	}
	for k := range 300 {
		if line := string(dataset.AppendDatum(nil, k, 7)); !samePlain(t, line) {
			t.Errorf("%s is not plain", line)
		}
	}
}

func FuzzPlainLines(f *testing.F) {
	f.Add(`{"target":1,"data_type":"photometry","source_name":"ZTF","timestamp":"2010-01-01T00:00:00Z",` +
		`"value":{"magnitude":15.5}}`)
	f.Add(` { "target" : 12 , "data_type": "x", "timestamp": "2010-01-01", "value" : [ 1, {"a" : "b"} ] } `)
	f.Fuzz(func(t *testing.T, line string) { samePlain(t, line) })
}
