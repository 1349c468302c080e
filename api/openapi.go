package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"nightjar/api/wire"
)

var schemaSpec = spec{onlyJSON: true}

// showSchema describes the API for programs (OpenAPI 3.1, spec.openapis.org/oas/v3.1.1). The
// description is made from the specs of the routes.
func showSchema(r *request) (*answer, error) {
	s := schema{r: r}
	return r.object(http.StatusOK, s.write)
}

// schema writes a description of the API.
type schema struct {
	r *request
	*wire.Writer
}

func (s schema) write(w *wire.Writer) {
	s.Writer = w
	s.TextMember("openapi", "3.1.0")
	s.member("info", func() {
		s.TextMember("title", "Nightjar")
		s.TextMember("version", s.r.api.version())
		s.TextMember("description", "The REST API of a TOM Toolkit, and what Nightjar adds to it.")
		s.member("license", func() {
			s.TextMember("name", "MIT")
			s.TextMember("identifier", "MIT")
		})
	})
	s.Key("servers")
	s.List(func() { s.Object(func() { s.TextMember("url", s.r.base()) }) })
	s.Key("security")
	s.List(func() {
		s.Object(func() {}) // guests can read what is open to all
		for _, name := range []string{"basic", "token", "session"} {
			s.Object(func() { s.Key(name); s.List(func() {}) })
		}
	})
	s.member("paths", func() {
		for _, rt := range s.r.api.routes {
			s.member(pathOf(rt), func() { s.path(rt) })
		}
	})
	s.member("components", s.components)
}

func (s schema) member(key string, fn func()) {
	s.Key(key)
	s.Object(fn)
}

// pathOf returns the path of a route in the notation of OpenAPI.
func pathOf(rt *route) string {
	parts := strings.Split(rt.path, "/")
	for i, p := range parts {
		if name, ok := strings.CutPrefix(p, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}

func (s schema) path(rt *route) {
	if rt.about != "" {
		s.TextMember("description", rt.about)
	}
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		if rt.handle[method] != nil {
			s.member(strings.ToLower(method), func() { s.operation(rt, method) })
		}
	}
}

func (s schema) operation(rt *route, method string) {
	reads := method == http.MethodGet
	s.TextMember("operationId", operationID(rt, method))
	s.TextMember("summary", method+" "+rt.view)
	s.Key("tags")
	s.List(func() { s.Text(tagOf(rt)) })
	s.Key("parameters")
	s.List(func() {
		for _, p := range strings.Split(rt.path, "/") {
			if name, ok := strings.CutPrefix(p, ":"); ok {
				s.Object(func() {
					s.TextMember("name", name)
					s.TextMember("in", "path")
					s.BoolMember("required", true)
					s.member("schema", func() { s.TextMember("type", "string") })
				})
			}
		}
		for _, f := range rt.parameters(reads) {
			if reads || slices.ContainsFunc(rt.writeParams, func(w wire.Filter) bool { return w.Name == f.Name }) ||
				slices.ContainsFunc(rt.filters, func(w wire.Filter) bool { return w.Name == f.Name && !rt.lists }) {
				s.Object(func() { s.parameter(f) })
			}
		}
	})
	if sent := rt.sentFields(); sent != nil && !reads && method != http.MethodDelete {
		s.member("requestBody", func() { s.body(rt, sent, method == http.MethodPatch) })
	}
	s.member("responses", func() { s.responses(rt, method) })
}

// operationID returns a unique name such as "get_targets_id".
func operationID(rt *route, method string) string {
	name := strings.Trim(strings.TrimPrefix(rt.path, "/api/"), "/")
	name = strings.NewReplacer("/", "_", ":", "", "-", "_").Replace(name)
	return strings.TrimSuffix(strings.ToLower(method)+"_"+name, "_")
}

func tagOf(rt *route) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(rt.path, "/api/"), "/")
	if name == "" {
		return "root"
	}
	return name
}

