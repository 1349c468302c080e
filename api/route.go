package api

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/julienschmidt/httprouter"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/problem"
)

// The methods of routes.
const (
	GET    = http.MethodGet
	POST   = http.MethodPost
	PUT    = http.MethodPut
	PATCH  = http.MethodPatch
	DELETE = http.MethodDelete
)

// allMethods are those that the router knows; each route answers all of them itself.
var allMethods = []string{GET, http.MethodHead, POST, PUT, PATCH, DELETE, http.MethodOptions, http.MethodTrace}

// handler answers a request, or says why not.
type handler func(*request) (*answer, error)

// on has handlers by method.
type on map[string]handler

// A route is what is served under one path.
type route struct {
	path   string
	view   string
	handle on
	spec
	// knownRead and knownWrite are the names of the query parameters of reads and of writes, see
	// index.
	knownRead, knownWrite map[string]bool
}

// A spec is what a route takes and gives. Its zero value is right for what takes no fields, gives
// one object, and may be used by everybody who is signed in, or by guests too as the node's
// settings say.
type spec struct {
	// parses are the media types of bodies; nil for allParsers.
	parses []string
	// anyType takes bodies of any content type, such as streams.
	anyType bool
	// acceptsList says that a list of objects can be posted.
	acceptsList bool
	// importRows takes a stream of objects, in one of rowTypes; nil if none can be posted.
	importRows handler
	// csvHelp says which columns such a stream has as CSV.
	csvHelp string
	// maxBody is how many bytes a body may have, if that is less than elsewhere; 0 if not.
	maxBody int64
	// fields describe what may be sent, for OPTIONS and the schema.
	fields []wire.Field
	// inputFields are those that a write reads, where they are others than fields, for the schema.
	inputFields []wire.Field

	filters []wire.Filter
	// readParams and writeParams are the query parameters of a read that select nothing, and of a
	// write.
	readParams, writeParams []wire.Filter

	lists   bool // GET gives a page of a list
	cursors bool // which may go by cursor
	// members are those of what GET answers, or of the rows of a list, out of which fields=
	// chooses; none where it cannot.
	members []string
	// optionalMembers are further ones, which are answered only when fields= names them.
	optionalMembers []string
	// export gives a whole list in one of exportFormats, nil if it cannot be had so.
	export func(r *request, format string) (*answer, error)
	// cacheable answers to GET depend on the data file alone, and on who asks.
	cacheable bool
	answers   string // the type of what GET answers, where that is not JSON
	onlyJSON  bool   // no pages

	// public routes serve guests also when the node is locked, and are written to by guests.
	public bool
	// mayAct says whether the one who asks may send fields; nil for everybody who is signed in.
	mayAct func(*request) bool
	// hiddenFrom says that there is no such path for the one who asks.
	hiddenFrom func(*request) bool
	// missing is what is said of an id that is none.
	missing *problem.Error
	// guarded routes cost much to read, so that not even a link of another site may make a browser
	// ask for them.
	guarded bool
}

// tables returns the spec of a list whose rows can also be posted as a stream, and exported.
func (s spec) tables(importRows handler, export func(*request, string) (*answer, error)) spec {
	s.importRows, s.export = importRows, export
	return s
}

// The media types that can be sent and answered.
const (
	typeJSON      = "application/json"
	typeNDJSON    = "application/x-ndjson"
	typeCSV       = "text/csv"
	typeForm      = "application/x-www-form-urlencoded"
	typeMultipart = "multipart/form-data"
	typeHTML      = "text/html"
)

var allParsers = []string{typeJSON, typeForm, typeMultipart}

// rowTypes are those of streams of objects: one a line, or one a row.
var rowTypes = []string{typeNDJSON, typeCSV}

// renders lists the forms that answers have, the preferred one first.
func (rt *route) renders() []string {
	var forms []string
	if rt.answers != "" {
		forms = append(forms, rt.answers)
	}
	forms = append(forms, typeJSON)
	if !rt.onlyJSON {
		forms = append(forms, typeHTML)
	}
	return forms
}

// methods lists what a route allows.
func (rt *route) methods() []string {
	var list []string
	for _, m := range []string{GET, POST, PUT, PATCH, DELETE} {
		if rt.handle[m] != nil {
			list = append(list, m)
		}
	}
	if rt.handle[GET] != nil {
		list = append(list, http.MethodHead)
	}
	return append(list, http.MethodOptions)
}

// sentFields are the fields that a write reads, nil for none.
func (rt *route) sentFields() []wire.Field {
	if rt.inputFields != nil {
		return rt.inputFields
	}
	return rt.fields
}

// request is one request on its way.
type request struct {
	*http.Request
	api        *API
	route      *route
	w          http.ResponseWriter
	params     httprouter.Params
	query      url.Values
	html       bool   // a page is wanted
	rowsCapped bool   // the page shows fewer rows than were asked for
	indent     int    // by how many blanks JSON is indented, 0 for not
	format     string // the form of an export, "" for none
	site       site
	viewer     auth.Viewer
	access     *archive.Session
	picked     map[string]bool // the members that are wanted, nil for all
	freeSlot   func()          // gives back the place of a large body, nil when none was taken
	// what it takes of the memory of bodies, and of that of small ones
	reserved, reservedSmall int64
	holdsLong               bool // it has the place of an answer that is sent in parts
}

// answer is what is sent back: a status and a body of JSON, or nothing, or what send writes by
// itself.
type answer struct {
	status   int
	body     []byte
	sent     bool // everything was sent already
	reusable bool // the body's buffer may be used again once it was sent
	cut      bool // the body is the beginning of a long answer, of which a page shows no more
}

// object answers with an object that fn writes.
func (r *request) object(status int, fn func(w *wire.Writer)) (*answer, error) {
	var w wire.Writer
	w.Object(func() { fn(&w) })
	return &answer{status: status, body: w.Buf}, nil
}

// written answers with what fn writes.
func (r *request) written(status int, fn func(*wire.Writer)) (*answer, error) {
	var w wire.Writer
	fn(&w)
	return &answer{status: status, body: w.Buf}, nil
}

func noContent() (*answer, error) { return &answer{status: http.StatusNoContent}, nil }

// reads says whether the request only asks.
func (r *request) reads() bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// flag is the value of a query parameter that is true or false.
func (r *request) flag(name string) bool { return wire.IsTrue(wire.Last(r.query, name)) }

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

// site is who asks, and what they call the node.
type site struct {
	addr   string // of the client, without its port
	scheme string
	host   string
}
