package api

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"nightjar/auth"
)

// browserHeaders are headers that browsers and programs send about the origin of a request.
// foreign: another site made it. link: the user followed a link. dialogue: a refusal may open the
// dialogue for a password.
var browserHeaders = map[string]struct {
	header                  []string
	foreign, link, dialogue bool
}{
	"a program": {dialogue: true},
	"a typed address": {header: []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode",
		"navigate"}, dialogue: true},
	"a page of the node": {header: []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors",
		"Origin", "http://NODE"}},
	"a form of the node": {header: []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate",
		"Origin", "http://NODE"}, dialogue: true},
	"a page of the node, old browser": {header: []string{"Origin", "http://NODE", "Referer",
		"http://NODE/targets/"}, dialogue: true},
	"a script of the node": {header: []string{"X-Requested-With", "XMLHttpRequest"}},
	"a form of another site": {header: []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate",
		"Origin", "https://evil.example.com"}, foreign: true, link: true},
	"a link of another site": {header: []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate",
		"Sec-Fetch-Dest", "document"}, foreign: true, link: true},
	"another port": {header: []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate"},
		foreign: true, link: true},
	"a frame of another site": {header: []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate",
		"Sec-Fetch-Dest", "iframe"}, foreign: true},
	"a picture of another site": {header: []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors",
		"Sec-Fetch-Dest", "image"}, foreign: true},
	"a script of another port": {header: []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors",
		"Origin", "http://127.0.0.1:1"}, foreign: true},
	"another site, old browser": {header: []string{"Origin", "https://evil.example.com"}, foreign: true},
	"a sandbox, old browser":    {header: []string{"Origin", "null"}, foreign: true},
	"another port, old browser": {header: []string{"Origin", "http://127.0.0.1:1"}, foreign: true},
	"an origin without a host":  {header: []string{"Origin", "file://"}, foreign: true},
	"cross-site with the origin of the node": {header: []string{"Sec-Fetch-Site", "cross-site", "Origin",
		"http://NODE"}, foreign: true},
	"an unknown value": {header: []string{"Sec-Fetch-Site", "same-galaxy"}, foreign: true},
	"a page that may use tokens": {header: []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors",
		"Origin", "https://pages.example.org"}, foreign: true},
}

