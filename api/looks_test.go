package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"strings"
	"testing"
)

// smallImage is a FITS file with an image of 4 by 3 pixels.
func smallImage() []byte {
	var b bytes.Buffer
	for _, c := range []string{"SIMPLE  =                    T", "BITPIX  =                    8",
		"NAXIS   =                    2", "NAXIS1  =                    4", "NAXIS2  =                    3", "END"} {
		fmt.Fprintf(&b, "%-80s", c)
	}
	b.WriteString(strings.Repeat(" ", 2880-b.Len()))
	return append(b.Bytes(), make([]byte, 2880)...)
}

// TestLooks: a product's image and header are had where its file is, by those who see it.
func TestLooks(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "T")
	image := smallImage()
	v := n.upload("astro", target, "fits_file", "a.fits", image).want(t, 201).json(t)
	_, path, _ := strings.Cut(fmt.Sprint(v["data"]), "/data/")
	preview := n.ask("astro", "GET", "/data/"+path+"?preview=1", nil).want(t, 200)
	if picture, err := png.Decode(bytes.NewReader(preview.body)); err != nil || picture.Bounds().Dx() != 4 ||
		preview.header.Get("Content-Type") != "image/png" {
		t.Errorf("%v", err)
	}
	if header := n.ask("astro", "GET", "/data/"+path+"?header=1", nil).want(t, 200); !json.Valid(header.body) ||
		!strings.Contains(string(header.body), `"key":"NAXIS1","value":4`) {
		t.Errorf("%s", header.body)
	}
	for _, query := range []string{"?preview=1", "?header=1"} {
		n.ask("eve", "GET", "/data/"+path+query, nil).want(t, 404)
	}
	if whole := n.ask("astro", "GET", "/data/"+path+"?preview=no", nil).want(t, 200); !bytes.Equal(whole.body, image) {
		t.Error("another file")
	}
	text := n.upload("astro", target, "fits_file", "b.fits", []byte("none")).want(t, 201).json(t)
	_, path, _ = strings.Cut(fmt.Sprint(text["data"]), "/data/")
	n.ask("astro", "GET", "/data/"+path+"?preview=1", nil).want(t, 404)
}

// TestTableExport: every format of a list gives its rows, and a FITS table says how many.
func TestTableExport(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "A star")
	csv := "time,filter,magnitude,error\n58849.5,r,15.5,0.1\n58850.5,\"g, wide\",16.5,0.2\n"
	n.upload("astro", target, "photometry", "a.csv", []byte(csv)).want(t, 201)
	answers := n.upload("astro", target, "photometry", "b.csv", []byte("night,v\n9000,17\n"), "time_column", "night",
		"time_format", "jd-2450000", "columns", `{"magnitude":"v"}`)
	if r := answers.want(t, 201).json(t)["report"].(map[string]any); fmt.Sprint(r["created"]) != "1" {
		t.Errorf("%v", r)
	}
	n.upload("astro", target, "photometry", "b.csv", []byte("night,v\n9000,17\n"), "columns", `[1]`).want(t, 400)
	for format, parts := range map[string][]string{"csv": {"A star,photometry,2020-01-01T12:00:00", `"g, wide"`},
		"ecsv":    {"# - {name: \"value.magnitude\", unit: \"mag\", datatype: float64, description: \"Magnitude\"}"},
		"votable": {`<FIELD name="value.magnitude" datatype="double" unit="mag" ucd="phot.mag">`}, "fits": {
			"NAXIS2  =                    3", "TTYPE1  = 'target  '", "TFORM1  = '6A      '"},
		"ndjson": {`"target_name":"A star"`}} {
		r := n.ask("astro", "GET", "/api/reduceddatums/?format="+format, nil).want(t, 200)
		for _, part := range parts {
			if !strings.Contains(string(r.body), part) {
				t.Errorf("%s: %q is not in\n%.3000s", format, part, r.body)
			}
		}
		if format == "fits" && len(r.body)%2880 != 0 {
			t.Errorf("%d bytes", len(r.body))
		}
		n.ask("astro", "GET", "/api/targets/?format="+format, nil).want(t, 200)
	}
	// one datum of very many members does not make all rows as wide: it is given whole
	wide := map[string]any{}
	for i := range 2 * maxValueColumns {
		wide[fmt.Sprint("k", i)] = i
	}
	n.ask("astro", "POST", "/api/reduceddatums/",
		map[string]any{"target": target, "data_type": "photometry", "timestamp": "2020-01-01T00:00:00Z",
			"value": wide}).want(t, 201)
	for _, format := range exportFormats[:4] {
		r := n.ask("astro", "GET", "/api/reduceddatums/?format="+format, nil).want(t, 200)
		if whole := strings.ReplaceAll(string(r.body), `""`, `"`); len(r.body) > 400_000 ||
			!strings.Contains(whole, `k1799`) || strings.Contains(whole, "value.k1") ||
			!strings.Contains(whole, "value.magnitude") {
			t.Errorf("%s: %d bytes: %.300s", format, len(r.body), r.body)
		}
	}
	csvRows := strings.Split(strings.TrimSpace(string(n.ask("astro", "GET", "/api/reduceddatums/?format=csv",
		nil).body)), "\n")
	if len(csvRows) != 5 || strings.Count(csvRows[0], ",") > 20 {
		t.Errorf("%d rows, the first %.300s", len(csvRows), csvRows[0])
	}
	if rows := n.ask("astro", "GET", "/api/targets/?format=ndjson", nil).want(t, 200); !json.Valid(rows.body) {
		t.Errorf("%s", rows.body)
	}
}
