package api

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// rowReader reads the rows of a stream, each as a JSON object, with their line numbers. It skips
// blank lines.
type rowReader struct {
	r       *request
	b       *bufio.Reader
	line    int        // the number of the current row's line
	most    int64      // the longest row in bytes
	refusal string     // why the row cannot be read, "" if it can
	csv     *csvReader // the source of the rows if the body is CSV, nil if not
}

// lines reads the body as lines of JSON, or as CSV with the columns of table.
func (r *request) lines(table csvTable) *rowReader {
	l := &rowReader{r: r, most: r.api.o.MaxLine}
	if r.isLocal() {
		l.most = max(l.most, ownLine)
	}
	if media, _ := r.mediaType(); media == typeCSV {
		l.csv = newCSVReader(r, l.most, table)
	} else {
		l.b = bufio.NewReaderSize(r.Body, lineBuffer)
	}
	return l
}

// ownLine is the least that MaxLine is for the control socket, in bytes.
const ownLine = 64 << 20

// next returns the next row, which is valid until the following call.
func (l *rowReader) next() (text []byte, err error) {
	for {
		if l.csv != nil {
			l.r.releaseTo(l.csv.body.reservedRow)
			if text, l.line, err = l.csv.next(); err == nil {
				l.refusal = l.r.checkParts(text)
			}
			return text, err
		}
		l.r.release()
		if text, err = l.read(); err != nil {
			return nil, err
		}
		l.line++
		if text = bytes.TrimSpace(text); len(text) > 0 {
			l.refusal = l.r.checkParts(text)
			return text, nil
		}
	}
}

// object reads a row as an object, and adds its problems to p.
func (l *rowReader) object(text []byte, p *problem.List) (in wire.Input, ok bool) {
	if l.refusal != "" {
		p.Add("", "JSON parse error - %s", l.refusal)
		return in, false
	}
	j, err := jsontext.Parse(text)
	if err != nil {
		p.Add("", "JSON parse error - %s", jsontext.Reason(err))
		return in, false
	}
	v := wire.FromJSON(j)
	if in, ok = v.Object(); !ok {
		p.Add("", "%s", v.WhyNotObject())
	}
	return in, ok
}

// isRows reports whether the body is a stream of rows.
func (r *request) isRows() bool {
	media, _ := r.mediaType()
	return media == typeNDJSON || media == typeCSV
}

// writeRejected writes how many rows were rejected, and the problems of the first of them.
func writeRejected(w *wire.Writer, list []archive.RowProblem, more int) {
	w.IntMember("rejected", int64(len(list)+more))
	w.Key("problems")
	w.List(func() {
		for _, p := range list {
			w.Object(func() {
				w.IntMember("line", int64(p.Line))
				w.Key("errors")
				wire.WriteProblems(w, p.List)
			})
		}
	})
}

// read returns a line without its end, and io.EOF after the last.
func (l *rowReader) read() ([]byte, error) {
	text, err := l.b.ReadSlice('\n')
	if err == nil || errors.Is(err, io.EOF) && len(text) > 0 {
		return text, nil
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	for long := []byte(nil); ; {
		if int64(len(long)+len(text)) > l.most {
			return nil, tooLongLine(l.most)
		}
		more, failed := l.r.grow(long, len(text), l.most)
		if failed != nil {
			return nil, failed
		}
		if long = append(more, text...); err == nil || errors.Is(err, io.EOF) {
			return long, nil
		}
		if text, err = l.b.ReadSlice('\n'); err != nil && !errors.Is(err, bufio.ErrBufferFull) &&
			!errors.Is(err, io.EOF) {
			return nil, err
		}
	}
}

func tooLongLine(most int64) error {
	return &httpError{status: http.StatusRequestEntityTooLarge,
		detail: fmt.Sprintf("A line, or a row, is longer than %d bytes.", most)}
}

// A stream of targets or datums can also be CSV (RFC 4180) with a header. Each row becomes the JSON
// object that could have been sent as a line, and is then treated as such a line: the rules of
// fields, the limits and the reports are the same.

// csvTable knows the columns of a table.
type csvTable interface {
	// header takes the names of the columns. Its error refuses the table.
	header(names []string) error
	// row writes a row as an object. Its error refuses the whole table.
	row(w *wire.Writer, line int, cells []string) error
}

// maxCSVColumns is how many columns a table may have.
const maxCSVColumns = wire.MaxParts

// csvReader reads a table row by row. It skips a byte order mark, and removes the apostrophes with
// which an export keeps spreadsheets from running a cell.
type csvReader struct {
	table csvTable
	body  *csvBody
	r     *csv.Reader
	names []string // nil before the header is read
	// size is the length of the row in bytes; escapes is what control characters in the names add
	// to it
	size, escapes int64
	out           wire.Writer
}

func newCSVReader(r *request, most int64, table csvTable) *csvReader {
	body := &csvBody{request: r, most: most}
	b := bufio.NewReaderSize(body, lineBuffer)
	c := &csvReader{table: table, body: body, r: csv.NewReader(b)}
	c.r.ReuseRecord = true
	body.skipBOM = func() {
		if mark, err := b.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
			b.Discard(3)
		}
	}
	return c
}

