package api

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"nightjar/auth"
)

func basic(user string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password(user)))
}

// TestSharing acts as a TOM that shares a target with this node: it looks for the target by all its
// names, posts the datums one by one, and sends a file with all members of the product in its own
// list.
func TestSharing(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	target := n.target("astro", "SN 2026abc", "Observers")
	n.ask("astro", "PATCH", "/api/targets/"+target+"/",
		jsonText(`{"aliases": [{"name": "ZTF26abcdefg"}]}`)).want(t, 200)
	n.target("bob", "SN 2026abd")
	sharer := []string{"Authorization", basic("carol"), "Media-Type", "application/json"}
	for names, want := range map[string]string{"sn2026ABC,other": "[" + target + "]",
		"AT2026xyz,ztf26-ABCDEFG": "[" + target + "]", "SN 2026abd": "[]", "nothing": "[]"} {
		found := n.ask("", "GET", "/api/targets/?name_fuzzy="+url.QueryEscape(names), nil, sharer...).rows(t)
		if got := fmt.Sprint(members(found, "id")); got != want {
			t.Errorf("looking for %s: %s, want %s", names, got, want)
		}
	}
	// a new target has all members of the other TOM's target, even its ids; an existing target is
	// put on a list
	n.play(t, []scenario{
		{name: "a target", as: "", header: sharer, method: "POST", path: "/api/targets/", status: 201,
			has: []string{`"id":3`, `"key":"redshift"`, `"name":"ZTF26zz"`, `"name":"ATLAS26zz"`,
				`"message":"Target successfully uploaded."`}, lacks: []string{`"id":900`, "2020"},
			body: jsonText(`{"id": 1, "targetextra_set": [{"id": 1, "key": "redshift", "value": "0.02"}], "aliases": [{"id": 1, "name": "ZTF26zz"}, {"id": 900, "name": "ATLAS26zz"}], "name": "SN 2026zz", "type": "SIDEREAL",
				"created": "2020-01-01T00:00:00Z", "modified": "2020-01-01T00:00:00Z", "permissions": "PRIVATE", "ra": 10.0, "dec": -10.0, "epoch": null, "distance": null, "scheme": "", "groups": [], "target_lists": [{"name": "from afar"}]}`)},
		{name: "the ids belong to another target", as: "astro", method: "GET", path: "/api/targets/" + target + "/",
			status: 200,
			has:    []string{`"aliases":[{"id":1,"name":"ZTF26abcdefg"}]`}},
		{name: "an existing target", as: "", header: sharer, method: "PATCH", path: "/api/targets/" + target + "/",
			body: jsonText(`{"target_lists": [{"name": "from afar"}]}`), status: 200, has: []string{
				`"message":"Target successfully updated."`}},
		{name: "both are on the list", as: "carol", method: "GET", path: "/api/targets/?targetlist__name=from+afar",
			status: 200, has: []string{`"count":2`}},
		{name: "by a user who may not", as: "eve", method: "PATCH", path: "/api/targets/" + target + "/",
			body: jsonText(`{"target_lists": [{"name": "from afar"}]}`), status: 404},
	})
	datum := func(second int) raw {
		return jsonText(fmt.Sprintf(`{"data_product": "", "data_type": "photometry", "source_name": "Other TOM", "source_location": "https://tom.example.org/targets/7/", "timestamp": "2026-01-02T03:04:%02d.500000Z",
			"value": {"magnitude": 17.2, "error": 0.1, "filter": "r"}, "target": %q}`, second, target))
	}
	for second := range 3 {
		n.ask("", "POST", "/api/reduceddatums/", datum(second), sharer...).want(t, 201)
	}
	n.ask("", "POST", "/api/reduceddatums/", datum(0), sharer...).want(t, 400)
	n.ask("", "POST", "/api/reduceddatums/", datum(9), "Authorization", basic("eve")).want(t, 400)
	if rows := n.ask("astro", "GET",
		"/api/reduceddatums/?source_name="+url.QueryEscape(
			"Other TOM")+"&target__id="+target, nil).rows(t); len(rows) != 3 || rows[0]["data_product"] != nil {
		t.Errorf("the shared datums: %v", rows)
	}
	file := []byte("time,magnitude,error,filter\n60000.1,15.1,0.1,r\n60000.2,15.2,0.1,r\n")
	form := func() *form {
		return newForm("id", "77", "product_id", "", "target", target, "data",
			"https://tom.example.org/data/sn2026abc/none/night.csv", "extra_data", "", "data_product_type",
			"photometry",
			"reduceddatum_set", "OrderedDict([('data_product', 77), ('data_type', 'photometry')])", "reduceddatum_set",
			"OrderedDict([('data_product', 77), ('data_type', 'photometry')])",
			"created", "2026-01-01T00:00:00Z", "thumbnail", "").file("night.csv", file)
	}
	made := n.ask("", "POST", "/api/dataproducts/", form(), sharer...).want(t, 201).json(t)
	if made["message"] != "Data product successfully uploaded." || fmt.Sprint(made["reduceddatum_set"]) != "[]" {
		t.Errorf("the shared product: %v", made)
	}
	n.ask("", "POST", "/api/dataproducts/", form(), "Authorization", basic("eve")).want(t, 400)
	if rows := n.ask("carol", "GET", "/api/dataproducts/?target_name=ztf26", nil).rows(t); len(rows) != 1 ||
		len(rows[0]["reduceddatum_set"].([]any)) != 2 {
		t.Errorf("the products at the end: %v", rows)
	}
}

