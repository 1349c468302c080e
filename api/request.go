package api

import (
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/julienschmidt/httprouter"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/problem"
)

// request is one request on its way.
type request struct {
	*http.Request
	api    *API
	route  *route
	w      http.ResponseWriter
	params httprouter.Params
	query  url.Values
	html   bool   // a page is wanted
	fewer  bool   // the page shows fewer rows than were asked for
	indent int    // by how many blanks JSON is indented, 0 for not
	format string // the form of an export, "" for none
	site   site
	viewer auth.Viewer
	access *archive.Session
	picked map[string]bool // the members that are wanted, nil for all
	done   func()          // gives back the place of a large body, nil when none was taken
	// what it takes of the memory of bodies, and of that of small ones
	held, heldSmall int64
	long            bool // it has the place of an answer that is sent in parts
}

func (api *API) request(w http.ResponseWriter, r *http.Request, rt *route) *request {
	return &request{Request: r, api: api, route: rt, w: w, query: wire.ParseForm(r.URL.RawQuery), site: api.siteOf(r)}
}

// serve is the handler of a route.
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

// answer finds out who asks, and for what, and asks the handler.
func (r *request) answer() (*answer, error) {
	defer func() {
		r.release()
		r.endLong()
		if r.done != nil {
			r.done()
		}
	}()
	if err := r.prepare(); err != nil {
		return nil, err
	}
	if r.route.hiddenFrom != nil && r.route.hiddenFrom(r) {
		return nil, &httpError{status: http.StatusNotFound, detail: "Not found."}
	}
	h := r.w.Header()
	h.Set("Allow", strings.Join(r.route.methods(), ", "))
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
	if method != http.MethodGet {
		return handle(r)
	}
	if r.route.cacheable {
		tag := r.cacheTag()
		h.Set("ETag", tag)
		if isFresh(r.Request, tag) {
			return &answer{status: http.StatusNotModified}, nil
		}
	}
	if err := r.pick(); err != nil {
		return nil, err
	}
	if r.format != "" {
		return r.route.export(r, r.format)
	}
	return handle(r)
}

// prepare negotiates the form of the answer and finds out who asks.
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

// errNotAcceptable says that no form of the answer is one that was asked for.
var errNotAcceptable = &httpError{status: http.StatusNotAcceptable,
	detail: "Could not satisfy the request Accept header."}

// negotiate chooses the form of the answer, JSON or a page or one of a table, by the parameter
// format or else by the header Accept.
func (r *request) negotiate() error {
	if r.route.anyType {
		return nil // it has the form it has
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

// accept chooses by the header Accept as Django REST framework does: the most particular of the
// ranges that fit decides, whatever their quality values, and among those alike the first of the
// forms that there are.
func (r *request) accept() error {
	given := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(given) == "" {
		return nil
	}
	best, chosen := -1, ""
	for _, form := range r.route.renders() {
		for part := range strings.SplitSeq(given, ",") {
			if n := rangeFits(part, form); n > best {
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

// rangeFits says how particular a media range is that a form fits in: 3 for a type with parameters,
// 2 for a type, 1 for all of a main type, 0 for everything, -1 if it does not fit.
func rangeFits(given, form string) int {
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

// authenticate finds out who asks: the owner of the file, or by Basic, by a token, or by the cookie
// of a session. What is given and no good is refused, never ignored.
func (r *request) authenticate() (v auth.Viewer, err error) {
	addr := r.site.addr
	defer func() { v.Addr, v.Action = addr, r.Method+" "+r.URL.Path }()
	if owner, _ := r.Context().Value(ownerKey{}).(bool); owner {
		return r.actingOwner()
	}
	a := r.api.archive.Auth()
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "":
		c, err := r.Cookie(sessionCookie)
		if err != nil || c.Value == "" {
			return v, nil
		}
		v, err = a.WithToken(c.Value, addr)
		var refused *problem.Error
		if errors.As(err, &refused) || err == nil && !v.Session {
			return auth.Viewer{}, nil // a session that has ended: a guest again
		}
		if err != nil {
			return v, err
		}
		switch err := r.checkSite(); err {
		case nil:
			return v, nil
		case errForeignRead:
			return auth.Viewer{}, nil // most browsers keep the cookie back here
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
			return auth.Viewer{}, auth.ErrBadToken // what is in a cookie is for cookies
		}
		return v, err
	}
	return v, &problem.Error{Kind: problem.Unauthenticated, Message: "Unknown authentication scheme."}
}

// credentials refuses those of an Authorization header that are none.
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

// actingOwner is the owner of the file, or the user on whose behalf the owner acts.
func (r *request) actingOwner() (auth.Viewer, error) {
	name := r.Header.Get("Nightjar-As")
	if name == "" {
		return auth.FileOwner(), nil
	}
	return r.api.archive.Auth().As(name)
}

// checkQuery names query parameters that are not known in a header, or refuses them if that is
// asked for.
func (r *request) checkQuery() error {
	known := r.route.knownWrite
	if r.reads() {
		known = r.route.knownRead
	}
	var unknown []string
	for name := range r.query {
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	if r.prefersStrict() {
		r.w.Header().Set("Preference-Applied", "handling=strict")
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	if r.strict() {
		p := new(problem.List)
		for _, name := range unknown {
			p.Add(strings.ReplaceAll(name, ".", "_"), "This query parameter is not known here.")
		}
		return p
	}
	for i, name := range unknown {
		unknown[i] = url.QueryEscape(name)
	}
	r.w.Header().Set("Nightjar-Unknown-Parameters", strings.Join(unknown, ", "))
	return nil
}

func (r *request) strict() bool {
	switch strings.ToLower(wire.Last(r.query, "strict")) {
	case "":
		return r.prefersStrict()
	case "false", "0", "no":
		return false
	}
	return true
}

// prefersStrict reads the header Prefer (RFC 7240).
func (r *request) prefersStrict() bool {
	for _, p := range strings.Split(strings.Join(r.Header.Values("Prefer"), ","), ",") {
		preference, _, _ := strings.Cut(p, ";")
		if strings.EqualFold(strings.ReplaceAll(strings.ReplaceAll(preference, " ", ""), `"`, ""), "handling=strict") {
			return true
		}
	}
	return false
}

// reads says whether the request only asks.
func (r *request) reads() bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// pick reads which members are wanted.
func (r *request) pick() error {
	text := wire.Last(r.query, "fields")
	if text == "" || len(r.route.members) == 0 {
		return nil
	}
	r.picked = map[string]bool{}
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(r.route.members, name) && !slices.Contains(r.route.optionalMembers, name) {
			return problem.Invalid("fields", wire.NotAChoice, name)
		}
		r.picked[name] = true
	}
	return nil
}

// id is the id in the path.
func (r *request) id() (uint64, error) {
	id, err := strconv.ParseUint(r.params.ByName("id"), 10, 63)
	if err != nil || id == 0 {
		if r.route.missing != nil {
			return 0, r.route.missing
		}
		return 0, &problem.Error{Kind: problem.NotFound, Message: "Not found."}
	}
	return id, nil
}
