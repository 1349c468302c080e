package api

import tables "nightjar/ingest/table"

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

// cell is a cell of a row; "" stands for nothing.
type cell struct{ text string }

// table writes a table in one of the forms of an export into a stream.
type table struct {
	format string
	s      *stream
	w      *tables.Writer
	cells  []string
}

func newTable(format string, s *stream) *table { return &table{format: format, s: s} }

// Write takes what the table writes; it is sent when the stream is flushed.
func (s *stream) Write(b []byte) (int, error) {
	s.buf = append(s.buf, b...)
	return len(b), nil
}

// head begins the table. rows is how many there will be; only FITS minds when others come.
func (t *table) head(columns []tableColumn, rows int) error {
	out := make([]tables.Column, len(columns))
	for i, c := range columns {
		out[i] = tables.Column{Name: t.text(c.name), Unit: c.unit, Description: c.help, UCD: c.ucd, Width: c.width, Time: c.name == "mjd"}
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

func (t *table) row(cells []cell) error {
	for i, c := range cells {
		t.cells[i] = t.text(c.text)
	}
	return t.w.Row(t.cells)
}

// text is a text of the table; in CSV it is guarded, since that is what spreadsheets open.
func (t *table) text(s string) string {
	if t.format == "csv" {
		return guarded(s)
	}
	return s
}

func (t *table) foot() error { return t.w.Close() }
