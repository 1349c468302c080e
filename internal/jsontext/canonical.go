package jsontext

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

// AppendCanonical appends the canonical form of the value at the head of b, a compact text, and
// returns the text behind the value. Two values are equal when their canonical forms are: keys are
// sorted, escapes resolved, numbers are the nearest float64, whole numbers beyond 2^53 exact. The
// form consists of marks and lengths rather than JSON, since it is only compared and hashed.
func AppendCanonical(dst, b []byte) (out, rest []byte) {
	switch b[0] {
	case '{':
		var few [8]RawMember
		members, rest := SplitObject(few[:0], b)
		slices.SortFunc(members, func(a, b RawMember) int { return bytes.Compare(a.Key, b.Key) })
		dst = append(dst, '{')
		dst = binary.AppendUvarint(dst, uint64(len(members)))
		for _, m := range members {
			dst = appendCanonicalText(dst, m.Key)
			dst, _ = AppendCanonical(dst, m.Value)
		}
		return dst, rest
	case '[':
		dst = append(dst, '[')
		b = b[1:]
		for b[0] != ']' {
			if b[0] == ',' {
				b = b[1:]
			}
			dst, b = AppendCanonical(dst, b)
		}
		return append(dst, ']'), b[1:]
	case '"':
		n := StringLen(b)
		return appendCanonicalText(dst, Unquote(b[:n])), b[n:]
	case 't', 'n':
		return append(dst, b[0]), b[4:]
	case 'f':
		return append(dst, 'F'), b[5:]
	default:
		n := 0
		for n < len(b) && b[n] != ',' && b[n] != '}' && b[n] != ']' {
			n++
		}
		return appendCanonicalNumber(dst, b[:n]), b[n:]
	}
}

func appendCanonicalText(dst, s []byte) []byte {
	dst = binary.AppendUvarint(append(dst, '"'), uint64(len(s)))
	return append(dst, s...)
}

func appendCanonicalNumber(dst, token []byte) []byte {
	digits := bytes.TrimPrefix(token, []byte("-"))
	if len(digits) >= 16 && !bytes.ContainsAny(digits, ".eE") {
		if n, err := strconv.ParseUint(string(digits), 10, 64); err != nil || n > 1<<53 {
			dst = binary.AppendUvarint(append(dst, 'i'), uint64(len(token)))
			return append(dst, token...)
		}
	}
	f, _ := strconv.ParseFloat(string(token), 64)
	if f == 0 {
		f = 0 // not minus zero
	}
	return binary.BigEndian.AppendUint64(append(dst, 'f'), math.Float64bits(f))
}