// TestCrossSite: a page of another site cannot read or write with a credential that the browser
// adds by itself. Programs, tokens and the node's own pages can.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	n := start(t, Options{Origins: []string{"https://pages.example.org"}})
	target := n.target("astro", "M 31")
	host := strings.TrimPrefix(n.URL, "http://")
	set := n.ask("", "POST", "/api/session/",
		url.Values{"username": {"admin"}, "password": {password("admin")}}).want(t, 201).header.Get("Set-Cookie")
	cookie, _, _ := strings.Cut(set, ";")
	credentials := map[string][]string{
		"cookie": {"Cookie", cookie},
		"basic":  {"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("admin:"+password("admin")))},
		"token":  {"Authorization", "Token " + n.tokens["admin"]},
		"bearer": {"Authorization", "Bearer " + n.tokens["admin"]},
	}
	made := 0
	user := func(kind string) any {
		made++
		name := fmt.Sprint("user-", made)
		switch kind {
		case "urlencoded":
			return url.Values{"username": {name}, "is_superuser": {"true"}}
		case "multipart":
			return newForm("username", name, "is_superuser", "true")
		case "text":
			return raw{"text/plain", `{"username": "` + name + `", "is_superuser": true}`}
		}
		return jsonText(`{"username": "` + name + `", "is_superuser": true}`)
	}
	users := func() int { return len(n.ask("admin", "GET", "/api/users/?limit=10000", nil).rows(t)) }
	for what, from := range browserHeaders {
		var header []string
		for _, h := range from.header {
			header = append(header, strings.Replace(h, "NODE", host, 1))
		}
		for way, credential := range credentials {
			kept := from.foreign && (way == "cookie" || way == "basic")
			for _, kind := range []string{"urlencoded", "multipart", "text", "json"} {
				want, before := 201, users()
				switch {
				case kept:
					want = 403
				case kind == "text":
					want = 415
				}
				if got := n.ask("", "POST", "/api/users/", user(kind),
					append(header, credential...)...); got.status != want {
					t.Errorf("%s, %s, POST %s: %d, want %d: %s", what, way, kind, got.status, want, got.body)
				}
				if after := users(); (after > before) != (want == 201) {
					t.Errorf("%s, %s, POST %s: %d users, then %d", what, way, kind, before, after)
				}
			}
			want := 200
			switch {
			case kept && !from.link && way == "basic":
				want = 403
			case kept && !from.link:
				want = 404 // as for a guest
			}
			if got := n.ask("", "GET", "/api/targets/"+target+"/", nil,
				append(header, credential...)...); got.status != want {
				t.Errorf("%s, %s, GET: %d, want %d: %s", what, way, got.status, want, got.body)
			}
			if want = 200; kept {
				want = 403
				if way == "cookie" {
					want = 401
				}
			}
			if got := n.ask("", "GET", "/api/backup/", nil, append(header, credential...)...); got.status != want {
				t.Errorf("%s, %s, GET of a backup: %d, want %d", what, way, got.status, want)
			}
		}
		signIn := n.ask("", "POST", "/api/session/",
			url.Values{"username": {"astro"}, "password": {password("astro")}}, header...)
		if want := map[bool]int{false: 201, true: 403}[from.foreign]; signIn.status != want {
			t.Errorf("%s, signing in: %d, want %d", what, signIn.status, want)
		}
		if from.foreign {
			for _, with := range [][]string{nil, credentials["cookie"]} {
				if out := n.ask("", "DELETE", "/api/session/", nil, append(header, with...)...); out.status != 403 ||
					out.header.Get("Set-Cookie") != "" {
					t.Errorf("%s signs out: %d", what, out.status)
				}
			}
		}
	}
	n.ask("", "GET", "/api/session/", nil, "Cookie", cookie).want(t, 200)
	if got := n.ask("", "GET", "/api/session/", nil, "Cookie", cookie).json(t)["signed_in"]; got != true {
		t.Error("another site ended the session")
	}
	// the node does not even check a password that another site makes a browser send
	wrong := "Basic " + base64.StdEncoding.EncodeToString([]byte("admin:wrong"))
	n.ask("", "POST", "/api/users/", url.Values{}, "Authorization", wrong, "Sec-Fetch-Site", "cross-site").want(t, 403)
}

// TestQuietChallenge: only programs, and addresses that users open themselves, get a Basic
// challenge.
func TestQuietChallenge(t *testing.T) {
	n := start(t, Options{})
	n.mode(auth.ModeTargets, auth.Locked)
	host := strings.TrimPrefix(n.URL, "http://")
	headers := maps.Clone(browserHeaders)
	for _, at := range []string{"https://evil.example.com/", "http://127.0.0.1:1/",
		"https://evil.example.com/http://NODE/", "://"} {
		h := headers["a program"]
		h.header, h.dialogue = []string{"Referer", at}, false
		headers["referred by "+at] = h
	}
	for what, from := range headers {
		var header []string
		for _, h := range from.header {
			header = append(header, strings.Replace(h, "NODE", host, 1))
		}
		for _, path := range []string{"/api/targets/", "/api/log/", "/data/m-31/none/a.png",
			"/data/m-31/none/a.png?preview=1"} {
			for _, accept := range []string{"text/html", "*/*"} {
				r := n.ask("", "GET", path, nil, append(header, "Accept", accept)...).want(t, 401)
				if got := strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Basic"); got != from.dialogue ||
					r.header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s, %s: %q", what, path, r.header.Get("WWW-Authenticate"))
				}
			}
		}
	}
}

