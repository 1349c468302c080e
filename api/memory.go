package api

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// smallMemory bounds the memory in bytes for bodies of up to longText.
const smallMemory = 16 << 20

func (r *request) sender() sender {
	if r.viewer.Guest() {
		return sender{addr: r.viewer.Addr}
	}
	return sender{user: r.viewer.ID}
}

// isLocal reports whether the request comes through the control socket. Its uploads are bound
// neither in size nor in number, and reserve no memory.
func (r *request) isLocal() bool { return fromOwner(r.Request) }

// reserve takes n more bytes of memory for the request, the first of them from smallMemory.
func (r *request) reserve(n int64) error {
	if n <= 0 || r.isLocal() {
		return nil
	}
	l := &r.api.o.Limits
	if small := min(n, byteWeight*longText-r.reservedSmall); r.reserved == 0 && small > 0 && small == n {
		if err := r.api.small.take(r.Context(), r.sender(), n, smallMemory, smallMemory/2, l.UploadWait,
			errMuchMemory); err != nil {
			return err
		}
		r.reservedSmall += n
		return nil
	}
	if r.api.memory.try(r.sender(), n, l.BodyMemory, l.userMemory()) == nil {
		r.reserved += n
		return nil
	}
	// a request that waits holds nothing: otherwise requests that grow at once would wait for each
	// other
	n += r.reserved
	if r.reserved > 0 {
		r.api.memory.give(r.sender(), r.reserved)
		r.reserved = 0
	}
	if err := r.api.memory.take(r.Context(), r.sender(), n, l.BodyMemory, l.userMemory(), l.UploadWait,
		errMuchMemory); err != nil {
		return err
	}
	r.reserved = n
	return nil
}

// reserveParts takes n more bytes for the parts of a body that is already in memory. It does not
// wait: if there are fewer than n, later requests wait longer.
func (r *request) reserveParts(n int64) {
	if n > 0 && !r.isLocal() {
		r.api.memory.try(r.sender(), n, math.MaxInt64, math.MaxInt64)
		r.reserved += n
	}
}

// release returns all that the request has reserved.
func (r *request) release() { r.releaseTo(0) }

// releaseTo returns what is reserved beyond n bytes, which are still in use.
func (r *request) releaseTo(n int64) {
	if over := r.reserved - n; over > 0 {
		r.api.memory.give(r.sender(), over)
		r.reserved = n
	}
	if small := r.reservedSmall - max(0, n-r.reserved); small > 0 {
		r.api.small.give(r.sender(), small)
		r.reservedSmall -= small
	}
}

// firstReserve is how many bytes a body takes at first.
const firstReserve = 4 << 10

// grow makes room for more bytes at the end of b. It doubles the capacity, up to most. It reserves
// the memory before it allocates it.
func (r *request) grow(b []byte, more int, most int64) ([]byte, error) {
	need := int64(len(b) + more)
	if need <= int64(cap(b)) {
		return b, nil
	}
	size := max(need, min(2*int64(cap(b)), most), min(firstReserve, most))
	if err := r.reserve(byteWeight * (size - int64(cap(b)))); err != nil {
		return nil, err
	}
	return append(make([]byte, 0, size), b...), nil
}

// readAll reads a body into memory; length is its length, or the most that it can have. A body of
// more than longText reserves all of its memory at once: otherwise many could wait with half a body
// in memory.
func (r *request) readAll(body io.Reader, length int64) ([]byte, error) {
	if length <= longText {
		return r.readInto(nil, body, length)
	}
	b, err := r.readInto(nil, io.LimitReader(body, longText), longText)
	if err != nil || len(b) < longText {
		return b, err
	}
	if err := r.reserve(byteWeight * (length + 1 - int64(cap(b)))); err != nil {
		return nil, err
	}
	for {
		if len(b) == cap(b) {
			b = append(make([]byte, 0, min(2*int64(cap(b)), length+1)), b...)
		}
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// readInto appends a body to b. most is the length in bytes that the body should not exceed.
func (r *request) readInto(b []byte, body io.Reader, most int64) ([]byte, error) {
	for {
		var err error
		if b, err = r.grow(b, 1, most+1); err != nil { // so that the end is found without growing
			return nil, err
		}
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// maxValues is how many values a JSON body may hold: a small value takes some ten times its length
// when it is compared with others.
const maxValues = 1_000_000

// longText is the length in bytes from which the parts of a JSON text are counted.
const longText = 64 << 10

// checkParts returns why a JSON text has too many parts to be read, or "", and reserves memory for
// its parts. It leaves malformed JSON to the reader.
func (r *request) checkParts(text []byte) (why string) {
	if len(text) < longText {
		return ""
	}
	var members [256]int // of the objects that are open, by depth
	depth, open, most, values := 0, 0, 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth++; depth == len(members) {
				return ""
			}
		case '}', ']':
			open -= members[depth]
			members[depth] = 0
			if depth--; depth < 0 {
				return ""
			}
		case ':':
			members[depth]++
			if open++; open > jsontext.MaxMembers {
				return "an object has too many members, including those of the objects around it"
			}
			most = max(most, open)
		case ',':
			if values++; values >= maxValues {
				return fmt.Sprintf("a text may hold at most %d values", maxValues)
			}
		}
	}
	r.reserveParts(int64(valueWeight*values + memberWeight*most))
	return ""
}

// partHeader bounds the header of a part of a form, which package multipart reads into memory.
type partHeader struct {
	io.Reader
	left int // bytes; negative for no bound
}

const maxPartHeader = 64 << 10

var errPartHeader = fmt.Errorf("the header of a part is longer than %d bytes", maxPartHeader)

func (p *partHeader) Read(b []byte) (int, error) {
	if p.left < 0 {
		return p.Reader.Read(b)
	}
	if p.left == 0 {
		return 0, errPartHeader
	}
	n, err := p.Reader.Read(b[:min(len(b), p.left)])
	p.left -= n
	return n, err
}

// maxLong is how many answers can be sent in parts at once, and ownLong how many to one user, or to
// the guests at one address. Each takes some megabytes, for a part of the answer and the ids of its
// rows, for as long as the client reads, which may be hours.
const (
	maxLong = 64
	ownLong = maxLong / 4
)

var errManyLong = &problem.Error{Kind: problem.TooMany,
	Message: "Too many long answers are being sent at once. Try again later, or ask for fewer " +
		"rows at a time.", RetryAfter: 10 * time.Second}

// takeLong takes a place in API.long before the first part of an answer is sent. It does not wait,
// since a request that waits takes as much memory.
func (r *request) takeLong() error {
	if r.holdsLong || r.isLocal() {
		return nil
	}
	if r.api.long.try(r.sender(), 1, maxLong, ownLong) != nil {
		return errManyLong
	}
	r.holdsLong = true
	return nil
}

func (r *request) endLong() {
	if r.holdsLong {
		r.api.long.give(r.sender(), 1)
		r.holdsLong = false
	}
}
