package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"nightjar/api/wire"
	"nightjar/auth"
)

// TestMembersMatchFields: what is answered and what OPTIONS describes are the same members.
func TestMembersMatchFields(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	n.datum("astro", target, 1)
	n.upload("astro", target, "photometry", "a.csv",
		[]byte("time,magnitude,error,filter\n60000.1,15.1,0.1,r\n")).want(t, 201)
	n.ask("astro", "POST", "/api/observations/",
		map[string]any{"target_id": target, "facility": "LCO", "observation_type": "IMAGING",
			"observing_parameters": map[string]int{"a": 1}}).want(t, 201)
	// what a TOM describes and does not answer
	unanswered := map[string][]string{"targets": {"target_lists"}, "dataproducts": {"data_product_group"},
		"observations": {"groups"}}
	for _, name := range []string{"targets", "dataproducts", "reduceddatums", "observations"} {
		path := "/api/" + name + "/"
		described := n.ask("astro", "OPTIONS", path, nil).want(t, 200).json(t)
		fields := described["actions"].(map[string]any)["POST"].(map[string]any)
		row := n.ask("astro", "GET", path, nil).rows(t)[0]
		for member := range row {
			if fields[member] == nil {
				t.Errorf("%s answers %q, which is not described", name, member)
			}
		}
		for member := range fields {
			if _, ok := row[member]; !ok && !slices.Contains(unanswered[name], member) {
				t.Errorf("%s describes %q, which is not answered", name, member)
			}
		}
		filters := described["filters"].(map[string]any)
		for parameter := range filters {
			r := n.ask("astro", "GET", path+"?strict=true&"+parameter+"=", nil)
			if r.status == 400 && strings.Contains(string(r.body), "not known") {
				t.Errorf("%s describes the parameter %q and does not know it", name, parameter)
			}
		}
		// each member can be chosen alone
		for member := range row {
			some := n.ask("astro", "GET", path+"?fields="+member, nil).rows(t)
			if len(some) == 0 || len(some[0]) != 1 || fmt.Sprint(some[0][member]) != fmt.Sprint(row[member]) {
				t.Errorf("%s?fields=%s: %v", name, member, some)
			}
		}
	}
}

// TestExactness: numbers and texts come back as they were sent.
func TestExactness(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "Θ Ori — 参宿 🌟")
	if name := n.ask("astro", "GET", "/api/targets/"+target+"/", nil).json(t)["name"]; name != "Θ Ori — 参宿 🌟" {
		t.Errorf("the name is %q", name)
	}
	for i, value := range []string{
		`{"magnitude":15.5820,"error":1e-17}`, `{"n":9007199254740993,"m":-9007199254740993,"big":123456789012345678901234567890}`,
		`{"z":1,"a":2,"m":{"y":1,"x":[1.0,1.50,null,true]}}`, `{"filter":"g′ é 🌟\u0007","empty":""}`, `{"a":-0.0,"b":1E+5,"c":0.10}`,
	} {
		body := fmt.Sprintf(`{"target":%s,"data_type":"photometry","timestamp":"2026-01-01T00:00:0%d.000001Z","value":%s}`, target, i, value)
		r := n.ask("astro", "POST", "/api/reduceddatums/", jsonText(body)).want(t, 201)
		list := n.ask("astro", "GET", "/api/reduceddatums/"+r.id(t)+"/", nil).want(t, 200)
		for _, text := range [][]byte{r.body, list.body} {
			if !bytes.Contains(text, []byte(`"value":`+value)) {
				t.Errorf("%s came back as %s", value, text)
			}
			if !bytes.Contains(text, fmt.Appendf(nil, `"timestamp":"2026-01-01T00:00:0%d.000001Z"`, i)) {
				t.Errorf("the microsecond is gone: %s", text)
			}
		}
	}
}

