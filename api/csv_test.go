package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func csvText(text string) raw { return raw{typeCSV, text} }

// TestTargetsOfCSV: a CSV table of targets creates the same targets as lines of JSON, with the same
// report and with the line numbers of the table.
func TestTargetsOfCSV(t *testing.T) {
	n := start(t, Options{})
	table := "\xef\xbb\xbfid,name,ra,dec,name2,name3,groups,permissions,'=host,distance,scheme\n" +
		"9,M 31,00:42:44.3,+41:16:09,NGC 224,\"Andromeda, the\ngalaxy\",Observers; ,PRIVATE,'-1,780000,\n" +
		"10,A,370.5,-5,,,,,,x,\n" +
		"11,B,-1e-20,5,,,,,,,\n" +
		"12,,1,1,,,,,,,\n"
	got := string(n.ask("astro", "POST", "/api/targets/", csvText(table)).want(t, 201).body)
	for _, part := range []string{
		`"created":2,"rejected":2,"problems":[{"line":4,"errors":{"distance":["A valid number is required."]}},` +
			`{"line":6,"errors":{"name":`, `"notes":[{"text":"the column id is not taken over: the archive gives ` +
			`its own"},` +
			`{"line":4,"text":"ra 370.5 is taken as 10.5"},{"line":5,"text":"ra -1e-20 is taken as 0"}],` +
			`"more_notes":0,`} {
		if !strings.Contains(got, part) {
			t.Errorf("%s\nwithout %s", got, part)
		}
	}
	text := string(n.ask("astro", "GET", "/api/targets/?name=M%2031", nil).want(t, 200).body)
	for _, part := range []string{`"type":"SIDEREAL"`, `"permissions":"PRIVATE"`, `"name":"NGC 224"`,
		`"name":"Andromeda, the\ngalaxy"`,
		`"key":"=host","value":"-1"`, `"ra":10.684583333333`, `"distance":780000.0`, `"name":"Observers"`} {
		if !strings.Contains(text, part) {
			t.Errorf("%s\nwithout %s", text, part)
		}
	}
	n.play(t, []scenario{
		{name: "guests", method: "POST", path: "/api/targets/", body: csvText("name,ra,dec\nX,1,1\n"), status: 401},
		{name: "empty", as: "astro", method: "POST", path: "/api/targets/", body: csvText(""), status: 400,
			has: []string{"line 1: the file is empty"}},
		{name: "no name", as: "astro", method: "POST", path: "/api/targets/", body: csvText("ra,dec\n1,1\n"),
			status: 400, has: []string{"line 1: there is no column name"}},
		{name: "a column twice", as: "astro", method: "POST", path: "/api/targets/", body: csvText("name, name\n1,1\n"),
			status: 400, has: []string{"line 1: the column name appears twice"}},
		{name: "ragged", as: "astro", method: "POST", path: "/api/targets/",
			body: csvText("name,ra,dec\nQ1,1,1\nQ2,1\n"), status: 400, has: []string{"line 3: wrong number of fields"}},
		{name: "a quote", as: "astro", method: "POST", path: "/api/targets/", body: csvText("name,ra,dec\nQ3,1,\"1\n"),
			status: 400, has: []string{"line 2: "}},
		{name: "bytes", as: "astro", method: "POST", path: "/api/targets/", body: csvText("name,ra,dec\nX\xff,1,1\n"),
			status: 400, has: []string{"line 2: the column name is not UTF-8"}},
		{name: "many columns", as: "astro", method: "POST", path: "/api/targets/",
			body: csvText("name" + strings.Repeat(",", maxCSVColumns) + "\n"), status: 400, has: []string{
				"line 1: a table may have 10000 columns"}},
		{name: "nothing was created", as: "astro", method: "GET", path: "/api/targets/?name=Q1,Q2,Q3", status: 200,
			has: []string{`"count":0`}},
		{name: "OPTIONS lists CSV", as: "astro", method: "OPTIONS", path: "/api/targets/", status: 200,
			has: []string{`"streams":["application/x-ndjson","text/csv"]`}},
	})
}

