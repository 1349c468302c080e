package api

import (
	"net/url"
	"strings"
	"testing"
)

// A scenario is a request and its expected answer.
type scenario struct {
	name   string
	as     string
	method string
	path   string
	body   any
	header []string
	status int
	has    []string // texts that the answer must contain
	lacks  []string // texts that it must not contain
	head   []string // pairs of a header and a text in it
}

func (n *node) play(t *testing.T, list []scenario) {
	for _, s := range list {
		t.Run(s.name, func(t *testing.T) {
			t.Helper()
			r := n.ask(s.as, s.method, s.path, s.body, s.header...)
			if r.status != s.status {
				t.Fatalf("%s: status %d, want %d: %.500s", r.what, r.status, s.status, r.body)
			}
			for _, text := range s.has {
				if !strings.Contains(string(r.body), text) {
					t.Errorf("%s: no %q in %.700s", r.what, text, r.body)
				}
			}
			for _, text := range s.lacks {
				if strings.Contains(string(r.body), text) {
					t.Errorf("%s: %q in %.700s", r.what, text, r.body)
				}
			}
			for i := 0; i+1 < len(s.head); i += 2 {
				if got := strings.Join(r.header.Values(s.head[i]), ", "); !strings.Contains(got, s.head[i+1]) {
					t.Errorf("%s: header %s is %q, want %q", r.what, s.head[i], got, s.head[i+1])
				}
			}
		})
	}
}

