package ingest

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// ColumnKind is what the cells of a column that is written hold.
type ColumnKind uint8

const (
	Text   ColumnKind = iota // any text
	Number                   // a decimal number that fits a float64, or ""
	Whole                    // an integer that fits an int64, or ""
)

// TableColumn describes a column of a table that is written.
type TableColumn struct {
	Name        string
	Unit        string // as astropy.units spells it; "" for none
	Description string
	UCD         string // IVOA UCD1+; "" for none
	Kind        ColumnKind
	Time        bool // an MJD of UTC: VOTable and FITS say so
	Width       int  // of the longest text in bytes; only FITS needs it
}

// Keyword says something of a whole table. Names are those of FITS: at most 8 capitals, digits, dashes and underscores.
type Keyword struct{ Name, Value string }

// TableHead is what is known of a table before its rows.
type TableHead struct {
	Columns  []TableColumn
	Keywords []Keyword
	Rows     int64 // how many will come; only "fits" needs it, and Close is an error there when it was wrong
}

// TableFormats are the formats that NewTableWriter knows.
var TableFormats = []string{"csv", "ecsv", "votable", "fits"}

// TableWriter writes a table row by row, in memory that does not grow with it. Errors are those of the underlying writer, and
// cells that do not fit their column.
type TableWriter struct {
	form    tableForm
	out     io.Writer
	buf     []byte
	columns []TableColumn
	rows    int64
}

// tableForm is the way of one format.
type tableForm interface {
	head(dst []byte, h TableHead) ([]byte, error)
	row(dst []byte, columns []TableColumn, cells []string) ([]byte, error)
	foot(dst []byte, rows int64) ([]byte, error)
}

// NewTableWriter writes the table's head. The format must be one of TableFormats.
func NewTableWriter(format string, out io.Writer, h TableHead) (*TableWriter, error) {
	w := &TableWriter{out: out, columns: h.Columns}
	switch format {
	case "csv":
		w.form = csvForm{}
	case "ecsv":
		w.form = ecsvForm{}
	case "votable":
		w.form = voForm{}
	case "fits":
		w.form = &fitsForm{rows: h.Rows}
	default:
		return nil, fmt.Errorf("ingest: no table format %q", problem.Clip(format))
	}
	var err error
	if w.buf, err = w.form.head(nil, h); err != nil {
		return nil, err
	}
	return w, w.flush(0)
}

// Row writes one row: a cell for every column, "" for no value.
func (w *TableWriter) Row(cells []string) (err error) {
	if len(cells) != len(w.columns) {
		return fmt.Errorf("ingest: %d cells for %d columns", len(cells), len(w.columns))
	}
	if w.buf, err = w.form.row(w.buf, w.columns, cells); err != nil {
		return err
	}
	w.rows++
	return w.flush(64 << 10)
}

// Close ends the table. It does not close the underlying writer.
func (w *TableWriter) Close() (err error) {
	if w.buf, err = w.form.foot(w.buf, w.rows); err != nil {
		return err
	}
	return w.flush(0)
}

func (w *TableWriter) flush(least int) error {
	if len(w.buf) < least || len(w.buf) == 0 {
		return nil
	}
	_, err := w.out.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// csvForm writes comma-separated values as RFC 4180 has them, with lines that end in LF.
type csvForm struct{}

func (csvForm) head(dst []byte, h TableHead) ([]byte, error) {
	for _, k := range h.Keywords {
		dst = append(append(append(append(dst, "# "...), k.Name...), ": "...), bounded.ASCII(k.Value)...)
		dst = append(dst, '\n')
	}
	for i, c := range h.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCSV(dst, c.Name)
	}
	return append(dst, '\n'), nil
}

func (csvForm) row(dst []byte, _ []TableColumn, cells []string) ([]byte, error) {
	for i, c := range cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCSV(dst, c)
	}
	return append(dst, '\n'), nil
}

func (csvForm) foot(dst []byte, _ int64) ([]byte, error) { return dst, nil }

func appendCSV(dst []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\r\n") && strings.TrimSpace(s) == s && !strings.HasPrefix(s, "#") {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	dst = append(dst, strings.ReplaceAll(s, `"`, `""`)...)
	return append(dst, '"')
}

// ecsvForm writes enhanced character-separated values, version 1.0 (astropy's APE 6).
type ecsvForm struct{ csvForm }