// TestDatumsOfCSV: a CSV table of datums is stored like lines of JSON.
func TestDatumsOfCSV(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31", "Observers")
	n.ask("astro", "PATCH", "/api/targets/"+target+"/", jsonText(`{"aliases":[{"name":"NGC 224"}]}`)).want(t, 200)
	n.target("admin", "hidden")
	post := func(user, text string) *reply { return n.ask(user, "POST", "/api/reduceddatums/", csvText(text)) }
	table := "target,data_type,timestamp,mjd,source_name,data_product,value.magnitude,value.filter,value.\"q\"\n"
	table = strings.Replace(table, `value."q"`, `"value.""q"""`, 1) +
		"M 31,photometry,2026-01-02 03:04:05,,ZTF,7,+15.50,r,[1]\n" +
		"NGC 224,photometry,,60000.25,ZTF,,.5,g,none\n" +
		target + ",photometry,,60000.5,,,NaN,g,{\n" +
		"nobody,photometry,,60000.5,,,1,g,\n" +
		"M 31,photometry,,later,,,1,g,\n" +
		"hidden,photometry,,60000.5,,,1,g,\n" +
		"M 31,,,60000.5,,,1,g,\n" +
		"M 31,photometry,,60000.75,,,-Infinity,g,INF\n"
	got := string(post("astro", table).want(t, 201).body)
	for _, part := range []string{`"created":4,"duplicate":0,"rejected":4`,
		`{"line":5,"errors":{"target":["There is no target called \"nobody\"."]}}`,
		`{"line":6,"errors":{"timestamp":["Datetime has wrong format.`,
		`{"line":7,"errors":{"target":["There is no target called \"hidden\"."]}}`,
		`{"line":8,"errors":{"data_type":["This field is required."]}}`} {
		if !strings.Contains(got, part) {
			t.Errorf("%s\nwithout %s", got, part)
		}
	}
	text := string(n.ask("astro", "GET", "/api/reduceddatums/", nil).want(t, 200).body)
	for _, part := range []string{
		`"timestamp":"2026-01-02T03:04:05Z","value":{"magnitude":15.50,"filter":"r","\"q\"":[1]}`,
		`"timestamp":"2023-02-25T06:00:00Z","value":{"magnitude":0.5,"filter":"g"}`,
		`"value":{"filter":"g","\"q\"":"{"}`, `"timestamp":"2023-02-25T18:00:00Z","value":{"filter":"g"}`} {
		if !strings.Contains(text, part) {
			t.Errorf("%s\nwithout %s", text, part)
		}
	}
	if got := string(post("astro", table).want(t, 201).body); !strings.Contains(got,
		`"created":0,"duplicate":4,"rejected":4`) {
		t.Error(got)
	}
	if got := string(post("bob", "target,data_type,mjd,value\nM 31,photometry,1,1\n").want(t,
		201).body); !strings.Contains(got, "There is no target called") {
		t.Error(got)
	}
	before := fmt.Sprint(n.rowCounts())
	for body, want := range map[string]string{
		"target,data_type,value\n": "line 1: there is no column timestamp or mjd",
		"target,data_type,mjd\n":   "line 1: there is no column value or value.KEY",
		"data_type,mjd,value\n":    "line 1: there is no column target",
		"target,mjd,value\n":       "line 1: there is no column data_type",
		"target,data_type,mjd,value,colour\n": `line 1: the column \"colour\" is not known; the ` +
			`columns are target,`,
		"target,data_type,mjd,value,value.a\nM 31,x,1,1,2\n":   "line 2: there are both a value and a value.KEY",
		"target,data_type,mjd,value\nM 31,x,1,1\nM 31,x,1,{\n": "line 3: column value: this is not JSON",
	} {
		if got := string(post("astro", body).want(t, 400).body); !strings.Contains(got, want) {
			t.Errorf("%q: %s", body, got)
		}
	}
	if after := fmt.Sprint(n.rowCounts()); after != before {
		t.Errorf("a refused table changed the counts to %s from %s", after, before)
	}
}

// TestLongRowOfCSV: a row may have many lines. Its length and its memory are limited like those of
// a line of JSON.
func TestLongRowOfCSV(t *testing.T) {
	t.Parallel()
	n := start(t, Options{Limits: Limits{MaxLine: 1 << 20}})
	n.target("astro", "M 31", "Observers")
	head := "target,data_type,mjd,value.note\n"
	row := func(size int) string { return "M 31,photometry,60000,\"" + strings.Repeat("x,\n", size/3) + "\"\n" }
	n.ask("astro", "POST", "/api/reduceddatums/", csvText(head+row(600<<10)+row(300))).want(t, 201)
	for _, size := range []int{1<<20 + 10, 8 << 20} {
		got := n.ask("astro", "POST", "/api/reduceddatums/", csvText(head+row(size))).want(t, 413)
		if !strings.Contains(string(got.body), "A line, or a row, is longer than 1048576 bytes.") {
			t.Errorf("%d bytes: %s", size, got.body)
		}
	}
	if taken := n.api.memory.all + n.api.small.all; taken != 0 {
		t.Errorf("%d bytes of memory are not given back", taken)
	}
}

