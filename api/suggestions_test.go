package api

import (
	"fmt"
	"testing"
)

// awaitIndex waits until the index of names has all changes.
func (n *node) awaitIndex() {
	n.t.Helper()
	await(n.t, "the index of names", func() bool {
		v := n.ask("admin", "GET", "/api/node/", nil).want(n.t, 200).json(n.t)
		x := v["index"].(map[string]any)
		return x["why_not"] == "" && fmt.Sprint(x["sequence"]) == fmt.Sprint(v["sequence"])
	})
}

// TestSuggestions checks the order, the number and the form of suggestions. TestMatrix checks who
// sees them.
func TestSuggestions(t *testing.T) {
	n := start(t, Options{})
	ids := map[string]string{}
	for _, name := range []string{"NGC 4993", "M 31", "M 3", "SN in M 31", "η Carinæ", "Sgr A*"} {
		ids[name] = n.target("astro", name, "Observers")
	}
	n.ask("astro", "PATCH", "/api/targets/"+ids["M 31"]+"/",
		jsonText(`{"aliases": [{"name": "Andromeda"}]}`)).want(t, 200)
	for i := range 12 {
		n.target("astro", fmt.Sprintf("Survey %02d", i), "Observers")
	}
	for i, source := range []string{"ZTF", "ztf alerts", "ATLAS"} {
		n.datum("astro", ids["M 31"], i, "source_name", source)
	}
	n.awaitIndex()
	target := func(name, as string) string {
		return fmt.Sprintf(`{"id":%s,"name":"%s","as":"%s"}`, ids[name], name, as)
	}
	get := func(name, user, q string, has ...string) scenario {
		return scenario{name: name, as: user, method: "GET", path: "/api/suggestions/?q=" + q, status: 200, has: has}
	}
	n.play(t, []scenario{
		get("those that begin with it come first, by name", "astro", "m%203",
			`{"targets":[`+target("M 3", "M 3")+`,`+target("M 31", "M 31")+`,`+target("SN in M 31",
				"SN in M 31")+`],"similar":[],"source_names":[]}`),
		get("an alias", "astro", "DROM", `"targets":[`+target("M 31", "Andromeda")+`],"similar":[]`),
		get("another case, beyond ASCII", "astro", "%CE%97%20CARIN%C3%86", target("η Carinæ", "η Carinæ")),
		get("a pattern is text", "astro", "*", `"targets":[`+target("Sgr A*", "Sgr A*")+`]`),
		get("did you mean", "astro", "NGC-4939", `"targets":[],"similar":[`+target("NGC 4993", "NGC 4993")+`]`),
		get("an alias that was meant", "astro", "andromedae", `"similar":[`+target("M 31", "Andromeda")+`]`),
		get("source names", "astro", "zTf", `"source_names":["ZTF","ztf alerts"]`),
		get("nothing that is hidden", "bob", "m", `{"targets":[],"similar":[],"source_names":[]}`),
		get("nor what is like it", "bob", "ngc4993", `{"targets":[],"similar":[],"source_names":[]}`),
		get("nor sources", "eve", "zt", `{"targets":[],"similar":[],"source_names":[]}`),
		{name: "no text", as: "astro", method: "GET", path: "/api/suggestions/?q=", status: 400,
			has: []string{`"q":["This field is required."]`}},
		{name: "NUL", as: "astro", method: "GET", path: "/api/suggestions/?q=%00", status: 400},
		{name: "an unknown parameter", as: "astro", method: "GET",
			path: "/api/suggestions/?q=m&x=1&strict=true", status: 400},
		{name: "a write", as: "astro", method: "POST", path: "/api/suggestions/?q=m", status: 405},
	})
	if list := n.ask("astro", "GET", "/api/suggestions/?q=survey", nil).want(t,
		200).json(t)["targets"].([]any); len(list) != 8 {
		t.Errorf("%d targets are suggested", len(list))
	}
	if o := n.ask("astro", "OPTIONS", "/api/suggestions/", nil).want(t,
		200).json(t); o["filters"].(map[string]any)["q"] == nil {
		t.Errorf("OPTIONS: %v", o)
	}
}
