package kv

import (
	"encoding/binary"
	"errors"
	"strings"
)

// A Value is the value of a dimension. Its form delimits itself and sorts as the value does; [Int]
// and [Text] make it.
type Value string

// Int makes the value of an integer dimension, such as the id of a record: its length in bytes, and
// the bytes, big-endian without leading zeros.
func Int(n uint64) Value {
	var b [9]byte
	binary.BigEndian.PutUint64(b[1:], n)
	i := 1
	for i < 9 && b[i] == 0 {
		i++
	}
	b[i-1] = byte(9 - i)
	return Value(b[i-1:])
}

// Int returns the number from which Int made the value.
func (v Value) Int() uint64 {
	var n uint64
	for i := 1; i < len(v); i++ {
		n = n<<8 | uint64(v[i])
	}
	return n
}

// Text makes the value of a text dimension: the bytes with 0x00 written as 0x00 0x01, and 0x00 0x00
// at the end.
func Text(s string) Value {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\x00\x01")
	}
	return Value(s + "\x00\x00")
}

// Text returns the text from which Text made the value.
func (v Value) Text() string {
	s := strings.TrimSuffix(string(v), "\x00\x00")
	return strings.ReplaceAll(s, "\x00\x01", "\x00")
}

// splitInt and splitText cut a value made by Int or Text off the front of b.
func splitInt(b []byte) (v, rest []byte, err error) {
	if len(b) == 0 || b[0] > 8 || len(b) < 1+int(b[0]) {
		return nil, nil, errValue
	}
	n := 1 + int(b[0])
	return b[:n], b[n:], nil
}

func splitText(b []byte) (v, rest []byte, err error) {
	for i := 0; i+1 < len(b); i++ {
		if b[i] == 0 {
			if b[i+1] == 0 {
				return b[:i+2], b[i+2:], nil
			}
			i++
		}
	}
	return nil, nil, errValue
}

var errValue = errors.New("value does not end")

// idLen is the length of an id in an order key; ids stay below 2^40.
const idLen = 5

// MaxID is the largest id a record may have.
const MaxID = 1<<(8*idLen) - 1

func appendID(dst []byte, id uint64) []byte {
	return append(dst, byte(id>>32), byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

func readID(b []byte) uint64 {
	return uint64(b[0])<<32 | uint64(b[1])<<24 | uint64(b[2])<<16 | uint64(b[3])<<8 | uint64(b[4])
}

func key8(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