// TestWideTablesOfCSV: tables that need much more memory than their length are refused. Package csv
// takes tens of bytes for each cell, JSON six for a control character, and the header is written
// with each row.
func TestWideTablesOfCSV(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	many := strings.Repeat(",", 4<<20)
	for what, c := range map[string]struct{ text, says string }{
		"columns":                    {"name" + many + "\n", "line 1: a table may have 10000 columns"},
		"cells":                      {"name\nx" + many + "\n", "line 2: a table may have 10000 columns"},
		"cells after a row of lines": {"name\n\"a\n,\nb\"\nx" + many + "\n", "line 5: a table may have 10000 columns"},
		"commas in a text":           {"name\n\"" + many + "\"\n", ""},
		"control characters": {"name\n" + strings.Repeat("\x01", 4<<20) + "\n",
			"A line, or a row, is longer than 16777216 bytes."},
		"few control characters": {"name,a\x02\nx\x01,1\n", ""},
		"a long header": {"name," + strings.Repeat("x", 2<<20) + "\n",
			"line 1: a header may have 1048576 bytes"},
	} {
		want := 400
		switch {
		case c.says == "":
			want = 201
		case strings.HasPrefix(c.says, "A line"):
			want = 413
		}
		got := n.ask("astro", "POST", "/api/targets/", csvText(c.text)).want(t, want)
		if !strings.Contains(string(got.body), c.says) {
			t.Errorf("%s: %.300s", what, got.body)
		}
	}
	if taken := n.api.memory.all + n.api.small.all; taken != 0 {
		t.Errorf("%d bytes of memory are not given back", taken)
	}
}

// FuzzCSV reads tables of targets and of datums: each row becomes an object, or is refused with its
// line number.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"name,ra,dec,name2,groups,redshift\nM 31,10.5,41.2,Andromeda,\"a,b\",0\n",
		"\xef\xbb\xbfname,type\n'=1+1,SIDEREAL\n",
		"target,data_type,timestamp,value.magnitude,value.filter\n1,photometry,2026-01-01,15.5,r\n",
		"target,data_type,mjd,value\nM 31,photometry,60000,\"{\"\"a\"\":1}\"\n", "name,ra\n\"M\n31\",12:34:56\n",
		"a,a\n", "\xff\n", "name\n\"x\n", "name,ra,dec\nx,370,-91\n"} {
		f.Add([]byte(s))
	}
	api := &API{o: Options{Limits: Limits{}.orDefaults()}}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, table := range []csvTable{&targetTable{},
			&datumTable{find: func(s string) (uint64, error) { return uint64(len(s) % 2), nil }}} {
			r := api.request(httptest.NewRecorder(),
				httptest.NewRequest("POST", "/api/x/", strings.NewReader(string(text))), &route{})
			c := newCSVReader(r, api.o.MaxLine, table)
			for last := 1; ; {
				object, line, err := c.next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					if refused := new(httpError); !errors.As(err, &refused) ||
						refused.status != http.StatusBadRequest || !strings.HasPrefix(refused.detail, "line ") {
						t.Fatalf("%q: %v", text, err)
					}
					break
				}
				if line <= last || !json.Valid(object) {
					t.Fatalf("line %d of %q becomes %q", line, text, object)
				}
				last = line
			}
		}
	})
}

// TestCoordinates: a table and a cone take coordinates as they are written and pasted, and say what
// is wrong with others.
func TestCoordinates(t *testing.T) {
	n := start(t, Options{})
	table := "name,ra,dec\n" +
		"south,13:47:02.1,12:30:00 S\n" +
		"pasted,13 47 02.1,−12°30′00″\n" +
		"degrees,206.75875°,-12.5 deg\n" +
		"both,206.75875,12:30:00 s\n" +
		"turned,-153.24125,-12.5\n"
	r := n.ask("astro", "POST", "/api/targets/", raw{typeCSV, table}).want(t, 201)
	if r.json(t)["created"] != json.Number("4") || !strings.Contains(string(r.body), "seconds or south") ||
		!strings.Contains(string(r.body), `"line":5`) {
		t.Errorf("a table: %s", r.body)
	}
	for _, cone := range []string{"206.75875,-12.5,0.001", "13:47:02.1 -12:30:00,0.001", "13:47:02.1,12:30:00 S,0.001",
		"13h47m02.1s −12°30′00″,0.001"} {
		rows := n.ask("astro", "GET", "/api/targets/?cone_search="+url.QueryEscape(cone), nil).rows(t)
		if got := members(rows, "name"); len(got) != 4 {
			t.Errorf("cone %s: %v", cone, got)
		}
	}
	for cone, says := range map[string]string{"206.75875,12:30:00 s,1": "seconds or south",
		"206,75 -12,5,1": "ra,dec,radius", "12:30:00 S,1": "is not a right ascension and a declination", "1 2,3": "1 2",
		"206:45:00,5,1": "write degrees as 206d45m00s", "1,2,-3": "with radius >= 0"} {
		r := n.ask("astro", "GET", "/api/targets/?cone_search="+url.QueryEscape(cone), nil).want(t, 400)
		if !strings.Contains(string(r.body), says) {
			t.Errorf("cone %s: no %q in %s", cone, says, r.body)
		}
	}
}
