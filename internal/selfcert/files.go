package selfcert

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
)

// Files are a certificate and its key in two PEM files, which are read again when they change.
type Files struct {
	certificate, key string
	note             func(format string, args ...any)
	turn             chan *loaded // has the last state, and serves as a lock
}

type loaded struct {
	pair  *tls.Certificate
	stamp string // of the files
}

// ReadFiles reads the two files. If they cannot be used after a change, note gets a message.
func ReadFiles(certificate, key string, note func(string, ...any)) (*Files, error) {
	f := &Files{certificate, key, note, make(chan *loaded, 1)}
	pair, err := f.read()
	if err != nil {
		return nil, err
	}
	f.turn <- &loaded{pair, f.stamp()}
	return f, nil
}

func (f *Files) read() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
	if err != nil {
		var path *os.PathError
		if !errors.As(err, &path) {
			err = fmt.Errorf("%s and %s: %w", f.certificate, f.key, err)
		}
		return nil, err
	}
	return &pair, nil
}

func (f *Files) stamp() (s string) {
	for _, path := range []string{f.certificate, f.key} {
		if info, err := os.Stat(path); err == nil {
			s += fmt.Sprint(info.ModTime().UnixNano(), info.Size(), " ")
		}
	}
	return s
}

// Get returns the current certificate, for [tls.Config]. If the changed files cannot be used, it
// notes that once and returns the old certificate.
func (f *Files) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	last := <-f.turn
	defer func() { f.turn <- last }()
	stamp := f.stamp()
	if stamp == last.stamp {
		return last.pair, nil
	}
	pair, err := f.read()
	if err != nil {
		f.note("the new certificate cannot be used, and the old one stays: %v", err)
		pair = last.pair
	}
	last = &loaded{pair, stamp}
	return last.pair, nil
}
