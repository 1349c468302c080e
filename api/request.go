package api

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/julienschmidt/httprouter"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/jsontext"
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
	access *archive.Access
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
var errNotAcceptable = &httpError{status: http.StatusNotAcceptable, detail: "Could not satisfy the request Accept header."}

// negotiate chooses the form of the answer, JSON or a page or one of a table, by the parameter format or else by the header Accept.
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

// accept chooses by the header Accept as Django REST framework does: the most particular of the ranges that fit decides, whatever their quality values, and among those
// alike the first of the forms that there are.
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

// rangeFits says how particular a media range is that a form fits in: 3 for a type with parameters, 2 for a type, 1 for all of a main type, 0 for everything, -1 if it does not fit.
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

// authenticate finds out who asks: the owner of the file, or by Basic, by a token, or by the cookie of a session. What is given and no good is refused, never ignored.
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

// checkQuery names query parameters that are not known in a header, or refuses them if that is asked for.
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

// pickColumns leaves out the columns that are not wanted. asked are further ones, which are written only when they are named.
func pickColumns[T any](r *request, columns []column[T], asked ...column[T]) []column[T] {
	if r.picked == nil {
		return columns
	}
	return slices.DeleteFunc(slices.Concat(columns, asked), func(c column[T]) bool { return !r.picked[c.name] })
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

// mediaType is the type of the body, "" when none is given.
func (r *request) mediaType() (media string, params map[string]string) {
	given := r.Header.Get("Content-Type")
	if given == "" {
		return "", nil
	}
	media, params, err := mime.ParseMediaType(given)
	if err != nil {
		media = strings.ToLower(strings.TrimSpace(strings.Split(given, ";")[0]))
	}
	return media, params
}

// input reads the body as an object.
func (r *request) input() (wire.Input, error) {
	in, list, err := r.inputs()
	if err == nil && list != nil {
		return wire.Input{}, problem.Invalid("", wire.MsgNotObject, "list")
	}
	return in, err
}

// inputs reads the body as an object, or as a list; list is nil when it is an object.
func (r *request) inputs() (in wire.Input, list []wire.Value, err error) {
	v, in, err := r.body()
	if err != nil || v == nil {
		return in, nil, err
	}
	if in, ok := v.Object(); ok {
		return in, nil, nil
	}
	if items, ok := v.Items(); ok {
		return wire.Input{}, append([]wire.Value{}, items...), nil
	}
	if v.Null() {
		return wire.Input{}, nil, problem.Invalid("", wire.MsgNoData)
	}
	if n, yes := v.Crowded(); yes && v.Kind() == '[' && r.route.writesLists() {
		return wire.Input{}, nil, problem.Invalid("", "A list may hold %d data; this one has %d. More can be sent as lines of JSON, as %s.", wire.MaxParts, n, typeNDJSON)
	}
	return wire.Input{}, nil, problem.Invalid("", "%s", v.NotObject())
}

// body reads the body: a value of JSON, or nil and the input that a form, or nothing, is.
func (r *request) body() (*wire.Value, wire.Input, error) {
	media, params := r.mediaType()
	if media == "" {
		media = typeJSON
	}
	if r.ContentLength == 0 && r.Header.Get("Content-Type") == "" {
		return nil, wire.Input{Form: url.Values{}}, nil
	}
	if !slices.Contains(r.route.parses, media) {
		return nil, wire.Input{}, r.unsupported()
	}
	most := r.api.o.MaxBody
	if r.route.maxBody > 0 {
		most = min(most, r.route.maxBody)
	}
	if r.ContentLength > most {
		return nil, wire.Input{}, tooLong(most)
	}
	if most > smallBody && (r.ContentLength < 0 || r.ContentLength > smallBody) && !r.isLocal() {
		done, err := r.takePlace(false)
		if err != nil {
			return nil, wire.Input{}, err
		}
		r.done = done
	}
	body := http.MaxBytesReader(r.w, r.Body, most)
	length := r.ContentLength
	if length < 0 {
		length = most
	}
	switch media {
	case typeMultipart:
		form, err := r.readForm(body, params)
		return nil, wire.Input{Form: form}, err
	case typeForm:
		text, err := r.readAll(body, length)
		if err != nil {
			return nil, wire.Input{}, err
		}
		if bytes.Count(text, []byte("&")) >= maxFields {
			return nil, wire.Input{}, errManyFields
		}
		return nil, wire.Input{Form: wire.ParseForm(string(text))}, nil
	}
	j, err := r.readJSON(body, length)
	if err != nil || j == nil {
		return nil, wire.Input{Form: url.Values{}}, err
	}
	v := wire.OfJSON(j)
	return &v, wire.Input{}, nil
}

// readJSON reads a JSON body; nil when it is empty.
func (r *request) readJSON(body io.Reader, length int64) (jsontext.Value, error) {
	text, err := r.readAll(body, length)
	if err != nil || len(text) == 0 {
		return nil, err
	}
	if why := r.tooFull(text); why != "" {
		return nil, &httpError{status: http.StatusBadRequest, detail: "JSON parse error - " + why}
	}
	j, err := jsontext.Parse(text)
	if err != nil {
		return nil, &httpError{status: http.StatusBadRequest, detail: "JSON parse error - " + jsontext.Reason(err)}
	}
	return j, nil
}

// maxFields is how many fields a form may have, each of which takes more room here than it took on its way.
const maxFields = 10_000

var errManyFields = &httpError{status: http.StatusBadRequest, detail: fmt.Sprintf("A form may have %d fields.", maxFields)}

func (r *request) unsupported() error {
	return &httpError{status: http.StatusUnsupportedMediaType, detail: `Unsupported media type "` + r.Header.Get("Content-Type") + `" in request.`}
}

// readForm reads a multipart form without files.
func (r *request) readForm(body io.Reader, params map[string]string) (url.Values, error) {
	parts, err := multipartReader(body, params)
	if err != nil {
		return nil, err
	}
	form := url.Values{}
	var text []byte
	for n := 0; ; n++ {
		part, err := parts.next()
		if errors.Is(err, io.EOF) {
			return form, nil
		}
		if n == maxFields {
			return nil, errManyFields
		}
		if err != nil {
			if len(form) == 0 && errors.Is(err, io.ErrUnexpectedEOF) {
				return form, nil // no part at all
			}
			return nil, multipartError(err)
		}
		if text, err = r.readInto(text[:0], part, r.api.o.MaxBody); err == nil {
			err = r.hold(byteWeight * int64(len(text)))
		}
		if err != nil {
			return nil, multipartError(err)
		}
		form.Add(part.FormName(), string(text))
	}
}

// formParts reads the parts of a form, whose headers are bounded.
type formParts struct {
	*multipart.Reader
	header *partHeader
}

// next gives the next part. That before must have been read to its end.
func (f *formParts) next() (*multipart.Part, error) {
	f.header.left = maxPartHeader
	part, err := f.NextRawPart()
	f.header.left = -1
	return part, err
}

func multipartReader(body io.Reader, params map[string]string) (*formParts, error) {
	boundary := params["boundary"]
	if boundary == "" || len(boundary) > 200 {
		return nil, &httpError{status: http.StatusBadRequest, detail: "Multipart form parse error - Invalid boundary in multipart: None"}
	}
	h := &partHeader{Reader: body}
	return &formParts{multipart.NewReader(h, boundary), h}, nil
}

func multipartError(err error) error {
	var tooLarge *http.MaxBytesError
	var refused *problem.Error
	if errors.As(err, &tooLarge) || errors.As(err, &refused) || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return &httpError{status: http.StatusBadRequest, detail: "Multipart form parse error - " + err.Error()}
}