// TestOwnOrigin: behind a trusted proxy, or with a base URL, the node knows its own pages by the
// name that browsers use. Nobody else can give it a name.
func TestOwnOrigin(t *testing.T) {
	t.Parallel()
	proxy := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for name, c := range map[string]struct {
		o       Options
		header  []string
		host    string
		origins map[string]bool
	}{
		"plain": {host: "node.example.org",
			origins: map[string]bool{"http://node.example.org": true, "https://node.example.org": true,
				"http://NODE.example.org:80": true, "http://node.example.org:81": false, "http://example.org": false,
				"ftp://node.example.org": false, "http://node.example.org.evil.com": false}},
		"with a port": {host: "node.example.org:8000",
			origins: map[string]bool{"http://node.example.org:8000": true, "http://node.example.org": false}},
		"behind a proxy": {o: Options{Proxies: proxy},
			header: []string{"X-Forwarded-Host", "node.example.org", "X-Forwarded-Proto",
				"https"}, host: "127.0.0.1:8000",
			origins: map[string]bool{"https://node.example.org": true, "https://node.example.org:443": true,
				"http://node.example.org": false, "http://127.0.0.1:8000": false}},
		"one that keeps the port": {o: Options{Proxies: proxy},
			header: []string{"X-Forwarded-Host", "node.example.org:443", "X-Forwarded-Proto",
				"https"}, host: "127.0.0.1:8000", origins: map[string]bool{"https://node.example.org": true}},
		"one that is not trusted": {header: []string{"X-Forwarded-Host", "evil.example.com"}, host: "node.example.org",
			origins: map[string]bool{"https://evil.example.com": false, "https://node.example.org": true}},
		"a base URL": {o: Options{BaseURL: "https://node.example.org/"}, host: "127.0.0.1:8000",
			origins: map[string]bool{"https://node.example.org": true, "http://node.example.org": false,
				"http://127.0.0.1:8000": true, "https://evil.example.com": false}},
	} {
		n := start(t, c.o)
		basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("astro:"+password("astro")))
		for i, origin := range slices.Sorted(maps.Keys(c.origins)) {
			body := strings.NewReader(url.Values{"name": {fmt.Sprint("M ", i)}, "type": {"SIDEREAL"}, "ra": {"1"},
				"dec": {"1"}}.Encode())
			r, err := http.NewRequest("POST", n.URL+"/api/targets/", body)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = c.host
			r.Header.Set("Content-Type", typeForm)
			r.Header.Set("Authorization", basic)
			r.Header.Set("Origin", origin)
			for j := 0; j < len(c.header); j += 2 {
				r.Header.Set(c.header[j], c.header[j+1])
			}
			w, err := n.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			w.Body.Close()
			if want := map[bool]int{true: 201, false: 403}[c.origins[origin]]; w.StatusCode != want {
				t.Errorf("%s, %s: %d, want %d", name, origin, w.StatusCode, want)
			}
		}
	}
}

// TestNetwork: which forwarded headers, hosts and origins a node accepts.
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
			t.Errorf("%s is allowed", origin)
		}
	}
	plain := start(t, Options{})
	plain.target("astro", "M 31")
	r := plain.ask("astro", "GET", "/api/", nil, "X-Forwarded-Host", "evil.example.com", "X-Forwarded-Proto", "https",
		"Origin", "https://pages.example.org").want(t, 200)
	if fmt.Sprint(r.json(t)["targets"]) != plain.URL+"/api/targets/" ||
		r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a node without trusted proxies: %s", r.body)
	}
	named := start(t, Options{BaseURL: "https://node.example.org/"})
	named.target("astro", "M 31")
	product := named.upload("astro", "1", "image_file", "a.png", []byte("x")).want(t, 201).json(t)
	list := named.ask("astro", "GET", "/api/dataproducts/?limit=1&offset=1", nil).want(t, 200).json(t)
	if product["data"] != "https://node.example.org/data/m-31/none/a.png" ||
		list["previous"] != "https://node.example.org/api/dataproducts/?limit=1" {
		t.Errorf("a node with a name calls itself %v and %v", product["data"], list["previous"])
	}
	// hosts that the node accepts: any address, and the configured names
	called := &API{o: Options{Hosts: []string{"node.example.org"}}}
	for host, want := range map[string]bool{
		"node.example.org": true, "NODE.example.org:8000": true, "node.example.org.": true,
		"node.example.org.:443": true, "127.0.0.1": true, "127.0.0.1:8000": true, "127.0.0.1.": true, "[::1]": true,
		"[::1]:8000": true, "10.1.2.3:1": true,
		"": false, ":8000": false, "localhost": false, "node.example.org.evil.com": false,
		"evil.com:node.example.org": false, "node.example.org:80:80": false, "127.0.0.1.evil.com": false,
		"127.0.0.1@evil.com": false,
		"evil.com#127.0.0.1": false, "2130706433": false, "0x7f.1": false, "node.example.org..": false,
		"xnode.example.org": false, "node.example.org\x00": false,
	} {
		if got := called.knowsHost(host); got != want {
			t.Errorf("the host %q is accepted: %v", host, got)
		}
	}
	// the client's address, for the limit on failed sign-ins and for the log
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
