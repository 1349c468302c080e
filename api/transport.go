package api

import (
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// compressFrom is how many bytes an answer has from which on it is compressed.
const compressFrom = 1 << 10

// compressed are the types of answers that compression makes smaller.
var compressed = []string{typeJSON, typeNDJSON, typeHTML, "text/css", "text/javascript", "text/csv", "text/plain",
	"image/svg+xml", "application/x-votable+xml"}

// compressor compresses an answer if the client takes that, and it is worth it. An answer that is
// given in pieces, whose length is not said beforehand, is compressed whatever its length.
type compressor struct {
	http.ResponseWriter
	zip     *gzip.Writer
	decided bool
}

var zips = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err)
	}
	return z
}}

// takesGzip reads Accept-Encoding.
func takesGzip(r *http.Request) bool {
	for _, part := range strings.Split(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, parameters, _ := strings.Cut(strings.ToLower(part), ";")
		if name = strings.TrimSpace(name); name != "gzip" && name != "x-gzip" {
			continue
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(parameters, " ", ""), "q=")
		if weight, err := strconv.ParseFloat(q, 64); !ok || err != nil || weight > 0 {
			return true
		}
	}
	return false
}

// compress makes w compress, if the request lets it. done ends the answer.
func compress(w http.ResponseWriter, r *http.Request) (out http.ResponseWriter, done func()) {
	if !takesGzip(r) || r.Method == http.MethodHead || r.Header.Get("Range") != "" {
		return w, func() {}
	}
	c := &compressor{ResponseWriter: w}
	return c, c.close
}

func (c *compressor) WriteHeader(status int) {
	if c.decided || status < 200 {
		return
	}
	c.decided = true
	h := c.Header()
	media, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	length, err := strconv.Atoi(h.Get("Content-Length"))
	if slices.Contains(compressed, media) && h.Get("Content-Encoding") == "" &&
		(err != nil || length >= compressFrom) && status != http.StatusNoContent && status != http.StatusNotModified {
		h.Set("Content-Encoding", "gzip")
		h.Del("Content-Length")
		c.zip = zips.Get().(*gzip.Writer)
		c.zip.Reset(c.ResponseWriter)
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *compressor) Write(p []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	if c.zip != nil {
		return c.zip.Write(p)
	}
	return c.ResponseWriter.Write(p)
}

// FlushError sends what was written so far.
func (c *compressor) FlushError() error {
	if c.zip != nil {
		if err := c.zip.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(c.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (c *compressor) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *compressor) close() {
	if c.zip != nil {
		c.zip.Close() // what fails is the connection, which nobody can be told of any more
		zips.Put(c.zip)
	}
}

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
