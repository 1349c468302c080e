package ingest

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/units"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// WavelengthUnits are the units into which wavelengths can be converted, as astropy.units spells
// them. They are powers of ten of each other, so that a conversion moves the decimal point and
// changes no digit.
var WavelengthUnits = units.Lengths

// WavelengthUnit returns astropy's name of a unit of length that is spelled as people do, such as
// A, Angstroms, nanometer or micron. ok is false if it is none of [WavelengthUnits].
func WavelengthUnit(text string) (name string, ok bool) {
	u, ok := units.Parse(text)
	if !ok || !u.IsLength() {
		return "", false
	}
	return u.String(), true
}

// AppendWavelength converts a wavelength, a JSON number, from one of [WavelengthUnits] to another.
// It moves the decimal point, or changes the exponent if there is one: 6562.80 Angstrom are 656.280
// nm. If the number is longer than MaxNumber, ok is false and dst is returned unchanged.
func AppendWavelength(dst, number []byte, from, to string) (out []byte, ok bool) {
	d, ok := instant.ParseDecimal(number)
	if !ok || !slices.Contains(units.Lengths, from) || !slices.Contains(units.Lengths, to) {
		return dst, false
	}
	power := units.LengthPowers[from] - units.LengthPowers[to]
	if power == 0 {
		return append(dst, number...), true
	}
	if d.Neg {
		dst = append(dst, '-')
	}
	if d.Marker {
		dst = append(dst, d.Whole...)
		if d.Point {
			dst = append(append(dst, '.'), d.Fraction...)
		}
		return strconv.AppendInt(append(dst, 'e'), int64(d.Exponent+power), 10), true
	}
	digits := slices.Concat(d.Whole, d.Fraction)
	point := len(d.Whole) + power // digits before the point
	if point <= 0 {
		dst = append(append(dst, '0', '.'), bytes.Repeat([]byte{'0'}, -point)...)
		return append(dst, digits...), true
	}
	if more := point - len(digits); more > 0 {
		digits = append(digits, bytes.Repeat([]byte{'0'}, more)...)
	}
	if whole := bytes.TrimLeft(digits[:point], "0"); len(whole) > 0 {
		dst = append(dst, whole...)
	} else {
		dst = append(dst, '0')
	}
	if point < len(digits) {
		dst = append(append(dst, '.'), digits[point:]...)
	}
	return dst, true
}

// A TOM's units of a spectrum, in its spelling. They are assumed, with a warning, if a file gives
// none.
const (
	defaultFluxUnit       = "erg / (Angstrom s cm2)"
	defaultWavelengthUnit = "Angstrom"
)

// isLogarithm reports whether a unit says that the numbers are logarithms, as log10(Angstrom) and
// dex(Angstrom) do, or log A.
func isLogarithm(unit string) bool {
	unit = strings.ToLower(strings.TrimSpace(unit))
	return strings.HasPrefix(unit, "log") || strings.HasPrefix(unit, "dex") || unit == "ln" ||
		strings.HasPrefix(unit, "ln(") || strings.HasPrefix(unit, "ln ")
}

// wavelengthUnit spells a unit of wavelength as astropy does. A unit that is not one of length is
// refused at place; an unknown unit is kept, with a warning.
func wavelengthUnit(text string, n *notes, place bounded.Problem) (string, error) {
	u, known := units.Parse(text)
	switch {
	case !known && isLogarithm(text):
		place.Reason = "the axis is in " + problem.Quoted(text) + ": logarithms of wavelengths are read from a " +
			"table, to base 10, or from an image with DC-FLAG = 1 or CTYPE1 = WAVE-LOG"
		return "", bounded.Refuse(place)
	case !known:
		n.warn("the unit of wavelength %s is unknown and kept as it is", problem.Quoted(text))
		return strings.TrimSpace(text), nil
	case u.String() == "pix":
		place.Reason = problem.Quoted(text) + " is not a unit of wavelength: the spectrum has no wavelength calibration"
		return "", bounded.Refuse(place)
	case !u.IsLength():
		place.Reason = problem.Quoted(text) + " is not a unit of wavelength"
		return "", bounded.Refuse(place)
	}
	return u.String(), nil
}

// fluxUnit spells a unit of flux as astropy does. An unknown unit is kept and a missing one is
// assumed, both with a warning.
func fluxUnit(text string, n *notes) string {
	if strings.TrimSpace(text) == "" {
		n.warn("the file gives no unit of flux: %s is assumed", defaultFluxUnit)
		return defaultFluxUnit
	}
	spelt, known := units.Spell(text)
	if !known {
		n.warn("the unit of flux %s is unknown and kept as it is", problem.Quoted(text))
	}
	return spelt
}
