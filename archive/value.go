package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"nightjar/ingest"
	"nightjar/internal/jsontext"
)

// A datum's value is kept as the JSON text that was given, without insignificant white space
// (jsontext.Compact): keys, their order and the digits of numbers are not touched.

// Canonical form: two values are the same when their canonical forms are. Keys are sorted, escapes
// resolved, numbers are the nearest float64, whole numbers beyond 2^53 exact. It is made of marks
// and lengths rather than of JSON, since it is only ever compared and hashed.

// canonical appends the canonical form of a compact value.
func canonical(dst, value []byte) []byte {
	dst, _ = canonicalValue(dst, value)
	return dst
}

// canonicalValue appends the form of the value at the head of b, and returns what follows the
// value. b must have gone through jsontext.Compact.
func canonicalValue(dst, b []byte) (out, rest []byte) {
	switch b[0] {
	case '{':
		var few [8]jsontext.RawMember
		members, rest := jsontext.SplitObject(few[:0], b)
		slices.SortFunc(members, func(a, b jsontext.RawMember) int { return bytes.Compare(a.Key, b.Key) })
		dst = append(dst, '{')
		dst = binary.AppendUvarint(dst, uint64(len(members)))
		for _, m := range members {
			dst = canonicalText(dst, m.Key)
			dst, _ = canonicalValue(dst, m.Value)
		}
		return dst, rest
	case '[':
		dst = append(dst, '[')
		b = b[1:]
		for b[0] != ']' {
			if b[0] == ',' {
				b = b[1:]
			}
			dst, b = canonicalValue(dst, b)
		}
		return append(dst, ']'), b[1:]
	case '"':
		n := jsontext.StringLen(b)
		return canonicalText(dst, jsontext.Unquote(b[:n])), b[n:]
	case 't', 'n':
		return append(dst, b[0]), b[4:]
	case 'f':
		return append(dst, 'F'), b[5:]
	default:
		n := 0
		for n < len(b) && b[n] != ',' && b[n] != '}' && b[n] != ']' {
			n++
		}
		return canonicalNumber(dst, b[:n]), b[n:]
	}
}

func canonicalText(dst, s []byte) []byte {
	dst = binary.AppendUvarint(append(dst, '"'), uint64(len(s)))
	return append(dst, s...)
}

func canonicalNumber(dst, token []byte) []byte {
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

// seriesPosition is what the value contributes to the datum's position in a series: the first 4
// bytes of the SHA-256 of its identity form, computed once. The time of an undated datum is only
// that of its upload.
func (d *Datum) seriesPosition() (hash uint32, undated bool) {
	form, undated := d.identityForm()
	if d.hash == 0 {
		h := sha256.Sum256(form)
		d.hash = binary.BigEndian.Uint32(h[:])
	}
	return d.hash, undated
}

// identityForm is the canonical form of what distinguishes the datum from others of its target,
// type and time, and, of an undated one, from others of its target and type.
func (d *Datum) identityForm() (form []byte, undated bool) {
	if d.form == nil {
		d.form, d.undated = identityForm(d.scratch[:0], d.Value)
		d.scratch = d.form
	}
	return d.form, d.undated
}

// identityForm appends the form to dst.
func identityForm(dst, value []byte) (form []byte, undated bool) {
	if len(value) > 0 && value[0] == '{' && bytes.Contains(value, []byte(ingest.TimeOrigin)) {
		members, _ := jsontext.SplitObject(nil, value)
		if slices.ContainsFunc(members, func(m jsontext.RawMember) bool {
			return string(m.Key) == ingest.TimeOrigin && string(m.Value) == `"upload"`
		}) {
			form := append(dst, 'u')
			for _, key := range []string{"flux", "wavelength"} {
				for _, m := range members {
					if string(m.Key) == key {
						form, _ = canonicalValue(append(form, key[0]), m.Value)
					}
				}
			}
			return form, true
		}
	}
	return canonical(slices.Grow(dst, len(value)+32), value), false
}
