package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/julienschmidt/httprouter"

	"nightjar/archive"
	"nightjar/internal/problem"
)

// Options configure the API. The zero value is good for tests.
type Options struct {
	// Log receives internal errors, with the id of the request; nil discards them.
	Log *slog.Logger
	// Pages serves all paths outside of the API; nil serves none.
	Pages http.Handler
	// BaseURL is the address that clients use, such as https://node.example.org; "" takes it from
	// each request.
	BaseURL string
	// URL is where the node can be reached, as /api/node/ reports it; "" when nothing serves it.
	URL string
	// Fingerprint is that of the certificate in the file, if the node presents it; "" if not.
	Fingerprint string
	// Hosts are the names that a Host header may contain, in addition to IP addresses; nil allows
	// any.
	Hosts []string
	// Proxies are the networks of proxies whose X-Forwarded headers are trusted.
	Proxies []netip.Prefix
	// Origins are the origins of other sites whose pages may use the API, such as
	// https://pages.example.org, or "*" for all; usually none.
	Origins []string
	Limits
	// Version is the version that the node reports.
	Version string
	// Backups reports on the copies that the server makes by itself; nil when it makes none.
	Backups func() BackupState
}

// BackupState describes the copies that the server makes by itself.
type BackupState struct {
	Path   string    // of the last good copy, "" if there is none
	Time   time.Time // of that copy
	Failed string    // why the last attempt failed, "" if it succeeded
}

// API serves an archive over HTTP.
type API struct {
	archive *archive.Archive
	o       Options
	router  *httprouter.Router
	routes  []*route
	// uploads counts the uploads of all users but strangers, who cannot add datums to any target.
	uploads    uploadSlots
	strangers  uploadSlots
	memory     shares        // of Limits.BodyMemory
	small      shares        // of smallMemory
	long       shares        // answers that are sent in parts
	collecting chan struct{} // holds an item for each of up to maxCollecting exports
	startID    string        // differs from one start of the server to the next
	// stopping ends with Stop; streams counts the streams of events.
	stopping context.Context
	stop     context.CancelFunc
	streams  streamLimit
	after    func(time.Duration) <-chan time.Time // time.After, except in tests
	health   atomic.Value                         // why the node was not ready at the last check, "" if it was
}

// ownerKey marks requests that come from the owner of the file.
type ownerKey struct{}

// fromOwner reports whether a request comes from the owner of the file.
func fromOwner(r *http.Request) bool {
	owner, _ := r.Context().Value(ownerKey{}).(bool)
	return owner
}

// Stop ends all streams of events: a server that shuts down would otherwise wait for them.
func (api *API) Stop() { api.stop() }

// httpError is a refusal by the rules of HTTP, not of the archive.
type httpError struct {
	status int
	detail string
}

func (e *httpError) Error() string { return e.detail }

// requestID returns a random id for the log.
func requestID() string {
	b := make([]byte, 8)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// panicError returns a panic as an error, with its stack.
func panicError(p any) error {
	stack := make([]byte, 16<<10)
	return fmt.Errorf("panic: %v\n%s", p, stack[:runtime.Stack(stack, false)])
}

// serverError answers an internal error. The cause goes to the log, under an id that the answer
// also has.
func (api *API) serverError(w http.ResponseWriter, r *http.Request, err error) {
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

// abort breaks the connection, since the status has been sent and nothing else can tell the client
// that the answer is incomplete. It logs err, unless the viewer lost the right to read, or the
// client has gone.
func (api *API) abort(r *http.Request, err error) {
	var refused *problem.Error
	if !errors.As(err, &refused) && r.Context().Err() == nil {
		api.o.Log.Error("an answer broke off", "path", r.URL.Path, "error", err)
	}
	panic(http.ErrAbortHandler)
}
