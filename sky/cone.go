package sky

import "math"

// Cone is the part of the sky within Radius degrees of a direction, in ICRS degrees.
type Cone struct{ RA, Dec, Radius float64 }

// Spans returns the ranges of right ascension that contain the cone: all if it contains a pole, two
// if it crosses 0 h.
func (c Cone) Spans() [][2]float64 {
	all := [][2]float64{{0, 360}}
	if math.Abs(c.Dec)+c.Radius >= 90 {
		return all
	}
	// The widest right ascension of a cone: sin(width) = sin(radius) / cos(dec), see e.g. Gray et
	// al. 2004, arXiv:cs/0408031.
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

// Holds reports whether a direction is in the cone or on its edge.
func (c Cone) Holds(ra, dec float64) bool {
	return Separation(c.RA, c.Dec, ra, dec) <= c.Radius+1e-12
}

// Separation returns the angle between two directions in degrees, by Vincenty's formula, which is
// accurate at all angles.
func Separation(ra1, dec1, ra2, dec2 float64) float64 {
	if ra1 == ra2 && dec1 == dec2 {
		return 0
	}
	s1, c1 := math.Sincos(rad(dec1))
	s2, c2 := math.Sincos(rad(dec2))
	sd, cd := math.Sincos(rad(ra2 - ra1))
	y := math.Hypot(c2*sd, c1*s2-s1*c2*cd)
	return math.Atan2(y, s1*s2+c1*c2*cd) * 180 / math.Pi
}
