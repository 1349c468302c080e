package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// schemaRoute serves a description of the API for programs, made from the descriptions of the routes (OpenAPI 3.1, spec.openapis.org/oas/v3.1.1).
func (api *API) schemaRoute() *route {
	return &route{path: "/api/schema/", view: "Schema", parses: allParsers, onlyJSON: true, handle: map[string]handler{"GET": func(r *request) (*answer, error) {
		s := schema{r: r}
		return r.object(http.StatusOK, s.write)
	}}}
}

// schema writes the description of an API.
type schema struct {
	r *request
	*writer
}

func (s schema) write(w *writer) {
	s.writer = w
	s.textMember("openapi", "3.1.0")
	s.member("info", func() {
		s.textMember("title", "Nightjar")
		s.textMember("version", s.r.api.version())
		s.textMember("description", "The REST API of a TOM Toolkit, and what Nightjar adds to it.")
		s.member("license", func() {
			s.textMember("name", "MIT")
			s.textMember("identifier", "MIT")
		})
	})
	s.key("servers")
	s.list(func() { s.object(func() { s.textMember("url", s.r.base()) }) })
	s.key("security")
	s.list(func() {
		s.object(func() {}) // guests read what is open
		for _, name := range []string{"basic", "token", "session"} {
			s.object(func() { s.key(name); s.list(func() {}) })
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
	s.key(key)
	s.object(fn)
}

// version is what the node calls itself, for which a description must have something.
func (api *API) version() string {
	if api.o.Version == "" {
		return "unknown"
	}
	return api.o.Version
}

// pathOf writes a route's path as OpenAPI does.
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
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		if rt.handle[method] != nil {
			s.member(strings.ToLower(method), func() { s.operation(rt, method) })
		}
	}
}

func (s schema) operation(rt *route, method string) {
	reads := method == http.MethodGet
	s.textMember("operationId", operationID(rt, method))
	s.textMember("summary", method+" "+rt.view)
	s.key("tags")
	s.list(func() { s.text(tagOf(rt)) })
	s.key("parameters")
	s.list(func() {
		for _, p := range strings.Split(rt.path, "/") {
			if name, ok := strings.CutPrefix(p, ":"); ok {
				s.object(func() {
					s.textMember("name", name)
					s.textMember("in", "path")
					s.boolMember("required", true)
					s.member("schema", func() { s.textMember("type", "string") })
				})
			}
		}
		for _, f := range rt.parameters(reads) {
			if reads || slices.ContainsFunc(rt.writes, func(w Filter) bool { return w.Name == f.Name }) || slices.ContainsFunc(rt.filters, func(w Filter) bool { return w.Name == f.Name && !rt.lists }) {
				s.object(func() { s.parameter(f) })
			}
		}
	})
	if sent := rt.sentFields(s.r); sent != nil && !reads && method != http.MethodDelete {
		s.member("requestBody", func() { s.body(rt, sent, method == http.MethodPatch) })
	}
	s.member("responses", func() { s.responses(rt, method) })
}

// operationID is one of a kind: "get_targets_id".
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

// sentFields are the fields that a write reads, nil for none.
func (rt *route) sentFields(r *request) []Field {
	if rt.sent != nil {
		return rt.sent
	}
	if rt.fields == nil {
		return nil
	}
	return rt.fields(r)
}

func (s schema) parameter(f Filter) {
	s.textMember("name", f.Name)
	s.textMember("in", "query")
	s.textMember("description", f.Help)
	s.member("schema", func() {
		one := func() {
			switch f.Kind {
			case Integer:
				s.textMember("type", "integer")
			case Float:
				s.textMember("type", "number")
			case Boolean:
				s.textMember("type", "boolean")
			case DateTime:
				s.textMember("type", "string")
				s.textMember("format", "date-time")
			default:
				s.textMember("type", "string")
			}
			if f.Kind == Selected && len(f.Choices) > 0 {
				s.enum(f.Choices)
			}
		}
		if f.Many {
			s.textMember("type", "array")
			s.member("items", one)
			return
		}
		one()
	})
}

func (s schema) enum(values []string) {
	s.key("enum")
	s.list(func() {
		for _, v := range values {
			s.text(v)
		}
	})
}

func (s schema) body(rt *route, sent []Field, part bool) {
	s.boolMember("required", true)
	s.member("content", func() {
		for _, media := range rt.parses {
			s.member(media, func() {
				s.member("schema", func() {
					if rt.lines && media == typeJSON && rt.writesLists() {
						s.key("oneOf")
						s.list(func() {
							s.object(func() { s.record(sent, part) })
							s.object(func() {
								s.textMember("type", "array")
								s.intMember("maxItems", maxParts)
								s.member("items", func() { s.record(sent, part) })
							})
						})
						return
					}
					s.record(sent, part)
				})
			})
		}
		if rt.lines {
			s.member(typeNDJSON, func() {
				s.member("schema", func() {
					s.textMember("type", "string")
					s.textMember("description", "One such object a line; a target may be given by target_name.")
				})
			})
		}
	})
}

// writesLists says whether a list of objects can be posted.
func (rt *route) writesLists() bool {
	return slices.ContainsFunc(rt.writes, func(f Filter) bool { return f.Name == duplicateParameter.Name })
}

// record describes an object that is sent.
func (s schema) record(fields []Field, part bool) {
	s.textMember("type", "object")
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
	s.key("required")
	s.list(func() {
		for _, name := range list {
			s.text(name)
		}
	})
}

// read describes what GET answers: an object, or a page of a list of them.
func (s schema) read(rt *route) {
	if !rt.lists {
		s.row(rt)
		return
	}
	s.textMember("type", "object")
	s.member("properties", func() {
		s.member("count", func() { s.textMember("type", "integer") })
		for _, name := range []string{"next", "previous"} {
			s.member(name, func() {
				s.key("type")
				s.list(func() { s.text("string"); s.text("null") })
				s.textMember("format", "uri")
			})
		}
		s.member("results", func() {
			s.textMember("type", "array")
			s.member("items", func() { s.row(rt) })
		})
	})
	s.required([]string{"count", "next", "previous", "results"})
}

// row describes an object that is answered.
func (s schema) row(rt *route) {
	s.textMember("type", "object")
	if rt.fields == nil {
		return
	}
	fields := rt.fields(s.r)
	s.member("properties", func() {
		for i := range fields {
			if f := &fields[i]; f.Kind != FileData && (len(rt.members) == 0 || slices.Contains(rt.members, f.Name) || slices.Contains(rt.asked, f.Name)) {
				s.member(f.Name, func() { s.field(f, false) })
			} else if f.Kind == FileData {
				s.member(f.Name, func() {
					s.textMember("type", "string")
					s.textMember("format", "uri")
				})
			}
		}
	})
	s.required(rt.members)
}

// field describes a value. What is sent may be written in more ways than what is answered.
func (s schema) field(f *Field, sent bool) {
	kinds := map[Kind]string{Text: "string", Selected: "string", DateTime: "string", FileData: "string", Integer: "integer", Ref: "integer", Float: "number", Boolean: "boolean", List: "array"}
	if kind, ok := kinds[f.Kind]; ok {
		s.key("type")
		if f.Null || !sent && f.ReadOnly || !sent && f.Kind == DateTime || !sent && f.Kind == Ref {
			s.list(func() { s.text(kind); s.text("null") })
		} else {
			s.text(kind)
		}
	}
	switch f.Kind {
	case DateTime:
		s.textMember("format", "date-time")
	case FileData:
		s.textMember("format", "binary")
	case Text:
		if f.Max > 0 && sent {
			s.intMember("maxLength", int64(f.Max))
		}
		if sent && !f.Blank {
			s.intMember("minLength", 1)
		}
	case Float:
		if r := f.Range; r != nil {
			s.key("minimum")
			s.float(&r.Least)
			most := "maximum"
			if r.Open {
				most = "exclusiveMaximum"
			}
			s.key(most)
			s.float(&r.Most)
		}
	case Selected:
		values := make([]string, 0, len(f.Choices)+1)
		for _, c := range f.Choices {
			values = append(values, c.Value)
		}
		if f.Blank {
			values = append(values, "")
		}
		s.enum(values)
	case List:
		s.member("items", func() {
			if sent {
				s.record(f.Of, false)
				return
			}
			s.textMember("type", "object")
			s.member("properties", func() {
				for i := range f.Of {
					s.member(f.Of[i].Name, func() { s.field(&f.Of[i], false) })
				}
			})
		})
	}
	if f.Label != "" {
		s.textMember("title", f.Label)
	}
	if f.Help != "" {
		s.textMember("description", f.Help)
	}
}

func (s schema) responses(rt *route, method string) {
	json := func(status int, text string, fn func()) {
		s.member(strconv.Itoa(status), func() {
			s.textMember("description", text)
			if fn != nil {
				s.member("content", func() { s.member(typeJSON, func() { s.member("schema", fn) }) })
			}
		})
	}
	switch method {
	case http.MethodGet:
		if rt.answers != "" {
			s.member("200", func() {
				s.textMember("description", "What was asked for, as it comes.")
				s.member("content", func() { s.member(rt.answers, func() {}) })
			})
			break
		}
		s.member("200", func() {
			s.textMember("description", "What was asked for.")
			s.member("content", func() {
				s.member(typeJSON, func() { s.member("schema", func() { s.read(rt) }) })
				if rt.export == nil {
					return
				}
				for _, format := range exportFormats {
					media, _, _ := strings.Cut(exportTypes[format], ";")
					s.member(media, func() {}) // the whole list as a table, by format=
				}
			})
		})
		json(http.StatusNotModified, "Nothing has changed since the answer whose ETag was sent as If-None-Match.", nil)
	case http.MethodDelete:
		json(http.StatusNoContent, "It is gone.", nil)
	case http.MethodPost:
		status := http.StatusCreated
		switch rt.path {
		case "/api/token-auth/", "/api/node/verify/", "/api/node/compact/":
			status = http.StatusOK
		case "/api/node/reindex/":
			status = http.StatusAccepted
		}
		json(status, "It is done, and on the disk.", func() {}) // what it says depends on what was sent
		if len(rt.writes) > 0 {
			json(http.StatusOK, "Nothing was stored: it is there already, and that is no error by duplicates=skip, or this was a dry run.", func() {})
		}
	default:
		json(http.StatusOK, "It is done, and on the disk.", func() { s.textMember("type", "object") })
	}
	s.key("default")
	s.object(func() { s.textMember("$ref", "#/components/responses/Refusal") })
}

func (s schema) components() {
	s.member("responses", func() {
		s.member("Refusal", func() {
			s.textMember("description", "Why not: by field with status 400, or as detail. Nothing was stored.")
			s.member("content", func() {
				s.member(typeJSON, func() {
					s.member("schema", func() {
						s.key("type")
						s.list(func() { s.text("object"); s.text("array") })
						s.key("examples")
						s.list(func() {
							s.object(func() {
								s.key("name")
								s.list(func() { s.text(msgRequired) })
							})
							s.object(func() { s.textMember("detail", "Not found.") })
						})
					})
				})
			})
		})
	})
	s.member("securitySchemes", func() {
		s.member("basic", func() {
			s.textMember("type", "http")
			s.textMember("scheme", "basic")
		})
		s.member("token", func() {
			s.textMember("type", "apiKey")
			s.textMember("in", "header")
			s.textMember("name", "Authorization")
			s.textMember("description", "The word Token, a blank, and the token.")
		})
		s.member("session", func() {
			s.textMember("type", "apiKey")
			s.textMember("in", "cookie")
			s.textMember("name", sessionCookie)
		})
	})
}