// TestDuplicatesAndLists plays what may be asked of writes of data.
func TestDuplicatesAndLists(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	hidden := n.target("bob", "secret")
	point := func(second int, more string) string {
		return fmt.Sprintf(`{"target": %s, "data_type": "photometry", "timestamp": "2026-01-01T00:00:%02dZ", "value": {"magnitude": %d}%s}`, target, second, second, more)
	}
	list := func(items ...string) raw { return jsonText("[" + strings.Join(items, ",") + "]") }
	const path = "/api/reduceddatums/"
	table := []byte("time,magnitude,error,filter\n60000.1,15.1,0.1,r\n60000.2,15.2,0.1,r\n")
	n.play(t, []scenario{
		{name: "one", as: "astro", method: "POST", path: path, body: jsonText(point(1, "")), status: 201,
			has: []string{`"message":"Data successfully uploaded."`}},
		{name: "again", as: "astro", method: "POST", path: path, body: jsonText(point(1, "")), status: 400,
			has: []string{"already exists"}},
		{name: "again by word", as: "astro", method: "POST", path: path + "?duplicates=error",
			body: jsonText(point(1, "")), status: 400, has: []string{"already exists"}},
		{name: "again skipped", as: "astro", method: "POST", path: path + "?duplicates=skip",
			body: jsonText(point(1, "")), status: 200, has: []string{`"id":1`, "already exists"}},
		{name: "no such choice", as: "astro", method: "POST", path: path + "?duplicates=maybe",
			body: jsonText(point(2, "")), status: 400, has: []string{`"duplicates":["Select a valid choice.`}},
		{name: "a list unasked", as: "astro", method: "POST", path: path, body: list(point(2, "")), status: 400,
			has: []string{"Expected a dictionary, but got list.", "duplicates=error"}},
		{name: "a list", as: "astro", method: "POST", path: path + "?duplicates=error",
			body: list(point(2, ""), point(3, "")), status: 201, has: []string{`[{"data_product":null`, `"id":2`,
				`"id":3`}, head: []string{"Nightjar-Created", "2", "Nightjar-Duplicate", "0"}},
		{name: "an empty list", as: "astro", method: "POST", path: path + "?duplicates=error", body: list(),
			status: 201, has: []string{"[]"}},
		{name: "a list with bad items", as: "astro", method: "POST", path: path + "?duplicates=skip",
			body: list(point(4, ""), point(5, `, "target": 999`), "7", `{"target": `+hidden+`}`), status: 400,
			has: []string{`[{},{"target":["Invalid pk \"999\" - object does not exist."]},{"non_field_errors":["Invalid data. Expected a dictionary, but got int."]},{"value":["This field is required."]`}},
		{name: "a list with repeats", as: "astro", method: "POST", path: path + "?duplicates=error",
			body: list(point(4, ""), point(2, ""),
				point(4, "")), status: 400, has: []string{`[{},{"non_field_errors":["This reduced datum already exists`}},
		{name: "a list with repeats skipped", as: "astro", method: "POST", path: path + "?duplicates=skip",
			body: list(point(4, ""), point(2, ""),
				point(4, "")), status: 201, has: []string{`"id":2`},
			head: []string{"Nightjar-Created", "1", "Nightjar-Duplicate", "2"}},
		{name: "a long list", as: "astro", method: "POST", path: path + "?duplicates=skip",
			body: list(slices.Repeat([]string{"1"}, wire.MaxParts+1)...), status: 400, has: []string{
				"A list may hold 10000 datums"}},
		{name: "a list by a guest", as: "", method: "POST", path: path + "?duplicates=skip",
			body: list(point(9, "")), status: 401},
		{name: "a hidden target", as: "bob", method: "POST", path: path + "?duplicates=skip", body: list(point(9, "")),
			status: 400, has: []string{`[{"target":["Invalid pk`}},
		{name: "lines", as: "astro", method: "POST", path: path,
			body: raw{typeNDJSON, point(5, "") + "\n\n" + point(1, "") + "\nnonsense\n" +
				`{"target_name": "M 31", "data_type": "photometry", "value": {"a": 1}, "timestamp": "2026-01-01"}`},
			status: 201,
			has:    []string{`"created":2,"duplicate":1,"rejected":1`, `"line":4`, "JSON parse error"}},
		{name: "lines with repeats refused", as: "astro", method: "POST", path: path + "?duplicates=error",
			body: raw{typeNDJSON, point(6, "") + "\n" + point(1, "") + "\n" + point(6, "") + "\n"}, status: 201,
			has: []string{`"created":1,"duplicate":0,"rejected":2`, `"line":2`, `"line":3`, "already exists"}},
		{name: "dry run", as: "astro", method: "POST", path: "/api/dataproducts/?dry_run=true",
			body: newForm("target", target, "data_product_type", "photometry").file("n.csv", table), status: 200,
			has: []string{`"message":"This was a dry run`, `"created":2,"duplicate":0`}},
		{name: "dry run by a field", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", target, "data_product_type", "photometry", "dry_run", "true").file("n.csv",
				table), status: 200, has: []string{`"created":2`}},
		{name: "dry run of a bad file", as: "astro", method: "POST", path: "/api/dataproducts/?dry_run=true",
			body: newForm("target", target, "data_product_type", "photometry").file("n.csv",
				[]byte("a,b\n1,2\n")), status: 400, has: []string{"Data processing error", `"file":"n.csv"`}},
		{name: "dry run for a hidden target", as: "bob", method: "POST", path: "/api/dataproducts/?dry_run=true",
			body: newForm("target", target, "data_product_type", "photometry").file("n.csv",
				table), status: 400, has: []string{"does not exist"}},
		{name: "nothing of it is there", as: "astro", method: "GET", path: "/api/dataproducts/", status: 200,
			has: []string{`"count":0`}},
		{name: "upload", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", target, "data_product_type", "photometry").file("n.csv",
				table), status: 201, has: []string{`"created":2`}},
		{name: "upload again refused", as: "astro", method: "POST", path: "/api/dataproducts/?duplicates=error",
			body: newForm("target", target, "data_product_type", "photometry").file("m.csv", table), status: 400,
			has: []string{"Data processing error", `"line":2`, `"line":3`, "already exists"}},
		{name: "upload again", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", target, "data_product_type", "photometry").file("m.csv",
				table), status: 201, has: []string{`"created":0,"duplicate":2`}},
	})
	if counts := n.rowCounts(); fmt.Sprint(counts["reduceddatums"]) != "9" ||
		fmt.Sprint(counts["dataproducts"]) != "2" {
		t.Errorf("at the end there are %v", counts)
	}
}

