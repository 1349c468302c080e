package api

import (
	"encoding/base64"
	"errors"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"nightjar/api/wire"
	"nightjar/auth"
	"nightjar/internal/problem"
)

func (api *API) request(w http.ResponseWriter, r *http.Request, rt *route) *request {
	return &request{Request: r, api: api, route: rt, w: w, query: wire.ParseForm(r.URL.RawQuery), site: api.siteOf(r)}
}

// prepare negotiates the form of the answer and finds out who is calling.
func (r *request) prepare() error {
	if err := r.negotiate(); err != nil {
		return err
	}
	v, err := r.authenticate()
	if err != nil {
		return err
	}
	r.viewer = v
	r.access = r.api.archive.For(v)
	if !r.route.public && !r.api.archive.Auth().Policy().Admits(v) {
		return problem.ErrNotSignedIn
	}
	return nil
}

// errNotAcceptable means that the route has none of the forms that the client accepts.
var errNotAcceptable = &httpError{status: http.StatusNotAcceptable,
	detail: "Could not satisfy the request Accept header."}

// negotiate chooses the form of the answer, JSON, a page or an export, by the parameter format or
// by the header Accept.
func (r *request) negotiate() error {
	if r.route.oneForm {
		return nil // there is only one form
	}
	switch f := wire.Last(r.query, "format"); {
	case f == "":
		return r.accept()
	case f == "json":
	case f == "api":
		r.html = !r.route.onlyJSON
	case r.route.export != nil && slices.Contains(exportFormats, f):
		r.format = f
	default:
		return errNotAcceptable
	}
	return nil
}

// accept chooses by the header Accept as Django REST framework does. The most specific media range
// that matches wins, whatever its quality value; among equals, the first of the route's forms.
func (r *request) accept() error {
	given := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(given) == "" {
		return nil
	}
	best, chosen := -1, ""
	for _, form := range r.route.renders() {
		for part := range strings.SplitSeq(given, ",") {
			if n := matchRange(part, form); n > best {
				best, chosen = n, form
			}
		}
	}
	if best < 0 {
		return errNotAcceptable
	}
	r.html = chosen == typeHTML
	for part := range strings.SplitSeq(given, ",") {
		if media, params, err := mime.ParseMediaType(part); err == nil && media == chosen && chosen == typeJSON {
			n, _ := strconv.Atoi(params["indent"])
			r.indent = min(max(n, 0), 8)
		}
	}
	return nil
}

// matchRange returns how specifically a media range matches a form: 3 for a type with parameters, 2
// for a type, 1 for type/*, 0 for */*, -1 if it does not match.
func matchRange(given, form string) int {
	media, params, err := mime.ParseMediaType(given)
	if err != nil {
		return -1
	}
	delete(params, "q")
	main, _, _ := strings.Cut(form, "/")
	switch {
	case media == "*/*":
		return 0
	case media == main+"/*":
		return 1
	case media != form:
		return -1
	case len(params) > 0:
		return 3
	}
	return 2
}

// sessionCookie is the name of the cookie of a session.
const sessionCookie = "nightjar_session"

// sessionSecret returns the secret of a session, out of its cookie; "" when there is none.
func (r *request) sessionSecret() string {
	for _, name := range []string{sessionCookie, tomCookie} {
		if c, err := r.Cookie(name); err == nil && c.Value != "" {
			return c.Value
		}
	}
	return ""
}

