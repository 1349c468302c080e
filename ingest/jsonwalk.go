package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"nightjar/ingest/bounded"
)

// isJSON tells whether the file may be JSON.
func isJSON(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(head) > 0 && (head[0] == '{' || head[0] == '[')
}

// errJSONValue is what reading a value ends with that is longer than MaxJSONValue.
var errJSONValue = fmt.Errorf("a value longer than %d bytes", bounded.MaxJSONValue)

// jsonWalk goes through a JSON document token by token, in memory that does not grow with it.
type jsonWalk struct {
	dec   *json.Decoder
	in    *jsonReader
	stack []jsonFrame
	ended bool // the document's value has been read
}

// jsonFrame is an object or a list that the walk is in.
type jsonFrame struct {
	list  bool
	key   string // of the member of an object that is being read
	value bool   // its value comes next
}

// jsonReader gives a file's bytes out as far as limit.
type jsonReader struct {
	r           io.Reader
	read, limit int64
}

func (in *jsonReader) Read(b []byte) (int, error) {
	if in.read >= in.limit {
		return 0, errJSONValue
	}
	n, err := in.r.Read(b[:min(int64(len(b)), in.limit-in.read)])
	in.read += int64(n)
	return n, err
}

func newJSONWalk(f bounded.File) (*jsonWalk, error) {
	start := int64(0)
	if f.Size >= 3 {
		var mark [3]byte
		if err := bounded.ReadFull(f, mark[:], 0); err != nil {
			return nil, err
		}
		if string(mark[:]) == "\xef\xbb\xbf" {
			start = 3
		}
	}
	in := &jsonReader{r: io.NewSectionReader(f.Content, start, f.Size-start), limit: bounded.MaxJSONValue}
	w := &jsonWalk{dec: json.NewDecoder(in), in: in}
	w.dec.UseNumber()
	return w, nil
}

// token reads the next one. The end of the document within a value, and what is no JSON, is a
// refusal.
func (w *jsonWalk) token() (json.Token, error) {
	w.in.limit = w.dec.InputOffset() + bounded.MaxJSONValue
	t, err := w.dec.Token()
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return t, nil
	case errors.Is(err, errJSONValue):
		return nil, bounded.Refuse(bounded.Problem{Reason: err.Error()})
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, bounded.Refuse(bounded.Problem{Reason: "the JSON document ends too early"})
	case errors.As(err, &syntax):
		return nil, bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("no valid JSON at byte %d: %v",
			w.dec.InputOffset(), err)})
	}
	return nil, fmt.Errorf("ingest: reading JSON: %w", err)
}

// Open goes into an object or a list.
func (w *jsonWalk) open(t json.Delim) error {
	if len(w.stack) == bounded.MaxJSONDepth {
		return bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("JSON that is nested more than %d deep",
			bounded.MaxJSONDepth)})
	}
	w.stack = append(w.stack, jsonFrame{list: t == '['})
	return nil
}

// done notes that a value has been read.
func (w *jsonWalk) done() {
	if n := len(w.stack); n > 0 {
		w.stack[n-1].value = false
	} else {
		w.ended = true
	}
}

// Step reads a token and goes along: into objects and lists, and out of them. Keys are kept and not
// given; io.EOF comes after the document's one value.
func (w *jsonWalk) step() (json.Token, error) {
	for {
		if w.ended {
			w.in.limit = w.dec.InputOffset() + bounded.MaxJSONValue
			_, err := w.dec.Token()
			var syntax *json.SyntaxError
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errJSONValue) && !errors.As(err, &syntax) {
				return nil, fmt.Errorf("ingest: reading JSON: %w", err)
			}
			if !errors.Is(err, io.EOF) {
				return nil, bounded.Refuse(bounded.Problem{Reason: "more than one JSON value"})
			}
			return nil, io.EOF
		}
		t, err := w.token()
		if err != nil {
			return nil, err
		}
		d, delim := t.(json.Delim)
		switch {
		case delim && (d == '{' || d == '['):
			return t, w.open(d)
		case delim:
			w.stack = w.stack[:len(w.stack)-1]
			w.done()
			return t, nil
		}
		if n := len(w.stack); n > 0 && !w.stack[n-1].list && !w.stack[n-1].value {
			w.stack[n-1].key, w.stack[n-1].value = t.(string), true
			continue
		}
		w.done()
		return t, nil
	}
}

// Skip reads the rest of an object or a list that step has gone into.
func (w *jsonWalk) skip() error {
	for depth := len(w.stack); len(w.stack) >= depth; {
		if _, err := w.step(); err != nil {
			return err
		}
	}
	return nil
}

// path is where the walk is: the keys around it.
func (w *jsonWalk) path() []string {
	var keys []string
	for _, f := range w.stack {
		if !f.list {
			keys = append(keys, f.key)
		}
	}
	return keys
}

// jsonMember is a member of a record: its text, or nested when it is a list or an object.
type jsonMember struct {
	key, text string
	nested    bool
}

// record reads the members of an object that step has gone into. within is asked about a list or an
// object in it before that is read over, and may read it through itself; nil reads all over.
func (w *jsonWalk) record(members []jsonMember, within func(key string) (read bool, err error)) ([]jsonMember, error) {
	depth, size := len(w.stack), 0
	for {
		t, err := w.step()
		if err != nil {
			return nil, err
		}
		if len(w.stack) < depth {
			return members, nil
		}
		if len(members) == bounded.MaxColumns {
			return nil, bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("a record of more than %d members",
				bounded.MaxColumns)})
		}
		m := jsonMember{key: w.stack[depth-1].key}
		if len(w.stack) > depth {
			m.nested = true
			read := false
			if within != nil {
				if read, err = within(m.key); err != nil {
					return nil, err
				}
			}
			if !read {
				if err := w.skip(); err != nil {
					return nil, err
				}
			}
		} else {
			m.text = jsonText(t)
		}
		if size += len(m.key) + len(m.text); size > bounded.MaxRowText {
			return nil, bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("a record of more than %d bytes",
				bounded.MaxRowText)})
		}
		members = append(members, m)
	}
}

// jsonText is a scalar as it would stand in a table: a number with its digits, nothing for null.
func jsonText(t json.Token) string {
	switch v := t.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	}
	return ""
}

// isDelim tells whether a token is this bracket.
func isDelim(t any, d json.Delim) bool {
	is, ok := t.(json.Delim)
	return ok && is == d
}

// garbled tells whether a text of JSON was not UTF-8: its reader puts this character for what is
// not.
func garbled(text string) bool { return strings.ContainsRune(text, utf8.RuneError) }
