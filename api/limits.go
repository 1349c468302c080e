package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"nightjar/internal/problem"
)

// Limits bound what the requests of a user can take from a node. 0 means the default, which the
// comments name. The owner of the file is bound by MaxBody alone.
type Limits struct {
	// MaxBody is how many bytes a body may have that is not a file or a stream of data: 8 MiB.
	MaxBody int64
	// MaxLine is how many bytes a line of a stream of data may have: 16 MiB.
	MaxLine int64
	// BodyMemory is how many bytes of memory may be taken by all bodies and lines that are being
	// read, and by what is made of them, about four bytes for one that was sent: 64 MiB. One user
	// has half, or what the largest body or line takes. Others wait for UploadWait.
	BodyMemory int64
	// MaxUpload is how many bytes a file, or a stream of data, may have: 8 GiB.
	MaxUpload int64
	// Uploads is how many files, streams and other bodies of more than smallBody are taken in at
	// once, and UserUploads how many of one user: 16 and 8. Others wait for UploadWait, a minute,
	// and are then told to come again.
	Uploads, UserUploads int
	UploadWait           time.Duration
	// BodyStall is how long a body may bring nothing: 30 seconds.
	BodyStall time.Duration
	// BodyRate is how many bytes a second a body must bring over any RateOver that the node waits
	// for it: 1 KiB and 30 seconds. So a body takes at most its size divided by that, and RateOver.
	BodyRate int64
	RateOver time.Duration
	// SendStall is how long a client may take for the next 16 KiB of an answer: five minutes.
	SendStall time.Duration
}

func (l Limits) orDefaults() Limits {
	size := func(n *int64, standard int64) {
		if *n == 0 {
			*n = standard
		}
	}
	size(&l.MaxBody, 8<<20)
	size(&l.MaxLine, 16<<20)
	size(&l.BodyMemory, 64<<20)
	size(&l.BodyRate, 1<<10)
	size(&l.MaxUpload, 8<<30)
	l.BodyMemory = max(l.BodyMemory, l.userMemory())
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
	wait(&l.BodyStall, 30*time.Second)
	wait(&l.RateOver, 30*time.Second)
	wait(&l.SendStall, 5*time.Minute)
	return l
}

// userMemory is how much of BodyMemory one user has. The fields of a form take twice their length
// while they are read.
func (l *Limits) userMemory() int64 {
	return max(l.BodyMemory/2, byteWeight*max(2*l.MaxBody, l.MaxLine)+byteWeight*lineBuffer)
}

// smallBody is up to how many bytes a body that is neither a file nor a stream takes none of the
// places for uploads. It is in memory, two or three times over, while it is read.
const smallBody = 1 << 20

// tooLong refuses a body of more bytes than it may have.
func tooLong(most int64) error { return &http.MaxBytesError{Limit: most} }

// bodyError is an error of the client or the network while a body was read, not one of the node.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// stallReader is a body that must go on coming, at some rate. Only the time counts for which the
// node waits for it, not that for which it is busy with what came.
type stallReader struct {
	io.ReadCloser
	of     *http.ResponseController
	stall  time.Duration
	over   time.Duration // in which the next need bytes must come
	need   int64
	got    int64         // of these
	waited time.Duration // for these
	ended  bool
}

func (p *stallReader) Read(b []byte) (int, error) {
	begun := time.Now()
	p.of.SetReadDeadline(begun.Add(min(p.stall, p.over-p.waited))) // where there is no network there is no deadline
	n, err := p.ReadCloser.Read(b)
	p.got += int64(n)
	if p.waited += time.Since(begun); p.got >= p.need {
		p.got, p.waited = 0, 0
	}
	switch {
	case err == io.EOF:
		p.ended = true
		p.of.SetReadDeadline(time.Time{}) // what is waited for from here on is the end of the connection
	case err != nil:
		err = &bodyError{err}
	}
	return n, err
}

// stallWriter is an answer that must go on being taken.
type stallWriter struct {
	http.ResponseWriter
	of    *http.ResponseController
	stall time.Duration
	body  *stallReader // nil for none
}

// restStall is how long what is left of a body may take when the answer is known: package http
// reads a part of it before it sends the answer.
const restStall = time.Second

