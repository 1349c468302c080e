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
		{"flux_unit", "furlong", "not a unit"},
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
