package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"sync"

	"nightjar/api"
	"nightjar/archive"
)

// opening says how a file is opened that nobody serves.
type opening struct {
	fresh bool // it may be made
	index bool // the index of names is opened, too; a short command is better off without
}

// connect finds who answers for the file: the server that runs on it, or the API in this process.
func (p *program) connect(ctx context.Context, file string, o opening) (*client, error) {
	c, err := dialed(file)
	if c != nil || err != nil {
		return c, err
	}
	_, missing := os.Stat(file)
	how := archive.Options{MustExist: !o.fresh, NoIndex: !o.index, CheckCopy: p.checkCopy(ctx), Logf: p.note}
	a, err := archive.Open(file, how)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errReadOnlyDisk) { // a backup put away where nothing is written can be looked into all the same
		how.ReadOnly = true
		if readable, failed := archive.Open(file, how); failed == nil {
			p.note("%s can only be read here", file)
			a, err = readable, nil
		}
	}
	switch {
	case errors.Is(err, archive.ErrLocked):
		if c, err := dialed(file); c != nil || err != nil { // the server came meanwhile
			return c, err
		}
		return nil, fmt.Errorf("another program has %s open, and does not answer", file)
	case errors.Is(err, fs.ErrNotExist) && !o.fresh:
		if gone := present(file); gone != nil {
			err = gone
		}
		return nil, err
	case err != nil:
		return nil, err
	case missing != nil:
		p.note("%s is a new file", file)
	}
	here := api.New(a, api.Options{Version: version()})
	return &client{http: &http.Client{Transport: inProcess{here.Owner()}}, close: a.Close}, nil
}

// present says why an archive's file cannot be read, if it cannot.
func present(file string) error {
	f, info, err := openFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s: nightjar serve makes it, --db or NIGHTJAR_DB names another", file)
	case err != nil:
		return fmt.Errorf("%s: %w", file, err)
	case info.Size() == 0:
		err = fmt.Errorf("%s is an empty file: nightjar serve makes an archive of it", file)
	}
	return errors.Join(err, f.Close())
}

// dialed is a client of the server on a file, nil if there is none.
func dialed(file string) (*client, error) {
	conn, err := dialControl(file)
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
		conn, err := dialControl(file)
		if conn == nil && err == nil {
			err = errors.New("the server has stopped")
		}
		return conn, err
	}}
	return &client{http: &http.Client{Transport: t}, close: func() error {
		t.CloseIdleConnections()
		select {
		case conn := <-first:
			return conn.Close()
		default:
		}
		return nil
	}}, nil
}

// inProcess asks a handler in this process.
type inProcess struct{ handler http.Handler }

// RoundTrip serves a request; its answer is read while it is being made.
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
				pw.CloseWithError(errors.New("the answer was broken off"))
				return
			}
			w.WriteHeader(http.StatusOK)
			pw.Close()
		}()
		defer r.Body.Close()
		t.handler.ServeHTTP(w, r)
	}()
	select {
	case <-w.started:
	case <-r.Context().Done():
		<-w.started // the handler sees that, too
	}
	return &http.Response{Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: pr, ContentLength: -1, Request: r}, nil
}

// pipeWriter hands an answer to who asked, through a pipe.
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

// Flush has nothing to do: what is written is there.
func (w *pipeWriter) Flush() { w.WriteHeader(http.StatusOK) }
