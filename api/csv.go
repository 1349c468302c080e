package api

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"nightjar/api/wire"
)

// A stream of targets or datums may be sent as CSV (RFC 4180) with a header. Each row is made into
// the object that could have been sent as a line of JSON (csvrows.go), and goes
// the way of such a line from there on: so the rules of fields, the limits and the reports are the
// same.

// csvTable says what the columns of a table are.
type csvTable interface {
	// header is given the names of the columns. Its error refuses the table.
	header(names []string) error
	// row writes a row as an object. Its error refuses the whole table.
	row(w *wire.Writer, line int, cells []string) error
}

// maxCSVColumns is how many columns a table may have.
const maxCSVColumns = wire.MaxParts

// csvReader reads a table row by row. The header may begin with a byte order mark. The apostrophes
// with which an export keeps spreadsheets from running a cell are taken off.
type csvReader struct {
	table csvTable
	body  *csvBody
	r     *csv.Reader
	names []string // nil before the header was read
	// size is that of the row in bytes, and escapes what control characters in the names add to it
	size, escapes int64
	out           wire.Writer
}

func newCSVReader(r *request, most int64, table csvTable) *csvReader {
	body := &csvBody{request: r, most: most}
	b := bufio.NewReaderSize(body, lineBuffer)
	c := &csvReader{table: table, body: body, r: csv.NewReader(b)}
	c.r.ReuseRecord = true
	body.skipMark = func() {
		if mark, err := b.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
			b.Discard(3)
		}
	}
	return c
}

// next gives the next row as an object, which is valid until the one after it, and its line; io.EOF
// after the last.
func (c *csvReader) next() (object []byte, line int, err error) {
	if c.names == nil {
		if err := c.readHeader(); err != nil {
			return nil, 1, err
		}
	}
	cells, line, err := c.read()
	if err != nil {
		return nil, line, err
	}
	escapes := c.escapes
	for i, cell := range cells {
		if !utf8.ValidString(cell) {
			return nil, line, csvRefusal(line, "the column "+c.names[i]+" is not UTF-8")
		}
		escapes += controlEscapes(cell)
		cells[i] = unguarded(strings.TrimSpace(cell))
	}
	if c.size+escapes > c.body.most {
		return nil, line, tooLongLine(c.body.most)
	}
	if err := c.body.hold(escapes); err != nil {
		return nil, line, err
	}
	if cap(c.out.Buf) > 2*lineBuffer {
		c.out.Buf = nil
	}
	c.out = wire.Writer{Buf: c.out.Buf[:0]}
	c.out.Open('{')
	if err := c.table.row(&c.out, line, cells); err != nil {
		return nil, line, err
	}
	c.out.End('}')
	return c.out.Buf, line, nil
}

func (c *csvReader) readHeader() error {
	c.body.skipMark()
	cells, _, err := c.read()
	if errors.Is(err, io.EOF) {
		return csvRefusal(1, "the file is empty")
	}
	if err != nil {
		return err
	}
	// the names are written again with every row
	if c.body.row > smallBody {
		return csvRefusal(1, fmt.Sprintf("a header may have %d bytes", smallBody))
	}
	names := slices.Clone(cells)
	seen := map[string]bool{}
	for i, name := range names {
		if !utf8.ValidString(name) {
			return csvRefusal(1, "the header is not UTF-8")
		}
		c.escapes += controlEscapes(name)
		names[i] = unguarded(strings.TrimSpace(name))
		if names[i] != "" && seen[names[i]] {
			return csvRefusal(1, fmt.Sprintf("the column %s is there twice", names[i]))
		}
		seen[names[i]] = true
	}
	if err := c.table.header(names); err != nil {
		return csvRefusal(1, err.Error())
	}
	c.names = names
	return nil
}

func (c *csvReader) read() (cells []string, line int, err error) {
	cells, err = c.r.Read()
	if bad, ok := errors.AsType[*csv.ParseError](err); ok {
		return nil, bad.Line, csvRefusal(bad.Line, bad.Err.Error())
	}
	if err != nil {
		return nil, 0, err
	}
	begun := c.body.row
	c.body.row = c.r.InputOffset()
	if c.size = c.body.row - begun; c.size > c.body.most {
		return nil, 0, tooLongLine(c.body.most)
	}
	line, _ = c.r.FieldPos(0)
	return cells, line, nil
}

// csvRefusal refuses a whole table because one line is wrong.
func csvRefusal(line int, why string) error {
	return &httpError{status: http.StatusBadRequest, detail: fmt.Sprintf("line %d: %s", line, why)}
}

// csvBody is a body that is read as CSV. Package csv keeps a whole row in memory, and a row may
// have many lines. So the body reserves memory as a row grows beyond lineBuffer, and ends when a
// row is too long. It keeps what it reserved until the request ends, as package csv keeps its
// buffer.
type csvBody struct {
	*request
	most     int64 // bytes of a row
	got, row int64 // bytes read, and where the last row ended
	kept     int64 // the share
	skipMark func()

	// package csv takes tens of bytes for each cell of a row, so the cells are counted as they come
	quoted                 bool
	commas, lines, rowLine int
}

// count counts the cells of the row that is coming.
func (b *csvBody) count(p []byte) error {
	for _, c := range p {
		if c == '\n' {
			b.lines++
		}
		switch {
		case c == '"':
			b.quoted = !b.quoted
		case b.quoted:
		case c == '\n':
			b.commas, b.rowLine = 0, b.lines
		case c == ',':
			if b.commas++; b.commas >= maxCSVColumns {
				return csvRefusal(b.rowLine+1, fmt.Sprintf("a table may have %d columns", maxCSVColumns))
			}
		}
	}
	return nil
}

func (b *csvBody) Read(p []byte) (int, error) {
	ahead := b.got - b.row // the row so far, and up to lineBuffer of what follows
	if ahead > b.most+lineBuffer {
		return 0, tooLongLine(b.most)
	}
	if need := byteWeight * ahead; ahead > 2*lineBuffer && need > b.kept {
		need = min(max(need, 2*b.kept), byteWeight*(b.most+lineBuffer))
		if err := b.hold(need - b.kept); err != nil {
			return 0, err
		}
		b.kept = need
	}
	n, err := b.Body.Read(p)
	b.got += int64(n)
	if many := b.count(p[:n]); many != nil {
		return n, many
	}
	return n, err
}

// controlEscapes is how many bytes longer a text is as JSON because of its control characters,
// which take six bytes each: the share of the memory of bodies, four bytes for one, does not cover
// these.
func controlEscapes(s string) (n int64) {
	for _, c := range []byte(s) {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			n += 5
		}
	}
	return n
}
