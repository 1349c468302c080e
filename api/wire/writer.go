package wire

import (
	"strconv"
	"unicode/utf8"
)

// Writer appends JSON to a buffer. It writes the commas by itself.
type Writer struct {
	Buf   []byte
	comma bool // a comma is due before the next member or item
}

// Sep writes a comma if one is due. All other methods call it.
func (w *Writer) Sep() {
	if w.comma {
		w.Buf = append(w.Buf, ',')
	}
	w.comma = true
}

// Object and List write brackets, and call fn to write what they contain.
func (w *Writer) Object(fn func()) { w.nest('{', '}', fn) }
func (w *Writer) List(fn func())   { w.nest('[', ']', fn) }

func (w *Writer) nest(open, end byte, fn func()) {
	w.Open(open)
	fn()
	w.End(end)
}

// Open writes an opening bracket, { or [. End writes the closing one.
func (w *Writer) Open(c byte) {
	w.Sep()
	w.Buf = append(w.Buf, c)
	w.comma = false
}

// End writes a closing bracket.
func (w *Writer) End(c byte) {
	w.Buf = append(w.Buf, c)
	w.comma = true
}

// Key writes the key of a member, which must need no escapes. The value follows.
func (w *Writer) Key(name string) {
	w.Sep()
	w.Buf = append(w.Buf, '"')
	w.Buf = append(w.Buf, name...)
	w.Buf = append(w.Buf, '"', ':')
	w.comma = false
}

// Raw writes a value that is JSON already.
func (w *Writer) Raw(b []byte) {
	w.Sep()
	w.Buf = append(w.Buf, b...)
}

// Text writes a text in quotes.
func (w *Writer) Text(s string) {
	w.Sep()
	w.Buf = AppendText(w.Buf, s)
}

func (w *Writer) int(n int64) {
	w.Sep()
	w.Buf = strconv.AppendInt(w.Buf, n, 10)
}

// ID writes an id.
func (w *Writer) ID(n uint64) {
	w.Sep()
	w.Buf = strconv.AppendUint(w.Buf, n, 10)
}

// Ref writes an id, or null for 0.
func (w *Writer) Ref(n uint64) {
	if n == 0 {
		w.Null()
	} else {
		w.ID(n)
	}
}

func (w *Writer) bool(b bool) {
	w.Sep()
	w.Buf = strconv.AppendBool(w.Buf, b)
}

// Null writes null.
func (w *Writer) Null() {
	w.Sep()
	w.Buf = append(w.Buf, "null"...)
}

// Float writes a number, or null for nil.
func (w *Writer) Float(f *float64) {
	if f == nil {
		w.Null()
		return
	}
	w.Sep()
	w.Buf = AppendFloat(w.Buf, *f)
}

// Time writes a time in microseconds of UTC since 1970.
func (w *Writer) Time(micros int64) {
	w.Sep()
	w.Buf = append(w.Buf, '"')
	w.Buf = AppendTime(w.Buf, micros)
	w.Buf = append(w.Buf, '"')
}

// OptTime writes a time, or null for nil.
func (w *Writer) OptTime(micros *int64) {
	if micros == nil {
		w.Null()
	} else {
		w.Time(*micros)
	}
}

// TextMember, IntMember, BoolMember and TimeMember write a key and its value.
func (w *Writer) TextMember(key, s string)       { w.Key(key); w.Text(s) }
func (w *Writer) IntMember(key string, n int64)  { w.Key(key); w.int(n) }
func (w *Writer) BoolMember(key string, b bool)  { w.Key(key); w.bool(b) }
func (w *Writer) TimeMember(key string, t int64) { w.Key(key); w.Time(t) }

// AppendText appends a text in quotes. Bytes that are not UTF-8 become the replacement character.
func AppendText(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	plain := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && n == 1:
				dst = append(append(dst, s[plain:i]...), "\ufffd"...)
				plain = i + 1
			case r == '\u2028' || r == '\u2029': // these end a line in old JavaScript
				dst = append(append(dst, s[plain:i]...), `\u202`...)
				dst = append(dst, hex[r&0xf])
				plain = i + n
			}
			i += n
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[plain:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		}
		i++
		plain = i
	}
	return append(append(dst, s[plain:]...), '"')
}
