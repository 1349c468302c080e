package bounded

import (
	"math"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// ASCII replaces characters that are not printable ASCII. FITS forbids them, but some files have
// them.
func ASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// Printable replaces control characters and text that is not UTF-8. FITS allows only ASCII, but
// people's names are found in UTF-8.
func Printable(b []byte) string {
	if !utf8.Valid(b) {
		return ASCII(string(b))
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, string(b))
}

// Multiply returns the product of two numbers that are not negative; -1 if it overflows an int64 or
// one of them is negative.
func Multiply(a, b int64) int64 {
	if a < 0 || b < 0 {
		return -1
	}
	high, low := bits.Mul64(uint64(a), uint64(b))
	if high != 0 || low > math.MaxInt64 {
		return -1
	}
	return int64(low)
}
