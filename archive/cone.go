package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"nightjar/kv"
)

// A Cone is the part of the sky within Radius degrees of a direction in ICRS degrees.
type Cone struct{ RA, Dec, Radius float64 }

// Targets stand in the order of cones by the zone of their declination, each zoneHeight degrees high, and then by right ascension.
const zoneHeight = 0.5

func zone(dec float64) uint16 {
	return uint16(math.Floor((min(max(dec, -90), 90) + 90) / zoneHeight))
}

// conePlace is zone 2 bytes and right ascension 8 bytes; a float64 that is not negative sorts as its bits do.
func conePlace(ra, dec float64) []byte {
	b := binary.BigEndian.AppendUint16(nil, zone(dec))
	return binary.BigEndian.AppendUint64(b, math.Float64bits(math.Abs(ra)))
}

// in returns the targets in the cone, ascending.
func (c Cone) in(tx *kv.Tx) ([]uint64, error) {
	var found []uint64
	for z := zone(c.Dec - c.Radius); z <= zone(c.Dec+c.Radius); z++ {
		for _, span := range c.spans() {
			from := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint16(nil, z), math.Float64bits(span[0]))
			to := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint16(nil, z), math.Float64bits(span[1])+1)
			for _, id := range tx.Range(orderCone, 0, from, to) {
				t, err := targets.Get(tx, id)
				if err != nil {
					return nil, err
				}
				if t.RA != nil && t.Dec != nil && c.holds(*t.RA, *t.Dec) {
					found = append(found, id)
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// spans are the right ascensions between which the cone lies: all when it holds a pole, two when it crosses 0 h.
func (c Cone) spans() [][2]float64 {
	all := [][2]float64{{0, 360}}
	if math.Abs(c.Dec)+c.Radius >= 90 {
		return all
	}
	// The widest right ascension of a cone: sin(width) = sin(radius) / cos(dec), see e.g. Gray et al. 2004, arXiv:cs/0408031.
	width := math.Asin(min(1, math.Sin(rad(c.Radius))/math.Cos(rad(c.Dec))))*180/math.Pi + 1e-6
	low, high := c.RA-width, c.RA+width
	switch {
	case high-low >= 360:
		return all
	case low < 0:
		return [][2]float64{{0, high}, {low + 360, 360}}
	case high > 360:
		return [][2]float64{{0, high - 360}, {low, 360}}
	}
	return [][2]float64{{low, high}}
}

func rad(degrees float64) float64 { return degrees * math.Pi / 180 }

// holds says whether a direction lies in the cone, its edge included.
func (c Cone) holds(ra, dec float64) bool {
	return separation(c.RA, c.Dec, ra, dec) <= c.Radius+1e-12
}

// separation is the angle between two directions in degrees, by Vincenty's formula, which is good at all angles.
func separation(ra1, dec1, ra2, dec2 float64) float64 {
	if ra1 == ra2 && dec1 == dec2 {
		return 0
	}
	s1, c1 := math.Sincos(rad(dec1))
	s2, c2 := math.Sincos(rad(dec2))
	sd, cd := math.Sincos(rad(ra2 - ra1))
	y := math.Hypot(c2*sd, c1*s2-s1*c2*cd)
	return math.Atan2(y, s1*s2+c1*c2*cd) * 180 / math.Pi
}

// ParseRA reads a right ascension in decimal degrees, or in hours, minutes and seconds (12:34:56.7, 12 34 56.7, 12h34m56.7s), and gives degrees.
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

// ParseDec reads a declination in decimal degrees, or in degrees, minutes and seconds (-12:34:56.7, -12 34 56.7, -12d34m56.7s).
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

// parseAngle reads a decimal number, or three sexagesimal ones of which the first carries the sign, also that of a zero.
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
	unit := 1.0 // how many of the last part are in one of the first
	for i, part := range parts {
		f, err := strconv.ParseFloat(part, 64)
		if err != nil || part[0] < '0' || part[0] > '9' || strings.ContainsAny(part, "eExX_") || i > 0 && f >= 60 || i < len(parts)-1 && f != math.Trunc(f) {
			return 0, false, errAngle
		}
		if value = value*60 + f; i > 0 {
			unit *= 60
		}
	}
	return sign * value / unit, true, nil
}
