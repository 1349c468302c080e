package ingest

import (
	"io"
	"slices"

	"nightjar/ingest/table"
	"nightjar/ingest/units"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// wide says how a table that has columns for each band becomes one that has a column filter: each
// row gives one row for each band.
type wide struct {
	bands  []string
	common []int    // columns that belong to no band
	names  []string // of the columns of a band
	byBand [][]int  // for each band its columns, in the order of names; -1 for one that it lacks
	need   []int    // indexes into names of what a band must have: a band without any gives no row
	// limit is the index in names of the limit that a magnitude of WISE without an error becomes;
	// names then begin with magnitude and error. 0 for none.
	limit int
	// flux and fluxError are indexes in names; -1 for none. The others of need are magnitudes.
	flux, fluxError int
}

// apply replaces the table's columns and rows. The columns of a kind become one column with one
// unit, so bands with different units make the table wrong.
func (w *wide) apply(g *grid) {
	var names []string
	var fields []field
	for _, i := range w.common {
		names, fields = append(names, g.First[i]), append(fields, g.field(i))
	}
	names, fields = append(append(names, "filter"), w.names...), append(fields, field{text: true})
	for kind := range w.names {
		of, from := field{}, ""
		for _, columns := range w.byBand {
			i := columns[kind]
			if i < 0 {
				continue
			}
			f := g.field(i)
			if _, unit := cutUnit(g.First[i]); unit != "" {
				f.unit = unit
			}
			if of.unit == "" {
				of, from = f, g.First[i]
			}
			one, _ := units.Spell(of.unit)
			if other, _ := units.Spell(f.unit); f.unit != "" && other != one {
				g.wrong = "the columns " + problem.QuotedList([]string{from, g.First[i]}) + " of two bands are in " +
					"different units, " + one + " and " + other + ": give them one unit"
			}
		}
		fields = append(fields, of)
	}
	var sample [][]string
	for _, cells := range g.Sample {
		in := &wideRows{wide: w, band: len(w.bands), rows: &oneRow{cells: cells}}
		for r := (row{}); in.next(&r) == nil; {
			if r.leftOut == "" {
				sample = append(sample, table.Texts(r.Cells))
			}
		}
	}
	open, width := g.open, len(g.First)
	g.open = func(comment func([]byte)) (rows, error) {
		in, err := open(comment)
		if err != nil {
			return nil, err
		}
		return &wideRows{wide: w, rows: in, width: width, band: len(w.bands)}, nil
	}
	g.First, g.fields, g.Sample = names, fields, sample
}

// oneRow reads a row of a sample.
type oneRow struct {
	cells []string
	read  bool
}

func (o *oneRow) next(r *row) error {
	if o.read {
		return io.EOF
	}
	*r, o.read = row{}, true
	for _, c := range o.cells {
		r.Cells = append(r.Cells, []byte(c))
	}
	return nil
}

// wideRows reads the rows of a wide table.
type wideRows struct {
	*wide
	rows
	width   int // columns of the file; 0 for a sample
	current row
	band    int // the next band of current
	some    bool
	out     [][]byte
}

func (w *wideRows) next(r *row) error {
	for {
		if w.band == len(w.bands) {
			w.band, w.some = 0, false
			if err := w.rows.next(&w.current); err != nil {
				return err
			}
			if w.current.Fit(w.width); w.current.Reason == "" && w.width > 0 && len(w.current.Cells) != w.width {
				w.current.Reason = problem.Plural(len(w.current.Cells), "field") + " where the header has " +
					problem.Plural(w.width, "column")
			}
			if w.current.Reason != "" {
				w.band = len(w.bands)
				*r = w.current
				r.Cells = nil // they are not those of the columns
				return nil
			}
		}
		columns := w.byBand[w.band]
		band := w.bands[w.band]
		w.band++
		if !slices.ContainsFunc(w.need, func(kind int) bool { return w.holds(columns, kind) }) {
			if w.band < len(w.bands) || w.some {
				continue
			}
			*r = w.current
			r.leftOut = "the row has no value in any band"
			r.Cells = make([][]byte, len(w.common)+1+len(w.names))
			return nil
		}
		w.some = true
		*r = w.current
		w.out = w.out[:0]
		for _, i := range w.common {
			w.out = append(w.out, w.cell(i))
		}
		w.out = append(w.out, []byte(band))
		for _, i := range columns {
			w.out = append(w.out, w.cell(i))
		}
		if first := len(w.common) + 1; w.limit > 0 && !w.holds(columns, 1) && w.holds(columns, 0) {
			w.out[first+w.limit], w.out[first] = w.out[first], nil
		}
		r.Cells = w.out
		return nil
	}
}

// holds reports whether a column of a band, given by its index in names, has a value in the current
// row.
func (w *wideRows) holds(columns []int, kind int) bool {
	cell := w.cell(columns[kind])
	if missing(cell) || notAvailable(cell) {
		return false
	}
	if kind == w.flux {
		return w.fluxError < 0 || !sentinelFlux(cell) || !sentinelFlux(w.cell(columns[w.fluxError]))
	}
	d, ok := instant.ParseDecimal(cell)
	return !ok || !sentinel(d)
}

// cell returns a cell of the current row, nil if the row is too short.
func (w *wideRows) cell(i int) []byte {
	if i < 0 || i >= len(w.current.Cells) {
		return nil
	}
	return w.current.Cells[i]
}