// life uploads a file, lists and filters its datums, downloads it whole and in parts, and deletes
// it.
func life(t *testing.T, kind, name string, content []byte, count int) {
	n := start(t, Options{})
	target := n.target("astro", "M 31", "Observers")
	other := n.target("astro", "M 32", "Observers")
	n.datum("astro", other, 1)
	made := n.upload("astro", target, kind, name, content, "product_id", "mine").want(t, 201).json(t)
	id, place := fmt.Sprint(made["id"]), strings.TrimPrefix(fmt.Sprint(made["data"]), n.URL)
	if place != "/data/m-31/none/"+name {
		t.Errorf("the file is at %s", place)
	}
	for filter, want := range map[string]int{
		"data_product_pk=" + id: count, "data_product__id=" +
			id: count, "data_product_product_id=mine": count, "data_product__product_id=" +
			name: count, "data_product_name=" + strings.ToUpper(name[:4]): count,
		"data_product_name=none-such": 0, "target__id=" + target: count, "target_name=m": count +
			1, "target_name=m+31&data_type=" + kind: count, "target__id=" + target + "&data_type=image_file": 0,
		"data_product_pk=" + id + "&source_name=nobody": 0, "target__id=" + other + "&data_product_pk=" + id: 0,
	} {
		if got := fmt.Sprint(n.ask("carol", "GET", "/api/reduceddatums/?strict=true&"+filter, nil).want(t,
			200).json(t)["count"]); got != fmt.Sprint(want) {
			t.Errorf("%s: %s datums, want %d", filter, got, want)
		}
	}
	product := n.ask("carol", "GET", "/api/dataproducts/?target_name=31", nil).rows(t)[0]
	if got := len(product["reduceddatum_set"].([]any)); got != count {
		t.Errorf("the product shows %d datums, want %d", got, count)
	}
	file := n.ask("carol", "GET", place, nil).want(t, 200)
	if !bytes.Equal(file.body, content) {
		t.Errorf("downloaded %d bytes of %d", len(file.body), len(content))
	}
	tag := file.header.Get("ETag")
	n.play(t, []scenario{
		{name: "part", as: "carol", method: "GET", path: place, header: []string{"Range", "bytes=2-5"}, status: 206,
			has: []string{string(content[2:6])}, head: []string{"Content-Range",
				fmt.Sprintf("bytes 2-5/%d", len(content))}},
		{name: "end", as: "carol", method: "GET", path: place, header: []string{"Range", "bytes=-3"}, status: 206,
			has: []string{string(content[len(content)-3:])}},
		{name: "beyond", as: "carol", method: "GET", path: place,
			header: []string{"Range", "bytes=999999999-"}, status: 416},
		{name: "not modified", as: "carol", method: "GET", path: place,
			header: []string{"If-None-Match", tag}, status: 304},
		{name: "head", as: "carol", method: "HEAD", path: place, status: 200,
			head: []string{"Content-Length", fmt.Sprint(len(content)), "Content-Disposition", `filename=`,
				"X-Content-Type-Options", "nosniff", "Content-Security-Policy", "sandbox"}},
		{name: "another user", as: "eve", method: "GET", path: place, status: 404},
		{name: "a guest", as: "", method: "GET", path: place, status: 404},
		{name: "a bad token", as: "", method: "GET", path: place,
			header: []string{"Authorization", "Token x"}, status: 401},
		{name: "deleted by another", as: "eve", method: "DELETE", path: "/api/dataproducts/" + id + "/", status: 404},
		{name: "deleted", as: "carol", method: "DELETE", path: "/api/dataproducts/" + id + "/", status: 204},
		{name: "gone", as: "carol", method: "GET", path: place, status: 404},
		{name: "with its datums", as: "carol", method: "GET", path: "/api/reduceddatums/?target__id=" + target,
			status: 200, has: []string{`"count":0`}},
		{name: "and no others", as: "carol", method: "GET", path: "/api/reduceddatums/", status: 200,
			has: []string{`"count":1`}},
	})
}

