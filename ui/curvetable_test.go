package ui

import (
	"encoding/csv"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// curve are the values of a light curve, one a day from MJD 60000 on: fluxes with all that belongs
// to them, one of them negative, magnitudes and limits of two systems, and values as TOM Toolkit 3
// shares them.
var curve = []string{
	`{"filter": "r", "flux": 125.5, "flux_error": 2.25, "flux_unit": "uJy", "zero_point": 23.9, "magsys": "AB"}`,
	`{"filter": "r", "flux": -3.5, "flux_error": 2.5, "flux_unit": "uJy", "zero_point": 23.9, "magsys": "AB"}`,
	`{"filter": "r", "flux": 14.5, "flux_error": 2.75, "flux_unit": "uJy"}`,
	`{"filter": "g", "magnitude": 18.25, "error": 0.03, "magsys": "AB", "telescope": "Dome, 1"}`,
	`{"filter": "g", "limit": 20.5, "magsys": "Vega"}`,
	`{"filter": "g", "magnitude": 18.75, "error": 0.04, "zero_point": 25.5, "flux": 501.25, "flux_unit": "counts"}`,
	`{"bandpass": "i", "brightness": 18.5, "brightness_error": 0.05, "unit": "", "telescope": "1m0"}`,
	`{"bandpass": "i", "brightness": 0.25, "brightness_error": 0.01, "unit": "mJy"}`,
}

// shared are the columns of the members that TOM Toolkit 3 shares, where the unit is of magnitudes
// and where it is of fluxes.
var shared = map[bool]map[string]string{
	false: {"bandpass": "filter", "brightness": "magnitude", "brightness_error": "error", "unit": ""},
	true:  {"bandpass": "filter", "brightness": "flux", "brightness_error": "flux_error", "unit": "flux_unit"},
}

// TestCurveTable saves the light curve as CSV and ECSV, and compares it with what the API says: all
// of it, without a band, of the part that is in view, and folded.
func TestCurveTable(t *testing.T) {
	b := startBrowser(t)
	n := serve(t)
	p := b.newPage(t, n.base)
	p.size(1366, 800)
	p.signIn(n)
	p.run(`const post = async (path, json) => { const r = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(json) }); if (!r.ok) throw new Error(await r.text()) };
		await post("/api/targets/", { name: "Curve", type: "SIDEREAL", ra: 1, dec: 2 });
		for (const [i, value] of [` + strings.Join(curve, ", ") + `].entries()) await post("/api/reduceddatums/", { target: 1, data_type: "photometry", source_name: "API", timestamp: new Date(Date.UTC(2023, 1, 25 + i)).toISOString(), value })`)
	p.open("/targets/1/")
	p.wait("$('#lightcurve [data-drawn]') && $('#lightcurve > .help').textContent.includes('8 points')")
	p.catch()
	saved := func(format string) (rows []map[string]string) {
		t.Helper()
		p.run("window.caught.length = 0")
		p.labelled("#lightcurve", format)
		text := p.caught("mjd,timestamp,filter")
		r := csv.NewReader(strings.NewReader(text))
		r.Comment = '#'
		all, err := r.ReadAll()
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		for _, cells := range all[1:] {
			row := map[string]string{}
			for i, name := range all[0] {
				row[name] = cells[i]
			}
			rows = append(rows, row)
		}
		return rows
	}

	// datums of the API, by time
	want := map[string]map[string]any{}
	for _, d := range p.datums("target__id=1") {
		value := map[string]any{}
		for name, v := range d.Value {
			if column, ok := shared[d.Value["unit"] != ""][name]; ok && d.Value["brightness"] != nil {
				name = column
			}
			if name != "" {
				value[name] = v
			}
		}
		want[d.Timestamp] = value
	}
	// same compares rows with those of the datums of some days.
	same := func(what string, rows []map[string]string, days ...int) {
		t.Helper()
		if len(rows) != len(days) {
			t.Errorf("%s: %d rows, want those of the days %v: %v", what, len(rows), days, rows)
			return
		}
		for i, day := range days {
			row := rows[i]
			if row["mjd"] != fmt.Sprintf("%d.000000", 60000+day) {
				t.Errorf("%s: row %d is of MJD %s, want day %d", what, i, row["mjd"], day)
			}
			value := want[row["timestamp"]]
			if len(value) == 0 {
				t.Errorf("%s: no datum of the API has the time %s", what, row["timestamp"])
			}
			for _, name := range slices.Sorted(maps.Keys(row)) {
				cell, had := row[name], value[name]
				switch number, isNumber := had.(float64); {
				case slices.Contains([]string{"mjd", "timestamp", "source", "phase"}, name):
				case isNumber:
					if got, err := strconv.ParseFloat(cell, 64); err != nil || got != number {
						t.Errorf("%s: %s of day %d is %q, in the API %v", what, name, day, cell, had)
					}
				case had == nil && cell != "" || had != nil && cell != had:
					t.Errorf("%s: %s of day %d is %q, in the API %v", what, name, day, cell, had)
				}
			}
			for name := range value {
				if _, ok := row[name]; !ok && name != "telescope" {
					t.Errorf("%s: no column %s", what, name)
				}
			}
		}
	}
	same("CSV", saved("CSV"), 0, 1, 2, 3, 4, 5, 6, 7)
	same("ECSV", saved("ECSV"), 0, 1, 2, 3, 4, 5, 6, 7)
	if s := saved("CSV")[3]["source"]; s != "Dome, 1" {
		t.Errorf("the source is %q", s)
	}

	p.click("#lightcurve .legend button[data-band=g]")
	same("without g", saved("CSV"), 0, 1, 2, 6, 7)
	p.click("#lightcurve .legend button[data-band=g]")
	p.labelled("#lightcurve", "Limits")
	same("without limits", saved("CSV"), 0, 1, 2, 3, 5, 6, 7)
	p.labelled("#lightcurve", "Limits")

	// the days run from the left axis to the right one, with a margin of 3 % on both sides
	const plot = "#lightcurve .plot canvas"
	p.drag(plot, 0.05, 0.03, 0.39, 0.88)
	same("in view", saved("CSV"), 0, 1, 2)
	p.choose("#lightcurve .controls label:nth-of-type(1) select", "ago") // this shows everything again
	same("days ago", saved("CSV"), 0, 1, 2, 3, 4, 5, 6, 7)
	p.choose("#lightcurve .controls label:nth-of-type(2) select", "flux")
	same("as flux", saved("ECSV"), 0, 1, 2, 3, 4, 5, 6, 7)

	p.enter("#period", "4")
	p.enter("[aria-label='Time of phase 0, MJD']", "60000")
	rows := saved("ECSV")
	same("folded", rows, 0, 1, 2, 3, 4, 5, 6, 7)
	for i, row := range rows {
		got, err := strconv.ParseFloat(row["phase"], 64)
		if err != nil || math.Abs(got-math.Mod(float64(i)/4, 1)) > 1e-5 {
			t.Errorf("folded: the phase of day %d is %q", i, row["phase"])
		}
	}
	p.clean()
}