func (s schema) parameter(f wire.Filter) {
	s.TextMember("name", f.Name)
	s.TextMember("in", "query")
	s.TextMember("description", f.Help)
	s.member("schema", func() {
		one := func() {
			switch f.Kind {
			case wire.Integer:
				s.TextMember("type", "integer")
			case wire.Float:
				s.TextMember("type", "number")
			case wire.Boolean:
				s.TextMember("type", "boolean")
			case wire.DateTime:
				s.TextMember("type", "string")
				s.TextMember("format", "date-time")
			default:
				s.TextMember("type", "string")
			}
			if f.Kind == wire.Selected && len(f.Choices) > 0 {
				s.enum(f.Choices)
			}
		}
		if f.Many {
			s.TextMember("type", "array")
			s.member("items", one)
			return
		}
		one()
	})
}

func (s schema) enum(values []string) {
	s.Key("enum")
	s.List(func() {
		for _, v := range values {
			s.Text(v)
		}
	})
}

func (s schema) body(rt *route, sent []wire.Field, part bool) {
	s.BoolMember("required", true)
	s.member("content", func() {
		for _, media := range rt.parses {
			s.member(media, func() {
				s.member("schema", func() {
					if rt.acceptsList && media == typeJSON {
						s.Key("oneOf")
						s.List(func() {
							s.Object(func() { s.record(sent, part) })
							s.Object(func() {
								s.TextMember("type", "array")
								s.IntMember("maxItems", wire.MaxParts)
								s.member("items", func() { s.record(sent, part) })
							})
						})
						return
					}
					s.record(sent, part)
				})
			})
		}
		if rt.importRows != nil {
			rows := func(media, help string) {
				s.member(media, func() {
					s.member("schema", func() {
						s.TextMember("type", "string")
						s.TextMember("description", help)
					})
				})
			}
			help := "One such object in each line."
			if slices.ContainsFunc(sent, func(f wire.Field) bool { return f.Name == "target" }) {
				help += " target_name can replace target."
			}
			rows(typeNDJSON, help)
			rows(typeCSV, rt.csvHelp)
		}
	})
}

// record describes an object in a body.
func (s schema) record(fields []wire.Field, part bool) {
	s.TextMember("type", "object")
	var required []string
	s.member("properties", func() {
		for i := range fields {
			f := &fields[i]
			if f.ReadOnly {
				continue
			}
			if f.Required && !part {
				required = append(required, f.Name)
			}
			s.member(f.Name, func() { s.field(f, true) })
		}
	})
	s.required(required)
}

func (s schema) required(list []string) {
	if len(list) == 0 {
		return
	}
	s.Key("required")
	s.List(func() {
		for _, name := range list {
			s.Text(name)
		}
	})
}

// read describes the answer to GET: an object, or a page of a list.
func (s schema) read(rt *route) {
	if !rt.lists {
		s.row(rt)
		return
	}
	s.TextMember("type", "object")
	s.member("properties", func() {
		s.member("count", func() { s.TextMember("type", "integer") })
		for _, name := range []string{"next", "previous"} {
			s.member(name, func() {
				s.Key("type")
				s.List(func() { s.Text("string"); s.Text("null") })
				s.TextMember("format", "uri")
			})
		}
		s.member("results", func() {
			s.TextMember("type", "array")
			s.member("items", func() { s.row(rt) })
		})
	})
	s.required([]string{"count", "next", "previous", "results"})
}

// row describes an object in an answer.
func (s schema) row(rt *route) {
	s.TextMember("type", "object")
	if rt.fields == nil {
		return
	}
	fields := rt.fields
	s.member("properties", func() {
		for i := range fields {
			if f := &fields[i]; f.Kind != wire.FileData &&
				(len(rt.members) == 0 || slices.Contains(rt.members, f.Name) ||
					slices.Contains(rt.optionalMembers, f.Name)) {
				s.member(f.Name, func() { s.field(f, false) })
			} else if f.Kind == wire.FileData {
				s.member(f.Name, func() {
					s.TextMember("type", "string")
					s.TextMember("format", "uri")
				})
			}
		}
	})
	s.required(rt.members)
}

