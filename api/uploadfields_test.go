package api

import (
	"fmt"
	"strings"
	"testing"
)

// TestUploadFieldsAreChecked: a value that a field of an upload cannot have is refused under the
// name of the field, and OPTIONS offers each field.
func TestUploadFieldsAreChecked(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "A star")
	csv := []byte("mjd,filter,flux\n58849.5,r,15.5\n")
	for _, c := range []struct{ field, value, says string }{
		{"flux_unit", "furlong", "not a known unit"},
		{"date_obs", "03/04/2026", "is not a time; write it as ISO 8601"},
		{"time_format", "sidereal", "is not understood"},
		{"zero_point", "-9", "not a zero point"},
		{"zero_point", "bright", "not a zero point"},
		{"images", "raw", "not a valid choice"},
		{"bad_rows", "guess", "not a valid choice"},
	} {
		r := n.upload("astro", target, "auto", "a.csv", csv, c.field, c.value).want(t, 400)
		said, _ := r.json(t)[c.field].([]any)
		if len(said) != 1 || !strings.Contains(said[0].(string), c.says) {
			t.Errorf("%s=%s: %s", c.field, c.value, r.body)
		}
	}
	stored := n.ask("astro", "GET", "/api/reduceddatums/", nil).want(t, 200).json(t)["count"]
	if fmt.Sprint(stored) != "0" {
		t.Errorf("%v datums were stored", stored)
	}
	options := n.ask("astro", "OPTIONS", "/api/dataproducts/", nil).want(t, 200)
	offered, _ := options.json(t)["write_fields"].(map[string]any)
	for _, field := range []string{"flux_unit", "zero_point", "images", "bad_rows"} {
		if offered[field] == nil {
			t.Errorf("OPTIONS does not offer %s", field)
		}
	}
}

// TestUploadFieldsAreUsed: each field changes how a file is read.
func TestUploadFieldsAreUsed(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "A star")
	const atlas = "###MJD m dm uJy duJy F err chi/N RA Dec x y maj min phi apfit mag5sig Sky Obs\n" +
		"59000.1 18.1 0.05 210 10 o 0 1 150.0 2.0 5 5 2.5 2.4 45.0 -0.4 19.5 20.1 02a\n"
	for _, c := range []struct {
		csv    string
		fields []string
		want   map[string]any // members of the value; nil for one that it must not have
	}{
		{"mjd,filter,flux\n58849.5,r,100\n", []string{"flux_unit", "microjansky"},
			map[string]any{"flux_unit": "uJy", "magnitude": nil}},
		{"mjd,filter,flux\n58849.5,r,100\n", []string{"zero_point", "25"},
			map[string]any{"zero_point": 25.0, "magnitude": 20.0, "flux_unit": nil}},
		{"mjd,filter,flux\n58849.5,r,100\n", []string{"images", "difference"}, map[string]any{"difference": true}},
		{atlas, nil, map[string]any{"difference": true, "magnitude": 18.1}},
		{atlas, []string{"images", "reduced"}, map[string]any{"difference": nil, "magnitude": 18.1}},
		{"time,filter,mag\n3450.1,r,15\n", []string{"time_format", "btjd"}, map[string]any{"magnitude": 15.0}},
		{"mjd,filter,mag,upper\n58849.5,r,15,1\n", []string{"columns", `{"limit_flag":"upper"}`},
			map[string]any{"magnitude": nil, "limit": 15.0}},
	} {
		a := n.upload("astro", target, "photometry", "a.csv", []byte(c.csv), c.fields...).want(t, 201).json(t)
		list := n.ask("astro", "GET", fmt.Sprintf("/api/reduceddatums/?data_product=%v&limit=1&ordering=-id", a["id"]),
			nil).want(t, 200).json(t)
		row := list["results"].([]any)[0].(map[string]any)
		value := row["value"].(map[string]any)
		for key, want := range c.want {
			if got := value[key]; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%v: %s is %v, want %v: %v", c.fields, key, got, want, value)
			}
		}
		n.ask("astro", "DELETE", fmt.Sprintf("/api/dataproducts/%v/", a["id"]), nil).want(t, 204)
	}
}

// TestReportHasLists: a report has a list where it has nothing to list, so that a client can go
// through it.
func TestReportHasLists(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "A star")
	csv := []byte("mjd,filter,magnitude\n58849.5,r,15.5\n")
	for _, fields := range [][]string{{"dry_run", "true"}, nil} {
		r := n.upload("astro", target, "photometry", "a.csv", csv, fields...)
		report, _ := r.json(t)["report"].(map[string]any)
		for _, list := range []string{"columns", "rejected", "warnings", "errors"} {
			if got, ok := report[list].([]any); !ok || list != "columns" && len(got) > 0 {
				t.Errorf("%v: %s is %v", fields, list, report[list])
			}
		}
	}
}
