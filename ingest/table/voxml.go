package table

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"nightjar/ingest/bounded"
	"nightjar/internal/problem"
)

// voReader reads the elements of a VOTable and bounds what one may take. The decoder reads UTF-8: a
// file that says it is Latin-1 is converted while it is read.
type voReader struct {
	in   *voInput
	xml  *xml.Decoder
	file bounded.File
}

// voInput counts the bytes since the last element.
type voInput struct {
	r      io.Reader
	latin  bool
	since  int64
	tag    int   // bytes of the current tag; 0 outside of a tag
	quote  byte  // of the current attribute's value; 0 outside of one
	err    error // an error in reading the file, for which its content is not to blame
	buf    [4096]byte
	queued []byte
}

var errLongElement = errors.New("an element is too long")

func (in *voInput) Read(p []byte) (int, error) {
	if in.since > bounded.MaxElement {
		return 0, errLongElement
	}
	if !in.latin {
		n, err := in.r.Read(p)
		in.since += int64(n)
		in.note(err)
		if !in.follow(p[:n]) {
			return 0, errLongElement
		}
		return n, err
	}
	if len(in.queued) == 0 {
		n, err := in.r.Read(in.buf[:])
		in.note(err)
		if n == 0 {
			return 0, err
		}
		in.since += int64(n)
		if !in.follow(in.buf[:n]) {
			return 0, errLongElement
		}
		for _, c := range in.buf[:n] {
			in.queued = append(in.queued, string(rune(c))...)
		}
	}
	n := copy(p, in.queued)
	in.queued = in.queued[n:]
	return n, nil
}

// follow reports whether no tag is too long. The attributes of a tag take many times the memory of
// their text.
func (in *voInput) follow(b []byte) bool {
	for _, c := range b {
		if in.tag == 0 {
			if c == '<' {
				in.tag = 1
			}
			continue
		}
		in.tag++
		switch {
		case in.tag == 2 && (c == '!' || c == '?'):
			in.tag = 0 // has no attributes
		case in.quote != 0:
			if c == in.quote {
				in.quote = 0
			}
		case c == '"' || c == '\'':
			in.quote = c
		case c == '>':
			in.tag = 0
		}
		if in.tag > bounded.MaxTag {
			return false
		}
	}
	return true
}

func (in *voInput) note(err error) {
	if err != nil && err != io.EOF {
		in.err = err
	}
}

// isLatin reports whether the XML declaration says that a file is in Latin-1.
func isLatin(head []byte) bool {
	line, _, _ := bytes.Cut(head[:min(len(head), 200)], []byte("?>"))
	line = bytes.ToLower(line)
	for _, name := range []string{"iso-8859-1", "iso8859-1", "latin1", "latin-1", "windows-1252"} {
		if bytes.Contains(line, []byte(name)) {
			return true
		}
	}
	return false
}

func newVOReader(f bounded.File, offset int64) (*voReader, error) {
	head, err := bounded.ReadHead(f)
	if err != nil {
		return nil, err
	}
	v := &voReader{file: f, in: &voInput{r: io.NewSectionReader(f.Content, 0, f.Size), latin: isLatin(head)}}
	if offset > 0 && !v.in.latin {
		v.in.r = io.NewSectionReader(f.Content, offset, f.Size-offset)
	} else if offset > 0 {
		if _, err := io.CopyN(io.Discard, discardBounds{v.in}, offset); err != nil {
			return nil, v.failed(err)
		}
		v.in.since = 0
	}
	v.xml = xml.NewDecoder(v.in)
	v.xml.Strict = false // tables are not refused for a stray & or an unclosed HTML tag in a description
	v.xml.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	return v, nil
}

// discardBounds reads without counting.
type discardBounds struct{ in *voInput }

func (d discardBounds) Read(p []byte) (int, error) {
	d.in.since = 0
	return d.in.Read(p)
}

// token returns the next token; io.EOF comes after the last.
func (v *voReader) token() (xml.Token, error) {
	v.in.since = 0
	t, err := v.xml.RawToken()
	if err != nil && err != io.EOF {
		err = v.failed(err)
	}
	return t, err
}

// failed tells a bad file from an error in reading it.
func (v *voReader) failed(err error) error {
	var syntax *xml.SyntaxError
	line := 0
	if v.xml != nil {
		line, _ = v.xml.InputPos()
	}
	switch {
	case v.in.err != nil:
		return fmt.Errorf("ingest: reading XML: %w", v.in.err)
	case errors.As(err, &syntax):
		return bounded.Refuse(bounded.Problem{Line: syntax.Line,
			Reason: "not well-formed XML: " + problem.Clip(syntax.Msg)})
	case errors.Is(err, errLongElement):
		return bounded.Refuse(bounded.Problem{Line: line,
			Reason: fmt.Sprintf("an element of more than %d bytes, or a tag of more than %d",
				bounded.MaxElement, bounded.MaxTag)})
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return bounded.Refuse(bounded.Problem{Line: line, Reason: "the file ends within the table"})
	}
	return bounded.Refuse(bounded.Problem{Line: line, Reason: "not readable XML: " + problem.Clip(err.Error())})
}

// skipStream finds the < that ends a stream of base64, without holding the stream.
func (v *voReader) skipStream(offset int64) (end int64, err error) {
	in, err := newVOReader(v.file, offset)
	if err != nil {
		return 0, err
	}
	b := make([]byte, 64<<10)
	for end = offset; ; {
		n, err := discardBounds{in.in}.Read(b)
		if i := bytes.IndexByte(b[:n], '<'); i >= 0 {
			return end + int64(i), nil
		}
		end += int64(n)
		if err == io.EOF {
			return end, nil
		}
		if err != nil {
			return 0, v.failed(err)
		}
	}
}
