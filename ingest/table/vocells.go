package table

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/jsontext"
)

// scalar reports whether a cell is one number or one text.
func (c *voField) scalar() bool {
	switch c.datatype {
	case "char", "unicodeChar":
		return !strings.Contains(c.arraysize, "x")
	case "floatComplex", "doubleComplex":
		return false
	}
	return c.arraysize == "" || c.arraysize == "1"
}

// element returns the size in bytes of an element in a stream; 0 for a bit or an unknown type.
func (c *voField) element() int64 {
	switch c.datatype {
	case "boolean", "unsignedByte", "char":
		return 1
	case "short", "unicodeChar":
		return 2
	case "int", "float":
		return 4
	case "long", "double", "floatComplex":
		return 8
	case "doubleComplex":
		return 16
	}
	return 0
}

// binarySize returns how many elements a cell has in a stream; -1 if the stream says so before each
// cell. ok is false for an impossible size.
func (c *voField) binarySize() (n int64, ok bool) {
	if c.element() == 0 && c.datatype != "bit" {
		return 0, false
	}
	if c.arraysize == "" {
		return 1, true
	}
	n = 1
	parts := strings.Split(c.arraysize, "x")
	for i, part := range parts {
		if i == len(parts)-1 && strings.HasSuffix(part, "*") {
			return -1, true
		}
		size, err := strconv.ParseInt(part, 10, 32)
		if n = bounded.Multiply(n, size); err != nil || n < 0 || n > bounded.MaxRowBytes {
			return 0, false
		}
	}
	return n, true
}

// appendBinary writes a cell as text; nothing if it has no value.
func (c *voField) appendBinary(dst, b []byte) []byte {
	if !c.scalar() || len(b) == 0 {
		return dst
	}
	var v int64
	switch c.datatype {
	case "char":
		if i := bytes.IndexByte(b, 0); i >= 0 {
			b = b[:i]
		}
		return append(dst, bounded.Printable(bytes.TrimSpace(b))...)
	case "unicodeChar":
		var text strings.Builder
		for ; len(b) >= 2 && (b[0] != 0 || b[1] != 0); b = b[2:] {
			text.WriteRune(rune(binary.BigEndian.Uint16(b)))
		}
		return append(dst, bounded.Printable([]byte(strings.TrimSpace(text.String())))...)
	case "bit": // alone in a byte, of which astropy does not set the first bit
		if b[0] != 0 {
			return append(dst, '1')
		}
		return append(dst, '0')
	case "boolean":
		switch b[0] {
		case 'T', 't', '1':
			return append(dst, "true"...)
		case 'F', 'f', '0':
			return append(dst, "false"...)
		}
		return dst
	case "float", "double":
		f := 0.0
		if c.datatype == "float" {
			f = float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
		} else {
			f = math.Float64frombits(binary.BigEndian.Uint64(b))
		}
		if f-f != 0 { // NaN means no value
			return dst
		}
		return jsontext.AppendFloat(dst, f)
	case "unsignedByte":
		v = int64(b[0])
	case "short":
		v = int64(int16(binary.BigEndian.Uint16(b)))
	case "int":
		v = int64(int32(binary.BigEndian.Uint32(b)))
	case "long":
		v = int64(binary.BigEndian.Uint64(b))
	default:
		return dst
	}
	if c.hasNull && strconv.FormatInt(v, 10) == c.null {
		return dst
	}
	return strconv.AppendInt(dst, v, 10)
}
