package api

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"nightjar/internal/problem"
)

// Scripts sign in to a TOM as a browser does: they get the form, which comes with a cookie
// csrftoken, and post it with the token, a user name and a password. The answer is a redirection
// with the cookie of a session. loginPaths have such a form; the first is also the page on which
// people sign in, whose script replaces the form.
var loginPaths = []string{"/accounts/login/", "/api-auth/login/"}

const (
	csrfCookie = "csrftoken"
	csrfField  = "csrfmiddlewaretoken"
	csrfHeader = "X-CSRFToken"
	csrfAge    = 364 * 24 * time.Hour // as Django's
	// tomCookie is the name that a TOM gives the cookie of a session. A form sets both.
	tomCookie = "sessionid"
)

// loginPage has the form, which works without scripts.
var loginPage = template.Must(template.New("login").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Sign in – {{.Node}}</title>
<script src="/static/look.js"></script><link rel="stylesheet" href="/static/nightjar.css"><link rel="icon" href="/static/nightjar.svg">{{if .Script}}<script type="module" src="/static/main.js"></script>{{end}}</head>
<body><a class="skip" href="#main">Skip to the page</a><header id="head"></header>
<main id="main" tabindex="-1"><h1>Sign in to {{.Node}}</h1>
<form method="post" class="stack"><input type="hidden" name="csrfmiddlewaretoken" value="{{.Token}}"><input type="hidden" name="next" value="{{.Next}}">
{{with .Refused}}<p role="alert">{{.}}</p>
{{end}}<label>User name <input name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button class="main">Sign in</button></form></main>
<div id="notices" role="status" aria-live="polite"></div></body></html>
`))

// errNoToken is the answer to a form without the token of its cookie, as Django's.
var errNoToken = &httpError{status: http.StatusForbidden, detail: "CSRF Failed: CSRF token missing or incorrect. Get " +
	"this page first, and send its cookie " + csrfCookie + " and its field " + csrfField + "."}

// addLogin registers the forms for signing in.
func (api *API) addLogin() {
	for _, path := range loginPaths {
		for _, method := range []string{GET, http.MethodHead, POST} {
			api.router.HandlerFunc(method, path, api.serveLogin)
		}
	}
}

var loginRoute = route{view: "Login", spec: spec{
	parses: []string{typeForm, typeMultipart}, oneForm: true, public: true, maxBody: maxCredentials,
}}

func (api *API) serveLogin(w http.ResponseWriter, req *http.Request) {
	r := api.request(w, req, &loginRoute)
	defer r.end()
	err := r.prepare()
	if err == nil && r.reads() {
		err = r.showLogin(http.StatusOK, r.query.Get("next"), "")
	} else if err == nil {
		err = r.login()
	}
	if err != nil {
		r.fail(err)
	}
}

// csrfToken returns the token of the cookie, "" if there is none. Django's have 32 characters, or
// 64 in older versions.
func (r *request) csrfToken() string {
	c, err := r.Cookie(csrfCookie)
	if err != nil || len(c.Value) < 32 || len(c.Value) > 64 {
		return ""
	}
	for _, b := range []byte(c.Value) {
		if !(b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z') {
			return ""
		}
	}
	return c.Value
}

// showLogin sends the form. It keeps a token that there is: cookies do not differ by port, so a TOM
// on the same machine may use it.
func (r *request) showLogin(status int, next, refused string) error {
	node, err := r.api.archive.Name()
	if err != nil {
		return err
	}
	token := r.csrfToken()
	if token == "" {
		token = rand.Text() + rand.Text()[:6]
	}
	var b bytes.Buffer
	err = loginPage.Execute(&b, struct {
		Node, Token, Next, Refused string
		Script                     bool
	}{node, token, next, refused, r.URL.Path == loginPaths[0]})
	if err != nil {
		return err
	}
	http.SetCookie(r.w, &http.Cookie{Name: csrfCookie, Value: token, Path: "/", MaxAge: int(csrfAge.Seconds()),
		SameSite: http.SameSiteLaxMode, Secure: r.site.scheme == "https"})
	h := r.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Cookie")
	r.w.WriteHeader(status)
	r.w.Write(b.Bytes())
	return nil
}

// login signs in with the form that was sent.
func (r *request) login() error {
	if r.fromOtherSite() {
		return errForeignWrite
	}
	in, err := r.input()
	if err != nil {
		return err
	}
	form := in.Form
	given := form.Get(csrfField)
	if given == "" {
		given = r.Header.Get(csrfHeader)
	}
	if token := r.csrfToken(); token == "" || subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
		return errNoToken
	}
	next := form.Get("next")
	if next == "" {
		next = r.query.Get("next")
	}
	t, err := r.auth().SignIn(r.Context(), strings.TrimSpace(form.Get("username")), form.Get("password"), r.viewer.Addr)
	var wrong *problem.Error
	if errors.As(err, &wrong) && wrong.Kind == problem.Unauthenticated {
		return r.showLogin(http.StatusOK, next, "Unable to log in with provided credentials.")
	}
	if err != nil {
		return err
	}
	for _, name := range []string{sessionCookie, tomCookie} {
		r.setCookie(name, t.Secret, time.UnixMicro(t.Expires))
	}
	r.w.Header().Set("Cache-Control", "no-store")
	r.w.Header().Set("Location", localPath(next))
	r.w.WriteHeader(http.StatusFound)
	return nil
}

// localPath returns next if it is a path of this node, and otherwise the first page.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return u.String()
}