// next returns the next row as an object, which is valid until the following call, and its line. It
// returns io.EOF after the last.
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
			return nil, line, csvError(line, "the column "+c.names[i]+" is not UTF-8")
		}
		escapes += controlEscapes(cell)
		cells[i] = unescapeFormula(strings.TrimSpace(cell))
	}
	if c.size+escapes > c.body.most {
		return nil, line, tooLongLine(c.body.most)
	}
	if err := c.body.reserve(escapes); err != nil {
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
	c.body.skipBOM()
	cells, _, err := c.read()
	if errors.Is(err, io.EOF) {
		return csvError(1, "the file is empty")
	}
	if err != nil {
		return err
	}
	// the names are written with every row
	if c.body.row > smallBody {
		return csvError(1, fmt.Sprintf("a header may have %d bytes", smallBody))
	}
	names := slices.Clone(cells)
	seen := map[string]bool{}
	for i, name := range names {
		if !utf8.ValidString(name) {
			return csvError(1, "the header is not UTF-8")
		}
		c.escapes += controlEscapes(name)
		names[i] = unescapeFormula(strings.TrimSpace(name))
		if names[i] != "" && seen[names[i]] {
			return csvError(1, fmt.Sprintf("the column %s appears twice", names[i]))
		}
		seen[names[i]] = true
	}
	if err := c.table.header(names); err != nil {
		return csvError(1, err.Error())
	}
	c.names = names
	return nil
}

func (c *csvReader) read() (cells []string, line int, err error) {
	cells, err = c.r.Read()
	if bad, ok := errors.AsType[*csv.ParseError](err); ok {
		return nil, bad.Line, csvError(bad.Line, bad.Err.Error())
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

// csvError refuses a whole table because of one line.
func csvError(line int, why string) error {
	return &httpError{status: http.StatusBadRequest, detail: fmt.Sprintf("line %d: %s", line, why)}
}

// csvBody is a body that is read as CSV. Package csv keeps a whole row in memory, and a row may
// have many lines. So csvBody reserves memory when a row grows beyond lineBuffer, and fails when a
// row is too long. It keeps the reservation until the request ends, since package csv keeps its
// buffer.
type csvBody struct {
	*request
	most        int64 // of a row, in bytes
	got, row    int64 // bytes read, and the offset of the end of the last row
	reservedRow int64 // bytes reserved for the row
	skipBOM     func()

	// package csv takes tens of bytes for each cell of a row, so count counts the cells before it
	// reads them
	quoted                 bool
	commas, lines, rowLine int
}

// count counts the cells of the row that is being read.
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
				return csvError(b.rowLine+1, fmt.Sprintf("a table may have %d columns", maxCSVColumns))
			}
		}
	}
	return nil
}

func (b *csvBody) Read(p []byte) (int, error) {
	ahead := b.got - b.row // the row so far, and up to lineBuffer bytes of what follows
	if ahead > b.most+lineBuffer {
		return 0, tooLongLine(b.most)
	}
	if need := byteWeight * ahead; ahead > 2*lineBuffer && need > b.reservedRow {
		need = min(max(need, 2*b.reservedRow), byteWeight*(b.most+lineBuffer))
		if err := b.reserve(need - b.reservedRow); err != nil {
			return 0, err
		}
		b.reservedRow = need
	}
	n, err := b.Body.Read(p)
	b.got += int64(n)
	if many := b.count(p[:n]); many != nil {
		return n, many
	}
	return n, err
}

// controlEscapes returns how many bytes the control characters of a text add when it is written as
// JSON, where each takes six. The reserved memory of four bytes for one does not cover them.
func controlEscapes(s string) (n int64) {
	for _, c := range []byte(s) {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			n += 5
		}
	}
	return n
}
