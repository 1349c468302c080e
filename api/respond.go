package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strconv"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/problem"
)

// answer is what is sent back: a status and a body of JSON, or nothing, or what send writes by
// itself.
type answer struct {
	status int
	body   []byte
	sent   bool // everything was sent already
	again  bool // the body's buffer may be used again once it was sent
	cut    bool // the body is the beginning of a long answer, of which a page shows no more
}

// httpError is a refusal that is about HTTP rather than about the archive.
type httpError struct {
	status int
	detail string
}

func (e *httpError) Error() string { return e.detail }

// object answers with an object that fn writes.
func (r *request) object(status int, fn func(w *wire.Writer)) (*answer, error) {
	var w wire.Writer
	w.Object(func() { fn(&w) })
	return &answer{status: status, body: w.Buf}, nil
}

// spread indents JSON for people, if they asked for that by Accept: application/json; indent=4, as
// Django REST framework does. Long lists, which are sent as they are read, stay as they are, and so
// does what would be longer than maxSpread.
func (r *request) spread(body []byte) []byte {
	if r.indent == 0 {
		return body
	}
	if out, whole := indented(body, r.indent, maxSpread); whole {
		return out
	}
	return body
}

func noContent() (*answer, error) { return &answer{status: http.StatusNoContent}, nil }

// write sends an answer.
func (r *request) write(a *answer) {
	if a.sent {
		return
	}
	h := r.w.Header()
	if r.indent > 0 {
		a.body, a.again = r.spread(a.body), false
	}
	// a page shows more than the answer, and is not it
	if r.reads() && a.status == http.StatusOK && h.Get("ETag") == "" && !r.html {
		tag := hashTag(a.body)
		if h.Set("ETag", tag); isFresh(r.Request, tag) {
			a.status = http.StatusNotModified
		}
	}
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		// that of a 304 would take the place of the stored answer's, and a page without scripts and
		// style is of no use
		h.Del("Content-Security-Policy")
		r.w.WriteHeader(a.status)
		return
	}
	if r.html {
		r.writePage(a)
		return
	}
	h.Set("Content-Type", typeJSON)
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	r.w.WriteHeader(a.status)
	r.w.Write(a.body)
	if a.again {
		freeBody(a.body)
	}
}

// fail answers with an error. This is the one place that knows which error has which status.
func (r *request) fail(err error) {
	status := http.StatusInternalServerError
	var w wire.Writer
	detail := func(text string) { w.Object(func() { w.TextMember("detail", text) }) }
	var problems *problem.List
	var refused *problem.Error
	var processing *archive.ProcessingError
	var ofHTTP *httpError
	var tooLarge *http.MaxBytesError
	var body *bodyError
	h := r.w.Header()
	h.Del("ETag")
	switch {
	case errors.As(err, &processing):
		status = http.StatusBadRequest
		writeProcessingError(&w, processing)
	case errors.As(err, &problems):
		status = http.StatusBadRequest
		wire.WriteProblems(&w, problems)
	case errors.As(err, &refused):
		status = statusOf(refused.Kind)
		if refused.Kind == problem.Unauthenticated {
			h.Set("WWW-Authenticate", r.challenge())
		}
		if refused.RetryAfter > 0 {
			h.Set("Retry-After", strconv.Itoa(int(refused.RetryAfter.Seconds())+1))
		}
		detail(refused.Message)
	case errors.As(err, &ofHTTP):
		status = ofHTTP.status
		detail(ofHTTP.detail)
	case errors.As(err, &tooLarge):
		status = http.StatusRequestEntityTooLarge
		detail(fmt.Sprintf("The body is larger than %d bytes.", tooLarge.Limit))
	case errors.As(err, &body):
		var text string
		status, text = bodyFailed(body)
		detail(text)
		h.Set("Connection", "close")
	case errors.Is(err, archive.ErrNoRoom):
		status = http.StatusInsufficientStorage
		detail("The node's disk has too little free space: nothing was stored. Reading goes on.")
	case errors.Is(err, archive.ErrReadOnly):
		status = http.StatusForbidden
		detail("This node serves its file for reading only.")
	case errors.Is(err, archive.ErrUnfinished):
		r.api.o.Log.Error("cannot finish", "method", r.Method, "path", r.URL.Path, "error", err)
		status = http.StatusServiceUnavailable
		detail("The request was begun and will be finished when the node is started again. " + whyNotReady(err))
	case errors.Is(err, archive.ErrFailed), errors.Is(err, archive.ErrClosed):
		r.api.o.Log.Error("cannot write", "method", r.Method, "path", r.URL.Path, "error", err)
		status = http.StatusServiceUnavailable
		if errors.Is(err, archive.ErrFailed) {
			detail("Nothing was stored. " + whyNotReady(err))
		} else {
			detail("Nothing was stored. The node is shutting down.")
		}
	case r.Context().Err() != nil && errors.Is(err, context.Cause(r.Context())):
		panic(http.ErrAbortHandler) // the client has gone
	default:
		r.api.failed(r.w, r.Request, err)
		return
	}
	if r.html {
		r.writePage(&answer{status: status, body: w.Buf})
		return
	}
	text := r.spread(w.Buf)
	h.Set("Content-Type", typeJSON)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	r.w.WriteHeader(status)
	r.w.Write(text)
}

func statusOf(k problem.Kind) int {
	switch k {
	case problem.NotFound:
		return http.StatusNotFound
	case problem.Forbidden:
		return http.StatusForbidden
	case problem.Unauthenticated:
		return http.StatusUnauthorized
	case problem.TooMany:
		return http.StatusTooManyRequests
	case problem.Conflict:
		return http.StatusConflict
	}
	return http.StatusInternalServerError
}

// failed answers for a failure of ours: the cause goes to the log, with an id that the answer has
// as well.
func (api *API) failed(w http.ResponseWriter, r *http.Request, err error) {
	id := requestID()
	api.o.Log.Error("request failed", "id", id, "method", r.Method, "path", r.URL.Path, "error", err)
	h := w.Header()
	h.Set("Nightjar-Request", id)
	h.Del("ETag")
	h.Set("Content-Type", typeJSON)
	h.Del("Content-Length")
	w.WriteHeader(http.StatusInternalServerError)
	w.Write([]byte(`{"detail":"A server error occurred."}`))
}

// breakOff ends an answer whose status has been sent: only a broken connection can still tell that
// it is not whole. The log is told unless the reader's rights, or what is read, ended meanwhile.
func (api *API) breakOff(r *http.Request, err error) {
	var refused *problem.Error
	if !errors.As(err, &refused) && r.Context().Err() == nil {
		api.o.Log.Error("an answer broke off", "path", r.URL.Path, "error", err)
	}
	panic(http.ErrAbortHandler)
}

// panicError keeps where a handler panicked.
func panicError(p any) error {
	stack := make([]byte, 16<<10)
	return fmt.Errorf("panic: %v\n%s", p, stack[:runtime.Stack(stack, false)])
}

// options answers OPTIONS: what the route is, what can be sent, and how a list can be filtered.
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
		w.TextMember("description", "")
		texts("renders", rt.renders())
		texts("parses", rt.parses)
		if action := r.action(); action != "" {
			w.Key("actions")
			w.Object(func() {
				w.Key(action)
				wire.Describe(w, rt.fields)
			})
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
		if rt.acceptsRows {
			texts("streams", rowTypes)
		}
	})
}

// action is the method whose fields OPTIONS describes, "" when the one who asks may not use it.
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
