package api

import (
	"strconv"
	"unicode/utf8"
)

// writer writes JSON into a buffer. Commas come by themselves.
type writer struct {
	buf   []byte
	comma bool // a member or an item came before
}

func (w *writer) sep() {
	if w.comma {
		w.buf = append(w.buf, ',')
	}
	w.comma = true
}

// object and list write what fn writes between their brackets.
func (w *writer) object(fn func()) { w.nest('{', '}', fn) }
func (w *writer) list(fn func())   { w.nest('[', ']', fn) }

func (w *writer) nest(open, end byte, fn func()) {
	w.open(open)
	fn()
	w.end(end)
}

func (w *writer) open(c byte) {
	w.sep()
	w.buf = append(w.buf, c)
	w.comma = false
}

func (w *writer) end(c byte) {
	w.buf = append(w.buf, c)
	w.comma = true
}

// key writes the key of a member; its value follows.
func (w *writer) key(name string) {
	w.sep()
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '"', ':')
	w.comma = false
}

func (w *writer) raw(b []byte) {
	w.sep()
	w.buf = append(w.buf, b...)
}

func (w *writer) text(s string) {
	w.sep()
	w.buf = appendText(w.buf, s)
}

func (w *writer) int(n int64) {
	w.sep()
	w.buf = strconv.AppendInt(w.buf, n, 10)
}

func (w *writer) id(n uint64) {
	w.sep()
	w.buf = strconv.AppendUint(w.buf, n, 10)
}

// ref writes an id, or null for none.
func (w *writer) ref(n uint64) {
	if n == 0 {
		w.null()
	} else {
		w.id(n)
	}
}

func (w *writer) bool(b bool) {
	w.sep()
	w.buf = strconv.AppendBool(w.buf, b)
}

func (w *writer) null() {
	w.sep()
	w.buf = append(w.buf, "null"...)
}

// float writes a number, or null for none.
func (w *writer) float(f *float64) {
	if f == nil {
		w.null()
		return
	}
	w.sep()
	w.buf = appendFloat(w.buf, *f)
}

// time writes a time in microseconds since 1970.
func (w *writer) time(micros int64) {
	w.sep()
	w.buf = append(w.buf, '"')
	w.buf = appendTime(w.buf, micros)
	w.buf = append(w.buf, '"')
}

func (w *writer) optTime(micros *int64) {
	if micros == nil {
		w.null()
	} else {
		w.time(*micros)
	}
}

func (w *writer) textMember(key, s string)       { w.key(key); w.text(s) }
func (w *writer) intMember(key string, n int64)  { w.key(key); w.int(n) }
func (w *writer) boolMember(key string, b bool)  { w.key(key); w.bool(b) }
func (w *writer) timeMember(key string, t int64) { w.key(key); w.time(t) }

// appendText writes a text in quotes. What is not UTF-8 becomes the replacement character.
func appendText(dst []byte, s string) []byte {
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
			case r == '\u2028' || r == '\u2029': // line ends for a JavaScript that reads JSON as a program
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