// sendAtOnce is how much must be taken in SendStall.
const sendAtOnce = 16 << 10

func (p *stallWriter) wait() { p.of.SetWriteDeadline(time.Now().Add(p.stall)) }

func (p *stallWriter) WriteHeader(status int) {
	p.wait()
	if p.body != nil && !p.body.ended {
		p.of.SetReadDeadline(time.Now().Add(restStall))
	}
	p.ResponseWriter.WriteHeader(status)
}

func (p *stallWriter) Write(b []byte) (n int, err error) {
	for first := true; err == nil && (first || len(b) > 0); first = false {
		p.wait()
		var m int
		m, err = p.ResponseWriter.Write(b[:min(len(b), sendAtOnce)])
		n, b = n+m, b[m:]
	}
	return n, err
}

// Unwrap is for http.ResponseController.
func (p *stallWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// withDeadlines bounds how long a request may stand still.
func (api *API) withDeadlines(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request) {
	of := http.NewResponseController(w)
	of.SetWriteDeadline(time.Time{}) // that of the answer before
	var body *stallReader
	if r.Body != nil && r.Body != http.NoBody {
		of.SetReadDeadline(time.Now().Add(api.o.BodyStall)) // also of what is left when the handler has read enough
		rate := float64(api.o.BodyRate)
		if owner, _ := r.Context().Value(ownerKey{}).(bool); owner {
			rate = 0
		}
		body = &stallReader{ReadCloser: r.Body, of: of, stall: api.o.BodyStall, over: api.o.RateOver,
			need: int64(rate * api.o.RateOver.Seconds())}
		r2 := *r
		r2.Body = body
		r = &r2
	}
	return &stallWriter{w, of, api.o.SendStall, body}, r
}

// bodyFailed says what is answered when a body did not come as it should.
func bodyFailed(err error) (status int, detail string) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return http.StatusRequestTimeout, "The body did not come in time."
	}
	return http.StatusBadRequest, "The body could not be read: " + err.Error() + "."
}

// uploadSlots counts the uploads and large bodies that are being sent, by sender.
type uploadSlots struct{ shares }

// acquire waits until an upload may begin: there are all at once at most, and each of one sender.
// The caller calls done when it has ended.
func (t *uploadSlots) acquire(ctx context.Context, who sender, all, each int,
	wait time.Duration) (done func(), err error) {
	if err := t.shares.take(ctx, who, 1, int64(all), int64(each), wait, errManyUploads); err != nil {
		return nil, err
	}
	return func() { t.give(who, 1) }, nil
}

// errNothingToAddTo refuses datums and files from a user who may not add data to any target.
var errNothingToAddTo = &problem.Error{Kind: problem.Forbidden,
	Message: "There is no target to which you may add data."}

// strangerPlaces is how many uploads and large bodies may be sent at once by users who may not add
// data to any target, each of them one. These places are apart from those of other users.
const strangerPlaces = 4

// takePlace takes the place of an upload or of a large body. Datums and files (data is true) of a
// user who may add them to no target are refused before they are read, unless the body is so small
// that reading it costs little and the answer can say what is wrong with it.
func (r *request) takePlace(data bool) (done func(), err error) {
	l := &r.api.o.Limits
	may, err := r.access.MayAddSomewhere()
	switch {
	case err != nil:
		return nil, err
	case may:
		return r.api.uploads.acquire(r.Context(), r.sender(), l.Uploads, l.UserUploads, l.UploadWait)
	case data && (r.ContentLength < 0 || r.ContentLength > smallBody):
		return nil, errNothingToAddTo
	}
	return r.api.strangers.acquire(r.Context(), r.sender(), strangerPlaces, 1, l.UploadWait)
}

// uploading makes a handler that takes a file or a stream of up to MaxUpload bytes. It waits for a
// place first.
func uploading(h handler, targets bool) handler {
	return func(r *request) (*answer, error) {
		if r.isLocal() {
			return h(r)
		}
		most := r.api.o.MaxUpload
		if r.ContentLength > most {
			return nil, tooLong(most)
		}
		done, err := r.takePlace(!targets)
		if err != nil {
			return nil, err
		}
		defer done()
		r.Body = http.MaxBytesReader(r.w, r.Body, most)
		return h(r)
	}
}
