package fits

import "sync"

// dither returns the offsets that were subtracted from quantized pixels (FITS standard 4.0, section
// 10.2 and appendix I).
type dither struct {
	on    bool
	row   int
	index int
}

var ditherNumbers = sync.OnceValue(func() []float64 {
	out := make([]float64, 10_000)
	seed := int64(1)
	for i := range out {
		seed = seed * 16807 % 2147483647
		out[i] = float64(float32(float64(seed) / 2147483647))
	}
	return out
})

func newDither(kind int, seed, tile int64) *dither {
	if kind == 0 {
		return &dither{}
	}
	row := int(((tile+seed-1)%10_000 + 10_000) % 10_000)
	return &dither{on: true, row: row, index: int(ditherNumbers()[row] * 500)}
}

func (d *dither) next() float64 {
	if !d.on {
		return 0
	}
	v := ditherNumbers()[d.index] - 0.5
	if d.index++; d.index == len(ditherNumbers()) {
		if d.row++; d.row == len(ditherNumbers()) {
			d.row = 0
		}
		d.index = int(ditherNumbers()[d.row] * 500)
	}
	return v
}
