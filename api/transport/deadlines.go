package transport

import (
	"io"
	"net/http"
	"time"
)

// Deadlines bound how long the node waits for a client.
type Deadlines struct {
	// BodyStall is how long a body may pause.
	BodyStall time.Duration
	// BodyRate is how many bytes a second must arrive over any RateOver that the node waits for a
	// body; 0 for no bound.
	BodyRate int64
	RateOver time.Duration
	// SendStall is how long a client may take for the next 16 KiB of an answer.
	SendStall time.Duration
}

// Apply returns a writer and a request with these deadlines.
func (d Deadlines) Apply(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, *http.Request) {
	conn := http.NewResponseController(w)
	conn.SetWriteDeadline(time.Time{}) // clears that of the previous answer
	var body *stallReader
	if r.Body != nil && r.Body != http.NoBody {
		conn.SetReadDeadline(time.Now().Add(d.BodyStall)) // also for what the handler leaves unread
		body = &stallReader{ReadCloser: r.Body, conn: conn, stall: d.BodyStall, over: d.RateOver,
			need: int64(float64(d.BodyRate) * d.RateOver.Seconds())}
		r2 := *r
		r2.Body = body
		r = &r2
	}
	return &stallWriter{w, conn, d.SendStall, body}, r
}

// BodyError is an error of the client or the network during the read of a body, not one of the
// node.
type BodyError struct{ err error }

func (e *BodyError) Error() string { return e.err.Error() }
func (e *BodyError) Unwrap() error { return e.err }

// stallReader is a body that must keep arriving at some rate. Only the time that the node waits for
// it counts, not the time for processing it.
type stallReader struct {
	io.ReadCloser
	conn   *http.ResponseController
	stall  time.Duration
	over   time.Duration // during which the next need bytes must arrive
	need   int64
	got    int64         // of these
	waited time.Duration // for these
	ended  bool
}

func (s *stallReader) Read(b []byte) (int, error) {
	begun := time.Now()
	s.conn.SetReadDeadline(begun.Add(min(s.stall, s.over-s.waited))) // no effect where there is no network, as in tests
	n, err := s.ReadCloser.Read(b)
	s.got += int64(n)
	if s.waited += time.Since(begun); s.got >= s.need {
		s.got, s.waited = 0, 0
	}
	switch {
	case err == io.EOF:
		s.ended = true
		s.conn.SetReadDeadline(time.Time{}) // from here on the server only waits for the end of the connection
	case err != nil:
		err = &BodyError{err}
	}
	return n, err
}

// stallWriter is an answer that the client must keep taking.
type stallWriter struct {
	http.ResponseWriter
	conn  *http.ResponseController
	stall time.Duration
	body  *stallReader // nil for none
}

// restStall is how long the unread part of a body may take once the answer is known: package http
// reads some of it before it sends the answer.
const restStall = time.Second

// sendAtOnce is how many bytes the client must take within SendStall.
const sendAtOnce = 16 << 10

func (s *stallWriter) wait() { s.conn.SetWriteDeadline(time.Now().Add(s.stall)) }

func (s *stallWriter) WriteHeader(status int) {
	s.wait()
	if s.body != nil && !s.body.ended {
		s.conn.SetReadDeadline(time.Now().Add(restStall))
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *stallWriter) Write(b []byte) (n int, err error) {
	for first := true; err == nil && (first || len(b) > 0); first = false {
		s.wait()
		var m int
		m, err = s.ResponseWriter.Write(b[:min(len(b), sendAtOnce)])
		n, b = n+m, b[m:]
	}
	return n, err
}

// Unwrap is for http.ResponseController.
func (s *stallWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
