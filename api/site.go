package api

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// siteOf reads who asks out of the connection, and where that comes from a proxy that is trusted,
// out of what the proxy says.
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
	// each proxy adds whom it heard from at the end: the last one that is no proxy of ours is the
	// client
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

// base is what the one who asks calls the node.
func (r *request) base() string {
	if r.api.o.BaseURL != "" {
		return strings.TrimSuffix(r.api.o.BaseURL, "/")
	}
	return r.site.scheme + "://" + r.site.host
}

// knowsHost says whether the node may be called so. A page of another site whose name was made to
// lead here is kept out by that. Names that are addresses cannot lead astray.
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

// shareAcrossSites answers the questions of a browser about pages of other sites, if such pages
// were allowed to ask. It says whether the request is answered. Cookies are never taken from there:
// such pages sign in with a token.
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
		"Allow, Content-Disposition, Content-Range, ETag, Nightjar-Created, Nightjar-Duplicate, Nightjar-Request, Nightjar-Unknown-Parameters, Preference-Applied, Retry-After, WWW-Authenticate")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	h.Set("Access-Control-Allow-Headers",
		"Accept, Authorization, Content-Type, If-None-Match, If-Range, Last-Event-ID, Prefer, Range, X-Requested-With")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// A browser attaches some credentials by itself, whichever page makes it send the request: the
// cookie of a session, and the name and password that were entered in its dialogue for Basic. A
// page of another site must not act with them. Tokens are put into the header by programs and need
// no check; clients that are no browsers send neither Sec-Fetch-Site nor Origin.

// foreign reports whether a page of another origin made a browser send the request.
func (r *request) foreign() bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "": // no browser, an old one, or one that reaches the node by http
		origin := r.Header.Get("Origin")
		return origin != "" && !r.isOwn(origin)
	}
	return true
}

// isOwn reports whether an origin is the node's own, by the name that clients know it by: behind a
// trusted proxy the Host header may name something else.
func (r *request) isOwn(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false // also null, which a page in a sandbox has
	}
	host := func(s string) string {
		return strings.ToLower(strings.TrimSuffix(s, map[string]string{"http": ":80", "https": ":443"}[u.Scheme]))
	}
	if base, err := url.Parse(r.api.o.BaseURL); err == nil && base.Scheme == u.Scheme &&
		host(base.Host) == host(u.Host) {
		return true
	}
	// a proxy that is not trusted may hide that there is TLS, but nothing makes TLS of a page
	// without
	return host(r.site.host) == host(u.Host) && (u.Scheme == "https" || u.Scheme == "http" && r.site.scheme == "http")
}

// isLink reports whether the request shows its answer in the place of the page that led to it, as a
// link does.
func (r *request) isLink() bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	return r.reads() && r.Header.Get("Sec-Fetch-Mode") == "navigate" &&
		(dest == "" || dest == "document") && !r.route.guarded
}

var (
	errForeignWrite = &httpError{status: http.StatusForbidden, detail: "This write comes from another site."}
	errForeignRead  = &httpError{status: http.StatusForbidden,
		detail: "This request comes from another site, which needs a token."}
)

// checkSite refuses a request with a credential that the browser attached by itself when another
// site made it. Links from other sites may be followed.
func (r *request) checkSite() error {
	switch {
	case !r.foreign():
		return nil
	case !r.reads() && r.Method != http.MethodOptions:
		return errForeignWrite
	case r.isLink():
		return nil
	}
	return errForeignRead
}

// challenge is how one may sign in. Basic raises a browser's dialogue, and what is entered there
// goes with every later request of every site: so it is offered to what people open themselves and
// to programs that are no browsers, and never for what a page loads or another site leads to.
func (r *request) challenge() string {
	const quiet, dialogue = `Token realm="api"`, `Basic realm="api"`
	mode := r.Header.Get("Sec-Fetch-Mode")
	if r.Header.Get("X-Requested-With") == "XMLHttpRequest" || r.foreign() || mode != "" && mode != "navigate" {
		return quiet
	}
	if u, err := url.Parse(r.Header.Get("Referer")); err != nil || u.Host != "" && !r.isOwn(u.Scheme+"://"+u.Host) {
		return quiet
	}
	return dialogue
}
