package table

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/problem"
)

// voTextRows reads the rows of TABLEDATA.
type voTextRows struct {
	t     *VOTable
	v     *voReader
	use   []int
	all   []string
	cells [][]byte
}

func (in *voTextRows) Next(r *bounded.Row) error {
	*r = bounded.Row{}
	in.all = in.all[:0]
	var text []byte
	inRow, inCell, size := false, false, 0
	for {
		token, err := in.v.token()
		if err == io.EOF {
			return in.v.failed(io.ErrUnexpectedEOF)
		}
		if err != nil {
			return err
		}
		switch e := token.(type) {
		case xml.StartElement:
			switch strings.ToUpper(e.Name.Local) {
			case "TR":
				inRow = true
				r.Line, _ = in.v.xml.InputPos()
				r.Line += in.t.line - 1
			case "TD":
				inCell, text = inRow, text[:0]
			}
		case xml.CharData:
			if inCell {
				if text = append(text, e...); len(text) > bounded.MaxElement {
					return in.v.failed(errLongElement)
				}
			}
		case xml.EndElement:
			switch strings.ToUpper(e.Name.Local) {
			case "TD":
				if size += len(text); size > bounded.MaxRowText {
					return bounded.Refuse(bounded.Problem{Line: r.Line,
						Reason: fmt.Sprintf("a row of more than %d bytes", bounded.MaxRowText)})
				}
				if inCell && len(in.all) <= len(in.t.fields) {
					in.all = append(in.all, strings.TrimSpace(string(text)))
				}
				inCell = false
			case "TR":
				return in.row(r)
			case "TABLEDATA":
				return io.EOF
			}
		}
	}
}

// row takes the cells that are needed.
func (in *voTextRows) row(r *bounded.Row) error {
	if len(in.all) != len(in.t.fields) {
		r.Reason = problem.Plural(len(in.all), "cell") + " where the table has " +
			problem.Plural(len(in.t.fields), "column")
		return nil
	}
	in.cells = in.cells[:0]
	for _, i := range in.use {
		c := &in.t.fields[i]
		cell := []byte(in.all[i])
		if c.hasNull && string(cell) == c.null && c.datatype != "char" && c.datatype != "unicodeChar" {
			cell = nil
		}
		if strings.HasPrefix(string(cell), "0x") && c.element() > 0 && c.datatype != "char" &&
			c.datatype != "unicodeChar" {
			if v, err := strconv.ParseInt(string(cell[2:]), 16, 64); err == nil {
				cell = strconv.AppendInt(nil, v, 10)
			}
		}
		in.cells = append(in.cells, cell)
	}
	r.Cells = in.cells
	return nil
}

// streamText reads the base64 of a stream, up to the < that ends it, without white space.
type streamText struct {
	in    io.Reader
	ended bool
}

func (s *streamText) Read(p []byte) (int, error) {
	for !s.ended {
		n, err := s.in.Read(p)
		b := p[:n]
		if i := bytes.IndexByte(b, '<'); i >= 0 {
			b, s.ended = b[:i], true
		}
		out := 0
		for _, c := range b {
			if c > ' ' {
				p[out] = c
				out++
			}
		}
		if out > 0 {
			return out, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, io.EOF
}

// voBinaryRows reads the rows of BINARY and BINARY2.
type voBinaryRows struct {
	t     *VOTable
	in    io.Reader
	use   []int
	count int
	text  []byte
	ends  []int // of the text of each field
	buf   []byte
	cells [][]byte
}

func (in *voBinaryRows) Next(r *bounded.Row) error {
	*r = bounded.Row{}
	in.count++
	in.text, in.ends = in.text[:0], in.ends[:0]
	var nulls []byte
	if in.t.kind == "BINARY2" {
		nulls = make([]byte, (len(in.t.fields)+7)/8)
		if _, err := io.ReadFull(in.in, nulls); err != nil {
			return in.failed(err, true)
		}
	}
	if len(in.t.fields) == 0 {
		return io.EOF
	}
	for i := range in.t.fields {
		c := &in.t.fields[i]
		b, err := in.read(c)
		if err != nil {
			return in.failed(err, i == 0 && nulls == nil)
		}
		if nulls == nil || nulls[i/8]&(0x80>>(i%8)) == 0 {
			in.text = c.appendBinary(in.text, b)
		}
		in.ends = append(in.ends, len(in.text))
	}
	in.cells = in.cells[:0]
	for _, i := range in.use {
		start := 0
		if i > 0 {
			start = in.ends[i-1]
		}
		in.cells = append(in.cells, in.text[start:in.ends[i]:in.ends[i]])
	}
	r.Cells, r.Line = in.cells, in.count
	return nil
}

// failed tells the end of the rows from the end of the file within a row.
func (in *voBinaryRows) failed(err error, first bool) error {
	if errors.Is(err, io.EOF) && first {
		return io.EOF
	}
	var r *bounded.Refusal
	var bad base64.CorruptInputError
	switch {
	case errors.As(err, &r):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return bounded.Refuse(bounded.Problem{Row: in.count, Reason: "the rows end within this one"})
	case errors.As(err, &bad):
		return bounded.Refuse(bounded.Problem{Row: in.count, Reason: "the rows are not base64"})
	}
	return fmt.Errorf("ingest: reading a VOTable: %w", err)
}

// read reads the bytes of one cell.
func (in *voBinaryRows) read(c *voField) ([]byte, error) {
	n, ok := c.binarySize()
	if !ok {
		return nil, bounded.Refuse(bounded.Problem{Column: problem.Clip(c.name),
			Reason: "the type " + problem.Quoted(c.datatype) + " of the column is not read"})
	}
	if n < 0 {
		var b [4]byte
		if _, err := io.ReadFull(in.in, b[:]); err != nil {
			return nil, err
		}
		n = int64(int32(binary.BigEndian.Uint32(b[:])))
	}
	size := n * c.element()
	if c.datatype == "bit" {
		size = (n + 7) / 8
	}
	if !c.scalar() && n >= 0 { // an array, which is not needed
		_, err := io.CopyN(io.Discard, in.in, size)
		return nil, err
	}
	if n < 0 || size+int64(len(in.text)) > bounded.MaxRowText {
		return nil, bounded.Refuse(bounded.Problem{Row: in.count, Column: problem.Clip(c.name),
			Reason: "a cell of too many bytes"})
	}
	in.buf = in.buf[:0]
	for left := size; left > 0; { // a stream may announce more than it has, so allocate only for what is read
		part := min(left, 64<<10)
		at := len(in.buf)
		in.buf = append(in.buf, make([]byte, part)...)
		if _, err := io.ReadFull(in.in, in.buf[at:]); err != nil {
			return nil, err
		}
		left -= part
	}
	return in.buf, nil
}
