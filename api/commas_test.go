package api

import (
	"fmt"
	"net/url"
	"testing"
)

// TestSharedNames: a TOM that shares a target with a comma in its name finds that target, and its
// datum goes there.
func TestSharedNames(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	short, long := n.target("astro", "Pair", "Observers"), n.target("astro", "Pair, B 2", "Observers")
	n.ask("astro", "PATCH", "/api/targets/"+long+"/", jsonText(`{"aliases": [{"name": "ZTF26x"}]}`)).want(t, 200)
	sharer := []string{"Authorization", basic("carol")}
	for names, want := range map[string]string{"Pair, B 2": long, "Pair, B 2,ZTF26x": long, "Pair": short,
		"ZTF26x,Pair, B 2": long} {
		rows := n.ask("", "GET", "/api/targets/?name_fuzzy="+url.QueryEscape(names), nil, sharer...).rows(t)
		if got := fmt.Sprint(members(rows, "id")); got != "["+want+"]" {
			t.Errorf("looking for %q: %s, want %s", names, got, want)
			continue
		}
		n.ask("", "POST", "/api/reduceddatums/", jsonText(fmt.Sprintf(`{"target": %v, "data_product": "", `+
			`"data_type": "photometry", "source_name": %q, "timestamp": "2026-01-01T00:00:00Z", `+
			`"value": {"magnitude": 15.5, "n": %q}}`, rows[0]["id"], names, names)), sharer...).want(t, 201)
	}
	rows := n.ask("carol", "GET", "/api/reduceddatums/?target__id="+short, nil).rows(t)
	if got := fmt.Sprint(members(rows, "source_name")); got != "[Pair]" {
		t.Errorf("the datums of Pair come from %s", got)
	}
}

// TestEmptyParts: an empty value is no filter, a value with an empty part matches nothing, or is
// refused on request.
func TestEmptyParts(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	n.target("astro", "M 31")
	n.target("astro", "M 32")
	count := func(i int) []string { return []string{fmt.Sprintf(`"count":%d,`, i)} }
	for _, c := range []struct {
		query  string
		rows   int
		strict int
	}{
		{"name=", 2, 200}, {"name=+", 2, 200}, {"name_fuzzy=", 2, 200}, {"target_cone_search=", 2, 200},
		{"cone_search=", 2, 200}, {"query=", 2, 200}, {"type=", 2, 200},
		{"name=,", 2, 400}, // as a TOM
		{"name=M,", 0, 400}, {"name=,M+31", 0, 400}, {"name=M+31,+,M+32", 0, 400}, {"name=M+31,M+32", 2, 200},
		{"name_fuzzy=,", 0, 400}, {"name_fuzzy=m31,", 0, 400}, {"name_fuzzy=m31,m32", 2, 200},
		{"target_cone_search=,5", 0, 400}, {"target_cone_search=+,5", 0, 400},
		{"target_cone_search=M+31,5", 2, 200},
	} {
		path := "/api/targets/?" + c.query
		refused := scenario{name: "strict", as: "astro", method: "GET", path: path + "&strict=true", status: c.strict}
		if c.strict == 400 {
			refused.has = []string{"A part of this value is empty."}
		}
		n.play(t, []scenario{{name: "lax", as: "astro", method: "GET", path: path, status: 200, has: count(c.rows)},
			refused})
	}
	n.play(t, []scenario{
		{name: "a cone without its radius", as: "astro", method: "GET", path: "/api/targets/?target_cone_search=M+31,",
			status: 400},
		{name: "a cone without its ra", as: "astro", method: "GET", path: "/api/targets/?cone_search=,2,1",
			status: 400},
		{name: "an order", as: "astro", method: "GET", path: "/api/observations/?ordering=,status", status: 200},
		{name: "a strict order", as: "astro", method: "GET", path: "/api/observations/?ordering=,status&strict=1",
			status: 400, has: []string{`"ordering":["A part of this value is empty."]`}},
	})
}

