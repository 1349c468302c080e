package api

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"nightjar/auth"
	"nightjar/internal/testenv"
)

// loginScript signs in as scripts do with a TOM, and prints what it gets.
const loginScript = `import re, sys, requests
base, path, user, password = sys.argv[1:]
s = requests.Session()
s.trust_env = False
page = s.get(base + path)
token = s.cookies["csrftoken"]
hidden = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text).group(1)
print(page.status_code, len(token), token == hidden)
form = {"username": user, "password": password, "csrfmiddlewaretoken": hidden, "next": "/api/groups/"}
print(requests.post(base + path, data=form).status_code)
wrong = s.post(base + path, data=dict(form, password="wrong"), headers={"Referer": base + path})
print(wrong.status_code, "Unable to log in" in wrong.text, "sessionid" in s.cookies)
done = s.post(base + path, data=form, headers={"Referer": base + path}, allow_redirects=False)
print(done.status_code, done.headers["Location"], "sessionid" in s.cookies)
print(s.get(base + "/api/groups/").json()["results"])
made = s.post(base + "/api/targets/", json={"name": "by session", "type": "SIDEREAL", "ra": 1, "dec": 2},
              headers={"X-CSRFToken": s.cookies["csrftoken"], "Referer": base})
print(made.status_code, made.json().get("name"))
only = requests.get(base + "/api/groups/", cookies={"sessionid": s.cookies["sessionid"]})
print(only.json()["count"])
`

// TestLoginScript: requests.Session signs in with a form at both paths.
func TestLoginScript(t *testing.T) {
	t.Parallel()
	python := ""
	for _, p := range []string{"python3", "/usr/bin/python3"} { // the system's may have Debian's packages
		if exec.Command(p, "-c", "import requests").Run() == nil {
			python = p
			break
		}
	}
	if python == "" {
		testenv.Lacks(t, "there is no Python with requests")
	}
	for _, path := range loginPaths {
		n := start(t, Options{})
		out, err := exec.Command(python, "-c", loginScript, n.URL, path, "astro", password("astro")).CombinedOutput()
		want := `200 32 True
403
200 True False
302 /api/groups/ True
[{'id': 2, 'name': 'Observers'}]
201 by session
1
`
		if err != nil || string(out) != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", path, err, out, want)
		}
	}
}

