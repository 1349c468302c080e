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

// allMethods are the methods that the router knows. Each route answers all of them.
var allMethods = []string{GET, http.MethodHead, POST, PUT, PATCH, DELETE, http.MethodOptions, http.MethodTrace}

// handler answers a request or returns an error.
type handler func(*request) (*answer, error)

// on maps methods to handlers.
type on map[string]handler

// A route serves one path.
type route struct {
	path   string
	view   string // the name that a TOM gives it
	handle on
	spec
	// knownRead and knownWrite are the names of the query parameters of reads and of writes, see
	// index.
	knownRead, knownWrite map[string]bool
}

// A spec describes what a route takes and gives. The zero value fits a route that takes no fields
// and gives one object. Such a route serves all users, and guests too if the node's settings allow
// it.
type spec struct {
	// about describes the resource, for OPTIONS and the schema.
	about string
	// parses are the media types that bodies may have; nil means allParsers.
	parses []string
	// oneForm answers, such as files, have one form, which is not negotiated.
	oneForm bool
	// acceptsList means that a JSON list of objects can be posted.
	acceptsList bool
	// importRows takes a stream of objects in one of rowTypes; nil if the route takes none.
	importRows handler
	// csvHelp describes the columns that such a stream has as CSV.
	csvHelp string
	// maxBody is the largest body in bytes, if that is less than elsewhere; 0 if not.
	maxBody int64
	// fields describe what can be sent, for OPTIONS and the schema.
	fields []wire.Field
	// inputFields are the fields that a write reads, if they differ from fields, for the schema.
	inputFields []wire.Field

	filters []wire.Filter
	// readParams are query parameters of reads that select nothing; writeParams are those of
	// writes.
	readParams, writeParams []wire.Filter

	lists   bool // GET gives a page of a list
	cursors bool // and pages can go by cursor
	// members are the members of an answered object, or of a row, that fields= can choose from; nil
	// if it cannot.
	members []string
	// optionalMembers are members that are answered only when fields= names them.
	optionalMembers []string
	// export sends a whole list in one of exportFormats; nil if the route has no export.
	export func(r *request, format string) (*answer, error)
	// cacheable means that the answer to GET depends only on the data file and the viewer, and that
	// its tag is that of their state. With ownTag, only a long answer has that tag.
	cacheable, ownTag bool
	// only returns the viewer's session, whose writes call unchanged with the body of the answer to
	// GET as of their transaction, and fail with its error. nil for routes whose writes do not
	// check it.
	only     func(r *request, unchanged func(body []byte) error) (*archive.Session, error)
	answers  string // the type of the answer to GET, if that is not JSON
	onlyJSON bool   // no pages

	// public routes serve guests even when the node is locked, and take writes from guests.
	public bool
	// mayAct reports whether the viewer may send fields; nil allows all users.
	mayAct func(*request) bool
	// hiddenFrom reports whether the path does not exist for the viewer.
	hiddenFrom func(*request) bool
	// missing is the error for an id that does not exist.
	missing *problem.Error
	// guarded routes are expensive to read: not even a link on another site may make a browser ask
	// for them.
	guarded bool
}

// tables returns the spec of a list whose rows can also be imported as a stream, and exported.
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

// rowTypes are the media types of streams of objects.
var rowTypes = []string{typeNDJSON, typeCSV}

// renders lists the forms of the answer, the preferred one first.
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

// methods lists the methods that a route allows.
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

// sentFields returns the fields that a write reads, nil for none.
func (rt *route) sentFields() []wire.Field {
	if rt.inputFields != nil {
		return rt.inputFields
	}
	return rt.fields
}

// request is an HTTP request with its route, its viewer and the form of its answer.
type request struct {
	*http.Request
	api        *API
	route      *route
	w          http.ResponseWriter
	params     httprouter.Params
	query      url.Values
	html       bool   // answer with a page
	rowsCapped bool   // the page shows fewer rows than were asked for
	indent     int    // JSON is indented by this many spaces; 0 for not at all
	format     string // the form of an export, "" for none
	site       site
	viewer     auth.Viewer
	access     *archive.Session
	picked     map[string]bool // the members that fields= names, nil for all
	longTag    string          // the ETag of an answer that is too long to be hashed before it is sent
	freeSlot   func()          // returns the slot of a large body, nil when none was taken
	// bytes reserved in API.memory and API.small
	reserved, reservedSmall int64
	holdsLong               bool // it has a place in API.long
}

// An answer is a status and a body of JSON, or has been sent already.
type answer struct {
	status   int
	body     []byte
	sent     bool // nothing is left to send
	reusable bool // the body goes back to the pool of buffers once it is sent
	cut      bool // the body is the beginning of a long answer: a page shows no more
}

// object answers with the object whose members fn writes.
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

// reads reports whether the request is a GET or a HEAD.
func (r *request) reads() bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// flag returns the value of a boolean query parameter.
func (r *request) flag(name string) bool { return wire.IsTrue(wire.Last(r.query, name)) }

// id returns the id in the path.
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

// site is where a request comes from, and how the client addresses the node.
type site struct {
	addr   string // of the client, without its port
	scheme string
	host   string
}
