package fits

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// IsMultispec reports whether each line of an image is a spectrum with its own wavelengths, as
// IRAF's MULTISPEC describes them in the cards WAT2_nnn.
func IsMultispec(h *HDU) bool {
	ctype, _ := h.Text("CTYPE1")
	return strings.HasPrefix(strings.ToUpper(ctype), "MULTISPE")
}

// ReadMultispec reads the dispersions of the lines of an image in IRAF's MULTISPEC form: for line n
// the cards WAT2_nnn contain specn = "ap beam dtype w1 dw nw z aplow aphigh functions" (IRAF's help
// page specwcs). An image with one axis has one line. Linear, logarithmic and nonlinear dispersions
// are read, but no sampled arrays. A line without a dispersion, or without wavelengths, is refused.
func ReadMultispec(h *HDU, lines int64, warn func(format string, a ...any)) ([]Dispersion, error) {
	specs := h.specs()
	first := int64(1)
	if lines == 1 {
		first = h.physicalLine()
	}
	shift, _, err := h.number("LTV1")
	if err != nil {
		return nil, err
	}
	scale, there, err := h.number("LTM1_1")
	if err != nil {
		return nil, err
	}
	if !there {
		scale = 1
	}
	if scale == 0 {
		return nil, h.Refuse("LTM1_1", "the scale of IRAF's physical pixels is 0")
	}
	var list []Dispersion
	for line := first; line < first+lines; line++ {
		fields, ok := specs[line]
		if !ok {
			return nil, h.Refuse("WAT2_001",
				"IRAF's MULTISPEC dispersion has no spec"+strconv.FormatInt(line, 10)+" that can be read")
		}
		d, err := h.multispec(fields)
		if err != nil {
			return nil, err
		}
		if d.factor != 0 {
			warn("IRAF's dispersion has a Doppler factor z = %g; the wavelengths are corrected for it", 1/d.factor-1)
		}
		d.physical = func(pixel float64) float64 { return (pixel - shift) / scale }
		list = append(list, d)
	}
	return list, nil
}

// Multispecs counts the lines whose wavelengths IRAF's MULTISPEC describes.
func Multispecs(h *HDU) int { return len(h.specs()) }

// specs returns the fields of each specn in the cards WAT2_nnn.
func (h *HDU) specs() map[int64][]string {
	specs := map[int64][]string{}
	for text := h.longText("WAT2"); ; {
		_, rest, found := strings.Cut(text, "spec")
		number, rest, _ := strings.Cut(rest, "=")
		if !found {
			return specs
		}
		n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 32)
		if err != nil { // as in wtype=multispec
			_, text, _ = strings.Cut(text, "spec")
			continue
		}
		_, rest, opened := strings.Cut(rest, `"`)
		fields, rest, closed := strings.Cut(rest, `"`)
		if !opened || !closed {
			return specs
		}
		specs[n], text = strings.Fields(fields), rest
	}
}

// physicalLine is the line of the original image that an image of one line was. WAXMAP01 has a pair
// of numbers for each original axis; for an axis that was cut out it is 0 and the line, from 0.
func (h *HDU) physicalLine() int64 {
	text, _ := h.Text("WAXMAP01")
	if pairs := strings.Fields(text); len(pairs) >= 4 && pairs[2] == "0" {
		if n, err := strconv.ParseInt(pairs[3], 10, 32); err == nil && n >= 0 {
			return n + 1
		}
	}
	return 1
}

// multispec reads the dispersion of one line.
func (h *HDU) multispec(fields []string) (d Dispersion, err error) {
	refuse := func(reason string) (Dispersion, error) { return d, h.Refuse("WAT2_001", reason) }
	var v []float64
	for _, field := range fields {
		x, ok := instant.ParseDecimal([]byte(field))
		f := 0.0
		if ok {
			f, ok = x.Float()
		}
		if !ok {
			return refuse(problem.Quoted(field) + " is not a number")
		}
		v = append(v, f)
	}
	if len(v) < 7 {
		return refuse("IRAF's MULTISPEC dispersion of a line has less than 7 numbers")
	}
	d.Order, d.Pixels, d.Pixel = int64(v[1]), int64(v[5]), 1
	d.Reference, d.Step = v[3], v[4]
	switch v[2] {
	case 0:
	case 1:
		d.Form = commonLog
	case 2:
		d.Form = nonlinear
		if len(v) < 9 {
			return refuse("a nonlinear dispersion without a function")
		}
		reason := ""
		if d.functions, reason = functionsOf(v[9:]); reason != "" {
			return refuse(reason)
		}
		// w1 is about the wavelength of the first physical pixel
		if w := sumOf(d.functions, 1); !(math.Abs(w-d.Reference) <= 0.05*math.Abs(d.Reference)) {
			return refuse(fmt.Sprintf("the function of a line gives its first pixel a wavelength of %g, but its "+
				"header says about %g", w, d.Reference))
		}
	case -1:
		return refuse("the pixels of a line have no wavelengths: " + notCalibrated)
	default:
		return refuse("a dispersion of an unknown type " + fields[2])
	}
	if d.Form != nonlinear && v[4] == 0 || v[6] <= -1 {
		return refuse("the dispersion of a line is invalid")
	}
	if v[6] != 0 {
		d.factor = 1 / (1 + v[6])
	}
	return d, nil
}