// TestBadInput: every problem is named, nothing is stored, and no answer has a status of 5xx.
func TestBadInput(t *testing.T) {
	t.Parallel()
	n := start(t, Options{Limits: Limits{MaxBody: 1 << 20}})
	target := n.target("astro", "M 31", "Observers")
	n.ask("astro", "PATCH", "/api/targets/"+target+"/",
		map[string]any{"aliases": []any{map[string]string{"name": "Andromeda"}}}).want(t, 200)
	n.datum("astro", target, 1)
	before := n.rowCounts()
	datum := func(members string) raw { return jsonText(`{"target": ` + target + `, ` + members + `}`) }
	const good = `"data_type": "photometry", "timestamp": "2026-01-01T00:00:00Z"`
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	n.play(t, []scenario{
		// the body
		{name: "broken JSON", as: "astro", method: "POST", path: "/api/targets/", body: jsonText(`{"name": `),
			status: 400, has: []string{"JSON parse error"}},
		{name: "text after JSON", as: "astro", method: "POST", path: "/api/targets/", body: jsonText(`{} {}`),
			status: 400, has: []string{"JSON parse error"}},
		{name: "a list", as: "astro", method: "POST", path: "/api/targets/", body: jsonText(`[1]`), status: 400,
			has: []string{"Expected a dictionary, but got list"}},
		{name: "null", as: "astro", method: "POST", path: "/api/targets/", body: jsonText(`null`), status: 400,
			has: []string{"No data provided"}},
		{name: "nesting", as: "astro", method: "POST", path: "/api/reduceddatums/",
			body: datum(good + `, "value": {"a": ` + deep + `}`), status: 400, has: []string{"JSON parse error"}},
		{name: "not UTF-8", as: "astro", method: "POST", path: "/api/targets/", body: jsonText("{\"name\": \"\xff\"}"),
			status: 400, has: []string{"JSON parse error"}},
		{name: "too large", as: "astro", method: "POST", path: "/api/targets/",
			body: jsonText(`{"name": "` + strings.Repeat("x", 2<<20) + `"}`), status: 413, has: []string{
				"larger than 1048576 bytes"}},
		{name: "unknown type", as: "astro", method: "POST", path: "/api/targets/", body: raw{"application/xml", "<a/>"},
			status: 415, has: []string{"Unsupported media type"}},
		{name: "a form of very many fields", as: "astro", method: "POST", path: "/api/targets/",
			body: raw{typeForm, strings.Repeat("a&", 10_000)}, status: 400, has: []string{
				"A form may have 10000 fields."}},
		{name: "of very many parts", as: "astro", method: "POST", path: "/api/targets/", status: 400,
			has: []string{"A form may have 10000 fields."},
			body: raw{typeMultipart + "; boundary=b",
				strings.Repeat("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n", 10_001) + "--b--\r\n"}},
		{name: "JSON as a file", as: "astro", method: "POST", path: "/api/dataproducts/", body: jsonText(`{}`),
			status: 415, has: []string{"Unsupported media type"}},
		{name: "multipart without boundary", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: raw{"multipart/form-data", "x"}, status: 400, has: []string{"Multipart form parse error"}},
		{name: "multipart cut off", as: "astro", method: "POST", path: "/api/dataproducts/", status: 400,
			has: []string{"Multipart form parse error"},
			body: raw{"multipart/form-data; boundary=b",
				"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\ntime,mag"}},
		// the request
		{name: "no such resource", as: "astro", method: "GET", path: "/api/nothing/", status: 404,
			has: []string{`{"detail":"Not found."}`}},
		{name: "no such target", as: "astro", method: "GET", path: "/api/targets/999/", status: 404,
			has: []string{"No Target matches the given query."}},
		{name: "no id", as: "astro", method: "GET", path: "/api/targets/abc/", status: 404},
		{name: "method", as: "astro", method: "PUT", path: "/api/targets/", body: jsonText(`{}`), status: 405,
			has: []string{`Method \"PUT\" not allowed.`}, head: []string{"Allow", "GET, POST, HEAD, OPTIONS"}},
		{name: "unknown method", as: "astro", method: "BREW", path: "/api/targets/", status: 405,
			has: []string{`Method \"BREW\" not allowed.`}},
		{name: "accept", as: "astro", method: "GET", path: "/api/targets/",
			header: []string{"Accept",
				"application/xml"}, status: 406, has: []string{"Could not satisfy the request Accept header."}},
		{name: "format", as: "astro", method: "GET", path: "/api/targets/?format=xml", status: 406},
		{name: "strict", as: "astro", method: "GET", path: "/api/targets/?strict=true&nmae=M", status: 400,
			has: []string{"nmae"}},
		{name: "not strict", as: "astro", method: "GET", path: "/api/targets/?nmae=M", status: 200,
			head: []string{"Nightjar-Unknown-Parameters", "nmae"}},
		{name: "bad token", as: "", method: "GET", path: "/api/targets/",
			header: []string{"Authorization",
				"Token nonsense"}, status: 401, has: []string{"Invalid token."},
			head: []string{"WWW-Authenticate", "Basic"}},
		{name: "bad password", as: "", method: "GET", path: "/api/targets/",
			header: []string{"Authorization",
				"Basic YXN0cm86eA=="}, status: 401, head: []string{"WWW-Authenticate", "Basic"}},
		{name: "not base64", as: "", method: "GET", path: "/api/targets/",
			header: []string{"Authorization", "Basic %%%"}, status: 401},
		{name: "guest writes", as: "", method: "POST", path: "/api/targets/",
			body: jsonText(`{"name": "x", "type": "SIDEREAL", "ra": 1, "dec": 1}`), status: 401, head: []string{
				"WWW-Authenticate", "Basic"}},
		// targets
		{name: "everything missing", as: "astro", method: "POST", path: "/api/targets/", body: jsonText(`{}`),
			status: 400, has: []string{`"name":["This field is required."]`, `"type":["This field is required."]`}},
		{name: "every problem", as: "astro", method: "POST", path: "/api/targets/", status: 400,
			body: jsonText(`{"name": "", "type": "STAR", "ra": "x", "dec": 91, "aliases": [{"name": "a"}, {}], ` +
				`"permissions": "ALL"}`),
			has: []string{`"name":["This field may not be blank."]`, `\"STAR\" is not a valid choice.`,
				`"ra":["A valid number is required."]`, `"dec":[`,
				`"aliases":[{},{"name":["This field is required."]}]`, `"permissions":[`}},
		{name: "ra", as: "astro", method: "POST", path: "/api/targets/",
			body: jsonText(`{"name": "x", "type": "SIDEREAL", "ra": 360, "dec": 1}`), status: 400, has: []string{
				`"ra":[`}},
		{name: "ra infinite", as: "astro", method: "POST", path: "/api/targets/",
			body: jsonText(`{"name": "x", "type": "SIDEREAL", "ra": "inf", "dec": 1}`), status: 400, has: []string{
				`"ra":[`}},
		{name: "ra huge", as: "astro", method: "POST", path: "/api/targets/",
			body: jsonText(`{"name": "x", "type": "SIDEREAL", "ra": 1e999, "dec": 1}`), status: 400, has: []string{
				`"ra":[`}},
		{name: "NaN in JSON", as: "astro", method: "POST", path: "/api/targets/",
			body: jsonText(`{"name": "x", "type": "SIDEREAL", "ra": NaN, "dec": 1}`), status: 400},
		{name: "no coordinates", as: "astro", method: "POST", path: "/api/targets/",
			body: jsonText(`{"name": "x", "type": "SIDEREAL"}`), status: 400},
		{name: "long name", as: "astro", method: "POST", path: "/api/targets/",
			body: jsonText(`{"name": "` + strings.Repeat("é", 101) +
				`", "type": "SIDEREAL", "ra": 1, "dec": 1}`), status: 400,
			has: []string{"no more than 100 characters"}},
		{name: "NUL", as: "astro", method: "POST", path: "/api/targets/",
			body: jsonText(`{"name": "a\u0000b", "type": "SIDEREAL", "ra": 1, "dec": 1}`), status: 400, has: []string{
				"Null characters are not allowed."}},
		{name: "name taken", as: "bob", method: "POST", path: "/api/targets/",
			body: jsonText(`{"name": "M 31", "type": "SIDEREAL", "ra": 1, "dec": 1}`), status: 400, has: []string{
				"target with this Name already exists."}},
		{name: "alias taken", as: "bob", method: "POST", path: "/api/targets/",
			body: jsonText(`{"name": "x", "type": "SIDEREAL", "ra": 1, "dec": 1, ` +
				`"aliases": [{"name": "Andromeda"}]}`),
			status: 400, has: []string{"target name with this Alias already exists."}},
		{name: "alias is its name", as: "bob", method: "POST", path: "/api/targets/",
			body:   jsonText(`{"name": "x", "type": "SIDEREAL", "ra": 1, "dec": 1, "aliases": [{"name": "x"}]}`),
			status: 400, has: []string{"Alias 'x' conflicts with Target name 'x'."}},
		{name: "alias twice", as: "bob", method: "POST", path: "/api/targets/",
			body: jsonText(`{"name": "x", "type": "SIDEREAL", "ra": 1, "dec": 1, "aliases": [{"name": "y"}, ` +
				`{"name": "y"}]}`), status: 400, has: []string{`"aliases"`}},
		{name: "unknown group", as: "bob", method: "POST", path: "/api/targets/",
			body:   jsonText(`{"name": "x", "type": "SIDEREAL", "ra": 1, "dec": 1, "groups": [{"name": "Nobody"}]}`),
			status: 400, has: []string{"There is no such group, or you do not belong to it."}},
		{name: "other group", as: "bob", method: "POST", path: "/api/targets/",
			body:   jsonText(`{"name": "x", "type": "SIDEREAL", "ra": 1, "dec": 1, "groups": [{"name": "Observers"}]}`),
			status: 400, has: []string{"There is no such group, or you do not belong to it."}},
		{name: "hidden target", as: "bob", method: "PATCH", path: "/api/targets/" + target + "/",
			body: jsonText(`{"ra": 1}`), status: 404},
		{name: "cone", as: "astro", method: "GET", path: "/api/targets/?cone_search=10,20", status: 400,
			has: []string{`"cone_search"`}},
		{name: "cone around nonsense", as: "astro", method: "GET", path: "/api/targets/?target_cone_search=x",
			status: 400, has: []string{`"target_cone_search"`}},
		{name: "list", as: "astro", method: "GET", path: "/api/targets/?targetlist__name=none", status: 400,
			has: []string{"Select a valid choice"}},
		{name: "type filter", as: "astro", method: "GET", path: "/api/targets/?type=STAR", status: 400,
			has: []string{"Select a valid choice"}},
		// reduced datums
		{name: "datum of a hidden target", as: "bob", method: "POST", path: "/api/reduceddatums/",
			body: datum(good + `, "value": {"a": 1}`), status: 400, has: []string{
				`Invalid pk \"` + target + `\" - object does not exist.`}},
		{name: "datum of no target", as: "astro", method: "POST", path: "/api/reduceddatums/",
			body: jsonText(`{"target": 999, ` + good + `, "value": {"a": 1}}`), status: 400, has: []string{
				`Invalid pk \"999\" - object does not exist.`}},
		{name: "empty value", as: "astro", method: "POST", path: "/api/reduceddatums/",
			body: datum(good + `, "value": {}`), status: 400, has: []string{`"value"`}},
		{name: "no value", as: "astro", method: "POST", path: "/api/reduceddatums/", body: datum(good), status: 400,
			has: []string{`"value":["This field is required."]`}},
		{name: "data type", as: "astro", method: "POST", path: "/api/reduceddatums/",
			body: datum(`"data_type": "gossip", "value": {"a": 1}`), status: 400, has: []string{`"data_type"`}},
		{name: "time", as: "astro", method: "POST", path: "/api/reduceddatums/",
			body: datum(`"data_type": "photometry", "timestamp": "yesterday", "value": {"a": 1}`), status: 400,
			has: []string{"Datetime has wrong format."}},
		{name: "again", as: "astro", method: "POST", path: "/api/reduceddatums/", status: 400,
			has: []string{"This reduced datum already exists"},
			body: datum(`"data_type": "photometry", "timestamp": "2026-01-02T03:00:01Z", "value": {"filter": "g", ` +
				`"magnitude": 15.50}`)},
		{name: "no such product", as: "astro", method: "POST", path: "/api/reduceddatums/",
			body: datum(good + `, "value": {"a": 1}, "data_product": 77`), status: 400, has: []string{
				`"data_product"`}},
		{name: "filter id", as: "astro", method: "GET", path: "/api/reduceddatums/?target__id=abc", status: 400,
			has: []string{"Enter a number."}},
		{name: "hidden datum", as: "bob", method: "DELETE", path: "/api/reduceddatums/1/", status: 404,
			has: []string{"No ReducedDatum matches the given query."}},
		// files
		{name: "no file", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", target, "data_product_type",
				"photometry"), status: 400, has: []string{"No file was submitted."}},
		{name: "no fields", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm().file("a.csv",
				[]byte("x")), status: 400,
			has: []string{`"target":["This field is required."]`, `"data_product_type":["This field is required."]`}},
		{name: "product type", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", target, "data_product_type", "gossip").file("a.csv",
				[]byte("x")), status: 400, has: []string{"Not a valid data_product_type"}},
		{name: "empty file", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", target, "data_product_type", "photometry").file("a.csv",
				nil), status: 400, has: []string{"The submitted file is empty."}},
		{name: "file of a hidden target", as: "bob", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", target, "data_product_type", "photometry").file("a.csv",
				[]byte("x")), status: 400, has: []string{"object does not exist"}},
		{name: "file with a bad row", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", target, "data_product_type", "photometry").file("night.csv",
				[]byte("time,magnitude,error,filter\n60000.1,15.1,0.1,r\n60000.2,15.2,n/a?,r\n")),
			status: 400, has: []string{"There was an error in processing your DataProduct", `"file":"night.csv"`,
				`"line":3`, `"column":"error"`, "is not a number"}},
		{name: "no time in the file", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", target, "data_product_type", "photometry").file("night.csv",
				[]byte("magnitude\n15.1\n")), status: 400, has: []string{"no time column"}},
		{name: "missing download", as: "astro", method: "GET", path: "/data/m-31/none/none.csv", status: 404},
		{name: "traversal", as: "astro", method: "GET", path: "/data/..%2f..%2fetc/passwd", status: 404},
		// observations, people, node
		{name: "observation", as: "astro", method: "POST", path: "/api/observations/",
			body: jsonText(`{}`), status: 400},
		{name: "user by a user", as: "astro", method: "POST", path: "/api/users/",
			body: jsonText(`{"username": "x"}`), status: 403},
		{name: "short password", as: "admin", method: "POST", path: "/api/users/",
			body: jsonText(`{"username": "x", "password": "short"}`), status: 400, has: []string{`"password"`}},
		{name: "token for another", as: "astro", method: "POST", path: "/api/tokens/",
			body: jsonText(`{"username": "bob"}`), status: 400},
		{name: "groups as in a TOM", as: "admin", method: "POST", path: "/api/groups/",
			body: jsonText(`{"name": "x"}`), status: 405},
		{name: "setting", as: "astro", method: "PUT", path: "/api/settings/tom_name/",
			body: jsonText(`{"value": "x"}`), status: 403},
		{name: "no setting", as: "admin", method: "PUT", path: "/api/settings/colour/",
			body: jsonText(`{"value": "x"}`), status: 404},
		{name: "bad setting", as: "admin", method: "PUT", path: "/api/settings/permissions/",
			body: jsonText(`{"value": "all"}`), status: 400},
		{name: "backup by a superuser", as: "admin", method: "POST", path: "/api/node/backup/",
			body: jsonText(`{"path": "/tmp/x"}`), status: 403},
		{name: "stat by a user", as: "astro", method: "GET", path: "/api/node/", status: 403},
		{name: "sign in", as: "", method: "POST", path: "/api/token-auth/",
			body: url.Values{"username": {"astro"},
				"password": {"wrong"}}, status: 400, has: []string{"Unable to log in with provided credentials."}},
		{name: "sign in without password", as: "", method: "POST", path: "/api/token-auth/",
			body: jsonText(`{"username": "astro"}`), status: 400, has: []string{
				`"password":["This field is required."]`}},
	})
	if after := n.rowCounts(); len(after) == 0 || !sameCounts(before, after) {
		t.Errorf("refused requests changed the counts from %v to %v", before, after)
	}
}

func sameCounts(a, b map[string]any) bool {
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return len(a) == len(b)
}
