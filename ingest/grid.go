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

// grid is a table of texts in any format: the names of its columns, what the format says about
// them, and its rows.
type grid struct {
	table.Layout                // names (First), the line of the header, sample rows
	keys         table.Keywords // keywords of the file
	format       string         // for the report
	fields       []field        // one for each name; nil if the format says nothing
	hdu          int            // of a FITS file; 0 for other files
	numbered     bool           // rows have no lines and are counted from 1
	headerless   bool           // the layout's line is the first row and not a header
	added        int            // columns at the end that the rows' reader adds to those of the file
	dialect      *dialect       // set if the format itself gives the origin of the table
	object       string         // the object of all rows, if the file names one
	source       string         // the source of rows that name none
	notes        []string       // assumptions that were made to find the table
	dropped      []string       // names of columns of the file that First does not have, as they are not read
	wrong        string         // why the table cannot be read, "" if it can; see resolve
	resolved     bool
	open         func(comment func([]byte)) (rows, error)
}

// field is what a format says about a column, besides its name.
type field struct {
	unit, ucd string
	time      *instant.Clock // how the column counts time; nil if the format does not say
	note      string         // a warning about the column, given if it has a role
	text      bool           // cells are texts, even if they look like numbers
	leftOut   string         // why the column is left out; "" if it is kept
}

// rows reads the rows of a table one after the other.
type rows interface {
	// next reads the next row; io.EOF comes after the last. Any other error ends the reading.
	next(r *row) error
}

// row is one row of a table, with what its format says about it.
type row struct {
	bounded.Row
	leftOut string         // why the row is left out, although it is readable; "" if it is kept
	time    *instant.Clock // how this row counts time; nil if as the others
	tail    []byte         // members to add to the value, `"key":value` with commas between; nil for none
}

// plainRows are rows that consist of their cells alone.
type plainRows struct{ bounded.Rows }

func (p plainRows) next(r *row) error {
	*r = row{}
	return p.Next(&r.Row)
}

// readSample reads the first rows into the layout's sample. FindLayout does that for text.
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

// problemAt returns a problem at a row.
func (g *grid) problemAt(line int) bounded.Problem {
	if g.numbered {
		return bounded.Problem{HDU: g.hdu, Row: line}
	}
	return bounded.Problem{Line: line}
}

// field returns what the format says about column i.
func (g *grid) field(i int) field {
	if i < len(g.fields) {
		return g.fields[i]
	}
	return field{}
}

// describe names the table in a message.
func (g *grid) describe() string {
	if g.hdu > 0 {
		return "that of HDU " + strconv.Itoa(g.hdu)
	}
	return "the one with the columns " + problem.QuotedList(g.First)
}
