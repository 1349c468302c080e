package api

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"
)

func TestGuarded(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "M 31": "M 31", "-12.5": "-12.5", "+1e5": "+1e5", "-inf": "-inf", "-12:30:05.1": "-12:30:05.1", "+41 16 09": "+41 16 09", "--": "--", "a=b": "a=b", "'quoted'": "'quoted'", " =1": " =1",
		"=1+1": "'=1+1", "=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0", "+SUM(A1)": "'+SUM(A1)", "-2+3+cmd|x": "'-2+3+cmd|x", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1",
		"＝1": "'＝1", "-x-": "'-x-", "'=1": "''=1", "''-1": "'''-1", "'-12.5": "''-12.5",
	} {
		if got := escapeFormula(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
		if got := unescapeFormula(escapeFormula(text)); got != text {
			t.Errorf("%q comes back as %q", text, got)
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
			t.Errorf("%q comes back as %q", s, unescapeFormula(g))
		}
		if startsFormula(g) && !isHarmless(g) {
			t.Errorf("%q is run", g)
		}
	})
}

// TestFormulas: names and values that a spreadsheet would run are texts in an export as CSV, and
// what they are in every other form.
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
		t.Errorf("a row of data: %q", row)
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
