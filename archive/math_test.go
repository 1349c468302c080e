package archive

import "math"

// Of angles in degrees.
func sin(x float64) float64  { return math.Sin(x * math.Pi / 180) }
func cos(x float64) float64  { return math.Cos(x * math.Pi / 180) }
func asin(x float64) float64 { return math.Asin(x) * 180 / math.Pi }

func sqrt(x float64) float64 { return math.Sqrt(x) }
func sq(x float64) float64   { return x * x }
