package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"nightjar/api/transport"
	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/problem"
)

// indentBody indents JSON if the client asks for it with Accept: application/json; indent=4, as
// Django REST framework does. It does not indent what would become longer than maxIndented, nor
// long lists, which are sent while they are read.
func (r *request) indentBody(body []byte) []byte {
	if r.indent == 0 {
		return body
	}
	if out, whole := indented(body, r.indent, maxIndented); whole {
		return out
	}
	return body
}

// write sends an answer.
func (r *request) write(a *answer) {
	if a.sent {
		return
	}
	h := r.w.Header()
	// the tag of a page would have to cover more than the answer
	if r.reads() && a.status == http.StatusOK && h.Get("ETag") == "" && !r.html {
		tag := r.bodyTag(a.body)
		if h.Set("ETag", tag); isFresh(r.Request, tag) {
			a.status = http.StatusNotModified
		}
	}
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		// the policy would replace that of the stored answer, and a page without scripts and styles
		// is of no use
		h.Del("Content-Security-Policy")
		r.w.WriteHeader(a.status)
		return
	}
	if r.html {
		r.writePage(a)
		return
	}
	if r.indent > 0 {
		a.body, a.reusable = r.indentBody(a.body), false
	}
	h.Set("Content-Type", typeJSON)
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	r.w.WriteHeader(a.status)
	r.w.Write(a.body)
	if a.reusable {
		freeBody(a.body)
	}
}

// fail answers with an error. Only fail knows which error has which status.
func (r *request) fail(err error) {
	status := http.StatusInternalServerError
	var w wire.Writer
	detail := func(text string) { w.Object(func() { w.TextMember("detail", text) }) }
	var problems *problem.List
	var refused *problem.Error
	var processing *archive.ProcessingError
	var ofHTTP *httpError
	var tooLarge *http.MaxBytesError
	var body *transport.BodyError
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
		detail("The request has been started, and will be finished when the node is restarted. " + whyNotReady(err))
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
		r.api.serverError(r.w, r.Request, err)
		return
	}
	if r.html {
		r.writePage(&answer{status: status, body: w.Buf})
		return
	}
	text := r.indentBody(w.Buf)
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

// whyNotReady says what is wrong without naming a path.
func whyNotReady(err error) string {
	switch {
	case errors.Is(err, archive.ErrLost):
		return "The node's file was moved, replaced, deleted or truncated while it was open: nothing is written " +
			"until a restart. What was written before can be read, and saved with nightjar backup."
	case errors.Is(err, archive.ErrFailed):
		return "Writing to the disk failed: nothing is written until a restart. Reading goes on."
	case errors.Is(err, archive.ErrNoRoom):
		return "The node's disk has too little free space: nothing is written until there is more. Reading and " +
			"deleting go on."
	}
	return "The node's file cannot be read."
}

// processingFailed is what a TOM answers, whatever the error.
const processingFailed = "There was an error in processing your DataProduct into individual ReducedDatum objects."

func writeProcessingError(w *wire.Writer, e *archive.ProcessingError) {
	w.Object(func() {
		w.TextMember("Data processing error", processingFailed)
		w.Key("report")
		writeReport(w, e.Report)
	})
}

// writeReport writes what was found in a file and what was made of it.
func writeReport(w *wire.Writer, report *archive.Report) {
	b, err := json.Marshal(report)
	if err != nil {
		panic(err) // unreachable: all of a report can be encoded
	}
	w.Raw(b)
}

// bodyFailed returns the answer to a body that could not be read.
func bodyFailed(err error) (status int, detail string) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return http.StatusRequestTimeout, "The body did not come in time."
	}
	return http.StatusBadRequest, "The body could not be read: " + err.Error() + "."
}