// function is one function of a nonlinear dispersion: its value at a pixel is multiplied by weight
// after zero was added.
type function struct {
	weight, zero float64
	kind         functionKind
	from, to     float64 // the range of physical pixels on which the coefficients were defined
	coefficients []float64
}

type functionKind int

const (
	chebyshev functionKind = iota + 1
	legendre
	cubicSpline
	linearSpline
	pixelArray // the wavelengths of the pixels 1, 2, ...
)

// sumOf is the wavelength of a physical pixel.
func sumOf(functions []function, pixel float64) (sum float64) {
	for _, f := range functions {
		sum += f.weight * (f.zero + f.at(pixel))
	}
	return sum
}

// functionsOf reads functions: "weight zero type parameters coefficients" for each. reason is ""
// unless they cannot be read.
func functionsOf(v []float64) (list []function, reason string) {
	for len(v) > 0 {
		if len(v) < 4 {
			return nil, "the function of a line ends too early"
		}
		f := function{weight: v[0], zero: v[1], kind: functionKind(v[2])}
		n := v[3]
		if v = v[4:]; !(n >= 1) {
			return nil, "the function of a line has no coefficients"
		}
		switch f.kind {
		case chebyshev, legendre:
		case cubicSpline:
			n += 3
		case linearSpline:
			n++
		case pixelArray:
		default:
			return nil, fmt.Sprintf("a nonlinear dispersion of the type %d is not read: Chebyshev and Legendre "+
				"polynomials, splines and arrays of pixels are", int(f.kind))
		}
		if f.kind != pixelArray {
			if len(v) < 2 || !(v[1] > v[0]) {
				return nil, "the function of a line has no range of pixels"
			}
			f.from, f.to = v[0], v[1]
			v = v[2:]
		}
		if n > float64(len(v)) {
			return nil, fmt.Sprintf("the function of a line has %d coefficients where it needs %g", len(v), n)
		}
		f.coefficients, v = v[:int(n)], v[int(n):]
		list = append(list, f)
	}
	if len(list) == 0 {
		return nil, "a nonlinear dispersion without a function"
	}
	return list, ""
}

// at evaluates the function at a physical pixel (specwcs, sections 5.2 to 5.6); NaN if it is not
// defined there.
func (f function) at(pixel float64) float64 {
	c := f.coefficients
	x := (pixel - (f.from+f.to)/2) / ((f.to - f.from) / 2)
	switch f.kind {
	case chebyshev, legendre:
		sum, before, now := 0.0, 0.0, 1.0
		for i := range c {
			switch {
			case i == 1:
				before, now = now, x
			case i > 1 && f.kind == chebyshev:
				before, now = now, 2*x*now-before
			case i > 1:
				n := float64(i)
				before, now = now, ((2*n-1)*x*now-(n-1)*before)/n
			}
			sum += c[i] * now
		}
		return sum
	case pixelArray:
		return interpolate(c, pixel-1)
	case linearSpline:
		return interpolate(c, (pixel-f.from)/(f.to-f.from)*float64(len(c)-1))
	}
	pieces := len(c) - 3
	s := (pixel - f.from) / (f.to - f.from) * float64(pieces)
	if !(s >= -1 && s <= float64(pieces)+1) {
		return math.NaN()
	}
	j := min(max(int(math.Floor(s)), 0), pieces-1)
	a, b := float64(j+1)-s, s-float64(j)
	return c[j]*a*a*a + c[j+1]*(1+3*a*(1+a*b)) + c[j+2]*(1+3*b*(1+a*b)) + c[j+3]*b*b*b
}

// interpolate is the value of a list at an index between two whole numbers. A list is continued
// over its ends by at most 1; beyond that its value is NaN.
func interpolate(list []float64, at float64) float64 {
	if len(list) < 2 || !(at >= -1 && at <= float64(len(list))) {
		return math.NaN()
	}
	i := min(max(int(math.Floor(at)), 0), len(list)-2)
	return list[i] + (at-float64(i))*(list[i+1]-list[i])
}

// longText joins the cards NAME_001, NAME_002, ..., which are one long text. Each but the last has
// 68 characters, but FITS drops trailing blanks.
func (h *HDU) longText(name string) string {
	var all strings.Builder
	for i := 1; i <= 999; i++ {
		i, ok := h.index[fmt.Sprintf("%s_%03d", name, i)]
		if !ok {
			break
		}
		if last := all.Len() % 68; last >= 60 {
			all.WriteString(strings.Repeat(" ", 68-last))
		}
		all.WriteString(h.cards[i].value)
	}
	return all.String()
}

// IRAFUnits reads units= from the cards WAT1_001, WAT1_002, ..., which are one long text.
func IRAFUnits(h *HDU) string {
	_, rest, found := strings.Cut(h.longText("WAT1"), "units=")
	if !found {
		return ""
	}
	if strings.HasPrefix(rest, `"`) {
		rest, _, _ = strings.Cut(rest[1:], `"`)
		return strings.TrimSpace(rest)
	}
	rest, _, _ = strings.Cut(rest, " ")
	return rest
}
