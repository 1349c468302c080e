package jsontext

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Limits bound what a [Walk] accepts.
type Limits struct {
	Value  int64                     // bytes of one token
	Depth  int                       // of nested objects and lists
	Refuse func(reason string) error // makes the error for text that is not JSON or exceeds a limit
}

// Walk goes through a JSON document token by token. Its memory does not grow with the document. In
// texts that are not valid UTF-8, U+FFFD replaces what is not.
type Walk struct {
	Stack  []Frame // objects and lists around the current place, the outermost first
	limits Limits
	dec    *json.Decoder
	in     *limitedReader
	ended  bool // the document's value has been read
}

// Frame is an object or a list that the walk is in.
type Frame struct {
	List  bool
	Key   string // of the current member of an object
	value bool   // the value of the member comes next
}

var errTokenTooLong = errors.New("the token is too long")

// limitedReader reads up to limit.
type limitedReader struct {
	r           io.Reader
	read, limit int64
}

func (in *limitedReader) Read(b []byte) (int, error) {
	if in.read >= in.limit {
		return 0, errTokenTooLong
	}
	n, err := in.r.Read(b[:min(int64(len(b)), in.limit-in.read)])
	in.read += int64(n)
	return n, err
}

// NewWalk returns a walk at the beginning of a document.
func NewWalk(r io.Reader, limits Limits) *Walk {
	in := &limitedReader{r: r}
	w := &Walk{limits: limits, dec: json.NewDecoder(in), in: in}
	w.dec.UseNumber()
	return w
}

// token reads the next token of the document's value; io.EOF comes after the last.
func (w *Walk) token() (json.Token, error) {
	w.in.limit = w.dec.InputOffset() + w.limits.Value
	t, err := w.dec.Token()
	var syntax *json.SyntaxError
	reason := ""
	switch {
	case err == io.EOF && w.ended:
		return nil, io.EOF
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		reason = "the JSON document ends too early"
	case errors.Is(err, errTokenTooLong):
		reason = fmt.Sprintf("a value longer than %d bytes", w.limits.Value)
	case errors.As(err, &syntax):
		reason = fmt.Sprintf("no valid JSON at byte %d: %v", w.dec.InputOffset(), err)
	case err != nil:
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	switch {
	case w.ended:
		return nil, w.limits.Refuse("more than one JSON value")
	case reason != "":
		return nil, w.limits.Refuse(reason)
	}
	return t, nil
}

// Step reads a token: a text, a json.Number, a bool, nil, or a json.Delim, with which the walk
// enters or leaves an object or a list. It does not return keys, which are in Stack. io.EOF comes
// after the document's only value.
func (w *Walk) Step() (json.Token, error) {
	for {
		t, err := w.token()
		if err != nil {
			return nil, err
		}
		d, delim := t.(json.Delim)
		switch {
		case delim && (d == '{' || d == '['):
			if len(w.Stack) == w.limits.Depth {
				return nil, w.limits.Refuse(fmt.Sprintf("JSON that is nested more than %d deep", w.limits.Depth))
			}
			w.Stack = append(w.Stack, Frame{List: d == '['})
			return t, nil
		case delim:
			w.Stack = w.Stack[:len(w.Stack)-1]
		default:
			if top := w.top(); top != nil && !top.List && !top.value {
				top.Key, top.value = t.(string), true
				continue
			}
		}
		if top := w.top(); top != nil {
			top.value = false
		} else {
			w.ended = true
		}
		return t, nil
	}
}

// top is the innermost object or list; nil outside of the document's value.
func (w *Walk) top() *Frame {
	if n := len(w.Stack); n > 0 {
		return &w.Stack[n-1]
	}
	return nil
}

// Skip reads the rest of the object or list that the walk entered last.
func (w *Walk) Skip() error {
	for depth := len(w.Stack); len(w.Stack) >= depth; {
		if _, err := w.Step(); err != nil {
			return err
		}
	}
	return nil
}
