package ingest

import (
	"errors"
	"io"
	"strconv"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// grid is a table of texts, in whatever format it stands: names of columns, what the format says of
// them, and rows.
type grid struct {
	table.Layout                // names (first), the header's line, sample rows
	keys         table.Keywords // keywords of the file
	format       string         // for the report
	fields       []field        // one for each name; nil when the format tells nothing
	hdu          int            // of a FITS file; 0 for others
	numbered     bool           // rows have no lines: they are counted from 1
	headerless   bool           // the layout's line is the first row and not the header
	dialect      *dialect       // when the format itself says whose table it is
	object       string         // whose rows these are, when the file names one object; "" when not
	source       string         // of rows that name none
	notes        []string       // what had to be assumed to find the table
	resolved     bool
	open         func(comment func([]byte)) (rows, error)
}

// field is what a format says of a column, beside its name.
type field struct {
	unit, ucd string
	time      *instant.Clock // how the column counts time, when the format tells; nil when not
	note      string         // a warning about the column, given when it has a role
	text      bool           // cells are texts, whatever they look like
	leftOut   string         // why the column is left out; "" when it is not
}

// Rows reads the rows of a table one after the other.
type rows interface {
	// next reads the next row; io.EOF after the last. A refusal or another error ends the reading.
	next(r *row) error
}

// row is one row of a table, with what its format says of it.
type row struct {
	bounded.Row
	leftOut string         // why the row is left out, although it can be read; "" when it is not
	time    *instant.Clock // how this row counts time, when not as the others; nil
	tail    []byte         // members for the value, `"key":value` with commas between; nil for none
}

// plainRows are rows of which there is nothing to say but their cells.
type plainRows struct{ bounded.Rows }

func (p plainRows) next(r *row) error {
	*r = row{}
	return p.Next(&r.Row)
}

// readSample reads the first rows of a table that is no text into the layout's sample.
func (g *grid) readSample() error {
	in, err := g.open(nil)
	if err != nil {
		return err
	}
	var r row
	for size := 0; len(g.Sample) < table.SampleRows && size < table.SampleBytes; {
		err := in.next(&r)
		if err == io.EOF {
			break
		}
		if err != nil {
			var refused *bounded.Refusal
			if errors.As(err, &refused) && len(g.Sample) > 0 {
				break
			}
			return err
		}
		if r.Reason == "" {
			g.Sample = append(g.Sample, table.Texts(r.Cells))
			for _, c := range r.Cells {
				size += len(c)
			}
		}
	}
	return nil
}

// problemAt is the place of a row, for a problem.
func (g *grid) problemAt(line int) bounded.Problem {
	if g.numbered {
		return bounded.Problem{HDU: g.hdu, Row: line}
	}
	return bounded.Problem{Line: line}
}

// field is what the format says of column i.
func (g *grid) field(i int) field {
	if i < len(g.fields) {
		return g.fields[i]
	}
	return field{}
}

// describe is the table's name in a message.
func (g *grid) describe() string {
	if g.hdu > 0 {
		return "that of HDU " + strconv.Itoa(g.hdu)
	}
	return "the one with the columns " + problem.QuotedList(g.First)
}