func TestLife(t *testing.T) {
	for _, c := range []struct {
		kind, name string
		content    []byte
		count      int
	}{
		{"photometry", "night.csv",
			[]byte("time,magnitude,error,filter\n60000.1,15.1,0.1,r\n60000.2,15.2,0.1,r\n60000.3,15.2,0.1,g\n"), 3},
		{"photometry", "limits.txt",
			[]byte("# of a night\nmjd;mag;magerr;limit;band\n60000,1;18,2;0,1;19,5;r\n60000,2;;;19,6;r\n"), 2},
		{"spectroscopy", "spectrum.txt", []byte("# wavelength flux\n4000 1.5e-16\n4001 1.6e-16\n4002 1.4e-16\n"), 1},
	} {
		t.Run(c.name, func(t *testing.T) { life(t, c.kind, c.name, c.content, c.count) })
	}
}

// TestSamples does the same with the files of the recorded exchanges.
func TestSamples(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, name string
		count      int
	}{{"photometry", "test_lightcurve.csv", 3}, {"spectroscopy", "test_spectrum.csv", 1}, {"spectroscopy",
		"test_spectrum.fits", 1}} {
		t.Run(c.name, func(t *testing.T) { life(t, c.kind, c.name, sample(t, c.name), c.count) })
	}
}

// TestSessions: a page signs in with a cookie, which can write only from pages of the node itself.
func TestSessions(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	in := n.ask("", "POST", "/api/session/",
		url.Values{"username": {"astro"}, "password": {password("astro")}}).want(t, 201)
	set := in.header.Get("Set-Cookie")
	for _, part := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(set, part) {
			t.Errorf("no %s in %s", part, set)
		}
	}
	cookie, _, _ := strings.Cut(set, ";")
	patch := jsonText(`{"epoch": 2000}`)
	n.play(t, []scenario{
		{name: "wrong password", as: "", method: "POST", path: "/api/session/",
			body: url.Values{"username": {"astro"}, "password": {"x"}}, status: 400, has: []string{"Unable to log in"}},
		{name: "reads", as: "", method: "GET", path: "/api/targets/" + target + "/",
			header: []string{"Cookie", cookie}, status: 200},
		{name: "writes", as: "", method: "PATCH", path: "/api/targets/" + target + "/", body: patch,
			header: []string{"Cookie", cookie, "Origin", n.URL}, status: 200},
		{name: "writes without origin", as: "", method: "PATCH", path: "/api/targets/" + target + "/", body: patch,
			header: []string{"Cookie", cookie}, status: 200},
		{name: "another site", as: "", method: "PATCH", path: "/api/targets/" + target + "/", body: patch,
			header: []string{"Cookie", cookie, "Origin",
				"https://evil.example.com"}, status: 403, has: []string{"another site"}},
		{name: "another site's form", as: "", method: "DELETE", path: "/api/targets/" + target + "/",
			header: []string{"Cookie", cookie, "Sec-Fetch-Site", "cross-site"}, status: 403},
		{name: "an opaque origin", as: "", method: "PATCH", path: "/api/targets/" + target + "/", body: patch,
			header: []string{"Cookie", cookie, "Origin", "null"}, status: 403},
		{name: "another port of this machine", as: "", method: "POST", path: "/api/targets/", body: patch,
			header: []string{"Cookie", cookie, "Origin", "http://127.0.0.1:1"}, status: 403},
		{name: "another port, in current browsers", as: "", method: "PATCH", path: "/api/targets/" + target + "/",
			body: patch, header: []string{"Cookie", cookie, "Sec-Fetch-Site", "same-site"}, status: 403},
		{name: "another site with the origin of this one", as: "", method: "PATCH",
			path: "/api/targets/" + target + "/",
			body: patch, header: []string{"Cookie", cookie, "Sec-Fetch-Site", "cross-site", "Origin",
				n.URL}, status: 403},
		{name: "a token works from anywhere", as: "astro", method: "PATCH", path: "/api/targets/" + target + "/",
			body: patch, header: []string{"Origin", "https://evil.example.com", "Sec-Fetch-Site",
				"cross-site"}, status: 200},
		{name: "signing in from another site", as: "", method: "POST", path: "/api/session/",
			header: []string{"Origin", "https://evil.example.com"}, body: url.Values{"username": {"astro"},
				"password": {password("astro")}}, status: 403},
		{name: "a session's secret is no token", as: "", method: "GET", path: "/api/session/",
			header: []string{"Authorization", "Token " + strings.TrimPrefix(cookie, sessionCookie+"=")}, status: 401},
		{name: "sign out", as: "", method: "DELETE", path: "/api/session/", header: []string{"Cookie", cookie},
			status: 204},
		{name: "a guest again", as: "", method: "GET", path: "/api/targets/" + target + "/",
			header: []string{"Cookie", cookie}, status: 404},
	})
	n.mode(auth.ModeTargets, auth.Locked)
	n.ask("", "GET", "/api/targets/", nil, "Cookie", cookie).want(t, 401)
}
