package ingest

import (
	"slices"
	"strings"

	"nightjar/internal/instant"
)

// wideRows makes of each row of a table with columns for each band one row a band.
type wideRows struct {
	rows
	bands   string
	common  []int   // columns that are no band's
	byBand  [][]int // for every band its columns, -1 where it has none
	need    int     // index into byBand[i] of the magnitude: a band without one has no row
	current row
	band    int // of current, the next one to give
	out     [][]byte
}

// widen turns a table whose columns begin with a band's letter (gMeanPSFMag, rMeanPSFMag, ...) into
// one with a column filter.
func (g *grid) widen(bands string) {
	kinds := map[string]int{} // what follows the letter, and in how many bands
	for _, name := range g.First {
		if len(name) > 2 && strings.Contains(bands, strings.ToLower(name[:1])) {
			kinds[fold(name[1:])]++
		}
	}
	w := wideRows{bands: bands, byBand: make([][]int, len(bands)), need: -1}
	var common, names []string
	for i, name := range g.First {
		if len(name) < 3 || kinds[fold(name[1:])] < 2 || !strings.Contains(bands, strings.ToLower(name[:1])) {
			w.common, common = append(w.common, i), append(common, name)
			continue
		}
		at := slices.IndexFunc(names, func(n string) bool { return fold(n) == fold(name[1:]) })
		if at < 0 {
			at, names = len(names), append(names, name[1:])
			for b := range w.byBand {
				w.byBand[b] = append(w.byBand[b], -1)
			}
			if fold(name[1:]) == "meanpsfmag" {
				w.need = at
			}
		}
		w.byBand[strings.Index(bands, strings.ToLower(name[:1]))][at] = i
	}
	if w.need < 0 {
		return
	}
	open := g.open
	g.open = func(comment func([]byte)) (rows, error) {
		in, err := open(comment)
		if err != nil {
			return nil, err
		}
		out := w
		out.rows, out.band = in, len(bands)
		return &out, nil
	}
	g.First = append(append(common, "filter"), names...)
	g.fields, g.Sample = nil, nil
}

func (w *wideRows) next(r *row) error {
	for {
		if w.band == len(w.bands) {
			w.band = 0
			if err := w.rows.next(&w.current); err != nil {
				return err
			}
			if w.current.Reason != "" {
				w.band = len(w.bands)
				*r = w.current
				return nil
			}
		}
		columns := w.byBand[w.band]
		letter := w.bands[w.band : w.band+1]
		w.band++
		at := columns[w.need]
		if at < 0 || at >= len(w.current.Cells) {
			continue
		}
		if d, ok := instant.ParseDecimal(w.current.Cells[at]); missing(w.current.Cells[at]) || ok && sentinel(d) {
			continue
		}
		*r = w.current
		w.out = w.out[:0]
		for _, i := range w.common {
			w.out = append(w.out, w.cell(i))
		}
		w.out = append(w.out, []byte(letter))
		for _, i := range columns {
			w.out = append(w.out, w.cell(i))
		}
		r.Cells = w.out
		return nil
	}
}

// cell is a cell of the row that is widened; nil where the row is too short.
func (w *wideRows) cell(i int) []byte {
	if i < 0 || i >= len(w.current.Cells) {
		return nil
	}
	return w.current.Cells[i]
}
