package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/julienschmidt/httprouter"

	"nightjar/api/transport"
	"nightjar/api/wire"
)

// ServeHTTP serves the API, the files and the pages.
func (api *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'") // pages and files set their own
	if !fromOwner(r) {
		if host := api.siteOf(r).host; !api.knowsHost(host) {
			api.request(w, r, &route{view: "Host"}).fail(&httpError{status: http.StatusBadRequest,
				detail: "This node is not called " + strconv.Quote(host) +
					". Its names are set with --base-url or --allow-host when it is started."})
			return
		}
		if api.shareAcrossSites(w, r) {
			return
		}
	}
	w, r = api.deadlines(r).Apply(w, r)
	if !strings.HasPrefix(r.URL.Path, "/data/") {
		h.Add("Vary", "Accept-Encoding")
		out, done := transport.Compress(w, r)
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
		api.serverError(w, r, panicError(p))
	}()
	if path := r.URL.Path; strings.HasPrefix(path, "/api/") || path == "/api" {
		h.Set("Cache-Control", "no-cache")
		if rest, format, ok := formatSuffix(path); ok {
			path, r = rest, withPath(r, rest)
			query := wire.ParseForm(r.URL.RawQuery)
			query.Set("format", format)
			r.URL.RawQuery = query.Encode()
		}
		if !strings.HasSuffix(path, "/") && r.Method != http.MethodGet && r.Method != http.MethodHead {
			// a write to a path without its slash means the path with it
			r = withPath(r, path+"/")
		}
		if !slices.Contains(allMethods, r.Method) {
			// the router knows only allMethods; the route answers that it does not allow this one
			r2 := *r
			r2.Method = http.MethodTrace
			r = r2.WithContext(context.WithValue(r.Context(), methodKey{}, r.Method))
		}
	}
	api.router.ServeHTTP(w, r)
}

// deadlines returns the deadlines of a request. The owner of the file may send at any rate.
func (api *API) deadlines(r *http.Request) transport.Deadlines {
	l := &api.o.Limits
	d := transport.Deadlines{BodyStall: l.BodyStall, BodyRate: l.BodyRate, RateOver: l.RateOver, SendStall: l.SendStall}
	if fromOwner(r) {
		d.BodyRate = 0
	}
	return d
}

// withPath returns a copy of r with another path.
func withPath(r *http.Request, path string) *http.Request {
	u := *r.URL
	u.Path, u.RawPath = path, ""
	r2 := *r
	r2.URL = &u
	return &r2
}

// formatSuffix cuts a suffix such as .json off a path: with it a TOM's clients choose the form of
// the answer.
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

// notFound answers paths that no route has. Those outside of the API belong to the pages.
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

// serve returns the handler of a route.
func (api *API) serve(rt *route) httprouter.Handle {
	return func(w http.ResponseWriter, r *http.Request, params httprouter.Params) {
		rq := api.request(w, r, rt)
		rq.params = params
		a, err := rq.answer()
		if err != nil {
			rq.fail(err)
			return
		}
		rq.write(a)
	}
}

// end frees what the request holds: memory, and its slot among the requests.
func (r *request) end() {
	r.release()
	r.endLong()
	if r.freeSlot != nil {
		r.freeSlot()
	}
}

// answer finds out who is calling and what for, and calls the handler.
func (r *request) answer() (*answer, error) {
	defer r.end()
	if err := r.prepare(); err != nil {
		return nil, err
	}
	if r.route.hiddenFrom != nil && r.route.hiddenFrom(r) {
		return nil, &httpError{status: http.StatusNotFound, detail: "Not found."}
	}
	h := r.w.Header()
	h.Set("Allow", strings.Join(r.route.methods(), ", "))
	if r.viewer.Guest() {
		h.Set("Nightjar-Viewer", "guest") // so that a forgotten token is seen
	}
	h.Add("Vary", "Accept, Authorization, Cookie")
	method := r.Method
	if m, ok := r.Context().Value(methodKey{}).(string); ok {
		method = m
	}
	switch method {
	case http.MethodOptions:
		return r.options()
	case http.MethodHead:
		method = http.MethodGet
	}
	handle := r.route.handle[method]
	if handle == nil {
		return nil, &httpError{status: http.StatusMethodNotAllowed, detail: `Method "` + method + `" not allowed.`}
	}
	if err := r.checkQuery(); err != nil {
		return nil, err
	}
	if method != http.MethodGet && !r.route.public {
		if err := r.api.archive.Auth().Policy().MayWrite(r.viewer); err != nil {
			return nil, err
		}
	}
	if method == http.MethodPost && r.route.importRows != nil && r.isRows() {
		handle = r.route.importRows
	}
	if method != http.MethodGet {
		if err := r.checkUnchanged(); err != nil {
			return nil, err
		}
		return handle(r)
	}
	if r.route.cacheable {
		state, err := r.access.State()
		if err != nil {
			return nil, err
		}
		tag := r.stateTag(&state)
		if isFresh(r.Request, tag) {
			h.Set("ETag", tag)
			return &answer{status: http.StatusNotModified}, nil
		}
		if r.route.ownTag {
			r.longTag = tag
		} else {
			h.Set("ETag", tag)
		}
	}
	if err := r.pickMembers(); err != nil {
		return nil, err
	}
	if r.format != "" {
		if err := r.checkGuestSees(); err != nil {
			return nil, err
		}
		return r.route.export(r, r.format)
	}
	return handle(r)
}

// Owner returns the API for the owner of the file, who may do everything. It is for the command
// line and must never be reachable from the network.
func (api *API) Owner() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(context.WithValue(r.Context(), ownerKey{}, true))
		r.RemoteAddr = "local" // the address of a socket would say nothing in the log
		api.ServeHTTP(w, r)
	})
}
