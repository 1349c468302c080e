package ingest

import (
	"encoding/binary"
	"io"

	"nightjar/ingest/bounded"
	"nightjar/internal/problem"
)

// spectra lists the spectra of a table: one for each row when its columns hold arrays, else one of
// all rows; none when the table cannot be a spectrum. grid makes the table of one of them: with
// many columns and rows they would not fit in memory together.
func (t *fitsTable) spectra(f bounded.File,
	get func(string) (string, bool)) (list []int64, grid func(row int64) (*grid, error), err error) {
	arrays := 0
	for i := range t.columns {
		if c := &t.columns[i]; !t.ascii && c.number() && (c.repeat > 1 || c.form == 'P' || c.form == 'Q') {
			arrays++
		}
	}
	if arrays < 2 {
		g := t.grid(f, get)
		g.addKeys(get)
		g.notes = nil
		if err := g.look(); err != nil {
			return nil, nil, err
		}
		return []int64{0}, oneGrid(g), nil
	}
	for row := int64(0); row < t.rows; row++ {
		if row == bounded.MaxSpectra {
			return nil, nil, t.refuse("NAXIS2", "more than a thousand rows of arrays")
		}
		g, err := t.arrays(f, row)
		if err != nil {
			return nil, nil, err
		}
		if g != nil {
			list = append(list, row)
		}
	}
	return list, t.rowGrid(f, get), nil
}

// oneGrid gives a table that there is already.
func oneGrid(g *grid) func(int64) (*grid, error) {
	return func(int64) (*grid, error) { return g, nil }
}

// rowGrid makes the tables of rows of arrays.
func (t *fitsTable) rowGrid(f bounded.File, get func(string) (string, bool)) func(int64) (*grid, error) {
	return func(row int64) (*grid, error) {
		g, err := t.arrays(f, row)
		if err == nil && g == nil {
			err = t.refuse("", "the file has changed while it was read")
		}
		if err == nil {
			g.addKeys(get)
		}
		return g, err
	}
}

// addKeys looks up what a spectrum needs of the file's keywords.
func (g *grid) addKeys(get func(string) (string, bool)) {
	g.keys = textKeys{}
	keys := append([]string{"TIMESYS", "FACILITY", "ORIGIN", "BUNIT", "WUNIT", "FUNIT", "AIRORVAC", "VACUUM"}, clockKeys...)
	for _, k := range dateKeys {
		keys = append(keys, k.key)
	}
	for _, key := range keys {
		if text, ok := get(key); ok {
			g.keys[key] = text
		}
	}
}

// arrayBytes is how much is read of the arrays of a row at a time, as far as that is some pixels.
const arrayBytes = 8 << 20

// array is where the elements of one cell stand.
type array struct {
	column *fitsColumn
	offset int64 // in the file
	size   int64 // bytes of one
}

// arrays makes a table of a row's arrays: those as long as the longest. nil when the row has none.
func (t *fitsTable) arrays(f bounded.File, row int64) (*grid, error) {
	var all []array
	var counts []int64
	pixels := int64(0)
	for i := range t.columns {
		c := &t.columns[i]
		if !c.number() {
			continue
		}
		a := array{column: c, offset: t.data + row*t.width + c.start, size: elementSize(c.kind())}
		count := c.repeat
		if c.form == 'P' || c.form == 'Q' {
			var b [16]byte
			err := bounded.ReadFull(f, b[:min(c.width, 16)], a.offset)
			if err == nil {
				count, err = t.descriptor(b[:min(c.width, 16)], &a)
			}
			if err != nil {
				return nil, err
			}
		}
		if count > 1 {
			all, counts, pixels = append(all, a), append(counts, count), max(pixels, count)
		}
	}
	if pixels > bounded.MaxPixels {
		return nil, t.refuse("NAXIS1", "a spectrum of too many pixels")
	}
	g := &grid{format: "FITS table of arrays", hdu: t.hdu, numbered: true}
	var used []array
	for i, a := range all {
		if counts[i] != pixels {
			g.notes = append(g.notes, "column "+problem.Clip(a.column.name)+" is shorter than others and left out")
			continue
		}
		used = append(used, a)
		g.first = append(g.first, a.column.name)
		g.fields = append(g.fields, field{unit: a.column.unit, ucd: a.column.ucd})
	}
	if len(used) == 0 {
		return nil, nil
	}
	g.open = func(func([]byte)) (rows, error) { return &arrayRows{file: f, columns: used, pixels: pixels}, nil }
	return g, nil
}

// descriptor reads where an array of variable length stands, and checks that it lies within the heap.
func (t *fitsTable) descriptor(b []byte, a *array) (count int64, err error) {
	if len(b) != 8 && len(b) != 16 {
		return 0, nil
	}
	var offset int64
	if a.column.form == 'P' {
		count, offset = int64(int32(binary.BigEndian.Uint32(b))), int64(int32(binary.BigEndian.Uint32(b[4:])))
	} else {
		count, offset = int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))
	}
	size := bounded.Multiply(count, a.size)
	if size < 0 || offset < 0 || offset > t.heapLen || size > t.heapLen-offset {
		return 0, t.refuse(a.column.name, "an array is not within the heap")
	}
	a.offset = t.heap + offset
	return count, nil
}

// arrayRows gives the arrays of one row of a table element by element.
type arrayRows struct {
	file    bounded.File
	columns []array
	pixels  int64
	at      int64
	loaded  int64    // elements that are in the chunks
	from    int64    // the first of them
	chunks  [][]byte // of each column
	text    []byte
	ends    []int
	cells   [][]byte
}

func (in *arrayRows) next(r *row) error {
	*r = row{}
	if in.at == in.pixels {
		return io.EOF
	}
	if in.at == in.from+in.loaded {
		width := int64(0)
		for _, a := range in.columns {
			width += a.size
		}
		// much at a time, as in a compressed file it costs a lot to go from column to column
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
	in.text, in.ends, in.cells = in.text[:0], in.ends[:0], in.cells[:0]
	for i, a := range in.columns {
		at := (in.at - in.from) * a.size
		in.text = a.column.appendElement(in.text, in.chunks[i][at:at+a.size])
		in.ends = append(in.ends, len(in.text))
	}
	start := 0
	for _, end := range in.ends {
		in.cells = append(in.cells, in.text[start:end:end])
		start = end
	}
	in.at++
	r.cells, r.line = in.cells, int(in.at)
	return nil
}
