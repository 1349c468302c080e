package fits

import (
	"fmt"
	"math"
	"strings"

	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// Dispersion gives the wavelength of a pixel on the first axis of an image.
type Dispersion struct {
	Reference, Pixel, Step float64 // CRVAL1, CRPIX1, CDELT1
	Form                   dispersionForm
	factor                 float64 // on the wavelength, if not 0: IRAF's 1 / (1 + z)
}

type dispersionForm uint8

const (
	linear     dispersionForm = iota
	commonLog                 // IRAF's DC-FLAG = 1: the logarithm to base 10 is linear
	NaturalLog                // CTYPE1 = WAVE-LOG or AWAV-LOG (Greisen et al. 2006, section 3.2)
)

// Wavelength is the wavelength of pixel i, from 0, in the unit of the axis.
func (d Dispersion) Wavelength(i int64) float64 {
	if d.factor != 0 {
		f := d.factor
		d.factor = 0
		return f * d.Wavelength(i)
	}
	delta := (float64(i) + 1 - d.Pixel) * d.Step
	switch d.Form {
	case commonLog:
		return math.Pow(10, d.Reference+delta)
	case NaturalLog:
		return d.Reference * math.Exp(delta/d.Reference)
	}
	return d.Reference + delta
}

// ReadDispersion reads the scale of the first axis from the keywords of FITS and IRAF. It warns
// about what it assumes. A scale that is missing or not one of wavelengths is refused.
func ReadDispersion(h *HDU, warn func(format string, a ...any)) (d Dispersion, err error) {
	if ctype, _ := h.Text("CTYPE1"); strings.EqualFold(ctype, "MULTISPE") {
		return multispec(h, warn)
	}
	if d.Form, err = dispersionType(h, warn); err != nil {
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
		return d, h.Refuse("", "no wavelength scale: CRVAL1 and CDELT1 or CD1_1 are needed")
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
	return d, nil
}

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

// dispersionType reads CTYPE1 and DC-FLAG.
func dispersionType(h *HDU, warn func(format string, a ...any)) (dispersionForm, error) {
	flag, _, err := h.integer("DC-FLAG")
	if err != nil {
		return linear, err
	}
	if flag < 0 || flag > 1 {
		return linear, h.Refuse("DC-FLAG", "the pixels have no wavelengths: no linear or logarithmic dispersion")
	}
	ctype, _ := h.Text("CTYPE1")
	form := linear
	switch strings.ToUpper(ctype) {
	case "WAVE", "AWAV", "LAMBDA", "WAVELENGTH", "LINEAR", "PIXEL":
	case "":
		warn("CTYPE1 is empty: a linear axis of wavelengths is assumed")
	case "WAVE-LOG", "AWAV-LOG":
		form = NaturalLog
	default:
		return linear, h.Refuse("CTYPE1", problem.Quoted(ctype)+" is not a linear or logarithmic axis of wavelengths")
	}
	if flag == 1 {
		if form != linear {
			return linear, h.Refuse("DC-FLAG", "DC-FLAG = 1 contradicts CTYPE1 = "+problem.Quoted(ctype))
		}
		form = commonLog
	}
	return form, nil
}

// multispec reads the dispersion of the first aperture in IRAF's MULTISPEC form, if it is linear or
// logarithmic: WAT2_nnn contains spec1 = "ap beam dtype w1 dw nw z aplow aphigh ..." (IRAF's
// specwcs help page).
func multispec(h *HDU, warn func(format string, a ...any)) (d Dispersion, err error) {
	text := h.longText("WAT2")
	_, text, found := strings.Cut(text, "spec1")
	_, text, quotedText := strings.Cut(text, `"`)
	text, _, closed := strings.Cut(text, `"`)
	fields := strings.Fields(text)
	if !found || !quotedText || !closed || len(fields) < 7 {
		return d, h.Refuse("WAT2_001", "IRAF's MULTISPEC dispersion has no aperture that can be read")
	}
	var v [7]float64
	for i := range v {
		x, ok := instant.ParseDecimal([]byte(fields[i]))
		if ok {
			v[i], ok = x.Float()
		}
		if !ok {
			return d, h.Refuse("WAT2_001", problem.Quoted(fields[i])+" is not a number")
		}
	}
	switch v[2] {
	case 0:
	case 1:
		d.Form = commonLog
	default:
		return d, h.Refuse("WAT2_001", "only linear and logarithmic dispersions of IRAF's MULTISPEC are read")
	}
	if v[4] == 0 || v[6] <= -1 {
		return d, h.Refuse("WAT2_001", "the dispersion of the aperture is invalid")
	}
	d.Reference, d.Step, d.Pixel = v[3], v[4], 1
	if v[6] != 0 {
		d.factor = 1 / (1 + v[6])
		warn("IRAF's dispersion has a Doppler factor z = %g; the wavelengths are corrected for it", v[6])
	}
	return d, nil
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
