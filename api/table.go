package api

import (
	"net/http"
	"strconv"
	"strings"

	"nightjar/api/wire"
	tables "nightjar/ingest/table"
)

// tableColumn is a column of an export.
type tableColumn struct {
	name   string
	unit   string // as astropy.units spells it
	help   string
	ucd    string
	number bool // its cells are numbers, or empty
	whole  bool // whole ones
	width  int  // of the longest text in bytes, which only FITS needs
}

// table writes a table in one of the forms of an export into a stream.
type table struct {
	format string
	s      *stream
	w      *tables.Writer
	cells  []string
}

func newTable(format string, s *stream) *table { return &table{format: format, s: s} }

// head begins the table. rows is how many there will be; only FITS minds when others come.
func (t *table) head(columns []tableColumn, rows int) error {
	out := make([]tables.Column, len(columns))
	for i, c := range columns {
		out[i] = tables.Column{Name: t.text(c.name), Unit: c.unit, Description: c.help, UCD: c.ucd, Width: c.width,
			Time: c.name == "mjd"}
		switch {
		case c.whole:
			out[i].Kind = tables.Whole
		case c.number:
			out[i].Kind = tables.Number
		}
	}
	t.cells = make([]string, len(columns))
	var err error
	t.w, err = tables.NewWriter(t.format, t.s, tables.Head{Columns: out, Rows: int64(rows)})
	return err
}

// row writes a row; "" is an empty cell.
func (t *table) row(cells []string) error {
	for i, c := range cells {
		t.cells[i] = t.text(c)
	}
	return t.w.Row(t.cells)
}

// text is a text of the table; in CSV it is guarded, since that is what spreadsheets open.
func (t *table) text(s string) string {
	if t.format == "csv" {
		return escapeFormula(s)
	}
	return s
}

func (t *table) foot() error { return t.w.Close() }

// A spreadsheet takes a cell that begins with one of these for a formula, and runs what it says
// (owasp.org, CSV injection).
const formulaStarts = "=+-@\t\r\n＝＋－＠"

func startsFormula(s string) bool {
	return strings.IndexAny(s, formulaStarts) == 0
}

// escapeFormula is a cell of a CSV as a spreadsheet may open it: a text that it would run gets an
// apostrophe before it, which makes it a text. Numbers stay what they are, and so do signs, digits,
// points, colons and blanks, such as a declination in sexagesimals. A text that would look like one
// that was guarded gets one more apostrophe, so that unguarded gives back what there was.
func escapeFormula(s string) string {
	bare := strings.TrimLeft(s, "'")
	if !startsFormula(bare) || bare == s && isHarmless(s) {
		return s
	}
	return "'" + s
}

func isHarmless(s string) bool {
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return true
	}
	return strings.Trim(s, "+-.: 0123456789") == ""
}

// unescapeFormula is what stood in a cell of a CSV before it was written into an export.
func unescapeFormula(cell string) string {
	if strings.HasPrefix(cell, "'") && startsFormula(strings.TrimLeft(cell, "'")) {
		return cell[1:]
	}
	return cell
}

var exportTypes = map[string]string{"csv": "text/csv; charset=utf-8", "ecsv": "text/plain; charset=utf-8",
	"votable": "application/x-votable+xml", "fits": "application/fits", "ndjson": typeNDJSON}

// stream sends what is written to it as it comes.
type stream struct {
	r    *request
	kind string
	buf  []byte
	sent bool
}

// Write takes what the table writes; it is sent when the stream is flushed.
func (s *stream) Write(b []byte) (int, error) {
	s.buf = append(s.buf, b...)
	return len(b), nil
}

// full reports that much was gathered.
func (s *stream) full() bool { return len(s.buf) >= flushAt }

func (s *stream) flush() error {
	if !s.full() {
		return nil
	}
	if err := s.r.takeLong(); err != nil {
		return err
	}
	return s.send()
}

func (s *stream) send() error {
	if !s.sent {
		s.sent = true
		s.r.w.Header().Set("Content-Type", s.kind)
		s.r.w.WriteHeader(http.StatusOK)
	}
	_, err := s.r.w.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}

// line adds a line that holds an object.
func (s *stream) line(fn func(w *wire.Writer)) {
	w := wire.Writer{Buf: s.buf}
	w.Object(func() { fn(&w) })
	s.buf = append(w.Buf, '\n')
}

// streamed runs fn, which fills s, and ends the answer.
func (r *request) streamed(kind string, fn func(s *stream) error) (*answer, error) {
	s := &stream{r: r, kind: kind}
	if err := fn(s); err != nil {
		if s.sent {
			r.api.abort(r.Request, err)
		}
		return nil, err
	}
	return &answer{sent: true}, s.send()
}