// authenticate finds out who is calling: the owner of the file, or a user by Basic, a token or the
// cookie of a session. Bad credentials are refused, never ignored.
func (r *request) authenticate() (v auth.Viewer, err error) {
	addr := r.site.addr
	defer func() { v.Addr, v.Action = addr, r.Method+" "+r.URL.Path }()
	if fromOwner(r.Request) {
		return r.actingOwner()
	}
	a := r.api.archive.Auth()
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "":
		secret := r.sessionSecret()
		if secret == "" {
			return v, nil
		}
		v, err = a.WithToken(secret, addr)
		var refused *problem.Error
		if errors.As(err, &refused) || err == nil && !v.Session {
			return auth.Viewer{}, nil // the session has ended: a guest again
		}
		if err != nil {
			return v, err
		}
		switch err := r.checkSite(); err {
		case nil:
			return v, nil
		case errForeignRead:
			return auth.Viewer{}, nil // most browsers do not send the cookie here
		default:
			return v, err
		}
	case "basic":
		if err := r.checkSite(); err != nil {
			return v, err
		}
		if err := credentials("basic", "Credentials", rest); err != nil {
			return v, err
		}
		text, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return v, badHeader("basic", "Credentials not correctly base64 encoded.")
		}
		name, password, _ := strings.Cut(string(text), ":")
		return a.Basic(r.Context(), name, password, addr)
	case "token", "bearer":
		if err := credentials("token", "Token", rest); err != nil {
			return v, err
		}
		if v, err = a.WithToken(rest, addr); err == nil && v.Session {
			return auth.Viewer{}, auth.ErrBadToken // the secret of a session is good only in its cookie
		}
		return v, err
	}
	return v, &problem.Error{Kind: problem.Unauthenticated, Message: "Unknown authentication scheme."}
}

// credentials refuses malformed credentials in an Authorization header.
func credentials(header, what, given string) error {
	switch {
	case given == "":
		return badHeader(header, "No credentials provided.")
	case strings.ContainsAny(given, " \t"):
		return badHeader(header, what+" string should not contain spaces.")
	}
	return nil
}

func badHeader(header, why string) error {
	return &problem.Error{Kind: problem.Unauthenticated, Message: "Invalid " + header + " header. " + why}
}

// actingOwner returns the owner of the file, or the user for whom the owner acts.
func (r *request) actingOwner() (auth.Viewer, error) {
	name := r.Header.Get("Nightjar-As")
	if name == "" {
		return auth.FileOwner(), nil
	}
	return r.api.archive.Auth().As(name)
}

// siteOf reads where a request comes from: out of the connection, or out of the headers of a
// trusted proxy.
func (api *API) siteOf(r *http.Request) site {
	s := site{addr: r.RemoteAddr, scheme: "http", host: r.Host}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		s.addr = host
	}
	if r.TLS != nil {
		s.scheme = "https"
	}
	if !api.isProxy(s.addr) {
		return s
	}
	if proto := lastHeader(r, "X-Forwarded-Proto"); proto == "http" || proto == "https" {
		s.scheme = proto
	}
	if host := lastHeader(r, "X-Forwarded-Host"); host != "" {
		s.host = host
	}
	// each proxy appends the address that it was called from: the last one that is not a trusted
	// proxy is the client
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		if _, err := netip.ParseAddr(hop); err != nil {
			break
		}
		if s.addr = hop; !api.isProxy(hop) {
			break
		}
	}
	return s
}

func lastHeader(r *http.Request, name string) string {
	v := strings.Split(strings.Join(r.Header.Values(name), ","), ",")
	return strings.TrimSpace(v[len(v)-1])
}

func (api *API) isProxy(addr string) bool {
	if len(api.o.Proxies) == 0 {
		return false
	}
	ip, err := netip.ParseAddr(addr)
	return err == nil && slices.ContainsFunc(api.o.Proxies,
		func(p netip.Prefix) bool { return p.Contains(ip.Unmap().WithZone("")) })
}

// base returns the address by which the client calls the node.
func (r *request) base() string {
	if r.api.o.BaseURL != "" {
		return strings.TrimSuffix(r.api.o.BaseURL, "/")
	}
	return r.site.scheme + "://" + r.site.host
}