// TestTimesAndCursors reads a list in every order, by time and by cursor.
func TestTimesAndCursors(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	for _, second := range []int{50, 10, 40, 20, 30} {
		n.datum("astro", target, second)
	}
	ids := func(query string) string {
		return strings.Join(members(n.ask("astro", "GET", "/api/reduceddatums/?strict=true&"+query,
			nil).rows(t), "id"), " ")
	}
	for query, want := range map[string]string{
		"ordering=id": "1 2 3 4 5", "ordering=-id": "5 4 3 2 1", "ordering=created": "1 2 3 4 5", "ordering=-created": "5 4 3 2 1", "ordering=timestamp": "2 4 5 3 1", "ordering=-timestamp": "1 3 5 4 2",
		"timestamp_after=2026-01-02T03:00:30Z": "1 3 5", "timestamp_before=2026-01-02T03:00:30Z": "2 4 5", "timestamp_after=2026-01-02T03:00:20&timestamp_before=2026-01-02T03:00:40&ordering=timestamp": "4 5 3",
		"mjd_min=61042.1253473": "1 3", "mjd_max=61042.1252": "2", "mjd_min=61042.125&mjd_max=61042.1254&timestamp_before=2026-01-02T03:00:10Z": "2",
		"target_name=m&ordering=-timestamp&limit=5": "1 3 5 4 2",
	} {
		if got := ids(url.PathEscape(query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for _, order := range []string{"id", "-id", "timestamp", "-timestamp"} {
		var forth, back []string
		next := "/api/reduceddatums/?pagination_style=cursor&limit=2&ordering=" + order
		var previous any
		for pages := 0; next != "" && pages < 9; pages++ {
			r := n.ask("astro", "GET", next, nil).want(t, 200)
			v := r.json(t)
			forth = append(forth, members(r.rows(t), "id")...)
			previous, next = v["previous"], ""
			if s, ok := v["next"].(string); ok {
				next = strings.TrimPrefix(s, n.URL)
			}
		}
		for pages := 0; previous != nil && pages < 9; pages++ {
			r := n.ask("astro", "GET", strings.TrimPrefix(previous.(string), n.URL), nil).want(t, 200)
			back = append(members(r.rows(t), "id"), back...)
			previous = r.json(t)["previous"]
		}
		want := ids("ordering=" + order)
		if got := strings.Join(forth, " "); got != want {
			t.Errorf("by cursor, %s: %s, want %s", order, got, want)
		}
		if got := strings.Join(back, " "); !strings.HasPrefix(want, got) || len(back) < 3 {
			t.Errorf("back by cursor, %s: %s of %s", order, got, want)
		}
	}
	byID := n.ask("astro", "GET", "/api/reduceddatums/?pagination_style=cursor&limit=2", nil).json(t)["next"].(string)
	u, err := url.Parse(byID)
	if err != nil {
		t.Fatal(err)
	}
	cursor := u.Query().Get("cursor")
	n.play(t, []scenario{
		{name: "bad order", as: "astro", method: "GET", path: "/api/reduceddatums/?ordering=value", status: 400,
			has: []string{`"ordering":["Select a valid choice.`}},
		{name: "bad time", as: "astro", method: "GET", path: "/api/reduceddatums/?timestamp_after=soon", status: 400,
			has: []string{`"timestamp":["Enter a valid date/time."]`}},
		{name: "bad mjd", as: "astro", method: "GET", path: "/api/reduceddatums/?mjd_min=soon", status: 400,
			has: []string{`"mjd_min":["Enter a number."]`}},
		{name: "huge mjd", as: "astro", method: "GET", path: "/api/reduceddatums/?mjd_min=1e300", status: 400,
			has: []string{`"mjd_min"`}},
		{name: "bad style", as: "astro", method: "GET", path: "/api/targets/?pagination_style=pages", status: 400,
			has: []string{`"pagination_style"`}},
		{name: "bad cursor", as: "astro", method: "GET", path: "/api/targets/?cursor=xyz", status: 404,
			has: []string{"Invalid cursor"}},
		{name: "cursor of another order", as: "astro", method: "GET",
			path: "/api/reduceddatums/?ordering=timestamp&cursor=" +
				cursor, status: 404, has: []string{"Invalid cursor"}},
		{name: "cursor and order by name", as: "astro", method: "GET",
			path: "/api/targets/?order=name&pagination_style=cursor", status: 400, has: []string{
				"Pages by cursor go by id"}},
		{name: "cursor of targets", as: "astro", method: "GET", path: "/api/targets/?pagination_style=cursor",
			status: 200, has: []string{`"next":null,"previous":null`}},
		{name: "bad fields", as: "astro", method: "GET", path: "/api/targets/?fields=name,mass", status: 400,
			has: []string{`"fields":["Select a valid choice. mass is not one of the available choices."]`}},
		{name: "fields of one", as: "astro", method: "GET", path: "/api/targets/" + target + "/?fields=name,id",
			status: 200, has: []string{`{"id":` + target + `,"name":"M 31"}`}},
		{name: "prefer", as: "astro", method: "GET", path: "/api/targets/?nmae=M",
			header: []string{"Prefer",
				"respond-async, handling=strict"}, status: 400, has: []string{`"nmae"`},
			head: []string{"Preference-Applied", "handling=strict"}},
		{name: "prefer lenient", as: "astro", method: "GET", path: "/api/targets/?nmae=M",
			header: []string{"Prefer", "handling=lenient"}, status: 200},
	})
}

// TestCursorsWhileWriting: pages by cursor meet every row that stays once, while others are made
// and deleted between them. (Data have a test of their own in archive.)
func TestCursorsWhileWriting(t *testing.T) {
	n := start(t, Options{})
	host := n.target("astro", "host")
	count := 0
	for path, add := range map[string]func() *reply{
		"/api/targets/": func() *reply {
			return n.ask("astro", "POST", "/api/targets/",
				jsonText(fmt.Sprintf(`{"name": "t%d", "type": "SIDEREAL", "ra": 1, "dec": 1}`, count)))
		},
		"/api/dataproducts/": func() *reply {
			return n.upload("astro", host, "image_file", fmt.Sprintf("%d.png", count), []byte("x"))
		},
		"/api/observations/": func() *reply {
			return n.ask("astro", "POST", "/api/observations/",
				jsonText(`{"target_id": `+host+`, "facility": "LCO", "observation_type": "", "observing_parameters": {"a": 1}}`))
		},
	} {
		for range 12 {
			count++
			add().want(t, 201)
		}
		all := members(n.ask("astro", "GET", path, nil).rows(t), "id")
		last := all[len(all)-1] // which is met last, and deleted before
		var met []string
		next := path + "?pagination_style=cursor&limit=3&fields=id"
		for pages := 0; next != "" && pages < 20; pages++ {
			r := n.ask("astro", "GET", next, nil).want(t, 200)
			met = append(met, members(r.rows(t), "id")...)
			next, _ = r.json(t)["next"].(string)
			next = strings.TrimPrefix(next, n.URL)
			count++
			if add().want(t, 201); pages == 0 && path != "/api/observations/" { // which stay
				n.ask("astro", "DELETE", path+all[1]+"/", nil).want(t, 204) // was met; the first target is the host
				n.ask("astro", "DELETE", path+last+"/", nil).want(t, 204)
				all = all[:len(all)-1]
			}
			if pages > 8 {
				break // in the order of ids a list grows at the end for ever
			}
		}
		if len(met) < len(all) || !slices.Equal(met[:len(all)], all) {
			t.Errorf("%s: met %v of %v", path, met, all)
		}
		slices.Sort(met)
		if len(slices.Compact(slices.Clone(met))) != len(met) {
			t.Errorf("%s: some were met twice: %v", path, met)
		}
	}
}

// TestETags: nothing is sent twice to those who have it, and nothing old is taken for new.
func TestETags(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31", "Observers")
	id := n.datum("astro", target, 1)
	tags := map[string]string{}
	for _, path := range []string{"/api/", "/api/targets/", "/api/targets/" + target + "/", "/api/reduceddatums/",
		"/api/reduceddatums/?limit=5", "/api/reduceddatums/" + id + "/", "/api/dataproducts/", "/api/observations/",
		"/api/groups/", "/api/session/", "/api/schema/", "/api/tokens/"} {
		r := n.ask("astro", "GET", path, nil).want(t, 200)
		tag := r.header.Get("ETag")
		if tag == "" {
			t.Errorf("%s has no ETag", path)
			continue
		}
		if old, ok := tags[tag]; ok {
			t.Errorf("%s and %s have the same tag", path, old)
		}
		tags[tag] = path
		if path == "/api/tokens/" {
			continue // which tells when a token was last used
		}
		// which would be taken for that of the page
		if again := n.ask("astro", "GET", path, nil, "If-None-Match", `"x", `+tag); again.status != 304 ||
			len(again.body) > 0 || again.header.Get("Content-Security-Policy") != "" {
			t.Errorf("%s asked again: %d", path, again.status)
		}
		if page := n.ask("astro", "GET", path, nil, "If-None-Match", tag, "Accept",
			"text/html"); path != "/api/schema/" &&
			(page.status != 200 || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html")) {
			t.Errorf("%s asked for as a page by one who has the answer: %d", path, page.status)
		}
		if head := n.ask("astro", "HEAD", path, nil, "If-None-Match", tag); head.status != 304 {
			t.Errorf("HEAD of %s asked again: %d", path, head.status)
		}
		if other := n.ask("carol", "GET", path, nil, "If-None-Match", tag); other.status == 304 &&
			(strings.HasPrefix(path, "/api/targets") || path == "/api/session/") {
			t.Errorf("%s asked by another: %d", path, other.status)
		}
	}
	// nothing that is read whole is without
	product := n.upload("astro", target, "image_file", "a.png", []byte("x")).want(t, 201).json(t)
	n.ask("astro", "PATCH", "/api/targets/"+target+"/",
		jsonText(`{"aliases": [{"name": "a"}], "targetextra_set": [{"key": "k", "value": "v"}], "target_lists": [{"name": "l"}]}`)).want(t, 200)
	n.ask("astro", "POST", "/api/observations/",
		jsonText(`{"target_id": `+target+`, "facility": "LCO", "observation_type": "", "observing_parameters": {"a": 1}}`)).want(t, 201)
	paths := []string{strings.TrimPrefix(fmt.Sprint(product["data"]), n.URL), "/api/targets/?format=csv",
		"/api/reduceddatums/?format=votable", "/api/reduceddatums/?format=api"}
	for _, rt := range n.api.routes {
		if rt.handle["GET"] != nil && !strings.HasSuffix(rt.path, "/events/") &&
			!strings.HasSuffix(rt.path, "/backup/") && !strings.HasSuffix(rt.path, "/certificate/") {
			paths = append(paths, strings.NewReplacer("settings/:id", "settings/"+auth.SettingMode, ":id",
				"1").Replace(rt.path)+"?all=true&q=M")
		}
	}
	for _, path := range paths {
		r := n.ask("admin", "GET", path, nil).want(t, 200)
		if tag := r.header.Get("ETag"); tag == "" {
			t.Errorf("%s has no ETag", path)
		}
	}
	tag := n.ask("carol", "GET", "/api/reduceddatums/", nil).header.Get("ETag")
	n.ask("admin", "DELETE", "/api/targets/"+target+"/groups/2/", nil).want(t, 204)
	if r := n.ask("carol", "GET", "/api/reduceddatums/", nil, "If-None-Match", tag).want(t,
		200); r.json(t)["count"].(json.Number) != "0" {
		t.Errorf("after the grant was withdrawn: %s", r.body)
	}
	tag = n.ask("astro", "GET", "/api/reduceddatums/", nil).header.Get("ETag")
	n.mode(auth.ModeObjects, auth.ReadOnly)
	n.ask("astro", "GET", "/api/reduceddatums/", nil, "If-None-Match", tag).want(t, 200)
	n.ask("astro", "GET", "/api/targets/999/", nil, "If-None-Match", tag).want(t, 404)
}

// TestNetwork: what a node believes of a request's way, and who may ask it.
func TestNetwork(t *testing.T) {
	n := start(t, Options{Hosts: []string{"node.example.org"},
		Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Origins: []string{"https://pages.example.org"}})
	n.target("astro", "M 31")
	root := func(header ...string) string {
		return fmt.Sprint(n.ask("astro", "GET", "/api/", nil, header...).want(t, 200).json(t)["targets"])
	}
	if got := root("X-Forwarded-Proto", "https", "X-Forwarded-Host",
		"node.example.org"); got != "https://node.example.org/api/targets/" {
		t.Errorf("behind a proxy the node is called %s", got)
	}
	n.play(t, []scenario{
		{name: "another host", as: "astro", method: "GET", path: "/api/targets/",
			header: []string{"X-Forwarded-Host",
				"evil.example.com"}, status: 400, has: []string{"not called", "--allow-host"}},
		{name: "preflight", as: "", method: "OPTIONS", path: "/api/targets/",
			header: []string{"Origin", "https://pages.example.org", "Access-Control-Request-Method",
				"POST"}, status: 204,
			head: []string{"Access-Control-Allow-Origin", "https://pages.example.org", "Access-Control-Allow-Headers",
				"Authorization"}},
		{name: "a page of another site", as: "astro", method: "GET", path: "/api/targets/",
			header: []string{"Origin",
				"https://pages.example.org"}, status: 200,
			head: []string{"Access-Control-Allow-Origin", "https://pages.example.org", "Access-Control-Expose-Headers",
				"Nightjar-Created", "Vary", "Origin"}},
	})
	for _, origin := range []string{"https://evil.example.com", "null"} {
		if r := n.ask("astro", "GET", "/api/targets/", nil, "Origin",
			origin); r.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s may ask", origin)
		}
	}
	plain := start(t, Options{})
	plain.target("astro", "M 31")
	r := plain.ask("astro", "GET", "/api/", nil, "X-Forwarded-Host", "evil.example.com", "X-Forwarded-Proto", "https",
		"Origin", "https://pages.example.org").want(t, 200)
	if fmt.Sprint(r.json(t)["targets"]) != plain.URL+"/api/targets/" ||
		r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a node that trusts nobody: %s", r.body)
	}
	named := start(t, Options{BaseURL: "https://node.example.org/"})
	named.target("astro", "M 31")
	product := named.upload("astro", "1", "image_file", "a.png", []byte("x")).want(t, 201).json(t)
	list := named.ask("astro", "GET", "/api/dataproducts/?limit=1&offset=1", nil).want(t, 200).json(t)
	if product["data"] != "https://node.example.org/data/m-31/none/a.png" ||
		list["previous"] != "https://node.example.org/api/dataproducts/?limit=1" {
		t.Errorf("a node with a name calls itself %v and %v", product["data"], list["previous"])
	}
	// names by which the node may be called: addresses always, and of others the one that was told
	called := &API{o: Options{Hosts: []string{"node.example.org"}}}
	for host, want := range map[string]bool{
		"node.example.org": true, "NODE.example.org:8000": true, "node.example.org.": true, "node.example.org.:443": true, "127.0.0.1": true, "127.0.0.1:8000": true, "127.0.0.1.": true, "[::1]": true, "[::1]:8000": true, "10.1.2.3:1": true,
		"": false, ":8000": false, "localhost": false, "node.example.org.evil.com": false, "evil.com:node.example.org": false, "node.example.org:80:80": false, "127.0.0.1.evil.com": false, "127.0.0.1@evil.com": false,
		"evil.com#127.0.0.1": false, "2130706433": false, "0x7f.1": false, "node.example.org..": false, "xnode.example.org": false, "node.example.org\x00": false,
	} {
		if got := called.knowsHost(host); got != want {
			t.Errorf("the host %q is answered: %v", host, got)
		}
	}
	// the address of the client, for the limit on failed attempts and for the log
	api := &API{o: Options{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	for _, c := range []struct{ remote, forwarded, want string }{
		{"10.0.0.1:99", "1.2.3.4", "1.2.3.4"}, {"10.0.0.1:99", "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"}, {"10.0.0.1:99",
			"nonsense", "10.0.0.1"}, {"10.0.0.1:99", "", "10.0.0.1"},
		{"8.8.8.8:99", "1.2.3.4", "8.8.8.8"}, {"[2001:db8::1]:99", "1.2.3.4", "2001:db8::1"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": {c.forwarded}}}
		if got := api.siteOf(r).addr; got != c.want {
			t.Errorf("from %s for %q: %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
}

// TestTransport: compression, HEAD, pieces, 100-continue, and one connection for many requests.
func TestTransport(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	for i := range 30 {
		n.datum("astro", target, i)
	}
	plain := n.ask("astro", "GET", "/api/reduceddatums/", nil, "Accept-Encoding", "identity").want(t, 200)
	zipped := n.ask("astro", "GET", "/api/reduceddatums/", nil, "Accept-Encoding", "br, gzip;q=0.5").want(t, 200)
	z, err := gzip.NewReader(bytes.NewReader(zipped.body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil || !bytes.Equal(text, plain.body) {
		t.Errorf("compressed and plain differ: %v", err)
	}
	if zipped.header.Get("Content-Encoding") != "gzip" || len(zipped.body) > len(plain.body)/3 ||
		!strings.Contains(strings.Join(zipped.header.Values("Vary"), ","), "Accept-Encoding") {
		t.Errorf("%d bytes for %d, %v", len(zipped.body), len(plain.body), zipped.header)
	}
	for name, r := range map[string]*reply{
		"a short one":  n.ask("astro", "GET", "/api/reduceddatums/1/", nil, "Accept-Encoding", "gzip"),
		"not wanted":   n.ask("astro", "GET", "/api/reduceddatums/", nil, "Accept-Encoding", "gzip;q=0, identity"),
		"a head alone": n.ask("astro", "HEAD", "/api/reduceddatums/", nil, "Accept-Encoding", "gzip"),
	} {
		if r.status != 200 || r.header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %v", name, r.status, r.header)
		}
	}
	head := n.ask("astro", "HEAD", "/api/reduceddatums/", nil, "Accept-Encoding", "identity")
	if head.header.Get("Content-Length") != fmt.Sprint(len(plain.body)) || len(head.body) > 0 ||
		head.header.Get("ETag") != plain.header.Get("ETag") {
		t.Errorf("HEAD: %v", head.header)
	}
	// one connection serves many requests, refused ones too
	for i, path := range []string{"/api/targets/", "/api/none/", "/api/targets/999/", "/api/targets/?strict=true&x=1"} {
		reused := false
		trace := &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }}
		r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", n.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w, err := n.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, w.Body)
		if w.Body.Close(); i > 0 && !reused {
			t.Errorf("%s took a connection of its own", path)
		}
	}
	// a body in pieces whose length nobody has said, after the server has let it come
	pr, pw := io.Pipe()
	go func() {
		for i := range 50 {
			fmt.Fprintf(pw, `{"target": %s, "data_type": "photometry", "timestamp": "2026-02-01T00:00:%02dZ", "value": {"magnitude": %d}}`+"\n", target, i, i)
		}
		pw.Close()
	}()
	r, err := http.NewRequest("POST", n.URL+"/api/reduceddatums/", pr)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Token "+n.tokens["astro"])
	r.Header.Set("Content-Type", typeNDJSON)
	r.Header.Set("Expect", "100-continue")
	w, err := n.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if text, err := io.ReadAll(w.Body); err != nil || w.StatusCode != 201 ||
		!bytes.Contains(text, []byte(`"created":50`)) {
		t.Errorf("in pieces: %d %s %v", w.StatusCode, text, err)
	}
}