func (f ecsvForm) head(dst []byte, h TableHead) ([]byte, error) {
	dst = append(dst, "# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n"...)
	for _, c := range h.Columns {
		dst = append(dst, "# - {name: "...)
		dst = jsontext.AppendString(dst, c.Name) // the escapes of YAML's double quotes are those of JSON
		if c.Unit != "" {
			dst = jsontext.AppendString(append(dst, ", unit: "...), c.Unit)
		}
		dst = append(append(dst, ", datatype: "...), [...]string{"string", "float64", "int64"}[c.Kind]...)
		if c.Description != "" {
			dst = jsontext.AppendString(append(dst, ", description: "...), c.Description)
		}
		dst = append(dst, "}\n"...)
	}
	if len(h.Keywords) > 0 {
		dst = append(dst, "# meta: !!omap\n"...)
	}
	for _, k := range h.Keywords {
		dst = append(append(append(dst, "# - {"...), k.Name...), ": "...)
		dst = append(jsontext.AppendString(dst, k.Value), "}\n"...)
	}
	return f.csvForm.head(append(dst, "# schema: astropy-2.0\n"...), TableHead{Columns: h.Columns})
}

// voForm writes a VOTable, version 1.4, with TABLEDATA.
type voForm struct{}

func (voForm) head(dst []byte, h TableHead) ([]byte, error) {
	dst = append(dst, `<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
<RESOURCE type="results">
<TIMESYS ID="time" timescale="UTC" refposition="UNKNOWN" timeorigin="MJD-origin"/>
<TABLE>
`...)
	for _, k := range h.Keywords {
		dst = appendXML(append(appendXML(append(dst, `<PARAM name="`...), k.Name), `" datatype="unicodeChar" arraysize="*" value="`...), k.Value)
		dst = append(dst, "\"/>\n"...)
	}
	for _, c := range h.Columns {
		dst = append(appendXML(append(dst, `<FIELD name="`...), c.Name), '"')
		dst = append(dst, [...]string{` datatype="unicodeChar" arraysize="*"`, ` datatype="double"`, ` datatype="long"`}[c.Kind]...)
		for _, a := range [...][2]string{{"unit", c.Unit}, {"ucd", c.UCD}} {
			if a[1] != "" {
				dst = append(appendXML(append(append(append(dst, ' '), a[0]...), `="`...), a[1]), '"')
			}
		}
		if c.Time {
			dst = append(dst, ` ref="time"`...)
		}
		if c.Description == "" {
			dst = append(dst, "/>\n"...)
			continue
		}
		dst = append(appendXML(append(dst, "><DESCRIPTION>"...), c.Description), "</DESCRIPTION></FIELD>\n"...)
	}
	return append(dst, "<DATA><TABLEDATA>\n"...), nil
}

func (voForm) row(dst []byte, _ []TableColumn, cells []string) ([]byte, error) {
	dst = append(dst, "<TR>"...)
	for _, c := range cells {
		dst = append(appendXML(append(dst, "<TD>"...), c), "</TD>"...)
	}
	return append(dst, "</TR>\n"...), nil
}

func (voForm) foot(dst []byte, _ int64) ([]byte, error) {
	return append(dst, "</TABLEDATA></DATA>\n</TABLE>\n</RESOURCE>\n</VOTABLE>\n"...), nil
}

// appendXML writes a text of XML; characters that XML has no place for become the replacement character.
func appendXML(dst []byte, s string) []byte {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`&<>"'`, r) }) {
		return append(dst, s...)
	}
	b := bytes.NewBuffer(dst)
	_ = xml.EscapeText(b, []byte(s)) // a bytes.Buffer takes everything
	return b.Bytes()
}

// fitsForm writes a FITS file with one binary table: texts in columns of their greatest width, numbers as float64, integers as
// int64. Missing numbers are NaN, missing integers TNULL, missing texts blank. Texts are UTF-8, which astropy.table reads.
type fitsForm struct {
	rows   int64
	widths []int
	size   int64
}

// noWhole is the stored integer that means none.
const noWhole = math.MinInt64

