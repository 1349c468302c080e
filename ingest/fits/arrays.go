package fits

import (
	"encoding/binary"
	"io"

	"nightjar/ingest/bounded"
)

// arrayBytes is how much of the arrays of a row is read at a time, unless that is too few pixels.
const arrayBytes = 8 << 20

// array is the place of the elements of a cell.
type array struct {
	Column *Column
	offset int64 // in the file
	size   int64 // bytes of an element
}

// Arrays finds the longest arrays of a row and their length in pixels; none if the row has no
// arrays. shorter are the columns of other arrays.
func (t *Table) Arrays(f bounded.File, row int64) (longest []array, pixels int64, shorter []*Column, err error) {
	var all []array
	var counts []int64
	for i := range t.Columns {
		c := &t.Columns[i]
		if !c.Number() {
			continue
		}
		a := array{Column: c, offset: t.data + row*t.width + c.start, size: elementSize(c.kind())}
		count := c.Repeat
		if c.Form == 'P' || c.Form == 'Q' {
			var b [16]byte
			err := bounded.ReadFull(f, b[:min(c.Width, 16)], a.offset)
			if err == nil {
				count, err = t.descriptor(b[:min(c.Width, 16)], &a)
			}
			if err != nil {
				return nil, 0, nil, err
			}
		}
		if count > 1 {
			all, counts, pixels = append(all, a), append(counts, count), max(pixels, count)
		}
	}
	if pixels > bounded.MaxPixels {
		return nil, 0, nil, t.Refuse("NAXIS1", "a spectrum of too many pixels")
	}
	for i, a := range all {
		if counts[i] == pixels {
			longest = append(longest, a)
		} else {
			shorter = append(shorter, a.Column)
		}
	}
	return longest, pixels, shorter, nil
}

// descriptor reads the place of an array of variable length and checks that it is within the heap.
func (t *Table) descriptor(b []byte, a *array) (count int64, err error) {
	if len(b) != 8 && len(b) != 16 {
		return 0, nil
	}
	var offset int64
	if a.Column.Form == 'P' {
		count, offset = int64(int32(binary.BigEndian.Uint32(b))), int64(int32(binary.BigEndian.Uint32(b[4:])))
	} else {
		count, offset = int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))
	}
	size := bounded.Multiply(count, a.size)
	if size < 0 || offset < 0 || offset > t.heapLen || size > t.heapLen-offset {
		return 0, t.Refuse(a.Column.Name, "an array is not within the heap")
	}
	a.offset = t.heap + offset
	return count, nil
}

// arrayRows reads the arrays of one row of a table element by element.
type arrayRows struct {
	file    bounded.File
	columns []array
	pixels  int64
	at      int64
	loaded  int64    // elements that are in the chunks
	from    int64    // the first of these elements
	chunks  [][]byte // of each column
	text    []byte
	ends    []int
	cells   [][]byte
}

func (in *arrayRows) Next(r *bounded.Row) error {
	*r = bounded.Row{}
	if in.at == in.pixels {
		return io.EOF
	}
	if in.at == in.from+in.loaded {
		width := int64(0)
		for _, a := range in.columns {
			width += a.size
		}
		// in a compressed file it is expensive to change between columns, so read many elements at
		// a time
		in.from, in.loaded = in.at, min(max(1024, arrayBytes/width), in.pixels-in.at)
		for i, a := range in.columns {
			if len(in.chunks) == i {
				in.chunks = append(in.chunks, make([]byte, in.loaded*a.size))
			}
			in.chunks[i] = in.chunks[i][:in.loaded*a.size]
			if err := bounded.ReadFull(in.file, in.chunks[i], a.offset+in.at*a.size); err != nil {
				return err
			}
		}
	}
	in.text, in.ends = in.text[:0], in.ends[:0]
	for i, a := range in.columns {
		at := (in.at - in.from) * a.size
		in.text = a.Column.appendElement(in.text, in.chunks[i][at:at+a.size])
		in.ends = append(in.ends, len(in.text))
	}
	in.cells = cellsOf(in.cells, in.text, in.ends)
	in.at++
	r.Cells, r.Line = in.cells, int(in.at)
	return nil
}

// NewArrayRows reads arrays of the same length element by element.
func NewArrayRows(f bounded.File, columns []array, pixels int64) bounded.Rows {
	return &arrayRows{file: f, columns: columns, pixels: pixels}
}
