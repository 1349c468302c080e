package ingest

import (
	"cmp"
	"math"
	"slices"
)

// maxRuns is how many runs are compared.
const maxRuns = 10_000

// wavelengthRun is a series of pixels in which the wavelengths go in one direction.
type wavelengthRun struct {
	least, most float64
	pixels      int
	row         int  // where it begins
	up          bool // its direction, once it has two pixels
}

// newRun begins a run with one pixel.
func newRun(v float64, row int) wavelengthRun {
	return wavelengthRun{least: v, most: v, pixels: 1, row: row}
}

// wavelengthOrder follows the wavelengths of a spectrum in the order of its pixels.
type wavelengthOrder struct {
	pixels            int
	first, previous   float64
	shortest, longest float64
	rising, falling   bool    // some step rises or falls; both after an equal one
	least, most       float64 // the smallest and the largest step, in size
	equal             int     // steps of 0
	step              float64 // the one before, in size
	uneven            int     // steps of more than twice, or less than half, of the one before

	run  wavelengthRun   // the present one
	runs []wavelengthRun // those before it, up to maxRuns
	row  int             // of the first pixel with the wavelength of the one before; 0 for none
}

// add notes the wavelength of the next pixel.
func (o *wavelengthOrder) add(v float64, row int) {
	o.shortest, o.longest = min(o.shortest, v), max(o.longest, v)
	if o.pixels++; o.pixels == 1 {
		o.shortest, o.first, o.previous, o.run = v, v, v, newRun(v, row)
		return
	}
	step := math.Abs(v - o.previous)
	if o.pixels == 2 {
		o.least = step
	}
	if o.pixels > 2 && (step > 2*o.step || o.step > 2*step) {
		o.uneven++
	}
	o.step = step
	o.least, o.most = min(o.least, step), max(o.most, step)
	up := v > o.previous
	switch {
	case step == 0:
		o.rising, o.falling = true, true
		if o.equal++; o.row == 0 {
			o.row = row
		}
		return
	case o.run.pixels > 1 && up != o.run.up:
		if len(o.runs) < maxRuns {
			o.runs = append(o.runs, o.run)
		}
		o.run = newRun(v, row)
	default:
		o.run.up = up
		o.run.pixels++
		o.run.least, o.run.most = min(o.run.least, v), max(o.run.most, v)
	}
	o.rising, o.falling = o.rising || up, o.falling || !up
	o.previous = v
}

// monotonic reports whether all steps go in one direction.
func (o *wavelengthOrder) monotonic() bool { return !(o.rising && o.falling) }

// several reports whether the wavelengths are those of more than one spectrum, and the row in which
// another begins: many of them occur more than once in a row, or two runs cover the same
// wavelengths, at least by half of the shorter one. Runs of two pixels also occur in a spectrum out
// of order. They count only if most of them cover half of all wavelengths.
//
// Orders that overlap less, and parts in any order, are one spectrum.
func (o *wavelengthOrder) several() (row int, several bool) {
	if o.pixels >= 6 && 3*o.equal >= o.pixels || o.pixels >= 4 && 2*o.equal >= o.pixels {
		return o.row, true
	}
	if len(o.runs) == 0 {
		return 0, false
	}
	runs := append(slices.Clone(o.runs), o.run)
	second := runs[1].row
	long := 3*len(runs) <= o.pixels
	slices.SortFunc(runs, func(a, b wavelengthRun) int { return cmp.Or(cmp.Compare(a.least, b.least), a.row-b.row) })
	least, most, wide := runs[0].least, 0.0, 0
	for _, r := range runs {
		most = max(most, r.most)
	}
	last := runs[0] // the run that ends last so far
	for _, r := range runs[1:] {
		both := min(r.most, last.most) - r.least
		if long && min(r.pixels, last.pixels) > 2 && 2*both >= min(r.most-r.least, last.most-last.least) {
			return max(r.row, last.row), true
		}
		if min(r.pixels, last.pixels) > 1 && 2*both >= most-least {
			wide++
		}
		if r.most > last.most {
			last = r
		}
	}
	return second, wide > 0 && 2*wide >= len(runs)
}

// counts reports whether the wavelengths are the numbers of the pixels, from 0 or 1.
func (o *wavelengthOrder) counts() bool {
	return o.pixels >= 10 && (o.first == 0 || o.first == 1) && o.least == 1 && o.most == 1 && o.monotonic()
}