// field describes a value. A body may spell it in more ways than an answer.
func (s schema) field(f *wire.Field, sent bool) {
	kinds := map[wire.Kind]string{
		wire.Text: "string", wire.Selected: "string", wire.DateTime: "string", wire.FileData: "string",
		wire.Integer: "integer", wire.Ref: "integer", wire.Float: "number", wire.Boolean: "boolean",
		wire.List: "array",
	}
	if kind, ok := kinds[f.Kind]; ok {
		s.Key("type")
		if f.Null || !sent && f.ReadOnly || !sent && f.Kind == wire.DateTime || !sent && f.Kind == wire.Ref {
			s.List(func() { s.Text(kind); s.Text("null") })
		} else {
			s.Text(kind)
		}
	}
	switch f.Kind {
	case wire.DateTime:
		s.TextMember("format", "date-time")
	case wire.FileData:
		s.TextMember("format", "binary")
	case wire.Text:
		if f.Max > 0 && sent {
			s.IntMember("maxLength", int64(f.Max))
		}
		if sent && !f.Blank {
			s.IntMember("minLength", 1)
		}
	case wire.Float:
		if r := f.Range; r != nil {
			s.Key("minimum")
			s.Float(&r.Least)
			most := "maximum"
			if r.Open {
				most = "exclusiveMaximum"
			}
			s.Key(most)
			s.Float(&r.Most)
		}
	case wire.Selected:
		values := make([]string, 0, len(f.Choices)+1)
		for _, c := range f.Choices {
			values = append(values, c.Value)
		}
		if f.Blank {
			values = append(values, "")
		}
		s.enum(values)
	case wire.List:
		s.member("items", func() {
			if sent {
				s.record(f.Of, false)
				return
			}
			s.TextMember("type", "object")
			s.member("properties", func() {
				for i := range f.Of {
					s.member(f.Of[i].Name, func() { s.field(&f.Of[i], false) })
				}
			})
		})
	}
	if f.Label != "" {
		s.TextMember("title", f.Label)
	}
	if f.Help != "" {
		s.TextMember("description", f.Help)
	}
}

func (s schema) responses(rt *route, method string) {
	json := func(status int, text string, fn func()) {
		s.member(strconv.Itoa(status), func() {
			s.TextMember("description", text)
			if fn != nil {
				s.member("content", func() { s.member(typeJSON, func() { s.member("schema", fn) }) })
			}
		})
	}
	switch method {
	case http.MethodGet:
		if rt.answers != "" {
			s.member("200", func() {
				s.TextMember("description", "The requested stream or file.")
				s.member("content", func() { s.member(rt.answers, func() {}) })
			})
			break
		}
		s.member("200", func() {
			s.TextMember("description", "The requested object or list.")
			s.member("content", func() {
				s.member(typeJSON, func() { s.member("schema", func() { s.read(rt) }) })
				if rt.export == nil {
					return
				}
				for _, format := range exportFormats {
					media, _, _ := strings.Cut(exportTypes[format], ";")
					s.member(media, func() {}) // the whole list as a table, with format=
				}
			})
		})
		json(http.StatusNotModified, "Nothing has changed since the answer with the ETag in If-None-Match.", nil)
	case http.MethodDelete:
		json(http.StatusNoContent, "Deleted.", nil)
	case http.MethodPost:
		status := http.StatusCreated
		switch rt.path {
		case "/api/token-auth/", "/api/node/verify/", "/api/node/compact/":
			status = http.StatusOK
		case "/api/node/reindex/":
			status = http.StatusAccepted
		}
		json(status, "Done, and written to the disk.", func() {}) // its members depend on the body
		if len(rt.writeParams) > 0 {
			json(http.StatusOK, "Nothing was stored: it already exists and duplicates=skip was given, or this was a "+
				"dry run.", func() {})
		}
	default:
		json(http.StatusOK, "Done, and written to the disk.", func() { s.TextMember("type", "object") })
	}
	if rt.handle[GET] != nil && !rt.lists && method != http.MethodGet {
		json(http.StatusPreconditionFailed,
			"The record has changed since the answer with the ETag in If-Match. Nothing was stored.", nil)
	}
	s.Key("default")
	s.Object(func() { s.TextMember("$ref", "#/components/responses/Refusal") })
}

