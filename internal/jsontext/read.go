package jsontext

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep values may be nested.
const maxDepth = 200

// MaxMembers is how many members an object may have. Each takes some ten times its text in memory
// while it is read.
const MaxMembers = 100_000

// ErrInvalid says that a text is not JSON: it is malformed, nested too deeply, or has a number
// beyond float64. The error is a [*SyntaxError].
var ErrInvalid = errors.New("not valid JSON")

// SyntaxError says why a text is not JSON, and where.
type SyntaxError struct{ Reason string }

func (e *SyntaxError) Error() string { return ErrInvalid.Error() + ": " + e.Reason }
func (e *SyntaxError) Unwrap() error { return ErrInvalid }

// Reason returns the reason of a SyntaxError, and the text of any other error.
func Reason(err error) string {
	if e, ok := errors.AsType[*SyntaxError](err); ok {
		return e.Reason
	}
	return err.Error()
}

// Compact checks a JSON text (RFC 8259) and appends it to dst without insignificant white space. Of
// members with the same key it keeps the last, as JSON readers do. The error is [ErrInvalid], with
// the reason.
func Compact(dst, text []byte) ([]byte, error) {
	p := reader{text: text, out: dst}
	return p.all()
}

type reader struct {
	text []byte
	at   int
	out  []byte
	any  bool // numbers may be out of range
}

func (p *reader) all() ([]byte, error) {
	p.space()
	if err := p.value(0); err != nil {
		return nil, err
	}
	p.space()
	if p.at < len(p.text) {
		return nil, p.fail("there is text after the value")
	}
	return p.out, nil
}

func (p *reader) fail(why string) error {
	line, column := 1, 1
	for _, c := range p.text[:min(p.at, len(p.text))] {
		if column++; c == '\n' {
			line, column = line+1, 1
		}
	}
	return &SyntaxError{fmt.Sprintf("%s: line %d column %d (char %d)", why, line, column, p.at)}
}

func (p *reader) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// next returns the next byte, 0 at the end.
func (p *reader) next() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *reader) value(depth int) error {
	if depth > maxDepth {
		return p.fail("nested too deeply")
	}
	switch c := p.next(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return p.string()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	default:
		for _, word := range []string{"true", "false", "null"} {
			if bytes.HasPrefix(p.text[p.at:], []byte(word)) {
				p.out = append(p.out, word...)
				p.at += len(word)
				return nil
			}
		}
		return p.fail("a value is missing")
	}
}

// member is the place of a member in the output.
type member struct {
	key        []byte // without escapes
	start, end int    // of key and value
}

func (p *reader) object(depth int) error {
	p.out = append(p.out, '{')
	p.at++
	var few [16]member
	members := few[:0]
	var seen map[string]int
	doubled := false
	for p.space(); ; p.space() {
		if len(members) == 0 && p.next() == '}' {
			break
		}
		if p.next() != '"' {
			return p.fail("a key is missing")
		}
		m := member{start: len(p.out)}
		if err := p.string(); err != nil {
			return err
		}
		m.key = Unquote(p.out[m.start:])
		if p.space(); p.next() != ':' {
			return p.fail("a colon is missing")
		}
		p.out = append(p.out, ':')
		p.at++
		p.space()
		if err := p.value(depth + 1); err != nil {
			return err
		}
		m.end = len(p.out)
		if !doubled {
			doubled = isDuplicate(members, &seen, m.key)
		}
		if members = append(members, m); len(members) > MaxMembers {
			return p.fail("an object has too many members")
		}
		if more, err := p.comma('}'); err != nil {
			return err
		} else if !more {
			break
		}
	}
	p.at++
	if doubled {
		p.keepLast(members)
	}
	p.out = append(p.out, '}')
	return nil
}

// isDuplicate reports whether a key is already in members. Objects with many keys get a map.
func isDuplicate(members []member, seen *map[string]int, key []byte) bool {
	if len(members) < 16 {
		return slices.ContainsFunc(members, func(m member) bool { return bytes.Equal(m.key, key) })
	}
	if *seen == nil {
		*seen = map[string]int{}
		for i, m := range members {
			(*seen)[string(m.key)] = i
		}
	}
	_, double := (*seen)[string(key)]
	(*seen)[string(key)] = len(members)
	return double
}

// keepLast rewrites the members of an object: each key at its first place, with its last value.
func (p *reader) keepLast(members []member) {
	first := members[0].start
	text := slices.Clone(p.out[first:])
	last := map[string]member{}
	keys := make([]string, len(members)) // those of members are in p.out, which is overwritten
	for i, m := range members {
		keys[i] = string(m.key)
		last[keys[i]] = m
	}
	p.out = p.out[:first]
	for _, key := range keys {
		l, ok := last[key]
		if !ok {
			continue
		}
		delete(last, key)
		if len(p.out) > first {
			p.out = append(p.out, ',')
		}
		p.out = append(p.out, text[l.start-first:l.end-first]...)
	}
}

func (p *reader) array(depth int) error {
	p.out = append(p.out, '[')
	p.at++
	for n := 0; ; n++ {
		p.space()
		if n == 0 && p.next() == ']' {
			break
		}
		if err := p.value(depth + 1); err != nil {
			return err
		}
		if more, err := p.comma(']'); err != nil {
			return err
		} else if !more {
			break
		}
	}
	p.at++
	p.out = append(p.out, ']')
	return nil
}