// browser is a client with cookies that follows no redirections.
func browser(t *testing.T) *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// TestLoginForm: what the form refuses, where it leads, and what its cookies are.
func TestLoginForm(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	n.mode(auth.ModeTargets, auth.Locked) // the form is for guests, too
	hidden := regexp.MustCompile(`name="csrfmiddlewaretoken" value="([A-Za-z0-9]{32})"`)
	for _, path := range loginPaths {
		page := n.ask("", "GET", path+"?next=/targets/5/", nil).want(t, 200)
		m := hidden.FindSubmatch(page.body)
		if m == nil || !strings.Contains(string(page.body), `name="next" value="/targets/5/"`) {
			t.Fatalf("%s: %s", path, page.body)
		}
		token := string(m[1])
		set := page.header.Get("Set-Cookie")
		for _, part := range []string{"csrftoken=" + token + ";", "Path=/", "SameSite=Lax"} {
			if !strings.Contains(set, part) || strings.Contains(set, "HttpOnly") {
				t.Errorf("%s: no %s in %s", path, part, set)
			}
		}
		if page.header.Get("Cache-Control") != "no-store" || page.header.Get("Content-Security-Policy") != pagePolicy {
			t.Errorf("%s: %v", path, page.header)
		}
		n.ask("", "HEAD", path, nil).want(t, 200)
		form := func(more ...string) url.Values {
			v := url.Values{"username": {"astro"}, "password": {password("astro")}, csrfField: {token}}
			for i := 0; i < len(more); i += 2 {
				if v.Set(more[i], more[i+1]); more[i+1] == "" {
					v.Del(more[i])
				}
			}
			return v
		}
		cookie := "csrftoken=" + token
		for _, c := range []struct {
			name   string
			body   any
			header []string
			status int
		}{
			{"no cookie", form(), nil, 403},
			{"no token", form(csrfField, ""), []string{"Cookie", cookie}, 403},
			{"another token", form(csrfField, strings.Repeat("x", 32)), []string{"Cookie", cookie}, 403},
			{"short tokens", form(csrfField, "x"), []string{"Cookie", "csrftoken=x"}, 403},
			{"another site", form(), []string{"Cookie", cookie, "Origin", "https://evil.example.com"}, 403},
			{"a wrong password", form("password", "x"), []string{"Cookie", cookie}, 200},
			{"no password", form("password", ""), []string{"Cookie", cookie}, 200},
			{"JSON", jsonText(`{}`), []string{"Cookie", cookie}, 415},
			{"too much", form("username", strings.Repeat("x", maxCredentials)), []string{"Cookie", cookie}, 413},
		} {
			r := n.ask("", "POST", path, c.body, c.header...).want(t, c.status)
			if strings.Contains(strings.Join(r.header.Values("Set-Cookie"), " "), sessionCookie) {
				t.Errorf("%s, %s: a session begins", path, c.name)
			}
		}
		for next, want := range map[string]string{"": "/", "/targets/?name=M+31": "/targets/?name=M+31",
			"https://evil.example.com/": "/", "//evil.example.com/": "/", `/\evil.example.com`: "/", "evil": "/",
			"javascript:alert(1)": "/", "/\t/evil.example.com": "/"} {
			client := browser(t)
			first, err := client.Get(n.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			first.Body.Close()
			u, _ := url.Parse(n.URL)
			given := form("next", next)
			given.Set(csrfField, client.Jar.Cookies(u)[0].Value)
			r, err := client.PostForm(n.URL+path, given)
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			if got := r.Header.Get("Location"); r.StatusCode != 302 || got != want {
				t.Errorf("%s, next %q: %d, %q", path, next, r.StatusCode, got)
			}
			cookies := strings.Join(r.Header.Values("Set-Cookie"), "\n")
			if strings.Count(cookies, "HttpOnly; SameSite=Lax") != 2 {
				t.Errorf("%s: %s", path, cookies)
			}
		}
		// by a header and as multipart
		n.ask("", "POST", path, form(csrfField, ""), "Cookie", cookie, "X-CSRFToken", token).want(t, 302)
		n.ask("", "POST", path, newForm("username", "astro", "password", password("astro"), csrfField, token),
			"Cookie", cookie).want(t, 302)
	}
	// a token that is there is kept, and Django's sessions mean nothing here
	kept := strings.Repeat("Aa1", 11)
	page := n.ask("", "GET", loginPaths[0], nil, "Cookie", "csrftoken="+kept+"; sessionid=abc").want(t, 200)
	if !strings.Contains(string(page.body), kept) {
		t.Errorf("another token than %s: %s", kept, page.body)
	}
}

// TestLoginEnds: signing out removes both cookies of a form, but not a TOM's.
func TestLoginEnds(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	for _, theirs := range []string{"", "abc"} {
		in := n.ask("", "POST", "/api/session/", url.Values{"username": {"astro"},
			"password": {password("astro")}}).want(t, 201)
		own, _, _ := strings.Cut(in.header.Get("Set-Cookie"), ";")
		secret := strings.TrimPrefix(own, sessionCookie+"=")
		n.ask("", "GET", "/api/tokens/", nil, "Cookie", "sessionid="+secret).want(t, 200)
		n.ask("", "POST", "/api/tokens/", jsonText(`{}`), "Cookie", "sessionid="+secret, "Origin",
			"https://evil.example.com").want(t, 403)
		want := 1
		if theirs == "" {
			theirs, want = secret, 2
		}
		out := n.ask("", "DELETE", "/api/session/", nil, "Cookie", own+"; sessionid="+theirs).want(t, 204)
		if got := out.header.Values("Set-Cookie"); len(got) != want {
			t.Errorf("sessionid %s: %s", theirs, got)
		}
		if list := n.ask("", "GET", "/api/tokens/", nil, "Cookie", "sessionid="+secret).rows(t); len(list) > 0 {
			t.Errorf("the session goes on: %v", list)
		}
	}
}
