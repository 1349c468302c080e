package api

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestMarkup: markup in names and values is escaped on every page of the API. Every answer forbids
// frames, content sniffing, and scripts that are not files of the node.
func TestMarkup(t *testing.T) {
	n := start(t, Options{})
	ours := regexp.MustCompile(`<script( type="module")? src="/static/[a-z]+\.js"></script>`)
	evil := `"><script>alert('x')</script>`
	target := n.ask("astro", "POST", "/api/targets/",
		map[string]any{"name": evil, "type": "SIDEREAL", "ra": 1, "dec": 1,
			"aliases": []any{map[string]string{"name": "</pre><img src=x onerror=alert(1)>"}}}).want(t, 201).id(t)
	n.ask("admin", "PUT", "/api/settings/tom_name/", map[string]string{"value": evil}).want(t, 200)
	q := url.QueryEscape(evil)
	for path, status := range map[string]int{
		"/api/targets/": 200, "/api/targets/" + target + "/": 200, "/api/targets/?name=" + q: 200, "/api/targets/?" +
			q + "=1": 200, "/api/targets/?strict=1&" + q + "=1": 400, "/api/targets/?type=" + q: 400,
		"/api/" + url.PathEscape(evil) + "/": 404, "/api/targets/" + url.PathEscape(evil) +
			"/": 404, "/api/settings/": 403,
	} {
		for _, accept := range []string{"text/html", "application/json"} {
			r := n.ask("astro", "GET", path, nil, "Accept", accept).want(t, status)
			kind := r.header.Get("Content-Type")
			if accept == "text/html" &&
				(!strings.HasPrefix(kind, "text/html") ||
					strings.Contains(ours.ReplaceAllString(string(r.body), ""), "<script") ||
					strings.Contains(string(r.body), "<img")) {
				t.Errorf("%s as a page, %s: %s", path, kind, r.body)
			}
			if accept != "text/html" && kind != typeJSON {
				t.Errorf("%s is %s", path, kind)
			}
			csp := r.header.Get("Content-Security-Policy")
			for _, rule := range []string{"default-src 'none'", "frame-ancestors 'none'"} {
				if !strings.Contains(csp, rule) ||
					strings.Contains(strings.ReplaceAll(csp, "script-src 'self';", ""), "script-src") ||
					strings.Contains(csp, "unsafe") {
					t.Errorf("%s as %s: policy %q", path, accept, csp)
				}
			}
			if r.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s as %s: the type may be guessed", path, accept)
			}
		}
	}
}

// TestSecureCookie: the session cookie is sent over TLS only if the node, or a trusted proxy in
// front of it, has TLS. Nobody else can claim that.
func TestSecureCookie(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		proxy  string
		proto  string
		secure bool
	}{{"127.0.0.0/8", "https", true}, {"127.0.0.0/8", "http", false}, {"192.0.2.0/24", "https", false}} {
		n := start(t, Options{Proxies: []netip.Prefix{netip.MustParsePrefix(c.proxy)}})
		in := n.ask("", "POST", "/api/session/", url.Values{"username": {"astro"}, "password": {password("astro")}},
			"X-Forwarded-Proto", c.proto).want(t, 201)
		if set := in.header.Get("Set-Cookie"); strings.Contains(set, "Secure") != c.secure {
			t.Errorf("%+v: %s", c, set)
		}
	}
}

// TestFailedSignIns: failed sign-ins are counted by the client's own address, also behind a trusted
// proxy. A client cannot have them counted for another address.
func TestFailedSignIns(t *testing.T) {
	t.Parallel()
	guess := func(n *node, from string, want int) {
		t.Helper()
		n.ask("", "POST", "/api/token-auth/", map[string]string{"username": "astro", "password": "guess"},
			"X-Forwarded-For", from).want(t, want)
	}
	behind := start(t, Options{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	open := start(t, Options{})
	for i := range 20 {
		guess(behind, "198.51.100.1, 192.0.2.1", 400) // the client itself wrote the first address
		guess(open, fmt.Sprintf("192.0.2.%d", i), 400)
	}
	guess(behind, "198.51.100.2, 192.0.2.1", 429)
	guess(behind, "192.0.2.2", 400)
	guess(open, "192.0.2.99", 429)
}