// comma reads the comma after an item or a member; more is false at the bracket that ends them.
func (p *reader) comma(end byte) (more bool, err error) {
	p.space()
	switch p.next() {
	case end:
		return false, nil
	case ',':
		p.out = append(p.out, ',')
		p.at++
		return true, nil
	}
	return false, p.fail("a comma is missing")
}

func (p *reader) string() error {
	start := p.at
	p.at++
	ascii := true
	for {
		switch c := p.next(); {
		case c == '"':
			p.at++
			s := p.text[start:p.at]
			if !ascii && !utf8.Valid(s) {
				p.at = start
				return p.fail("a text that is not UTF-8")
			}
			p.out = append(p.out, s...)
			return nil
		case c < 0x20:
			if p.at >= len(p.text) {
				return p.fail("a text is not closed")
			}
			return p.fail("a control character")
		case c == '\\':
			n := escapeLen(p.text[p.at:])
			if n == 0 {
				return p.fail("an invalid escape")
			}
			p.at += n
		default:
			ascii = ascii && c < 0x80
			p.at++
		}
	}
}

// escapeLen returns the length of the escape at the head of b; 0 if it is invalid.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	if b[1] != 'u' {
		if bytes.IndexByte([]byte(`"\/bfnrt`), b[1]) < 0 {
			return 0
		}
		return 2
	}
	if len(b) < 6 {
		return 0
	}
	for _, c := range b[2:6] {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return 0
		}
	}
	return 6
}

func (p *reader) digits() int {
	n := 0
	for ; p.next() >= '0' && p.next() <= '9'; n++ {
		p.at++
	}
	return n
}

func (p *reader) number() error {
	start := p.at
	if p.next() == '-' {
		p.at++
	}
	if lead := p.next(); p.digits() == 0 || lead == '0' && p.at > start+1 && p.text[p.at-1] != '0' {
		return p.fail("an invalid number")
	}
	if digits := bytes.TrimPrefix(p.text[start:p.at], []byte("-")); len(digits) > 1 && digits[0] == '0' {
		return p.fail("a number with a leading zero")
	}
	whole := true
	if p.next() == '.' {
		whole = false
		p.at++
		if p.digits() == 0 {
			return p.fail("an invalid number")
		}
	}
	if c := p.next(); c == 'e' || c == 'E' {
		whole = false
		p.at++
		if c := p.next(); c == '+' || c == '-' {
			p.at++
		}
		if p.digits() == 0 {
			return p.fail("an invalid number")
		}
	}
	token := p.text[start:p.at]
	if !p.any && (!whole || len(token) > 300) {
		if f, _ := strconv.ParseFloat(string(token), 64); math.IsInf(f, 0) {
			return p.fail("a number that is out of range")
		}
	}
	p.out = append(p.out, token...)
	return nil
}

// Unquote removes quotes and escapes. A surrogate without its partner becomes the three bytes that
// UTF-8 would have for it.
func Unquote(s []byte) []byte {
	s = s[1 : len(s)-1]
	if bytes.IndexByte(s, '\\') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for len(s) > 0 {
		if s[0] != '\\' {
			out, s = append(out, s[0]), s[1:]
			continue
		}
		if s[1] != 'u' {
			c := s[1]
			if i := bytes.IndexByte([]byte("bfnrt"), c); i >= 0 {
				c = "\b\f\n\r\t"[i]
			}
			out, s = append(out, c), s[2:]
			continue
		}
		r := hex4(s[2:])
		s = s[6:]
		if utf16.IsSurrogate(r) {
			if len(s) >= 6 && s[0] == '\\' && s[1] == 'u' {
				if both := utf16.DecodeRune(r, hex4(s[2:])); both != utf8.RuneError {
					out, s = utf8.AppendRune(out, both), s[6:]
					continue
				}
			}
			out = append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}

func hex4(b []byte) rune {
	n, _ := strconv.ParseUint(string(b[:4]), 16, 32)
	return rune(n)
}

// RawMember is a member of an object: the key without quotes and escapes, and the value as text.
type RawMember struct{ Key, Value []byte }

// SplitObject appends the members of the compact object at the head of b to members; rest is what
// follows the object.
func SplitObject(members []RawMember, b []byte) (all []RawMember, rest []byte) {
	b = b[1:]
	for b[0] != '}' {
		if b[0] == ',' {
			b = b[1:]
		}
		n := StringLen(b)
		key := Unquote(b[:n])
		b = b[n+1:]
		n = ValueLen(b)
		members = append(members, RawMember{key, b[:n]})
		b = b[n:]
	}
	return members, b[1:]
}

// StringLen returns the length of the string at the head of b, with its quotes.
func StringLen(b []byte) int {
	for i := 1; ; i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// ValueLen returns the length of the compact value at the head of b.
func ValueLen(b []byte) int {
	switch b[0] {
	case '"':
		return StringLen(b)
	case '{', '[':
		depth := 0
		for i := 0; ; i++ {
			switch b[i] {
			case '"':
				i += StringLen(b[i:]) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	n := 0
	for n < len(b) && b[n] != ',' && b[n] != '}' && b[n] != ']' {
		n++
	}
	return n
}
