// Package transport sits between a handler and the network. It compresses answers ([Compress]) and
// cuts off clients that stall ([Deadlines]). It knows HTTP and nothing of the API.
package transport

import (
	"compress/gzip"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// minCompressed is the size in bytes of the shortest answer that is compressed.
const minCompressed = 1 << 10

// compressible are the types of answers that compression makes smaller.
var compressible = []string{"application/json", "application/x-ndjson", "text/html", "text/css", "text/javascript",
	"text/csv", "text/plain", "image/svg+xml", "application/x-votable+xml"}

// compressor compresses an answer if its type is compressible, and its length at least
// minCompressed or unknown.
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

// Compress returns a writer that compresses the answer to r if the client accepts gzip and it is
// worth it. The caller calls done at the end of the answer.
func Compress(w http.ResponseWriter, r *http.Request) (out http.ResponseWriter, done func()) {
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
	if slices.Contains(compressible, media) && h.Get("Content-Encoding") == "" &&
		(err != nil || length >= minCompressed) && status != http.StatusNoContent && status != http.StatusNotModified {
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

// FlushError sends what has been written so far.
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
		c.zip.Close() // if this fails, the connection is gone
		zips.Put(c.zip)
	}
}