func (f *fitsForm) head(dst []byte, h TableHead) ([]byte, error) {
	columns := h.Columns
	if len(columns) > 999 {
		return nil, fmt.Errorf("ingest: a FITS table has at most 999 columns, not %d", len(columns))
	}
	dst = appendCards(dst, "SIMPLE  =                    T / FITS standard 4.0", "BITPIX  =                    8", "NAXIS   =                    0", "EXTEND  =                    T")
	for _, c := range columns {
		width := 8
		if c.Kind == Text {
			width = max(c.Width, 1)
		}
		f.widths = append(f.widths, width)
		f.size += int64(width)
	}
	cards := []string{"XTENSION= 'BINTABLE'", "BITPIX  =                    8", "NAXIS   =                    2", fmt.Sprintf("NAXIS1  = %20d", f.size),
		fmt.Sprintf("NAXIS2  = %20d", f.rows), "PCOUNT  =                    0", "GCOUNT  =                    1", fmt.Sprintf("TFIELDS = %20d", len(columns)),
		"TIMESYS = 'UTC     '"}
	for _, k := range h.Keywords {
		cards = append(cards, textCards(k.Name, k.Value)...)
	}
	for i, c := range columns {
		n := strconv.Itoa(i + 1)
		form := [...]string{strconv.Itoa(f.widths[i]) + "A", "D", "K"}[c.Kind]
		cards = append(cards, textCards("TTYPE"+n, c.Name)...)
		cards = append(cards, textCards("TFORM"+n, form)...)
		if c.Unit != "" {
			cards = append(cards, textCards("TUNIT"+n, c.Unit)...)
		}
		if c.UCD != "" {
			cards = append(cards, textCards("TUCD"+n, c.UCD)...)
		}
		if c.Description != "" {
			cards = append(cards, textCards("TCOMM"+n, c.Description)...)
		}
		if c.Kind == Whole {
			cards = append(cards, fmt.Sprintf("%-8s= %20d", "TNULL"+n, int64(noWhole)))
		}
	}
	return appendCards(dst, cards...), nil
}

func (f *fitsForm) row(dst []byte, columns []TableColumn, cells []string) ([]byte, error) {
	for i, c := range columns {
		cell := cells[i]
		switch c.Kind {
		case Text:
			if len(cell) > f.widths[i] {
				return dst, fmt.Errorf("ingest: a text of %d bytes in column %q of %d", len(cell), problem.Clip(c.Name), f.widths[i])
			}
			dst = append(dst, cell...)
			dst = append(dst, make([]byte, f.widths[i]-len(cell))...)
		case Number:
			v := math.NaN()
			if d, ok := instant.ParseDecimal([]byte(cell)); ok {
				v, _ = d.Float()
			} else if cell != "" {
				return dst, fmt.Errorf("ingest: %q in column %q is not a number", problem.Clip(cell), problem.Clip(c.Name))
			}
			dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(v))
		case Whole:
			v := int64(noWhole)
			if cell != "" {
				var err error
				if v, err = strconv.ParseInt(cell, 10, 64); err != nil {
					return dst, fmt.Errorf("ingest: column %q: %w", problem.Clip(c.Name), err)
				}
			}
			dst = binary.BigEndian.AppendUint64(dst, uint64(v))
		}
	}
	return dst, nil
}

func (f *fitsForm) foot(dst []byte, rows int64) ([]byte, error) {
	if rows != f.rows {
		return dst, fmt.Errorf("ingest: %d rows written where %d were announced", rows, f.rows)
	}
	if odd := f.size * rows % fits.BlockSize; odd > 0 {
		dst = append(dst, make([]byte, fits.BlockSize-odd)...)
	}
	return dst, nil
}

// appendCards writes a header: 80 characters each, END, and blanks up to the block's end.
func appendCards(dst []byte, cards ...string) []byte {
	start := len(dst)
	for _, c := range append(slices.Clone(cards), "END") {
		dst = append(dst, c...)
		dst = append(dst, bytes.Repeat([]byte{' '}, fits.CardSize-len(c))...)
	}
	for (len(dst)-start)%fits.BlockSize != 0 {
		dst = append(dst, ' ')
	}
	return dst
}

// textCards is a keyword with a text, with CONTINUE cards where it is long. What is not printable ASCII becomes a question mark.
func textCards(key, text string) []string {
	text = strings.ReplaceAll(bounded.ASCII(text), "'", "''")
	var cards []string
	lead := fmt.Sprintf("%-8s= ", key)
	for {
		const room = fits.CardSize - 10 - 3 // the quotes and an &
		if len(text) <= room {
			return append(cards, fmt.Sprintf("%s'%-8s'", lead, text))
		}
		cut := room
		for text[cut-1] == '\'' { // never between two quotes that are one, nor behind an odd one
			cut--
		}
		cards = append(cards, lead+"'"+text[:cut]+"&'")
		text, lead = text[cut:], "CONTINUE  "
	}
}
