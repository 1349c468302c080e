package instant

import "math/big"

// FormatMJD writes a time in microseconds since 1970 as a Modified Julian Date with twelve digits
// after the point, more than enough to tell microseconds apart.
func FormatMJD(micros int64) string {
	f := new(big.Rat).SetFrac64(micros, DayMicros)
	return f.Add(f, big.NewRat(MJDOfUnix, 1)).FloatString(12)
}
