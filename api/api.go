package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/julienschmidt/httprouter"

	"nightjar/api/wire"
	"nightjar/archive"
)

// Options say how the API is served. The zero value is right for tests.
type Options struct {
	// Log is told of failures of ours, with the request's id. nil for nobody.
	Log *slog.Logger
	// Pages serves what is not the API's; nil for nothing.
	Pages http.Handler
	// BaseURL is what clients call the node, such as https://node.example.org; "" for what each
	// request calls it.
	BaseURL string
	// URL is where the node is reached, for those who ask how it is; "" when nobody serves it.
	URL string
	// Fingerprint is that of the certificate that the file keeps, if the node shows it; "" if not.
	Fingerprint string
	// Hosts are the names by which the node may be called in a Host header, beside its addresses;
	// none for any name.
	Hosts []string
	// Proxies are the networks of proxies in front of the node, whose X-Forwarded headers are
	// believed.
	Proxies []netip.Prefix
	// Origins are the origins of pages of other sites that may use the API, such as
	// https://pages.example.org, or "*" for all; none as a rule.
	Origins []string
	Limits
	// Version is what the node calls itself.
	Version string
	// Backups says how the copies are that the server takes by itself; nil when it takes none.
	Backups func() BackupState
}

// API serves an archive over HTTP.
type API struct {
	archive *archive.Archive
	o       Options
	router  *httprouter.Router
	routes  []*route
	uploads uploadSlots
	// strangers counts the uploads of users who may add datums to no target.
	strangers uploadSlots
	memory    shares        // of Limits.BodyMemory
	small     shares        // of smallMemory
	long      shares        // places of answers that are sent in parts
	gathering chan struct{} // has room for gatherers
	start     string        // differs from one start to the next
	// stopping ends with Stop; streams counts the streams of events.
	stopping context.Context
	stop     context.CancelFunc
	streams  streamLimit
	after    func(time.Duration) <-chan time.Time // time.After, but in tests
	health   atomic.Value                         // why the node was not ready when that was last asked, "" when it was
}

// ownerKey marks requests that come from the owner of the file.
type ownerKey struct{}

// Owner is the API for the owner of the file, who may do everything: for the command line, never
// for the network.
func (api *API) Owner() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), ownerKey{}, true))
		r.RemoteAddr = "local" // a socket's other end has no address that would say anything in the log
		api.ServeHTTP(w, r)
	})
}

// ServeHTTP serves the API, the files and the pages.
func (api *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'") // pages and files have their own
	if owner, _ := r.Context().Value(ownerKey{}).(bool); !owner {
		if host := api.siteOf(r).host; !api.knowsHost(host) {
			api.request(w, r, &route{view: "Host"}).fail(&httpError{status: http.StatusBadRequest,
				detail: "This node is not called " + strconv.Quote(host) +
					". The names by which it may be called are set where it is started, with --base-url or --allow-host."})
			return
		}
		if api.shareAcrossSites(w, r) {
			return
		}
	}
	w, r = api.withDeadlines(w, r)
	if !strings.HasPrefix(r.URL.Path, "/data/") {
		h.Add("Vary", "Accept-Encoding")
		out, done := compress(w, r)
		defer done()
		w = out
	}
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler {
			panic(p)
		}
		api.failed(w, r, panicError(p))
	}()
	if path := r.URL.Path; strings.HasPrefix(path, "/api/") || path == "/api" {
		h.Set("Cache-Control", "no-cache")
		if rest, format, ok := formatSuffix(path); ok {
			u := *r.URL
			u.Path, u.RawPath = rest, ""
			query := wire.ParseForm(u.RawQuery)
			query.Set("format", format)
			u.RawQuery = query.Encode()
			r2 := *r
			r2.URL, path = &u, rest
			r = &r2
		}
		if !strings.HasSuffix(path, "/") && r.Method != http.MethodGet && r.Method != http.MethodHead {
			// a write to a path without its slash is meant for the path with it
			u := *r.URL
			u.Path, u.RawPath = path+"/", ""
			r2 := *r
			r2.URL = &u
			r = &r2
		}
		if !slices.Contains(allMethods, r.Method) {
			// the router knows no other methods; the route answers that it allows none of them
			r2 := *r
			r2.Method = http.MethodTrace
			r = r2.WithContext(context.WithValue(r.Context(), methodKey{}, r.Method))
		}
	}
	api.router.ServeHTTP(w, r)
}

// formatSuffix takes the suffix off a path such as /api/targets.json, with which a TOM lets the
// form of the answer be chosen.
func formatSuffix(path string) (rest, format string, ok bool) {
	short := strings.TrimSuffix(path, "/")
	for _, format := range []string{"json", "api"} {
		if rest, ok := strings.CutSuffix(short, "."+format); ok && !strings.HasSuffix(rest, "/") {
			return rest + "/", format, true
		}
	}
	return "", "", false
}

// methodKey holds a method that the router does not know.
type methodKey struct{}

// notFound answers for paths that are not the API's, or that the API does not have.
func (api *API) notFound(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if path != "/api" && !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/data/") {
		api.o.Pages.ServeHTTP(w, r)
		return
	}
	rq := api.request(w, r, &route{view: "Not Found"})
	if err := rq.prepare(); err != nil {
		rq.fail(err)
		return
	}
	rq.fail(&httpError{status: http.StatusNotFound, detail: "Not found."})
}

// requestID tells requests apart in the log.
func requestID() string {
	b := make([]byte, 8)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// showRoot lists the resources.
func showRoot(r *request) (*answer, error) {
	return r.object(http.StatusOK, func(w *wire.Writer) {
		for _, name := range []string{"groups", "targets", "observations", "dataproducts", "reduceddatums"} {
			w.TextMember(name, r.base()+"/api/"+name+"/")
		}
	})
}

// escapePath writes the path of a file as part of a URL.
func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}