// knowsHost reports whether host is a name of the node. This keeps out the page of another site
// whose name was made to resolve to this node. IP addresses cannot be misused in that way.
func (api *API) knowsHost(host string) bool {
	if len(api.o.Hosts) == 0 {
		return true
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return slices.ContainsFunc(api.o.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

// shareAcrossSites answers what browsers ask on behalf of pages of other sites, if Options.Origins
// allows such pages. It reports whether the request has been answered. Cookies are never accepted
// from such pages: they sign in with a token.
func (api *API) shareAcrossSites(w http.ResponseWriter, r *http.Request) (answered bool) {
	if len(api.o.Origins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	any := slices.Contains(api.o.Origins, "*")
	if origin == "" || !any && !slices.Contains(api.o.Origins, origin) {
		return false
	}
	if any {
		origin = "*"
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers",
		"Allow, Content-Disposition, Content-Range, ETag, Nightjar-Created, Nightjar-Duplicate, Nightjar-Request, "+
			"Nightjar-Unknown-Parameters, Preference-Applied, Retry-After, WWW-Authenticate")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	h.Set("Access-Control-Allow-Headers",
		"Accept, Authorization, Content-Type, If-Match, If-None-Match, If-Range, Last-Event-ID, Prefer, Range, "+
			"X-Requested-With")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// A browser attaches some credentials by itself, whichever page makes it send the request: the
// cookie of a session, and the name and password that were entered in its dialogue for Basic. A
// page of another site must not be able to use them. Programs put tokens into the header
// themselves, so tokens need no check. Clients other than browsers send neither Sec-Fetch-Site nor
// Origin.

// fromOtherSite reports whether a page of another origin made a browser send the request.
func (r *request) fromOtherSite() bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "": // not a browser, an old one, or one that reaches the node over http
		origin := r.Header.Get("Origin")
		return origin != "" && !r.isOwnOrigin(origin)
	}
	return true
}

// isOwnOrigin reports whether an origin is the node's own, by the name that clients know. Behind a
// trusted proxy the Host header may contain another name.
func (r *request) isOwnOrigin(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false // also for null, the origin of a page in a sandbox
	}
	host := func(s string) string {
		return strings.ToLower(strings.TrimSuffix(s, map[string]string{"http": ":80", "https": ":443"}[u.Scheme]))
	}
	if base, err := url.Parse(r.api.o.BaseURL); err == nil && base.Scheme == u.Scheme &&
		host(base.Host) == host(u.Host) {
		return true
	}
	// an untrusted proxy may hide that there is TLS, but nothing turns a page without TLS into one
	// with it
	return host(r.site.host) == host(u.Host) && (u.Scheme == "https" || u.Scheme == "http" && r.site.scheme == "http")
}

// isLink reports whether a browser sends the request to show its answer in place of the current
// page, as when a link is followed.
func (r *request) isLink() bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	return r.reads() && r.Header.Get("Sec-Fetch-Mode") == "navigate" &&
		(dest == "" || dest == "document") && !r.route.guarded
}

var (
	errForeignWrite = &httpError{status: http.StatusForbidden, detail: "A page of another site sent this write. Use " +
		"the node's own pages, or a token."}
	errForeignRead = &httpError{status: http.StatusForbidden,
		detail: "A page of another site sent this request. Such pages need a token."}
)

// checkSite refuses a request that another site made the browser send with credentials. Links from
// other sites can be followed.
func (r *request) checkSite() error {
	switch {
	case !r.fromOtherSite():
		return nil
	case !r.reads() && r.Method != http.MethodOptions:
		return errForeignWrite
	case r.isLink():
		return nil
	}
	return errForeignRead
}

// challenge says how to sign in. Basic makes a browser ask for a password, which then goes with
// every later request of every site. So it is offered only for pages that people open themselves
// and to other programs, and never for what a page loads or where another site leads.
func (r *request) challenge() string {
	const quiet, dialogue = `Token realm="api"`, `Basic realm="api"`
	mode := r.Header.Get("Sec-Fetch-Mode")
	if r.Header.Get("X-Requested-With") == "XMLHttpRequest" || r.fromOtherSite() || mode != "" && mode != "navigate" {
		return quiet
	}
	if u, err := url.Parse(r.Header.Get("Referer")); err != nil ||
		u.Host != "" && !r.isOwnOrigin(u.Scheme+"://"+u.Host) {
		return quiet
	}
	return dialogue
}
