package api

import (
	"net/http"
	"slices"

	"nightjar/api/wire"
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
	// acceptsRows says that a stream of objects can be posted, in one of rowTypes.
	acceptsRows bool
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

// Parameters that every route understands.
var commonParameters = []wire.Filter{
	{Name: "format", Kind: wire.Selected, Help: "The form of the answer.", Choices: []string{"json", "api"}},
	{Name: "strict", Kind: wire.Boolean, Help: "Refuse query parameters that are not known, " +
		"rather than name them in the header Nightjar-Unknown-Parameters; the header Prefer: handling=strict does the same."},
}

// parameters lists the query parameters that a route knows, for reading or for writing.
func (rt *route) parameters(reads bool) []wire.Filter {
	known := slices.Clone(rt.filters)
	if reads {
		known = append(known, rt.readParams...)
	} else {
		known = append(known, rt.writeParams...)
	}
	if rt.lists {
		known = append(known, listParameters...)
	}
	if rt.cursors {
		known = append(known, cursorParameters...)
	}
	if len(rt.members) > 0 {
		known = append(known, wire.Filter{Name: "fields", Kind: wire.Text,
			Choices: slices.Concat(rt.members, rt.optionalMembers),
			Help:    "The members that are wanted, separated by commas; all if not given."})
	}
	for _, f := range commonParameters {
		if f.Name == "format" && rt.export != nil {
			f.Choices = slices.Concat(f.Choices, exportFormats)
		}
		known = append(known, f)
	}
	return known
}

// index keeps the names of the parameters, which every request is checked against.
func (rt *route) index() {
	if rt.parses == nil {
		rt.parses = allParsers
	}
	named := func(list []wire.Filter) map[string]bool {
		m := map[string]bool{}
		for _, f := range list {
			m[f.Name] = true
		}
		return m
	}
	rt.knownRead, rt.knownWrite = named(rt.parameters(true)), named(rt.parameters(false))
}
