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

// Options say how the API is served. The zero value is right for tests.
type Options struct {
	// Log is told of failures of ours, with the request's id. nil for nobody.
	Log *slog.Logger
	// Pages serves what is not the API's; nil for nothing.
	Pages http.Handler
	// BaseURL is what clients call the node, such as https://node.example.org; "" for what each
	// request calls it.
	BaseURL string
	// URL is where the node is reached, for those who ask how it is; "" when nobody serves it.
	URL string
	// Fingerprint is that of the certificate that the file keeps, if the node shows it; "" if not.
	Fingerprint string
	// Hosts are the names by which the node may be called in a Host header, beside its addresses;
	// none for any name.
	Hosts []string
	// Proxies are the networks of proxies in front of the node, whose X-Forwarded headers are
	// believed.
	Proxies []netip.Prefix
	// Origins are the origins of pages of other sites that may use the API, such as
	// https://pages.example.org, or "*" for all; none as a rule.
	Origins []string
	Limits
	// Version is what the node calls itself.
	Version string
	// Backups says how the copies are that the server takes by itself; nil when it takes none.
	Backups func() BackupState
}

// BackupState is how the copies are that the server takes by itself.
type BackupState struct {
	Path   string    // of the last good one, "" if there is none
	Time   time.Time // when it was taken
	Failed string    // why the last attempt failed, "" if it did not
}

// API serves an archive over HTTP.
type API struct {
	archive *archive.Archive
	o       Options
	router  *httprouter.Router
	routes  []*route
	uploads uploadSlots
	// strangers counts the uploads of users who may add datums to no target.
	strangers uploadSlots
	memory    shares        // of Limits.BodyMemory
	small     shares        // of smallMemory
	long      shares        // places of answers that are sent in parts
	gathering chan struct{} // has room for gatherers
	startID   string        // differs from one start to the next
	// stopping ends with Stop; streams counts the streams of events.
	stopping context.Context
	stop     context.CancelFunc
	streams  streamLimit
	after    func(time.Duration) <-chan time.Time // time.After, but in tests
	health   atomic.Value                         // why the node was not ready when that was last asked, "" when it was
}

// ownerKey marks requests that come from the owner of the file.
type ownerKey struct{}

// Stop ends all streams of events, since otherwise a server that is shutting down would wait for
// them.
func (api *API) Stop() { api.stop() }

// httpError is a refusal that is about HTTP rather than about the archive.
type httpError struct {
	status int
	detail string
}

func (e *httpError) Error() string { return e.detail }

// requestID tells requests apart in the log.
func requestID() string {
	b := make([]byte, 8)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// panicError keeps where a handler panicked.
func panicError(p any) error {
	stack := make([]byte, 16<<10)
	return fmt.Errorf("panic: %v\n%s", p, stack[:runtime.Stack(stack, false)])
}

// serverError answers for a failure of ours: the cause goes to the log, with an id that the answer has
// as well.
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

// abort ends an answer whose status has been sent: only a broken connection can still tell that
// it is not whole. The log is told unless the reader's rights, or what is read, ended meanwhile.
func (api *API) abort(r *http.Request, err error) {
	var refused *problem.Error
	if !errors.As(err, &refused) && r.Context().Err() == nil {
		api.o.Log.Error("an answer broke off", "path", r.URL.Path, "error", err)
	}
	panic(http.ErrAbortHandler)
}