func (s schema) components() {
	s.member("responses", func() {
		s.member("Refusal", func() {
			s.TextMember("description",
				"The reason for a refusal: by field with status 400, or as detail. Nothing was stored.")
			s.member("content", func() {
				s.member(typeJSON, func() {
					s.member("schema", func() {
						s.Key("type")
						s.List(func() { s.Text("object"); s.Text("array") })
						s.Key("examples")
						s.List(func() {
							s.Object(func() {
								s.Key("name")
								s.List(func() { s.Text(wire.MsgRequired) })
							})
							s.Object(func() { s.TextMember("detail", "Not found.") })
						})
					})
				})
			})
		})
	})
	s.member("securitySchemes", func() {
		s.member("basic", func() {
			s.TextMember("type", "http")
			s.TextMember("scheme", "basic")
		})
		s.member("token", func() {
			s.TextMember("type", "apiKey")
			s.TextMember("in", "header")
			s.TextMember("name", "Authorization")
			s.TextMember("description", "The word Token, a space, and the token.")
		})
		s.member("session", func() {
			s.TextMember("type", "apiKey")
			s.TextMember("in", "cookie")
			s.TextMember("name", sessionCookie)
		})
	})
}

// showRoot lists the resources.
func showRoot(r *request) (*answer, error) {
	return r.object(http.StatusOK, func(w *wire.Writer) {
		for _, name := range []string{"groups", "targets", "observations", "dataproducts", "reduceddatums"} {
			w.TextMember(name, r.base()+"/api/"+name+"/")
		}
	})
}

// version returns the node's version. OpenAPI requires one.
func (api *API) version() string {
	if api.o.Version == "" {
		return "unknown"
	}
	return api.o.Version
}

// options answers OPTIONS: what the route is, which fields it takes, and which parameters.
func (r *request) options() (*answer, error) {
	rt := r.route
	return r.object(http.StatusOK, func(w *wire.Writer) {
		texts := func(key string, list []string) {
			w.Key(key)
			w.List(func() {
				for _, s := range list {
					w.Text(s)
				}
			})
		}
		w.TextMember("name", rt.view)
		w.TextMember("description", rt.about)
		texts("renders", rt.renders())
		texts("parses", rt.parses)
		if action := r.action(); action != "" {
			w.Key("actions")
			w.Object(func() {
				w.Key(action)
				wire.Describe(w, rt.fields)
			})
			if rt.inputFields != nil { // a TOM describes only those that an answer has
				w.Key("write_fields")
				wire.Describe(w, rt.inputFields)
			}
		}
		if rt.handle["GET"] == nil {
			return
		}
		parameters := func(key string, list []wire.Filter) {
			w.Key(key)
			w.Object(func() {
				for _, f := range list {
					w.Key(f.Name)
					w.Object(func() {
						w.TextMember("type", string(f.Kind))
						w.BoolMember("many", f.Many)
						w.TextMember("help_text", f.Help)
						if len(f.Choices) > 0 {
							texts("choices", f.Choices)
						}
					})
				}
			})
		}
		parameters("filters", rt.parameters(true))
		if len(rt.writeParams) > 0 {
			parameters("write_parameters", rt.writeParams)
		}
		if rt.importRows != nil {
			texts("streams", rowTypes)
		}
	})
}

// action returns the method whose fields OPTIONS describes, "" if the viewer may not use it.
func (r *request) action() string {
	rt := r.route
	if rt.fields == nil || !rt.public && r.api.archive.Auth().Policy().MayWrite(r.viewer) != nil ||
		rt.mayAct != nil && !rt.mayAct(r) {
		return ""
	}
	for _, m := range []string{"PUT", "POST"} {
		if rt.handle[m] != nil {
			return m
		}
	}
	return ""
}
