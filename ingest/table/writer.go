package table

import (
	"fmt"
	"io"

	"nightjar/internal/problem"
)

// Kind is what the cells of a written column hold.
type Kind uint8

const (
	Text   Kind = iota // any text
	Number             // a decimal number that fits a float64, or ""
	Whole              // an integer that fits an int64, or ""
)

// Column describes a written column.
type Column struct {
	Name        string
	Unit        string // as astropy.units spells it; "" for none
	Description string
	UCD         string // IVOA UCD1+; "" for none
	Kind        Kind
	Time        bool // the column is an MJD of UTC, as VOTable and FITS will say
	Width       int  // of the longest text in bytes; only FITS needs it
}

// Keyword describes a whole table. Names are those of FITS: at most 8 capitals, digits, dashes and
// underscores.
type Keyword struct{ Name, Value string }

// Head is what must be known about a table before its rows.
type Head struct {
	Columns  []Column
	Keywords []Keyword
	Rows     int64 // only "fits" needs it: Close returns an error if the number of rows differs
}

// Formats are the formats that [NewWriter] knows.
var Formats = []string{"csv", "ecsv", "votable", "fits"}

// Writer writes a table row by row, in memory that does not grow with the table. Errors are those
// of the underlying writer, or of cells that do not fit their column.
type Writer struct {
	form    tableForm
	out     io.Writer
	buf     []byte
	columns []Column
	rows    int64
}

// tableForm writes one format.
type tableForm interface {
	head(dst []byte, h Head) ([]byte, error)
	row(dst []byte, columns []Column, cells []string) ([]byte, error)
	foot(dst []byte, rows int64) ([]byte, error)
}

// NewWriter writes the head of a table. format is one of [Formats].
func NewWriter(format string, out io.Writer, h Head) (*Writer, error) {
	w := &Writer{out: out, columns: h.Columns}
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

// Row writes one row. cells has a cell for each column, "" for no value.
func (w *Writer) Row(cells []string) (err error) {
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
func (w *Writer) Close() (err error) {
	if w.buf, err = w.form.foot(w.buf, w.rows); err != nil {
		return err
	}
	return w.flush(0)
}

func (w *Writer) flush(least int) error {
	if len(w.buf) < least || len(w.buf) == 0 {
		return nil
	}
	_, err := w.out.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}
