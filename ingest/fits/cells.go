package fits

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
)

// appendElement writes an element of a column as text; nothing if it has no value. A float has the
// fewest digits that give the same float64.
func (c *Column) appendElement(dst, b []byte) []byte {
	var v int64
	switch c.kind() {
	case 'A':
		if i := bytes.IndexByte(b, 0); i >= 0 {
			b = b[:i]
		}
		return append(dst, bounded.Printable(bytes.Trim(b, " "))...)
	case 'L':
		switch b[0] {
		case 'T':
			return append(dst, "true"...)
		case 'F':
			return append(dst, "false"...)
		}
		return dst
	case 'E':
		return c.appendFloat(dst, float64(math.Float32frombits(binary.BigEndian.Uint32(b))))
	case 'D':
		if c.Days {
			return appendDays(dst, math.Float64frombits(binary.BigEndian.Uint64(b)),
				math.Float64frombits(binary.BigEndian.Uint64(b[8:])))
		}
		return c.appendFloat(dst, math.Float64frombits(binary.BigEndian.Uint64(b)))
	case 'B':
		v = int64(b[0])
	case 'I':
		v = int64(int16(binary.BigEndian.Uint16(b)))
	case 'J':
		v = int64(int32(binary.BigEndian.Uint32(b)))
	case 'K':
		v = int64(binary.BigEndian.Uint64(b))
	default:
		return dst
	}
	switch {
	case c.hasNull && strconv.FormatInt(v, 10) == c.null:
		return dst
	case c.unsigned && c.Form == 'K':
		return strconv.AppendUint(dst, uint64(v)+c.offset, 10)
	case c.unsigned:
		return strconv.AppendInt(dst, v+int64(c.offset), 10)
	case c.scaled:
		return c.appendFloat(dst, float64(v))
	}
	return strconv.AppendInt(dst, v, 10)
}

// appendDays writes the sum of two numbers of days, exact to less than a microsecond; nothing if
// one of them is not a number.
func appendDays(dst []byte, a, b float64) []byte {
	x, y := new(big.Rat).SetFloat64(a), new(big.Rat).SetFloat64(b)
	if x == nil || y == nil || math.Abs(a) > 1e7 || math.Abs(b) > 1e7 {
		return dst
	}
	return append(dst, x.Add(x, y).FloatString(13)...)
}

// appendFloat writes a stored number after scaling.
func (c *Column) appendFloat(dst []byte, v float64) []byte {
	if c.scaled {
		v = c.zero + c.scale*v
	}
	if v-v != 0 { // only for an infinite number or NaN
		return dst
	}
	return jsontext.AppendFloat(dst, v)
}

// appendASCII writes a cell of an ASCII table.
func (c *Column) appendASCII(dst, b []byte) []byte {
	text := strings.Trim(bounded.ASCII(string(b)), " ")
	if text == "" || c.hasNull && text == c.null {
		return dst
	}
	if c.Form == 'A' {
		return append(dst, text...)
	}
	d, ok := instant.ParseDecimal([]byte(text))
	if !ok {
		return append(dst, text...) // a reader that needs a number refuses it
	}
	implied := c.digits > 0 && !d.Point && !d.Marker && c.Form != 'I'
	if !c.scaled && !implied {
		return append(dst, text...)
	}
	v, _ := d.Float()
	if implied {
		v /= math.Pow(10, float64(c.digits))
	}
	return c.appendFloat(dst, v)
}
