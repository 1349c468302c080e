package ingest

import "math"

// wavelengthOrder follows the wavelengths of a spectrum in the order of its pixels.
type wavelengthOrder struct {
	pixels          int
	first, previous float64
	rising, falling bool    // some step rises or falls; both after an equal one
	least, most     float64 // the smallest and the largest step, in size
	equal           int     // steps of 0

	// A run is a series of pixels in which the wavelengths go in one direction.
	start     float64 // of the run
	run       int     // its pixels so far
	up        bool    // its direction, once it has two pixels
	turns     int     // ends of runs
	restarts  int     // of these, those from which the wavelengths go back over half of the run or more
	restarted int     // the row of the first restart
}

// add notes the wavelength of the next pixel.
func (o *wavelengthOrder) add(v float64, row int) {
	if o.pixels++; o.pixels == 1 {
		o.first, o.previous, o.start, o.run = v, v, v, 1
		return
	}
	step := math.Abs(v - o.previous)
	if o.pixels == 2 {
		o.least = step
	}
	o.least, o.most = min(o.least, step), max(o.most, step)
	up := v > o.previous
	switch {
	case step == 0:
		o.rising, o.falling = true, true
		o.equal++
		o.previous = v
		return
	case o.run > 1 && up != o.up:
		o.turns++
		if o.run >= 3 && step >= math.Abs(o.previous-o.start)/2 {
			if o.restarts++; o.restarts == 1 {
				o.restarted = row
			}
		}
		o.start, o.run = v, 0
	default:
		o.up = up
	}
	o.rising, o.falling = o.rising || up, o.falling || !up
	o.run++
	o.previous = v
}

// monotonic reports whether all steps go in one direction.
func (o *wavelengthOrder) monotonic() bool { return !(o.rising && o.falling) }

// several reports whether the wavelengths are those of more than one spectrum: they start again and
// again after runs of several pixels, or many of them occur more than once in a row.
func (o *wavelengthOrder) several() bool {
	return o.restarts > 0 && 3*o.turns <= o.pixels || o.pixels >= 6 && 3*o.equal >= o.pixels
}

// counts reports whether the wavelengths are the numbers of the pixels, from 0 or 1.
func (o *wavelengthOrder) counts() bool {
	return o.pixels >= 10 && (o.first == 0 || o.first == 1) && o.least == 1 && o.most == 1 && o.monotonic()
}
