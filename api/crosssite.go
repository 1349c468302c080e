package api

import (
	"net/http"
	"net/url"
	"strings"
)

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
