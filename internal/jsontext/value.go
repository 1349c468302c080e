// Package jsontext reads and writes JSON as text, without converting it to Go values: keys, their
// order and the digits of numbers are kept.
//
// [Parse], [ParseHead] and [Compact] check a text (RFC 8259) and remove insignificant white space.
// The methods of a [Value] return its parts, which share its memory. [SplitObject], [StringLen] and
// [ValueLen] take only checked texts, and panic on others. A [Walk] reads a document that is too
// large for memory.
package jsontext

// Value is a compact JSON text that [Parse] returned. Its parts share its memory.
type Value []byte

// Parse checks a JSON text and removes insignificant white space, as [Compact] does. It accepts
// numbers beyond float64, because the value of a datum is checked again.
func Parse(text []byte) (Value, error) {
	p := reader{text: text, out: make([]byte, 0, len(text)), any: true}
	return p.all()
}

// ParseHead checks the value at the head of a text, as [Compact] does, and appends it to dst. rest
// is the text after it.
func ParseHead(dst, text []byte) (value, rest []byte, err error) {
	p := reader{text: text, out: dst}
	if err := p.value(1); err != nil {
		return nil, nil, err
	}
	return p.out, text[p.at:], nil
}

// Kind is the kind of value: { for an object, [ for a list, " for a text, t or f for a boolean, n
// for null, 0 for a number.
func (j Value) Kind() byte {
	switch c := j[0]; c {
	case '{', '[', '"', 't', 'f', 'n':
		return c
	}
	return '0'
}

// Member is a member of an object.
type Member struct {
	Key   string
	Value Value
}

// Members returns the members of an object in their order.
func (j Value) Members() []Member {
	list, _ := SplitObject(make([]RawMember, 0, 8), j)
	out := make([]Member, len(list))
	for i, m := range list {
		out[i] = Member{string(m.Key), m.Value}
	}
	return out
}

// Len is the number of members of an object or of items of a list; 0 for any other value.
func (j Value) Len() (n int) {
	kind := j.Kind()
	if kind != '{' && kind != '[' {
		return 0
	}
	for b := j[1:]; b[0] != '}' && b[0] != ']'; n++ {
		if b[0] == ',' {
			b = b[1:]
		}
		if kind == '{' {
			b = b[StringLen(b)+1:]
		}
		b = b[ValueLen(b):]
	}
	return n
}

// Items returns the items of a list.
func (j Value) Items() (items []Value) {
	for b := j[1:]; b[0] != ']'; {
		if b[0] == ',' {
			b = b[1:]
		}
		n := ValueLen(b)
		items = append(items, b[:n])
		b = b[n:]
	}
	return items
}

// Text returns a text without quotes and escapes.
func (j Value) Text() string { return string(Unquote(j)) }
