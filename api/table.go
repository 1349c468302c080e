package api

import (
	"net/http"
	"strconv"
	"strings"

	"nightjar/api/wire"
	tables "nightjar/ingest/table"
	"nightjar/internal/problem"
)

// tableColumn is a column of an export.
type tableColumn struct {
	name   string
	unit   string // as astropy.units spells it
	help   string
	ucd    string
	number bool // the cells are numbers, or empty
	whole  bool // the numbers are whole
	width  int  // of the longest cell in bytes; only FITS needs it
}

// table writes a table into a stream, in one of exportFormats.
type table struct {
	format string
	s      *stream
	w      *tables.Writer
	cells  []string
}

func newTable(format string, s *stream) *table { return &table{format: format, s: s} }

// head begins the table. rows is the number of rows; only FITS needs it to be right.
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
	head := tables.Head{Columns: out, Rows: int64(rows)}
	if t.s.r.viewer.Guest() && t.format != "csv" { // where a comment would be a row to many readers
		head.Keywords = []tables.Keyword{{Name: "VIEWER", Value: "guest: the rows that are open to everyone"}}
	}
	t.w, err = tables.NewWriter(t.format, t.s, head)
	return err
}

// checkGuestSees refuses the export of a guest to whom no target is open. A program that forgot its
// token would take an empty table for an empty archive.
func (r *request) checkGuestSees() error {
	if !r.viewer.Guest() {
		return nil
	}
	some, err := r.access.SeesTargets()
	if err == nil && !some {
		err = &problem.Error{Kind: problem.Unauthenticated, Message: "No target here is open to guests. Send a token " +
			"in the header Authorization, as \"Token ...\", or a name and a password."}
	}
	return err
}

// row writes a row; "" is an empty cell.
func (t *table) row(cells []string) error {
	for i, c := range cells {
		t.cells[i] = t.text(c)
	}
	return t.w.Row(t.cells)
}

// text returns a text as a cell. In CSV it escapes formulas, since spreadsheets open CSV.
func (t *table) text(s string) string {
	if t.format == "csv" {
		return escapeFormula(s)
	}
	return s
}

func (t *table) foot() error { return t.w.Close() }

// A spreadsheet runs a cell that begins with one of these characters as a formula (owasp.org, CSV
// injection).
const formulaStarts = "=+-@\t\r\n＝＋－＠"

func startsFormula(s string) bool {
	return strings.IndexAny(s, formulaStarts) == 0
}

// escapeFormula puts an apostrophe before a text that a spreadsheet would run. It leaves numbers
// alone, and texts of signs, digits, points, colons and blanks, such as a sexagesimal declination.
// A text that already looks escaped gets one more apostrophe, so that unescapeFormula returns the
// original.
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

// unescapeFormula is the inverse of escapeFormula.
func unescapeFormula(cell string) string {
	if strings.HasPrefix(cell, "'") && startsFormula(strings.TrimLeft(cell, "'")) {
		return cell[1:]
	}
	return cell
}

var exportTypes = map[string]string{"csv": "text/csv; charset=utf-8", "ecsv": "text/plain; charset=utf-8",
	"votable": "application/x-votable+xml", "fits": "application/fits", "ndjson": typeNDJSON}

// stream buffers an answer and sends it in parts.
type stream struct {
	r           *request
	contentType string
	buf         []byte
	started     bool
}

// Write buffers what the table writes.
func (s *stream) Write(b []byte) (int, error) {
	s.buf = append(s.buf, b...)
	return len(b), nil
}

// full reports whether enough is buffered to be sent.
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
	if !s.started {
		s.started = true
		s.r.w.Header().Set("Content-Type", s.contentType)
		s.r.w.WriteHeader(http.StatusOK)
	}
	_, err := s.r.w.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}

// line writes an object as a line.
func (s *stream) line(fn func(w *wire.Writer)) {
	w := wire.Writer{Buf: s.buf}
	w.Object(func() { fn(&w) })
	s.buf = append(w.Buf, '\n')
}

// streamed answers with what fn writes to the stream.
func (r *request) streamed(kind string, fn func(s *stream) error) (*answer, error) {
	s := &stream{r: r, contentType: kind}
	if err := fn(s); err != nil {
		if s.started {
			r.api.abort(r.Request, err)
		}
		return nil, err
	}
	return &answer{sent: true}, s.send()
}
