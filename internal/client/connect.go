package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"

	"nightjar/internal/control"
)

// Dial returns a client of the server that runs on a file, or nil without an error if there is
// none.
func Dial(file string) (*Client, error) {
	conn, err := control.Dial(file)
	if conn == nil {
		return nil, err
	}
	first := make(chan net.Conn, 1)
	first <- conn
	t := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		select {
		case conn := <-first:
			return conn, nil
		default:
		}
		conn, err := control.Dial(file)
		if conn == nil && err == nil {
			err = errors.New("the server has stopped")
		}
		return conn, err
	}}
	return &Client{http: &http.Client{Transport: t}, close: func() error {
		t.CloseIdleConnections()
		select {
		case conn := <-first:
			return conn.Close()
		default:
		}
		return nil
	}}, nil
}

// inProcess is a transport to a handler in this process.
type inProcess struct{ handler http.Handler }

// RoundTrip serves a request. The caller reads the answer while the handler writes it.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	r.RequestURI, r.Host = r.URL.RequestURI(), r.URL.Host
	pr, pw := io.Pipe()
	w := &pipeWriter{header: http.Header{}, pipe: pw, started: make(chan struct{})}
	go func() {
		defer func() {
			if v := recover(); v != nil {
				w.WriteHeader(http.StatusInternalServerError)
				pw.CloseWithError(errors.New("the answer ended early"))
				return
			}
			w.WriteHeader(http.StatusOK)
			pw.Close()
		}()
		defer r.Body.Close()
		t.handler.ServeHTTP(w, r)
	}()
	<-w.started // the handler also sees when the context ends
	return &http.Response{Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1",
		ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: pr, ContentLength: -1, Request: r}, nil
}

// pipeWriter passes an answer to the caller of RoundTrip through a pipe.
type pipeWriter struct {
	header  http.Header
	sent    http.Header
	status  int
	pipe    *io.PipeWriter
	once    sync.Once
	started chan struct{}
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.started)
	})
}

func (w *pipeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pipe.Write(b)
}

// Flush sends the header. Writes are never buffered.
func (w *pipeWriter) Flush() { w.WriteHeader(http.StatusOK) }