// TestReportedTogether: all bad references and types of an upload and of a datum are reported in
// one answer.
func TestReportedTogether(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	hidden := n.target("bob", "hidden")
	file := func(fields ...string) *form {
		return newForm(fields...).file("a.csv", []byte("time,magnitude\n6e4,15\n"))
	}
	for target, why := range map[string]string{"999": "object does not exist", hidden: "object does not exist",
		"abc": "Incorrect type", "": "may not be null"} {
		n.play(t, []scenario{
			{name: "an upload to " + target, as: "astro", method: "POST", path: "/api/dataproducts/", status: 400,
				body: file("target", target, "data_product_type", "gossip", "observation_record", "77",
					"flux_scale", "x"),
				has: []string{`"target":["`, why, `"data_product_type":["Not a valid data_product_type.`,
					`"observation_record":["Invalid pk`, `"flux_scale":["`}},
			{name: "without a type", as: "astro", method: "POST", path: "/api/dataproducts/", status: 400,
				body: file("target", target),
				has:  []string{`"target":["`, why, `"data_product_type":["This field is required."]`}},
			{name: "a datum for " + target, as: "astro", method: "POST", path: "/api/reduceddatums/", status: 400,
				body: jsonText(fmt.Sprintf(`{"target": %q, "data_type": "gossip", "data_product": 77}`, target)),
				has: []string{`"target":["`, why, `"data_type":["`, `"data_product":["Invalid pk`,
					`"value":["This field is required."]`}},
			{name: "without a data type", as: "astro", method: "POST", path: "/api/reduceddatums/", status: 400,
				body: jsonText(fmt.Sprintf(`{"target": %q, "value": {"a": 1}}`, target)),
				has:  []string{`"target":["`, why, `"data_type":["This field is required."]`}},
		})
	}
	n.play(t, []scenario{{name: "no target", as: "astro", method: "POST", path: "/api/dataproducts/", status: 400,
		body: file("data_product_type", "gossip"),
		has:  []string{`"target":["This field is required."]`, `"data_product_type":["Not a valid`}}})
}

// TestOwnAliases: a target is not renamed to one of its aliases, and the id of another target's
// alias or tag is refused at its place.
func TestOwnAliases(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	path := "/api/targets/" + n.target("astro", "A") + "/"
	other := "/api/targets/" + n.target("astro", "B") + "/"
	n.ask("astro", "PATCH", path, jsonText(`{"aliases": [{"name": "A-one"}]}`)).want(t, 200)
	n.ask("astro", "PATCH", other, jsonText(`{"aliases": [{"name": "B-one"}], "targetextra_set": `+
		`[{"key": "k", "value": "v"}]}`)).want(t, 200)
	conflict := []string{`{"name":["Alias 'A-one' conflicts with Target name 'A-one'."]}`}
	n.play(t, []scenario{
		{name: "PATCH", as: "astro", method: "PATCH", path: path, body: jsonText(`{"name": "A-one"}`), status: 400,
			has: conflict},
		{name: "PUT", as: "astro", method: "PUT", path: path, status: 400, has: conflict,
			body: jsonText(`{"name": "A-one", "type": "SIDEREAL", "ra": 1, "dec": 1}`)},
		{name: "the reverse", as: "astro", method: "PATCH", path: path, body: jsonText(`{"aliases": [{"name": "A"}]}`),
			status: 400, has: []string{`["Alias 'A' conflicts with Target name 'A'."]`}},
		{name: "both change places", as: "astro", method: "PATCH", path: path, status: 200,
			body: jsonText(`{"name": "A-one", "aliases": [{"id": 1, "name": "A"}]}`),
			has:  []string{`"name":"A-one"`, `"aliases":[{"id":1,"name":"A"}]`}},
		{name: "another's alias", as: "astro", method: "PATCH", path: path, status: 400,
			body: jsonText(`{"aliases": [{"name": "new"}, {"id": 2, "name": "stolen"}]}`),
			has: []string{
				`{"aliases":[{},{"id":["TargetName identified by id '2' is not an\n                        alias of ` +
					`Target 'A-one'"]}]}`}},
		{name: "no alias at all", as: "astro", method: "PATCH", path: path, status: 400,
			body: jsonText(`{"ra": "x", "aliases": [{"id": 99, "name": "stolen"}]}`),
			has:  []string{`"ra":["A valid number`, `"aliases":[{"id":["TargetName identified by id '99'`}},
		{name: "another's tag", as: "astro", method: "PATCH", path: path, status: 400,
			body: jsonText(`{"targetextra_set": [{"id": 1, "key": "k", "value": "w"}]}`),
			has:  []string{`{"targetextra_set":[{"id":["The target has no tag with the id 1."]}]}`}},
	})
}
