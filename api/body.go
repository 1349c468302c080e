package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"nightjar/auth"
)

// Limits bound what one who asks can take of a node. 0 stands for the default, which the comments name. The owner of the file has none but MaxBody.
type Limits struct {
	// MaxBody is how many bytes a body may have that is not a file or a stream of data: 64 MiB.
	MaxBody int64
	// MaxUpload is how many bytes a file, or a stream of data, may have: 8 GiB.
	MaxUpload int64
	// Uploads is how many files, streams and other bodies of more than smallBody are taken in at once, and UserUploads how many of one user: 16 and 8. Others wait for
	// UploadWait, a minute, and are then told to come again.
	Uploads, UserUploads int
	UploadWait           time.Duration
	// BodyStall is how long a body may bring nothing: a minute.
	BodyStall time.Duration
	// SendStall is how long a client may take for the next 16 KiB of an answer: five minutes.
	SendStall time.Duration
}

func (l Limits) orDefaults() Limits {
	size := func(n *int64, standard int64) {
		if *n == 0 {
			*n = standard
		}
	}
	size(&l.MaxBody, 64<<20)
	size(&l.MaxUpload, 8<<30)
	if l.Uploads == 0 {
		l.Uploads = 16
	}
	if l.UserUploads == 0 {
		l.UserUploads = 8
	}
	wait := func(d *time.Duration, standard time.Duration) {
		if *d == 0 {
			*d = standard
		}
	}
	wait(&l.UploadWait, time.Minute)
	wait(&l.BodyStall, time.Minute)
	wait(&l.SendStall, 5*time.Minute)
	return l
}

// smallBody is up to how many bytes a body that is neither a file nor a stream takes no place among those: it is in memory, two or three times over, while it is read.
const smallBody = 1 << 20

// tooLong refuses a body of more bytes than it may have.
func tooLong(most int64) error { return &http.MaxBytesError{Limit: most} }

// bodyError is what went wrong while a body came: it is the client's, or the network's, and not the node's.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// patient is a body that must go on coming.
type patient struct {
	io.ReadCloser
	of    *http.ResponseController
	stall time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	p.of.SetReadDeadline(time.Now().Add(p.stall)) // where there is no network there is no deadline
	n, err := p.ReadCloser.Read(b)
	switch {
	case err == io.EOF:
		p.of.SetReadDeadline(time.Time{}) // what is waited for from here on is the end of the connection
	case err != nil:
		err = &bodyError{err}
	}
	return n, err
}

// patientWriter is an answer that must go on being taken.
type patientWriter struct {
	http.ResponseWriter
	of    *http.ResponseController
	stall time.Duration
}

// sendAtOnce is how much must be taken in SendStall.
const sendAtOnce = 16 << 10

func (p *patientWriter) wait() { p.of.SetWriteDeadline(time.Now().Add(p.stall)) }

func (p *patientWriter) WriteHeader(status int) {
	p.wait()
	p.ResponseWriter.WriteHeader(status)
}

func (p *patientWriter) Write(b []byte) (n int, err error) {
	for first := true; err == nil && (first || len(b) > 0); first = false {
		p.wait()
		var m int
		m, err = p.ResponseWriter.Write(b[:min(len(b), sendAtOnce)])
		n, b = n+m, b[m:]
	}
	return n, err
}

// Unwrap is for http.ResponseController.
func (p *patientWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// patiently bounds how long a request may stand still.
func (api *API) patiently(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request) {
	of := http.NewResponseController(w)
	of.SetWriteDeadline(time.Time{}) // that of the answer before
	if r.Body != nil && r.Body != http.NoBody {
		of.SetReadDeadline(time.Now().Add(api.o.BodyStall)) // also of what is left when the handler has read enough
		r2 := *r
		r2.Body = &patient{r.Body, of, api.o.BodyStall}
		r = &r2
	}
	return &patientWriter{w, of, api.o.SendStall}, r
}

// bodyFailed says what is answered when a body did not come as it should.
func bodyFailed(err error) (status int, detail string) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return http.StatusRequestTimeout, "The body did not come in time."
	}
	return http.StatusBadRequest, "The body could not be read: " + err.Error() + "."
}

// takers counts who is sending files and streams.
type takers struct {
	mu   sync.Mutex
	all  int
	of   map[uint64]int
	free chan struct{} // closed, and made anew, when one has ended
}

// take waits until an upload of a user may begin. The caller calls done when it has ended.
func (t *takers) take(ctx context.Context, user uint64, l *Limits) (done func(), err error) {
	late := time.NewTimer(l.UploadWait)
	defer late.Stop()
	for {
		t.mu.Lock()
		if t.free == nil {
			t.free, t.of = make(chan struct{}), map[uint64]int{}
		}
		if t.all < l.Uploads && t.of[user] < l.UserUploads {
			t.all++
			t.of[user]++
			t.mu.Unlock()
			return func() { t.end(user) }, nil
		}
		free := t.free
		t.mu.Unlock()
		select {
		case <-free:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-late.C:
			return nil, &auth.Error{Kind: auth.TooMany, Message: "Too many uploads at once. Try again later.", RetryAfter: 10 * time.Second}
		}
	}
}

func (t *takers) end(user uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all--
	if t.of[user]--; t.of[user] == 0 {
		delete(t.of, user)
	}
	close(t.free)
	t.free = make(chan struct{})
}

// uploading makes a handler of one that takes a file or a stream: as many bytes as a file may have, when there is room for it.
func uploading(h handler) handler {
	return func(r *request) (*answer, error) {
		if r.viewer.Owner {
			return h(r)
		}
		most := r.api.o.MaxUpload
		if r.ContentLength > most {
			return nil, tooLong(most)
		}
		done, err := r.api.takers.take(r.Context(), r.viewer.ID, &r.api.o.Limits)
		if err != nil {
			return nil, err
		}
		defer done()
		r.Body = http.MaxBytesReader(r.w, r.Body, most)
		return h(r)
	}
}
