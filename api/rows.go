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

// rowReader gives the lines of a stream that hold something, each a JSON object, with their numbers.
// What is wrong with a line is added to p.
type rowReader struct {
	r       *request
	b       *bufio.Reader
	line    int
	most    int64
	refusal string     // why the line cannot be read, "" if it can
	csv     *csvReader // gives the lines, where the body is CSV
}

// lines reads the body as lines of JSON, or as CSV whose columns table knows.
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

// ownLine is how many bytes a line may have at least that comes through the control socket.
const ownLine = 64 << 20

// next gives the next line, which is valid until the one after it.
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

// object reads a line as an object; what is wrong is added to p.
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

// isRows says that the body is a stream of rows: lines of JSON, or CSV.
func (r *request) isRows() bool {
	media, _ := r.mediaType()
	return media == typeNDJSON || media == typeCSV
}

// writeRejected writes how many lines were left out, and why the first of them were.
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

// read reads a line without its end; io.EOF after the last.
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
	body.skipBOM = func() {
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
	// the names are written again with every row
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
			return csvError(1, fmt.Sprintf("the column %s is there twice", names[i]))
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

// csvError refuses a whole table because one line is wrong.
func csvError(line int, why string) error {
	return &httpError{status: http.StatusBadRequest, detail: fmt.Sprintf("line %d: %s", line, why)}
}

// csvBody is a body that is read as CSV. Package csv keeps a whole row in memory, and a row may
// have many lines. So the body reserves memory as a row grows beyond lineBuffer, and ends when a
// row is too long. It keeps what it reserved until the request ends, as package csv keeps its
// buffer.
type csvBody struct {
	*request
	most        int64 // bytes of a row
	got, row    int64 // bytes read, and where the last row ended
	reservedRow int64 // the share
	skipBOM     func()

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
				return csvError(b.rowLine+1, fmt.Sprintf("a table may have %d columns", maxCSVColumns))
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
