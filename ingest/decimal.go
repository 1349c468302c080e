package ingest

import (
	"bytes"
	"math"
	"strconv"
)

const (
	maxNumber   = 128  // the longest number in characters
	maxExponent = 9999 // and the largest exponent of ten
)

// decimal is a number in its own digits: (-1)^neg * whole.fraction * 10^exponent. It shares the memory of the text.
type decimal struct {
	neg      bool
	whole    []byte // digits before the point, maybe none
	fraction []byte // digits after it, maybe none
	exponent int
	point    bool   // a point was written
	marker   bool   // an exponent was written
	text     []byte // all of it
	strict   bool   // text is a number as JSON spells it
}

// parseDecimal reads a number as people write them in tables: an optional sign, digits with at most one point, and an
// exponent after e, E, d or D (Fortran's). ok is false for anything else, and for more than maxNumber characters or an
// exponent beyond maxExponent.
func parseDecimal(text []byte) (d decimal, ok bool) {
	b := text
	if len(b) == 0 || len(b) > maxNumber {
		return d, false
	}
	d.text, d.strict = text, true
	if b[0] == '-' || b[0] == '+' {
		d.neg, d.strict = b[0] == '-', b[0] == '-'
		b = b[1:]
	}
	n := countDigits(b)
	d.whole, b = b[:n], b[n:]
	if len(b) > 0 && b[0] == '.' {
		d.point = true
		n = countDigits(b[1:])
		d.fraction, b = b[1:1+n], b[1+n:]
	}
	if len(d.whole)+len(d.fraction) == 0 {
		return d, false
	}
	if len(d.whole) == 0 || len(d.whole) > 1 && d.whole[0] == '0' || d.point && len(d.fraction) == 0 {
		d.strict = false
	}
	if len(b) == 0 {
		return d, true
	}
	if b[0]|0x20 != 'e' && b[0]|0x20 != 'd' {
		return d, false
	}
	d.marker = true
	d.strict = d.strict && b[0]|0x20 == 'e'
	b = b[1:]
	minus := len(b) > 0 && b[0] == '-'
	if minus || len(b) > 0 && b[0] == '+' {
		b = b[1:]
	}
	if len(b) == 0 || countDigits(b) != len(b) {
		return d, false
	}
	for _, c := range b {
		if d.exponent = d.exponent*10 + int(c-'0'); d.exponent > maxExponent {
			return d, false
		}
	}
	if minus {
		d.exponent = -d.exponent
	}
	return d, true
}

func countDigits(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}

// float is the nearest float64; ok is false when it would be infinite.
func (d decimal) float() (v float64, ok bool) {
	text := d.text
	if d.marker && !d.strict {
		text = d.appendJSON(nil)
	}
	v, _ = strconv.ParseFloat(string(text), 64) // the only error left is the range, which the result tells
	return v, !math.IsInf(v, 0)
}

// finite tells whether the number is within the range of a float64.
func (d decimal) finite() bool {
	if !d.marker && len(d.whole) < 300 {
		return true
	}
	_, ok := d.float()
	return ok
}

// appendJSON writes the number with the digits of the file. What JSON does not allow is respelt with the same value: +1.5
// is 1.5, .5 is 0.5, 1. is 1.0, 007 is 7, 1d3 is 1e3.
func (d decimal) appendJSON(dst []byte) []byte {
	if d.strict {
		return append(dst, d.text...)
	}
	if d.neg {
		dst = append(dst, '-')
	}
	if whole := bytes.TrimLeft(d.whole, "0"); len(whole) > 0 {
		dst = append(dst, whole...)
	} else {
		dst = append(dst, '0')
	}
	if d.point {
		dst = append(dst, '.')
		if len(d.fraction) == 0 {
			dst = append(dst, '0')
		}
		dst = append(dst, d.fraction...)
	}
	if d.marker {
		dst = append(dst, 'e')
		dst = strconv.AppendInt(dst, int64(d.exponent), 10)
	}
	return dst
}

// digits is the number of digits from the first that is not 0 to the last.
func (d decimal) digits() int {
	whole := bytes.TrimLeft(d.whole, "0")
	if len(whole) > 0 {
		return len(whole) + len(d.fraction)
	}
	return len(bytes.TrimLeft(d.fraction, "0"))
}

// zero tells whether the number is 0.
func (d decimal) zero() bool { return d.digits() == 0 }

// micros is the number times unit, rounded to an integer, half to even, in exact integer arithmetic. ok is false when
// the result is beyond about 2^62. unit is at most 10^17.
func (d decimal) micros(unit int64) (n int64, ok bool) {
	count := len(d.whole) + len(d.fraction)
	point := len(d.whole) + d.exponent // digits before the point, once the exponent is applied
	digit := func(i int) int64 {
		switch {
		case i < len(d.whole):
			return int64(d.whole[i] - '0')
		case i < count:
			return int64(d.fraction[i-len(d.whole)] - '0')
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
	// The fraction times unit by long multiplication, from its last digit on: every step makes one decimal of the
	// product and carries the rest. tenths ends as the product's first decimal, below tells of any after it.
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
	if d.neg {
		n = -n
	}
	return n, true
}
