package ingest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	maxUnpacked = 2 << 30  // bytes that a compressed file may unpack to
	inMemory    = 16 << 20 // up to here it is kept unpacked; larger ones are unpacked as they are read
)

// isGzip tells whether a file begins as RFC 1952 has it.
func isGzip(head []byte) bool { return bytes.HasPrefix(head, []byte("\x1f\x8b")) }

// gunzip returns the file that a compressed one holds. It is unpacked once from end to end, which checks its length and
// checksum; one of more than maxUnpacked bytes is refused. Memory is bounded: a large file is unpacked again whenever it is
// read from its beginning.
func gunzip(f File) (File, error) {
	u := &unpacked{packed: f}
	if err := u.rewind(); err != nil {
		return f, err
	}
	var kept bytes.Buffer
	size, err := io.Copy(&kept, io.LimitReader(u.in, inMemory+1))
	if err == nil && size > inMemory {
		kept = bytes.Buffer{}
		var more int64
		more, err = io.Copy(io.Discard, io.LimitReader(u.in, maxUnpacked-size+1))
		size += more
	}
	if err != nil {
		return f, u.failed(err)
	}
	if size > maxUnpacked {
		return f, refuse(Problem{Reason: fmt.Sprintf("the gzip file unpacks to more than %d bytes", int64(maxUnpacked))})
	}
	if size == 0 {
		return f, refuse(Problem{Reason: "the gzip file holds nothing"})
	}
	name := f.Name
	if i := len(name) - 3; i > 0 && strings.EqualFold(name[i:], ".gz") {
		name = name[:i]
	}
	out := File{Name: name, Size: size}
	if out.Content = u; size <= inMemory {
		out.Content = bytes.NewReader(kept.Bytes())
	}
	return out, u.rewind()
}

// unpacked serves the bytes of a compressed file at any place, cheaply when they are asked for one after the other.
type unpacked struct {
	packed File
	in     *gzip.Reader
	at     int64 // how far in has been read
}

func (u *unpacked) rewind() error {
	in, err := gzip.NewReader(io.NewSectionReader(u.packed.Content, 0, u.packed.Size))
	if err != nil {
		return u.failed(err)
	}
	u.in, u.at = in, 0
	return nil
}

// failed tells a bad file from content that could not be read.
func (u *unpacked) failed(err error) error {
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return refuse(Problem{Reason: "the gzip file is damaged: " + err.Error()})
	}
	return fmt.Errorf("ingest: unpacking %s: %w", clip(u.packed.Name), err)
}

// ReadAt reads unpacked bytes.
func (u *unpacked) ReadAt(p []byte, offset int64) (int, error) {
	if offset < u.at {
		if err := u.rewind(); err != nil {
			return 0, err
		}
	}
	if _, err := io.CopyN(io.Discard, u.in, offset-u.at); err != nil {
		u.at = 1 << 62 // nothing is known of the place: begin again
		return 0, err
	}
	n, err := io.ReadFull(u.in, p)
	u.at = offset + int64(n)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}
