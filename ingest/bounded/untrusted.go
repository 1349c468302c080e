package bounded

import (
	"math"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// ASCII replaces what is not printable ASCII, which FITS does not allow but some files hold.
func ASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// Printable replaces control characters, and what is no UTF-8: the standard allows only ASCII, but
// names of people are found.
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

// Multiply is the product of two numbers that are 0 or more, -1 when it is beyond an int64 or one
// of them is -1.
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
