package instant

import (
	"bytes"
	"math"
	"strconv"
)

const (
	MaxNumber   = 128  // the longest number in characters
	maxExponent = 9999 // the largest exponent of ten
)

// Decimal is a number in its own digits: (-1)^Neg * Whole.Fraction * 10^Exponent. It shares the
// memory of the text.
type Decimal struct {
	Neg      bool
	Whole    []byte // digits before the point, maybe none
	Fraction []byte // digits after the point, maybe none
	Exponent int
	Point    bool   // the text has a point
	Marker   bool   // the text has an exponent
	Text     []byte // the whole text
	Strict   bool   // Text is a number of JSON
}

// ParseDecimal reads a number as people write it in tables: an optional sign, digits with at most
// one point, and an optional exponent after e, E, d or D (as in Fortran). ok is false for anything
// else, for more than MaxNumber characters and for an exponent beyond maxExponent.
func ParseDecimal(text []byte) (d Decimal, ok bool) {
	b := text
	if len(b) == 0 || len(b) > MaxNumber {
		return d, false
	}
	d.Text, d.Strict = text, true
	if b[0] == '-' || b[0] == '+' {
		d.Neg, d.Strict = b[0] == '-', b[0] == '-'
		b = b[1:]
	}
	n := CountDigits(b)
	d.Whole, b = b[:n], b[n:]
	if len(b) > 0 && b[0] == '.' {
		d.Point = true
		n = CountDigits(b[1:])
		d.Fraction, b = b[1:1+n], b[1+n:]
	}
	if len(d.Whole)+len(d.Fraction) == 0 {
		return d, false
	}
	if len(d.Whole) == 0 || len(d.Whole) > 1 && d.Whole[0] == '0' || d.Point && len(d.Fraction) == 0 {
		d.Strict = false
	}
	if len(b) == 0 {
		return d, true
	}
	if b[0]|0x20 != 'e' && b[0]|0x20 != 'd' {
		return d, false
	}
	d.Marker = true
	d.Strict = d.Strict && b[0]|0x20 == 'e'
	b = b[1:]
	minus := len(b) > 0 && b[0] == '-'
	if minus || len(b) > 0 && b[0] == '+' {
		b = b[1:]
	}
	if len(b) == 0 || CountDigits(b) != len(b) {
		return d, false
	}
	for _, c := range b {
		if d.Exponent = d.Exponent*10 + int(c-'0'); d.Exponent > maxExponent {
			return d, false
		}
	}
	if minus {
		d.Exponent = -d.Exponent
	}
	return d, true
}

// CountDigits returns the number of digits at the head of a text.
func CountDigits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}

// Float returns the nearest float64; ok is false if it is infinite.
func (d Decimal) Float() (v float64, ok bool) {
	text := d.Text
	if d.Marker && !d.Strict {
		text = d.AppendJSON(nil)
	}
	v, _ = strconv.ParseFloat(string(text), 64) // the only possible error is the range, which the result shows
	return v, !math.IsInf(v, 0)
}

// Finite reports whether the number is within the range of a float64.
func (d Decimal) Finite() bool {
	if !d.Marker && len(d.Whole) < 300 {
		return true
	}
	_, ok := d.Float()
	return ok
}

// AppendJSON writes the number with its digits. Spellings that JSON does not allow are changed:
// +1.5 to 1.5, .5 to 0.5, 1. to 1.0, 007 to 7, 1d3 to 1e3.
func (d Decimal) AppendJSON(dst []byte) []byte {
	if d.Strict {
		return append(dst, d.Text...)
	}
	if d.Neg {
		dst = append(dst, '-')
	}
	if whole := bytes.TrimLeft(d.Whole, "0"); len(whole) > 0 {
		dst = append(dst, whole...)
	} else {
		dst = append(dst, '0')
	}
	if d.Point {
		dst = append(dst, '.')
		if len(d.Fraction) == 0 {
			dst = append(dst, '0')
		}
		dst = append(dst, d.Fraction...)
	}
	if d.Marker {
		dst = append(dst, 'e')
		dst = strconv.AppendInt(dst, int64(d.Exponent), 10)
	}
	return dst
}

// Digits is the number of digits from the first that is not 0 to the last.
func (d Decimal) Digits() int {
	whole := bytes.TrimLeft(d.Whole, "0")
	if len(whole) > 0 {
		return len(whole) + len(d.Fraction)
	}
	return len(bytes.TrimLeft(d.Fraction, "0"))
}

// Zero reports whether the number is 0.
func (d Decimal) Zero() bool { return d.Digits() == 0 }

// Micros returns the number times unit, rounded to an integer, half to even, in exact integer
// arithmetic. unit is at most 10^17. ok is false if the result is beyond about 2^62.
func (d Decimal) Micros(unit int64) (n int64, ok bool) {
	count := len(d.Whole) + len(d.Fraction)
	point := len(d.Whole) + d.Exponent // digits before the point, with the exponent applied
	digit := func(i int) int64 {
		switch {
		case i < len(d.Whole):
			return int64(d.Whole[i] - '0')
		case i < count:
			return int64(d.Fraction[i-len(d.Whole)] - '0')
		}
		return 0
	}
	var whole int64
	for i := range max(point, 0) {
		if whole > (1<<62/unit-9)/10 {
			return 0, false
		}
		whole = whole*10 + digit(i)
	}
	// Multiply the fraction by unit, from its last digit on: each step makes one decimal of the
	// product and carries the rest. In the end tenths is the first decimal of the product, and
	// below tells whether there are others.
	var carry, tenths int64
	below := false
	for i := count - 1; i >= max(point, 0); i-- {
		below = below || tenths != 0
		carry += digit(i) * unit
		carry, tenths = carry/10, carry%10
	}
	for i := point; i < 0 && (carry != 0 || tenths != 0); i++ { // zeros between the point and the first digit
		below = below || tenths != 0
		carry, tenths = carry/10, carry%10
	}
	n = whole*unit + carry
	if tenths > 5 || tenths == 5 && (below || n&1 == 1) {
		n++
	}
	if d.Neg {
		n = -n
	}
	return n, true
}
