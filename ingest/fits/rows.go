package fits

import (
	"io"
	"slices"

	"nightjar/ingest/bounded"
)

// fitsRows reads the rows of a table, the scalar columns as texts.
type fitsRows struct {
	t     *Table
	file  bounded.File
	use   []int // the columns to read
	row   int64
	chunk []byte // some rows
	left  []byte // the rest of chunk
	text  []byte
	ends  []int
	cells [][]byte
}

func (in *fitsRows) Next(r *bounded.Row) error {
	*r = bounded.Row{}
	if in.row >= in.t.Rows {
		return io.EOF
	}
	if in.t.width == 0 {
		return io.EOF
	}
	wide := in.t.width > wideRow
	if wide {
		if err := in.load(); err != nil {
			return err
		}
	} else if len(in.left) == 0 {
		if in.chunk == nil {
			in.chunk = make([]byte, max(1, (64<<10)/in.t.width)*in.t.width)
		}
		n := min(int64(len(in.chunk)), (in.t.Rows-in.row)*in.t.width)
		in.left = in.chunk[:n]
		if err := bounded.ReadFull(in.file, in.left, in.t.data+in.row*in.t.width); err != nil {
			return err
		}
	}
	var raw []byte
	if !wide {
		raw = in.left[:in.t.width]
		in.left = in.left[in.t.width:]
	}
	in.row++
	at := int64(0)
	in.text, in.ends = in.text[:0], in.ends[:0]
	for _, i := range in.use {
		c := &in.t.Columns[i]
		b := in.chunk
		if !wide {
			b = raw[c.start : c.start+c.Width]
		} else {
			b, at = b[at:at+c.Width], at+c.Width
		}
		if in.t.ASCII {
			in.text = c.appendASCII(in.text, b)
		} else if len(b) > 0 {
			in.text = c.appendElement(in.text, b)
		}
		in.ends = append(in.ends, len(in.text))
	}
	in.cells = cellsOf(in.cells, in.text, in.ends)
	r.Cells, r.Line = in.cells, int(in.row)
	return nil
}

// load reads the needed columns of a wide row into the chunk, one after the other.
func (in *fitsRows) load() error {
	in.chunk = in.chunk[:0]
	for _, i := range in.use {
		c := &in.t.Columns[i]
		at := len(in.chunk)
		in.chunk = slices.Grow(in.chunk, int(c.Width))[:at+int(c.Width)]
		if err := bounded.ReadFull(in.file, in.chunk[at:], in.t.data+in.row*in.t.width+c.start); err != nil {
			return err
		}
	}
	return nil
}

// cellsOf cuts a text into cells at ends. It reuses the memory of cells.
func cellsOf(cells [][]byte, text []byte, ends []int) [][]byte {
	cells = cells[:0]
	start := 0
	for _, end := range ends {
		cells = append(cells, text[start:end:end])
		start = end
	}
	return cells
}

// NewRows reads the columns use of a table, which must be scalar.
func NewRows(t *Table, f bounded.File, use []int) bounded.Rows {
	return &fitsRows{t: t, file: f, use: use}
}
