package api

import (
	"fmt"
	"strings"
	"testing"

	"nightjar/api/wire"
)

// TestForms: Accept and format choose the media type of an answer.
func TestForms(t *testing.T) {
	n := start(t, Options{})
	const json, html = typeJSON, typeHTML
	for _, c := range []struct{ path, accept, want string }{
		{"targets/", "", json},
		{"targets/", "*/*", json},
		{"targets/", "application/*", json},
		{"targets/", "Application/JSON", json},
		{"targets/", "application/json; indent=2", json},
		{"targets/", "application/json;q=0.1, text/html", json},
		{"targets/", "application/xml, application/json", json},
		{"targets/", "image/png, */*;q=0.1", json},
		{"targets/", "text/*, application/*", json},
		{"targets/", "text/*", html},
		{"targets/", "text/html", html},
		{"targets/", "text/html, application/*", html},
		{"targets/", "text/html;level=1, application/json", html},
		{"targets/", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", html},
		{"targets/", "text/plain", "406"},
		{"targets/", "application/vnd.api+json", "406"},
		{"targets/", "nonsense", "406"},
		{"targets/?format=json", "text/html", json},
		{"targets/?format=api", "application/json", html},
		{"targets/?format=", "text/html", html},
		{"targets/?format=json&format=api", "", html},
		{"targets/?format=api&format=json", "", json},
		{"targets/?format=JSON", "", "406"},
		{"schema/", "text/html", "406"},
		{"schema/", "text/*, application/*", json},
		{"backup/", "application/octet-stream", "application/octet-stream"},
	} {
		r := n.ask("admin", "GET", "/api/"+c.path, nil, "Accept", c.accept)
		got, _, _ := strings.Cut(r.header.Get("Content-Type"), ";")
		if r.status != 200 {
			got = fmt.Sprint(r.status)
		}
		if got != c.want {
			t.Errorf("%s as %q: %s, want %s", c.path, c.accept, got, c.want)
		}
	}
}

// TestIndent: clients can ask for indented JSON; digits and the order of members stay.
func TestIndent(t *testing.T) {
	n := start(t, Options{})
	id := n.target("astro", "M 31")
	n.ask("astro", "POST", "/api/reduceddatums/",
		jsonText(`{"target": `+id+`, "data_type": "photometry", "value": {"z": 1.50, "a": 2}}`)).want(t, 201)
	n.play(t, []scenario{
		{name: "four", as: "astro", method: "GET", path: "/api/reduceddatums/",
			header: []string{"Accept", "application/json; indent=4"}, status: 200, has: []string{"{\n    \"count\": 1,",
				"\n            \"value\": {\n                \"z\": 1.50,\n                \"a\": 2\n"},
			head: []string{"Content-Type", typeJSON}},
		{name: "one of them", as: "astro", method: "GET", path: "/api/reduceddatums/1/",
			header: []string{"Accept",
				"text/html;q=0.1, application/json;indent=1"}, status: 200,
			has: []string{"{\n \"data_product\": null,"}},
		{name: "a refusal", as: "astro", method: "GET", path: "/api/targets/99/",
			header: []string{"Accept",
				"application/json; indent=2"}, status: 404, has: []string{"{\n  \"detail\": \"No Target"}},
		{name: "at most eight", as: "astro", method: "GET", path: "/api/reduceddatums/1/",
			header: []string{"Accept",
				"application/json; indent=99"}, status: 200, has: []string{"{\n        \"data_product\""}},
		{name: "nonsense", as: "astro", method: "GET", path: "/api/reduceddatums/1/",
			header: []string{"Accept",
				"application/json; indent=x"}, status: 200, has: []string{`{"data_product":null`}},
		{name: "none", as: "astro", method: "GET", path: "/api/reduceddatums/1/",
			header: []string{"Accept",
				"application/json; indent=-1"}, status: 200, has: []string{`{"data_product":null`}},
	})
	tag := n.ask("astro", "GET", "/api/reduceddatums/", nil).header.Get("ETag")
	n.ask("astro", "GET", "/api/reduceddatums/", nil, "If-None-Match", tag, "Accept",
		"application/json; indent=4").want(t, 200)
	n.ask("astro", "GET", "/api/reduceddatums/", nil, "If-None-Match", tag).want(t, 304)
}

// TestFieldRules: what each kind of field accepts, and what Django REST framework says about other
// values.
func TestFieldRules(t *testing.T) {
	n := start(t, Options{})
	id := n.target("astro", "M 31", "Observers")
	n.ask("astro", "PATCH", "/api/targets/"+id+"/", jsonText(`{"aliases": [{"name": "Andromeda"}]}`)).want(t, 200)
	// each case adds a member to a good body; "" expects status 201
	target := func(i int, member string) string {
		return fmt.Sprintf(`{"name": "t%d", "type": "SIDEREAL", "ra": 1, "dec": 1, %s}`, i, member)
	}
	datum := func(i int, member string) string {
		return fmt.Sprintf(`{"target": %s, "data_type": "photometry", "timestamp": "2026-01-01T00:00:00Z", `+
			`"value": {"a": %d}, %s}`, id, i, member)
	}
	const whole = `{"non_field_errors":["Invalid data. Expected a dictionary, but got %s."]}`
	notList := func(kind string) string {
		return `{"non_field_errors":["Expected a list of items but got type \"` + kind + `\"."]}`
	}
	for _, list := range []struct {
		path  string
		body  func(int, string) string
		cases [][2]string // a member, and the problem or text in the answer
	}{
		{"/api/targets/", target, [][2]string{
			{`"name": " \t\u00a0x\u3000"`, ``},
			{`"name": 12`, ``},
			{`"name": 1.50`, `"name":"1.5"`},
			{`"name": ""`, `"name":["This field may not be blank."]`},
			{`"name": " \u3000"`, `"name":["This field may not be blank."]`},
			{`"name": null`, `"name":["This field may not be null."]`},
			{`"name": true`, `"name":["Not a valid string."]`},
			{`"name": ["a"]`, `"name":["Not a valid string."]`},
			{`"name": {"a": 1}`, `"name":["Not a valid string."]`},
			{`"name": "a\u0000"`, `"name":["Null characters are not allowed."]`},
			{`"name": "\ud83d\ude00"`, `"name":"😀"`},
			{`"name": "a\udc00b\ud800"`, `"name":["Surrogate characters are not allowed: U+DC00."]`},
			{`"name": "` + strings.Repeat("é", 101) + `\u0000\ud834"`,
				`"name":["Ensure this field has no more than 100 characters.","Null characters are not allowed.",` +
					`"Surrogate characters are not allowed: U+D834."]`},
			{`"type": "sidereal"`, `"type":["\"sidereal\" is not a valid choice."]`},
			{`"type": ""`, `"type":["\"\" is not a valid choice."]`},
			{`"type": null`, `"type":["This field may not be null."]`},
			{`"type": 1`, `"type":["\"1\" is not a valid choice."]`},
			{`"type": true`, `"type":["\"True\" is not a valid choice."]`},
			{`"type": ["SIDEREAL"]`, `"type":["\"['SIDEREAL']\" is not a valid choice."]`},
			{`"type": {"a": null}`, `"type":["\"{'a': None}\" is not a valid choice."]`},
			{`"scheme": ""`, ``},
			{`"scheme": null`, `"scheme":["This field may not be null."]`},
			{`"ra": "12.5"`, `"ra":12.5`},
			{`"ra": " +1e1 "`, `"ra":10.0`},
			{`"ra": ".5"`, `"ra":0.5`},
			{`"ra": 1e-400`, `"ra":0.0`},
			{`"ra": ""`, `"ra":["A valid number is required."]`},
			{`"ra": "1,5"`, `"ra":["A valid number is required."]`},
			{`"ra": "0x10"`, `"ra":["A valid number is required."]`},
			{`"ra": "nan"`, `"ra":["A valid number is required."]`},
			{`"ra": 1e400`, `"ra":["A valid number is required."]`},
			{`"ra": true`, `"ra":["A valid number is required."]`},
			{`"ra": [1]`, `"ra":["A valid number is required."]`},
			{`"ra": {}`, `"ra":["A valid number is required."]`},
			{`"ra": "` + strings.Repeat("1", 1001) + `"`, `"ra":["String value too large."]`},
			{`"ra": null`, `"The following fields are required for SIDEREAL targets: ['ra']"`},
			{`"parallax": null`, `"parallax":null`},
			{`"groups": [{"id": "2"}]`, `"groups":[{"id":2`},
			{`"groups": [{"id": 2.0}]`, `"groups":[{"id":2`},
			{`"groups": [{"id": "x"}]`, `"groups":[{"id":["A valid integer is required."]}]`},
			{`"groups": [{"id": true}]`, `"groups":[{"id":["A valid integer is required."]}]`},
			{`"groups": [{"id": null}]`, `"groups":[{"id":["This field may not be null."]}]`},
			{`"groups": [2]`, `"groups":[{"non_field_errors":["Invalid data. Expected a dictionary, but got int."]}]`},
			{`"groups": "x"`, `"groups":` + notList("str")},
			{`"groups": 1.5`, `"groups":` + notList("float")},
			{`"aliases": {"name": "x"}`, `"aliases":` + notList("dict")},
			{`"aliases": true`, `"aliases":` + notList("bool")},
			{`"aliases": null`, `"aliases":["This field may not be null."]`},
			{`"aliases": [{"name": "u1"}, [], {"name": null}, {}]`,
				`"aliases":[{},{"non_field_errors":["Invalid data. Expected a dictionary, but got list."]},` +
					`{"name":["This field may not be null."]},{"name":["This field is required."]}]`},
			{`"aliases": [{"name": "u2"}, {"name": "Andromeda"}]`,
				`"aliases":[{},{"name":["target name with this Alias already exists."]}]`},
			{`"aliases": [{"name": "` + strings.Repeat("x", 101) + `"}]`,
				`"aliases":[{"name":["Ensure this field has no more than 100 characters."]}]`},
			{`"targetextra_set": [{"key": "k", "value": 1.5}, {"key": "l"}]`, `"value":"1.5"`},
			{`"targetextra_set": [{"key": "k", "value": true}, {"value": null}]`,
				`"targetextra_set":[{"value":["Not a valid string."]},{"key":["This field is required."],` +
					`"value":["This field may not be null."]}]`},
		}},
		{"/api/reduceddatums/", datum, [][2]string{
			{`"data_product": ""`, `"data_product":null`},
			{`"data_product": null`, `"data_product":null`},
			{`"data_product": 0`, `"data_product":["Invalid pk \"0\" - object does not exist."]`},
			{`"data_product": "99"`, `"data_product":["Invalid pk \"99\" - object does not exist."]`},
			{`"data_product": -1`, `"data_product":["Invalid pk \"-1\" - object does not exist."]`},
			{`"data_product": "abc"`, `"data_product":["Incorrect type. Expected pk value, received str."]`},
			{`"data_product": [1]`, `"data_product":["Incorrect type. Expected pk value, received list."]`},
			{`"data_product": {}`, `"data_product":["Incorrect type. Expected pk value, received dict."]`},
			{`"data_product": false`, `"data_product":["Incorrect type. Expected pk value, received bool."]`},
			{`"target": " ` + id + ` "`, ``},
			{`"target": ` + id + `.0`, ``},
			{`"target": 0`, `"target":["Invalid pk \"0\" - object does not exist."]`},
			{`"target": 99999999999999999999`,
				`"target":["Invalid pk \"99999999999999999999\" - object does not exist."]`},
			{`"target": ""`, `"target":["This field may not be null."]`},
			{`"target": null`, `"target":["This field may not be null."]`},
			{`"target": 1.5`, `"target":["Incorrect type. Expected pk value, received float."]`},
			{`"value": null`, `"value":["This field may not be null."]`},
			{`"value": 0`, `"value":0`},
			{`"value": false`, `"value":false`},
			{`"value": {"m": 1e400}`, `"value":["Value must be valid JSON."]`},
			{`"timestamp": null`, `"timestamp":["This field may not be null."]`},
			{`"timestamp": 1577836800`, `"timestamp":["` + wire.MsgTimeFormat + `"]`},
			{`"timestamp": {}`, `"timestamp":["` + wire.MsgTimeFormat + `"]`},
			{`"data_type": " photometry "`, `"data_type":"photometry"`},
			{`"data_type": ""`, `"data_type":["This field may not be blank."]`},
			{`"source_name": ""`, `"source_name":""`},
			{`"source_name": 5`, `"source_name":"5"`},
			{`"source_name": null`, `"source_name":["This field may not be null."]`},
			{`"source_location": "` + strings.Repeat("s", 201) + `"`,
				`"source_location":["Ensure this field has no more than 200 characters."]`},
		}},
	} {
		for i, c := range list.cases {
			body := list.body(i, c[0]) // the last of two equal members counts
			r := n.ask("astro", "POST", list.path, jsonText(body))
			refused := strings.Contains(c[1], "field") || strings.Contains(c[1], ".\"]")
			if (r.status == 400) != refused || !refused && r.status != 201 || !strings.Contains(string(r.body), c[1]) {
				t.Errorf("%s: %d %s, want %s", c[0], r.status, r.body, c[1])
			}
		}
		for body, kind := range map[string]string{`"x"`: "str", `""`: "str", `1`: "int", `1.5`: "float",
			`false`: "bool", `[]`: "list", `[1]`: "list"} {
			if r := n.ask("astro", "POST", list.path, jsonText(body)); r.status != 400 ||
				!strings.Contains(string(r.body), strings.Trim(fmt.Sprintf(whole, kind), "{}")) {
				t.Errorf("%s as a body: %d %s", body, r.status, r.body)
			}
		}
	}
}

// TestFilterRules: what each kind of query parameter accepts, and what Django's forms say about
// other values.
func TestFilterRules(t *testing.T) {
	n := start(t, Options{})
	id := n.target("astro", "NGC 1%", "Observers")
	n.target("astro", "a;b", "Observers")
	n.datum("astro", id, 1)
	n.ask("astro", "POST", "/api/observations/",
		jsonText(`{"target_id": `+id+`, "facility": "LCO", "observation_type": "", `+
			`"observing_parameters": {"a": 1}, "status": "DONE", "scheduled_start": "2026-01-03T00:00:00Z"}`)).want(t,
		201)
	const number = `["Enter a number."]`
	for _, c := range [][2]string{ // a list with a query, and its count or the problem
		{"reduceddatums/?target__id=%201%20", "1"}, {"reduceddatums/?target__id=1.0",
			"1"}, {"reduceddatums/?target__id=%2B1", "1"},
		{"reduceddatums/?target__id=10e-1", "1"}, {"reduceddatums/?target__id=01", "1"}, {"reduceddatums/?target__id=",
			"1"}, {"reduceddatums/?target__id=2&target__id=1", "1"},
		{"reduceddatums/?target__id=0", "0"}, {"reduceddatums/?target__id=-1", "0"}, {"reduceddatums/?target__id=1e9",
			"0"}, {"reduceddatums/?target__id=99999999999999999999", "0"},
		{"reduceddatums/?target__id=abc&data_product__id=1;2",
			`{"target__id":` + number + `,"data_product__id":` + number + `}`},
		{"reduceddatums/?target__id=nan", `{"target__id":` + number + `}`}, {"reduceddatums/?target__id=inf",
			`{"target__id":` + number + `}`}, {"reduceddatums/?target__id=0x1", `{"target__id":` + number + `}`},
		{"reduceddatums/?source_name=%00", `{"source_name":["Null characters are not allowed."]}`},
		{"targets/?name=1%", "1"}, {"targets/?name=2%", "0"}, {"targets/?name=%zz", "0"}, {"targets/?name=a;b",
			"1"}, {"targets/?name=_", "0"}, {"targets/?name=%25", "1"}, {"targets/?name", "2"},
		{"targets/?type=NON_SIDEREAL&type=SIDEREAL", "2"}, {"targets/?type=", "2"},
		{"targets/?type=sidereal", `{"type":["Select a valid choice. sidereal is not one of the available choices."]}`},
		{"targets/?type=%20SIDEREAL",
			`{"type":["Select a valid choice.  SIDEREAL is not one of the available choices."]}`},
		{"observations/?target_id=1&target_id=1", "1"}, {"observations/?target_id=", "1"},
		{"observations/?target_id=-1",
			`{"target_id":["Select a valid choice. -1 is not one of the available choices."]}`},
		{"observations/?target_id=77",
			`{"target_id":["Select a valid choice. 77 is not one of the available choices."]}`},
		{"observations/?target_id=abc&observationgroup=9&observationgroup=x&ordering=bogus",
			`{"target_id":["“abc” is not a valid value."],"observationgroup":["Select a valid choice. 9 is not one ` +
				`of the available choices.","“x” is not a valid value."],"ordering":["Select a valid choice. bogus ` +
				`is not one of the available choices."]}`},
		{"observations/?ordering=", "1"}, {"observations/?ordering=status,",
			"1"}, {"observations/?ordering=-created,%20status", "1"},
		{"observations/?scheduled_start_after=%202026-01-03%20",
			"1"}, {"observations/?scheduled_start_after=2026-01-03%2000:00:00.5", "0"},
		{"observations/?scheduled_start_after=bad&scheduled_start_before=bad&scheduled_end_before=2026",
			`{"scheduled_start":["Enter a valid date/time."],"scheduled_end":["Enter a valid date/time."]}`},
	} {
		r := n.ask("astro", "GET", "/api/"+c[0], nil)
		got := string(r.body)
		if r.status == 200 {
			got = fmt.Sprint(r.json(t)["count"])
		}
		if got != c[1] {
			t.Errorf("%s: %s, want %s", c[0], got, c[1])
		}
	}
	for _, query := range []string{"limit=abc&offset=-1", "limit=-5&offset=x", "limit=0&offset=1.5"} {
		r := n.ask("astro", "GET", "/api/targets/?strict=true&"+query, nil).want(t, 400).json(t)
		if got := fmt.Sprint(r["limit"],
			r["offset"]); got != "[This must be a whole number, at least 1.] [This must be a whole number, "+
			"at least 0.]" {
			t.Errorf("strict, %s: %s", query, got)
		}
	}
	for _, c := range [][3]string{ // a query, and the queries of the next and the previous page
		{"limit=1", "limit=1&offset=1", ""}, {"limit=1&offset=1", "", "limit=1"}, {"limit=1&offset=7", "",
			"limit=1&offset=6"}, {"offset=-1&limit=%201", "limit=1&offset=1", ""},
		{"limit=2&limit=1", "limit=1&offset=1", ""}, {"limit=%2B1", "limit=1&offset=1", ""}, {"limit=0", "",
			""}, {"limit=-1&offset=1", "", "limit=100"},
		{"limit=1&offset=99999999999999999999", "", "limit=1&offset=9223372036854775806"},
		{"limit=99999999999999999999&offset=-99999999999999999999", "", ""}, {"limit=1.0&offset=x", "", ""},
		{"limit=1&name=&b=%C3%BC+x%2By&a=2&a=1", "a=2&a=1&b=%C3%BC+x%2By&limit=1&name=&offset=1", ""},
		{"limit=1&c=50%&c=;", "c=50%25&c=%3B&limit=1&offset=1", ""},
	} {
		v := n.ask("astro", "GET", "/api/targets/?"+c[0], nil).want(t, 200).json(t)
		for i, name := range []string{"next", "previous"} {
			var want any
			if c[i+1] != "" {
				want = n.URL + "/api/targets/?" + c[i+1]
			}
			if v[name] != want {
				t.Errorf("%s: %s is %v, want %v", c[0], name, v[name], want)
			}
		}
	}
}

// TestCredentials: the message for each kind of bad Authorization header.
func TestCredentials(t *testing.T) {
	n := start(t, Options{})
	for header, want := range map[string]string{
		"Basic":              "Invalid basic header. No credentials provided.",
		"basic  ":            "Invalid basic header. No credentials provided.",
		"Basic a b":          "Invalid basic header. Credentials string should not contain spaces.",
		"Basic @@@":          "Invalid basic header. Credentials not correctly base64 encoded.",
		"Basic YWRtaW4=":     "Invalid username/password.", // no colon
		"Basic bm9ib2R5Ong=": "Invalid username/password.",
		"Token":              "Invalid token header. No credentials provided.",
		"Token a b":          "Invalid token header. Token string should not contain spaces.",
		"TOKEN x":            "Invalid token.",
		"Bearer x":           "Invalid token.",
		"Digest x":           "Unknown authentication scheme.",
	} {
		r := n.ask("", "GET", "/api/targets/", nil, "Authorization", header).want(t, 401)
		if got := r.json(t)["detail"]; got != want || r.header.Get("WWW-Authenticate") != `Basic realm="api"` {
			t.Errorf("%q: %v (%s), want %s", header, got, r.header.Get("WWW-Authenticate"), want)
		}
	}
}
