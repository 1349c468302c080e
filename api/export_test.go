package api

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestManyColumns: targets are not exported as a table if their tags would make too many columns.
func TestManyColumns(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	tags := func(from, to int) string {
		var b strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&b, `,{"key": "tag%d", "value": "x"}`, i)
		}
		return "[" + b.String()[1:] + "]"
	}
	for i := range 3 {
		n.ask("astro", "POST", "/api/targets/",
			jsonText(fmt.Sprintf(`{"name": "M %d", "type": "SIDEREAL", "ra": 1, "dec": 1, "targetextra_set": %s}`, i,
				tags(800*i, 800*i+800)))).want(t, 201)
	}
	for _, format := range []string{"csv", "ecsv", "votable", "fits"} {
		if r := n.ask("astro", "GET", "/api/targets/?format="+format, nil).want(t,
			400); !strings.Contains(string(r.body), "too many for a table") {
			t.Errorf("%s: %s", format, r.body)
		}
	}
	n.ask("astro", "GET", "/api/targets/?name=M+1&format=csv", nil).want(t, 200)
	n.ask("astro", "GET", "/api/targets/?format=ndjson", nil).want(t, 200)
}

func TestGuarded(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "M 31": "M 31", "-12.5": "-12.5", "+1e5": "+1e5", "-inf": "-inf", "-12:30:05.1": "-12:30:05.1",
		"+41 16 09": "+41 16 09", "--": "--", "a=b": "a=b", "'quoted'": "'quoted'", " =1": " =1",
		"=1+1": "'=1+1", "=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0", "+SUM(A1)": "'+SUM(A1)",
		"-2+3+cmd|x": "'-2+3+cmd|x", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1",
		"＝1": "'＝1", "-x-": "'-x-", "'=1": "''=1", "''-1": "'''-1", "'-12.5": "''-12.5",
	} {
		if got := escapeFormula(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
		if got := unescapeFormula(escapeFormula(text)); got != text {
			t.Errorf("%q is read back as %q", text, got)
		}
	}
}

func FuzzGuarded(f *testing.F) {
	for _, s := range []string{"=1", "'=1", "-1", "''", "'\t", "＠x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g := escapeFormula(s)
		if unescapeFormula(g) != s {
			t.Errorf("%q is read back as %q", s, unescapeFormula(g))
		}
		if startsFormula(g) && !isHarmless(g) {
			t.Errorf("a spreadsheet runs %q", g)
		}
	})
}

// TestFormulas: names and values that a spreadsheet would run are texts in CSV exports, and
// unchanged in other formats.
func TestFormulas(t *testing.T) {
	n := start(t, Options{})
	made := n.ask("astro", "POST", "/api/targets/", jsonText(`{"name": "=HYPERLINK(\"http://evil.example\")", "type": "SIDEREAL", "ra": 1, "dec": -1.5, "groups": [{"name": "Observers"}],
		"aliases": [{"name": "@x"}], "targetextra_set": [{"key": "+key", "value": "-value"}]}`)).want(t, 201)
	n.ask("astro", "POST", "/api/reduceddatums/", jsonText(`{"target": `+made.id(t)+`, "data_type": "photometry", "source_name": "=cmd|' /C calc'!A0", "source_location": "+1", "timestamp": "2026-01-01T00:00:00Z",
		"value": {"magnitude": -1.50, "dec": "-12:30:00", "note": "-2+3+cmd", "@key": 1}}`)).want(t, 201)
	table := func(path string) [][]string {
		rows, err := csv.NewReader(strings.NewReader(string(n.ask("carol", "GET", path, nil).want(t,
			200).body))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for _, cell := range row {
				if startsFormula(cell) && !isHarmless(cell) {
					t.Errorf("%s: a spreadsheet runs %q", path, cell)
				}
			}
		}
		return rows
	}
	if row := table("/api/reduceddatums/?format=csv")[1]; !slices.Contains(row, "-1.50") ||
		!slices.Contains(row, "-12:30:00") || !slices.Contains(row, "'-2+3+cmd") {
		t.Errorf("a row of datums: %q", row)
	}
	if rows := table("/api/targets/?format=csv"); !slices.Contains(rows[0], "'+key") ||
		!slices.Contains(rows[1], "'@x") || !slices.Contains(rows[1], "-1.5") {
		t.Errorf("targets: %q", rows)
	}
	for _, format := range []string{"ndjson", "ecsv", "votable"} {
		if text := string(n.ask("carol", "GET", "/api/reduceddatums/?format="+format, nil).want(t,
			200).body); !strings.Contains(text, "-2+3+cmd") || strings.Contains(text, "'-2") {
			t.Errorf("%s: %s", format, text)
		}
	}
}

// TestTableExport: every format has the rows of the list, and a FITS table has their number in its
// header.
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
	// a datum with many members does not make the table wide: its value is written as JSON
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

// TestForgottenToken: a guest learns that the answer is a guest's. A table says so in its head. An
// export is refused if no target is open, and so is a token in the address.
func TestForgottenToken(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	n.datum("astro", target, 1)
	list := n.ask("", "GET", "/api/reduceddatums/?target__id="+target, nil)
	if list.header.Get("Nightjar-Viewer") != "guest" {
		t.Errorf("a guest's list: %d %v", list.status, list.header)
	}
	if h := n.ask("astro", "GET", "/api/reduceddatums/", nil).header.Get("Nightjar-Viewer"); h != "" {
		t.Errorf("a user's list is marked as that of %s", h)
	}
	for _, format := range exportFormats {
		for _, path := range []string{"/api/reduceddatums/", "/api/targets/"} {
			r := n.ask("", "GET", path+"?format="+format, nil).want(t, 401)
			if !strings.Contains(string(r.body), "Authorization") || r.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s as %s by a guest: %s %v", path, format, r.body, r.header)
			}
			n.ask("bob", "GET", path+"?format="+format, nil).want(t, 200) // who sees nothing, but is signed in
		}
	}
	n.ask("astro", "PATCH", "/api/targets/"+target+"/", jsonText(`{"permissions": "OPEN"}`)).want(t, 200)
	for _, format := range []string{"votable", "ecsv", "fits"} {
		guest := n.ask("", "GET", "/api/reduceddatums/?format="+format, nil).want(t, 200)
		user := n.ask("astro", "GET", "/api/reduceddatums/?format="+format, nil).want(t, 200)
		if !strings.Contains(string(guest.body), "guest: the rows that are open") ||
			strings.Contains(string(user.body), "guest") {
			t.Errorf("%s by a guest: %.600s\nby a user: %.600s", format, guest.body, user.body)
		}
	}
	for _, query := range []string{"token=x", "format=csv&api_key=x", "strict=true&Access_Token=x"} {
		r := n.ask("", "GET", "/api/reduceddatums/?"+query, nil).want(t, 400)
		if !strings.Contains(string(r.body), "header Authorization") || strings.Contains(string(r.body), "=x") {
			t.Errorf("?%s: %s", query, r.body)
		}
	}
	n.ask("astro", "POST", "/api/targets/?token=x", jsonText(`{}`)).want(t, 400)
}
