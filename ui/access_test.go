package ui

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestGuest checks that a guest sees open targets, and on a locked node the sign-in page.
func TestGuest(t *testing.T) {
	b := startBrowser(t)
	n := startNode(t)
	p := b.newPage(t, n.base)
	p.open("/targets/1/")
	p.wait("$('#lightcurve [data-drawn]')")
	p.wait("!$('#delete') && !$('#upload')")
	p.click("#head a[href='/api/']") // the pages have already requested it, as a program does
	p.wait("$('#answer a')?.textContent.endsWith('/api/groups/') && $('#options')")
	p.open("/targets/4/")
	p.wait("$('main').textContent.includes('There is no target 4 here that you may see.')")
	p.clean("status of 404")

	admin := b.newPage(t, n.base)
	admin.signIn(n)
	admin.run("await fetch('/api/settings/auth_strategy/', { method: 'PUT', body: JSON.stringify({ value: 'locked' " +
		"}), headers: { 'Content-Type': 'application/json' } })")
	p.do("Page.navigate", map[string]any{"url": n.base + "/targets/1/?x=1"}, nil)
	p.wait("$('#sign-in')")
	p.enter("input[name=username]", "admin")
	p.enter("input[name=password]", n.password)
	p.click("#sign-in button")
	p.wait("location.pathname === '/targets/1/' && $('#lightcurve [data-drawn]')")
	p.clean("status of 401")
	admin.clean()
}

// TestForeignPage checks that a page of another site can read and write with a token if
// --cors-origin names the site, and that otherwise the browser refuses the request.
func TestForeignPage(t *testing.T) {
	b := startBrowser(t)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
	}))
	defer site.Close()
	p := b.newPage(t, site.URL)
	p.do("Page.navigate", map[string]any{"url": site.URL}, nil)
	p.wait("document.readyState === 'complete' && location.origin === " + quote(site.URL))
	script := func(n node) string {
		return `(async () => {
			const api = ` + quote(n.base) + ` + "/api/", json = { "Content-Type": "application/json" };
			const { token } = await (await fetch(api + "token-auth/", { method: "POST", headers: json, body: JSON.stringify({ username: "admin", password: ` + quote(n.password) + ` }) })).json();
			const mine = { ...json, Authorization: "Token " + token };
			const made = await fetch(api + "targets/", { method: "POST", headers: mine, body: JSON.stringify({ name: "from afar", type: "SIDEREAL", ra: 1, dec: 2 }) });
			const found = await fetch(api + "targets/?name=from+afar&nmae=x", { headers: mine });
			const gone = await fetch(api + "targets/" + (await made.json()).id + "/", { method: "DELETE", headers: mine });
			return [made.status, (await found.json()).count, found.headers.get("Nightjar-Unknown-Parameters"), gone.status].join(" ");
		})().catch((e) => e.name)`
	}
	for _, c := range []struct {
		flags []string
		want  string
	}{{[]string{"--cors-origin", site.URL}, "201 1 nmae 204"}, {nil,
		"TypeError"}, {[]string{"--cors-origin", "https://pages.example.org"}, "TypeError"}} {
		var got string
		if err := p.eval(script(startNode(t, c.flags...)), &got); err != nil || got != c.want {
			t.Errorf("%v: %s, want %s (%v)", c.flags, got, c.want, err)
		}
	}
}

// TestAccount changes a password, with mistakes on the way, signs out and in again, and makes and
// revokes a read-only token.
func TestAccount(t *testing.T) {
	b := startBrowser(t)
	n := startNode(t)
	p := b.newPage(t, n.base)
	p.size(1366, 800)
	p.signIn(n)
	p.open("/account/")
	p.enter("#password [name=current_password]", "guess")
	p.enter("#password [name=password]", "a new one, longer")
	p.enter("#password [name=again]", "a new one, other")
	p.click("#password button")
	p.wait("$('[data-field=again] .error').textContent === 'The passwords differ.'")
	p.enter("#password [name=again]", "a new one, longer")
	p.click("#password button")
	p.wait("$('[data-field=current_password] .error').textContent")
	p.enter("#password [name=current_password]", n.password)
	p.click("#password button")
	p.wait("$('#notices').textContent.includes('Your password is changed.') && $('#password [name=password]').value " +
		"=== ''")

	p.enter("#new-token [name=name]", "reader")
	p.click("#new-token [name=read_only]")
	p.click("#new-token button.main")
	p.wait("$('#secret') && $('#tokens tbody').textContent.includes('named, reads only')")
	const ask = "fetch('/api/groups/', { method: 'POST', credentials: 'omit', body: '{\"name\":\"x\"}', headers: { " +
		"'Content-Type': 'application/json', Authorization: 'Token ' + window.secret } }).then((r) => r.status)"
	var status int
	p.run("window.secret = $('#secret').textContent")
	if err := p.eval(ask, &status); err != nil || status != 403 {
		t.Errorf("writing with a read-only token: status %d, %v", status, err)
	}
	p.run("[...document.querySelectorAll('#tokens tbody tr')].find((r) => " +
		"r.textContent.includes('reader')).querySelector('button').click()")
	p.click("dialog button.danger")
	p.wait("!$('dialog') && !$('#tokens tbody').textContent.includes('reader')")
	if err := p.eval(ask, &status); err != nil || status != 401 {
		t.Errorf("a revoked token: status %d, %v", status, err)
	}

	// a second click while the first is being answered makes no second token
	p.run("const real = fetch; window.fetch = async (path, o) => { if (o?.method === 'POST') await new Promise((f) " +
		"=> setTimeout(f, 1500)); return real(path, o) }")
	p.enter("#new-token [name=name]", "only one")
	p.click("#new-token button.main")
	p.click("#new-token button.main")
	p.wait("$('#new-token').ariaBusy === 'true'")
	p.wait("$('#new-token').ariaBusy === null && $('#tokens tbody').textContent.includes('only one')")
	if p.run("await new Promise((f) => setTimeout(f, 1600))"); strings.Count(p.text("#tokens tbody"), "only one") != 1 {
		t.Errorf("the tokens are %s", p.text("#tokens tbody"))
	}

	p.click("#sign-out")
	p.wait("location.pathname === '/' && $('#head .tools a.button')?.textContent === 'Sign in' && !$('#who')")
	p.open("/users/")
	p.wait("$('main').textContent.includes('Only superusers manage users')")
	n.password = "a new one, longer"
	p.signIn(n)
	p.clean("status of 400", "status of 401", "status of 403")
}
