package demo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

const (
	imageWidth = 240    // pixels of each side
	pixelScale = 0.4    // arcseconds per pixel
	zeroPoint  = 25.5   // magnitude of a source of one count
	skyLevel   = 180.0  // counts per pixel
	fullWell   = 32_767 // counts at which a pixel saturates
)

// host is an inclined disc galaxy. The supernova is away from its centre.
func host(x, y float64) float64 {
	const dx, dy, angle, axes, scale = 17, -11, 0.6, 0.45, 13
	x, y = x-dx, y-dy
	a, b := x*math.Cos(angle)+y*math.Sin(angle), y*math.Cos(angle)-x*math.Sin(angle)
	r := math.Hypot(a, b/axes)
	return 900*math.Exp(-r/scale) + 2600*math.Exp(-r*r/12)
}

// coma is the head of a comet, with a tail to the upper left.
func coma(x, y float64) float64 {
	const angle = 2.5
	along, across := x*math.Cos(angle)+y*math.Sin(angle), y*math.Cos(angle)-x*math.Sin(angle)
	f := 9000 / (1 + math.Hypot(x, y))
	if along > 0 {
		width := 3 + along/6
		f += 420 * math.Exp(-along/70) * math.Exp(-across*across/(2*width*width)) * (1 - math.Exp(-along/5))
	}
	return f
}

// picture returns an image of the target among stars. The header has its celestial coordinates
// (FITS standard 4.0, section 8).
func (t *target) picture(r *rand.Rand) []byte {
	const middle, seeing = imageWidth / 2, 1.7 // pixels
	sky := make([]float64, imageWidth*imageWidth)
	star := func(x, y, counts float64) {
		const far = 12
		for j := max(0, int(y)-far); j <= min(imageWidth-1, int(y)+far); j++ {
			for i := max(0, int(x)-far); i <= min(imageWidth-1, int(x)+far); i++ {
				dx, dy := float64(i)-x, float64(j)-y
				sky[j*imageWidth+i] += counts / (2 * math.Pi * seeing * seeing) *
					math.Exp(-(dx*dx+dy*dy)/(2*seeing*seeing))
			}
		}
	}
	for range 90 {
		star(imageWidth*r.Float64(), imageWidth*r.Float64(), 1500*math.Pow(r.Float64(), -1.1))
	}
	if t.kind == "" {
		star(middle, middle, math.Pow(10, 0.4*(zeroPoint-t.mag("r", t.pictured))))
	}
	f := t.fitsFile(t.pictured, 16, imageWidth, imageWidth)
	f.text("FILTER", "r")
	f.card("EXPTIME", "120.0")
	if t.kind == "" {
		for i, axis := range []struct {
			kind       string
			at, degree float64
		}{{"RA---TAN", t.ra, -pixelScale / 3600}, {"DEC--TAN", t.dec, pixelScale / 3600}} {
			n := fmt.Sprint(i + 1)
			f.text("CTYPE"+n, axis.kind)
			f.text("CUNIT"+n, "deg")
			f.card("CRPIX"+n, fmt.Sprintf("%.1f", middle+1.0))
			f.card("CRVAL"+n, fmt.Sprintf("%.6f", axis.at))
			f.card("CDELT"+n, fmt.Sprintf("%.9f", axis.degree))
		}
	}
	f.text("BUNIT", "count")
	var data []byte
	for i, v := range sky {
		v += skyLevel + t.scene(float64(i%imageWidth-middle), float64(i/imageWidth-middle))
		v += math.Sqrt(v) * r.NormFloat64()
		data = binary.BigEndian.AppendUint16(data, uint16(max(0, min(v, fullWell))))
	}
	return f.with(data)
}

// fitsFile builds a FITS file with one image (FITS standard 4.0, sections 3 and 4).
type fitsFile struct{ bytes.Buffer }

// fitsFile begins the file of an image that was taken on a day. bits and axes are those of its
// array.
func (t *target) fitsFile(day float64, bits int, axes ...int) *fitsFile {
	f := new(fitsFile)
	f.card("SIMPLE", "T")
	f.card("BITPIX", fmt.Sprint(bits))
	f.card("NAXIS", fmt.Sprint(len(axes)))
	for i, n := range axes {
		f.card(fmt.Sprintf("NAXIS%d", i+1), fmt.Sprint(n))
	}
	f.text("OBJECT", t.name)
	f.text("TELESCOP", "Mirador 2.2m")
	f.text("FACILITY", "Nightjar demo")
	f.card("MJD-OBS", fmt.Sprintf("%.5f", firstNight+day+timeOfDay))
	return f
}

func (f *fitsFile) card(key, value string) {
	fmt.Fprintf(f, "%-80s", fmt.Sprintf("%-8s= %20s", key, value))
}

func (f *fitsFile) text(key, value string) {
	fmt.Fprintf(f, "%-80s", fmt.Sprintf("%-8s= '%-8s'", key, value))
}

// with returns the file with the data of its array.
func (f *fitsFile) with(data []byte) []byte {
	const block = 2880
	pad := func(with string) { f.WriteString(strings.Repeat(with, (block-f.Len()%block)%block)) }
	fmt.Fprintf(f, "%-80s", "END")
	pad(" ")
	f.Write(data)
	pad("\x00")
	return f.Bytes()
}
