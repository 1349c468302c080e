package api

import (
	"encoding/json"
	"strings"
	"testing"

	"nightjar/auth"
)

// TestOptionsHelp: OPTIONS of data products and datums describe the resource and every field.
func TestOptionsHelp(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	for path, most := range map[string][]string{"/api/dataproducts/": {"id", "data_product_type", "groups"},
		"/api/reduceddatums/": {"id", "data_product", "target"}} {
		var got struct {
			Description string
			Actions     struct {
				POST map[string]struct {
					HelpText string `json:"help_text"`
				}
			}
		}
		body := n.ask("astro", "OPTIONS", path, nil).want(t, 200).body
		if err := json.Unmarshal(body, &got); err != nil || len(got.Description) < 40 {
			t.Errorf("%s: %v, described as %q", path, err, got.Description)
		}
		for _, name := range most {
			if _, ok := got.Actions.POST[name]; !ok {
				t.Errorf("%s lacks %s", path, name)
			}
		}
		for name, f := range got.Actions.POST {
			if f.HelpText == "" && name != "id" {
				t.Errorf("%s: %s has no help text", path, name)
			}
		}
		if help := got.Actions.POST["groups"].HelpText; path == "/api/dataproducts/" &&
			!strings.Contains(help, "Without groups, only the uploader and superusers can see them.") {
			t.Errorf("groups: %s", help)
		}
	}
}

// TestUnshared: where permissions are on objects, the report of an upload that names no group warns,
// and so do the notes of a stream of datums.
func TestUnshared(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	target := n.target("astro", "A", "Observers")
	upload := func(name, query string, more ...string) scenario {
		f := newForm(append([]string{"target", target, "data_product_type", "photometry"}, more...)...)
		status := 201
		if query != "" {
			status = 200
		}
		return scenario{name: name, as: "astro", method: "POST", path: "/api/dataproducts/" + query, status: status,
			body: f.file("a.csv", []byte("time,filter,magnitude\n60000.5,r,15.5\n"))}
	}
	stream := func(name, groups string) scenario {
		return scenario{name: name, as: "astro", method: "POST", path: "/api/reduceddatums/", status: 201,
			body: raw{typeNDJSON, `{"target": ` + target + `, "data_type": "photometry", "timestamp": ` +
				`"2026-01-01T00:00:00Z", "value": {"a": 1}` + groups + `}` + "\n"}}
	}
	const warning = "No group is named (groups): only you and superusers can see this data product and its datums."
	const note = `"notes":[{"text":"Some datums name no group: only the user who sent them and superusers can see them."}]`
	warns := func(s scenario, text string) scenario { s.has = []string{text}; return s }
	quiet := func(s scenario) scenario { s.lacks = []string{"No group is named", "name no group"}; return s }
	n.play(t, []scenario{quiet(upload("permissions on targets", "")), quiet(stream("a stream", ""))})
	n.mode(auth.ModeObjects, auth.ReadOnly)
	n.play(t, []scenario{
		warns(upload("permissions on objects", ""), warning),
		warns(upload("a dry run", "?dry_run=true"), warning),
		quiet(upload("with a group", "", "groups", `[{"name": "Observers"}]`)),
		warns(upload("without one", "", "groups", `[]`), warning),
		warns(stream("a stream on objects", ""), note),
		quiet(stream("a stream with a group", `, "groups": [{"name": "Observers"}]`)),
	})
}
