package fits

import (
	"math"
	"strconv"
	"strings"

	"nightjar/ingest/units"
	"nightjar/internal/problem"
)

// Dispersion gives the wavelength of a pixel on the first axis of an image.
type Dispersion struct {
	Reference, Pixel, Step float64 // CRVAL1, CRPIX1, CDELT1
	Form                   dispersionForm
	Unit                   string // that CTYPE1 names, as in WAVELENGTH [Ang]; "" for none

	// Of a line of IRAF's MULTISPEC; see iraf.go.
	Order     int64   // the number of its beam, which is the order of an echelle spectrum
	Pixels    int64   // how many pixels are valid; 0 for all
	factor    float64 // on the wavelength, if not 0: 1 / (1 + z)
	physical  func(pixel float64) float64
	functions []function // of a nonlinear dispersion
}

type dispersionForm uint8

const (
	linear     dispersionForm = iota
	commonLog                 // IRAF's DC-FLAG = 1: the logarithm to base 10 is linear
	NaturalLog                // CTYPE1 = WAVE-LOG or AWAV-LOG (Greisen et al. 2006, section 3.2)
	nonlinear                 // functions of IRAF's MULTISPEC
)

// Wavelength is the wavelength of pixel i, from 0, in the unit of the axis.
func (d Dispersion) Wavelength(i int64) float64 {
	if d.factor != 0 {
		f := d.factor
		d.factor = 0
		return f * d.Wavelength(i)
	}
	pixel := float64(i) + 1
	if d.physical != nil {
		pixel = d.physical(pixel)
	}
	delta := (pixel - d.Pixel) * d.Step
	switch d.Form {
	case nonlinear:
		return sumOf(d.functions, pixel)
	case commonLog:
		return math.Pow(10, d.Reference+delta)
	case NaturalLog:
		return d.Reference * math.Exp(delta/d.Reference)
	}
	return d.Reference + delta
}

// Logarithmic reports whether the wavelengths are computed from their logarithms.
func (d Dispersion) Logarithmic() bool { return d.Form == commonLog || d.Form == NaturalLog }

// ReadDispersion reads the scale of the first axis from the keywords of FITS and IRAF. It warns
// about what it assumes. A scale that is missing, or that counts anything but wavelengths, is
// refused. If [IsMultispec] is true, use [ReadMultispec].
func ReadDispersion(h *HDU, warn func(format string, a ...any)) (d Dispersion, err error) {
	if d.Form, d.Unit, err = dispersionType(h, warn); err != nil {
		return d, err
	}
	var there bool
	if d.Reference, there, err = h.number("CRVAL1"); err != nil {
		return d, err
	}
	step, hasStep, err := h.step(warn)
	if err != nil {
		return d, err
	}
	if !there || !hasStep {
		return d, h.Refuse("", "no wavelength scale: CRVAL1 and CDELT1 or CD1_1 are needed; "+notCalibrated)
	}
	if step == 0 {
		return d, h.Refuse("CDELT1", "the step of the wavelength is 0")
	}
	d.Step = step
	if d.Pixel, there, err = h.number("CRPIX1"); err != nil {
		return d, err
	}
	if !there {
		d.Pixel = 1
		warn("CRPIX1 is missing: 1 is assumed, as in IRAF")
	}
	if first := d.Wavelength(0); d.Form == linear && step == 1 && (first == 0 || first == 1) {
		return d, h.Refuse("CRVAL1", "the axis counts pixels from "+strconv.Itoa(int(first))+": "+notCalibrated)
	}
	return d, nil
}

// notCalibrated ends the refusal of an axis of pixels.
const notCalibrated = "the spectrum has no wavelength calibration"

// step returns the increment from pixel to pixel: CD1_1, or CDELT1 times PC1_1.
func (h *HDU) step(warn func(format string, a ...any)) (step float64, there bool, err error) {
	delta, hasDelta, err := h.number("CDELT1")
	if err != nil {
		return 0, false, err
	}
	cd, hasCD, err := h.number("CD1_1")
	if err != nil {
		return 0, false, err
	}
	if hasCD {
		if hasDelta && math.Abs(cd-delta) > 1e-9*math.Abs(cd) {
			warn("CD1_1 = %g and CDELT1 = %g disagree: CD1_1 is used, as the FITS standard says", cd, delta)
		}
		return cd, true, nil
	}
	pc, hasPC, err := h.number("PC1_1")
	if hasPC {
		delta *= pc
	}
	return delta, hasDelta, err
}

// dispersionType reads CTYPE1 and DC-FLAG. unit is the one that CTYPE1 names, "" for none.
func dispersionType(h *HDU, warn func(format string, a ...any)) (form dispersionForm, unit string, err error) {
	flag, _, err := h.integer("DC-FLAG")
	if err != nil {
		return linear, "", err
	}
	if flag < 0 || flag > 1 {
		return linear, "", h.Refuse("DC-FLAG", "the pixels have no wavelengths: "+notCalibrated)
	}
	ctype, _ := h.Text("CTYPE1")
	switch strings.ToUpper(strings.TrimSpace(ctype)) {
	case "LINEAR":
	case "PIXEL", "PIXELS", "PIX":
		cunit, _ := h.Text("CUNIT1")
		if !isLength(cunit) && !isLength(IRAFUnits(h)) {
			return linear, "", h.Refuse("CTYPE1", "the axis counts pixels: "+notCalibrated)
		}
		warn("CTYPE1 = %s, but the axis has a unit of wavelength: wavelengths are assumed", problem.Clip(ctype))
	case "":
		warn("CTYPE1 is empty: a linear axis of wavelengths is assumed")
	case "WAVE-LOG", "AWAV-LOG":
		form = NaturalLog
	default:
		var ok bool
		if unit, ok = inWords(ctype); !ok {
			return linear, "", h.Refuse("CTYPE1",
				problem.Quoted(ctype)+" is not a linear or logarithmic axis of wavelengths")
		}
	}
	if flag == 1 {
		if form != linear {
			return linear, "", h.Refuse("DC-FLAG", "DC-FLAG = 1 contradicts CTYPE1 = "+problem.Quoted(ctype))
		}
		form = commonLog
	}
	return form, unit, nil
}

// inWords reads a CTYPE1 in free words that call the axis a wavelength, name its unit, or both, as
// WAVELENGTH [Ang], Lambda (A) and nm do.
func inWords(ctype string) (unit string, ok bool) {
	if isLength(ctype) {
		return strings.TrimSpace(ctype), true
	}
	between := func(r rune) bool { return strings.ContainsRune(" \t([])_,:=/", r) }
	words := strings.FieldsFunc(strings.ToLower(ctype), between)
	named := false
	for _, word := range words {
		switch {
		case word == "wave" || word == "awav" || word == "lambda" || word == "lam" || strings.HasPrefix(word, "wavel"):
			named = true
		case word == "in" || word == "air" || word == "vacuum" || word == "vac" || word == "obs" || word == "observed":
		case unit == "" && isLength(word):
			unit = word
		default:
			return "", false
		}
	}
	return unit, named
}

// isLength reports whether a text is a unit of length.
func isLength(text string) bool {
	u, ok := units.Parse(text)
	return ok && u.IsLength()
}
