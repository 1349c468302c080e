package ingest

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
)

// TestSeveralSpectraWithoutAColumn: spectra one after the other, or row by row, are not stored as
// one; orders and parts that overlap little, and pixels out of order, are.
func TestSeveralSpectraWithoutAColumn(t *testing.T) {
	grid := func(from, step float64, n int) (list []float64) {
		for i := range n {
			list = append(list, from+float64(i)*step)
		}
		return list
	}
	falling := func(list []float64) []float64 {
		list = slices.Clone(list)
		slices.Reverse(list)
		return list
	}
	jitter := grid(4000, 2, 60)
	for i := 1; i+1 < len(jitter); i += 2 {
		jitter[i], jitter[i+1] = jitter[i+1], jitter[i]
	}
	noisy := grid(4000, 2, 300)
	r := rand.New(rand.NewSource(1))
	for i := range noisy {
		noisy[i] += r.Float64() * 3
	}
	shuffled := grid(4000, 2, 200)
	r.Shuffle(len(shuffled), func(i, k int) { shuffled[i], shuffled[k] = shuffled[k], shuffled[i] })
	for name, c := range map[string]struct {
		wavelengths []float64
		line        int // where another spectrum begins; 0 if there is one
	}{
		"two of two pixels":              {[]float64{400, 500, 400, 500}, 4},
		"two of two pixels, other grids": {[]float64{400, 500, 401, 501}, 4},
		"two of two pixels, falling":     {[]float64{500, 400, 501, 401}, 4},
		"many of two pixels": {slices.Concat([]float64{400, 500, 402, 500, 401, 503, 400, 500},
			[]float64{400, 500, 410, 500}), 4},
		"rows in turns":                  {[]float64{400, 400, 500, 500}, 3},
		"rising and falling":             {slices.Concat(grid(400, 5, 20), falling(grid(402, 5, 20))), 23},
		"a part again":                   {slices.Concat(grid(4000, 10, 30), grid(4200, 10, 10)), 32},
		"a part before all":              {slices.Concat(grid(4200, 10, 10), grid(4000, 10, 30)), 12},
		"three of one range, falling":    {slices.Concat(falling(grid(400, 5, 9)), falling(grid(401, 5, 9))), 11},
		"a whole one behind two parts":   {slices.Concat(grid(3, 1, 9), grid(11, 1, 9), grid(2, 1, 20)), 20},
		"one":                            {grid(400, 1, 20), 0},
		"orders that overlap":            {slices.Concat(grid(400, 1, 20), grid(412, 1, 20), grid(425, 1, 20)), 0},
		"orders from the longest":        {slices.Concat(grid(425, 1, 20), grid(412, 1, 20), grid(400, 1, 20)), 0},
		"falling orders":                 {slices.Concat(falling(grid(425, 1, 20)), falling(grid(412, 1, 20))), 0},
		"the red part first":             {slices.Concat(grid(5500, 10, 50), grid(3000, 10, 251)), 0},
		"a wavelength twice at a joint":  {slices.Concat(grid(400, 1, 20), grid(419, 1, 20)), 0},
		"neighbours exchanged":           {jitter, 0},
		"noise on the wavelengths":       {noisy, 0},
		"pixels in no order":             {shuffled, 0},
		"three pixels, the last between": {[]float64{400, 500, 450}, 0},
	} {
		var text strings.Builder
		text.WriteString("wavelength (nm),flux\n")
		for _, v := range c.wavelengths {
			fmt.Fprintf(&text, "%.3f,1\n", v)
		}
		points, report, err := process("spectroscopy", "s.csv", []byte(text.String()), Options{})
		want := fmt.Sprintf("line %d, column wavelength (nm): the wavelengths start again", c.line)
		switch {
		case c.line > 0 && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %s", name, err, want)
		case c.line == 0 && (err != nil || len(points) != 1):
			t.Errorf("%s: %v, %d points", name, err, len(points))
		case c.line == 0 && name != "one" &&
			!strings.Contains(strings.Join(report.Warnings, "\n"), "neither rise nor fall throughout"):
			t.Errorf("%s: %q", name, report.Warnings)
		}
	}
}
