package sky

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParseRA reads a right ascension in decimal degrees, or in hours, minutes and seconds (12:34:56.7,
// 12 34 56.7, 12h34m56.7s). It returns degrees.
func ParseRA(s string) (float64, error) {
	deg, sexagesimal, err := parseAngle(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a right ascension", s)
	}
	if sexagesimal {
		deg *= 15
	}
	if deg < 0 || deg >= 360 {
		return 0, fmt.Errorf("right ascension %q is not between 0 and 360 degrees", s)
	}
	return deg, nil
}

// ParseDec reads a declination in decimal degrees, or in degrees, minutes and seconds (-12:34:56.7,
// -12 34 56.7, -12d34m56.7s).
func ParseDec(s string) (float64, error) {
	deg, _, err := parseAngle(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a declination", s)
	}
	if deg < -90 || deg > 90 {
		return 0, fmt.Errorf("declination %q is not between -90 and 90 degrees", s)
	}
	return deg, nil
}

var errAngle = errors.New("not an angle")

// parseAngle reads a decimal number, or three sexagesimal ones, of which the first has the sign
// (even if it is 0).
func parseAngle(s string) (value float64, sexagesimal bool, err error) {
	s = strings.TrimSpace(strings.NewReplacer("−", "-", "°", "d", "′", "m", "″", "s", "'", "m", "\"", "s").Replace(s))
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		if math.IsNaN(f) || math.IsInf(f, 0) || strings.ContainsAny(s, "xX_") {
			return 0, false, errAngle
		}
		return f, false, nil
	}
	sign := 1.0
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		sign, s = -1, rest
	} else {
		s = strings.TrimPrefix(s, "+")
	}
	s = strings.TrimSuffix(strings.ToLower(s), "s")
	parts := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(": hdm\t", r) })
	if len(parts) < 2 || len(parts) > 3 {
		return 0, false, errAngle
	}
	unit := 1.0 // how many of the last part make one of the first
	for i, part := range parts {
		f, err := strconv.ParseFloat(part, 64)
		if err != nil || part[0] < '0' || part[0] > '9' || strings.ContainsAny(part, "eExX_") || i > 0 && f >= 60 ||
			i < len(parts)-1 && f != math.Trunc(f) {
			return 0, false, errAngle
		}
		if value = value*60 + f; i > 0 {
			unit *= 60
		}
	}
	return sign * value / unit, true, nil
}
