// Package jsontext reads JSON texts without making Go values of them: keys, their order and the
// digits of numbers stay as they were sent.
//
// [Parse], [ParseHead] and [Compact] check a text (RFC 8259) and take insignificant white space
// away. A [Value] is such a text: its methods list its parts, which refer to the same memory. The
// functions below them (SplitObject, ValueLen, ...) work on checked texts only, and panic on
// others. A [Walk] reads a document that is too large to be held.
package jsontext

// Value is a compact JSON text, as Parse gives it. Its parts refer to the same memory.
type Value []byte

// Parse checks a JSON text and takes insignificant white space away, as Compact does, but lets
// numbers pass that no float64 comes near: what becomes a datum's value is checked again.
func Parse(text []byte) (Value, error) {
	p := reader{text: text, out: make([]byte, 0, len(text)), any: true}
	return p.all()
}

// ParseHead reads a value at the head of a text, checks it as Compact does and appends it to dst;
// rest is the text behind it.
func ParseHead(dst, text []byte) (value, rest []byte, err error) {
	p := reader{text: text, out: dst}
	if err := p.value(1); err != nil {
		return nil, nil, err
	}
	return p.out, text[p.at:], nil
}

// Kind is the first character of the text: { for an object, [ for a list, " for a text, t or f for
// a boolean, n for null, 0 for a number.
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

// Members lists the members of an object in their order.
func (j Value) Members() []Member {
	list, _ := SplitObject(make([]RawMember, 0, 8), j)
	out := make([]Member, len(list))
	for i, m := range list {
		out[i] = Member{string(m.Key), m.Value}
	}
	return out
}

// Len is how many members an object has, or items a list, without listing them; 0 for anything
// else.
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

// Items lists the items of a list.
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

// Text is what a text says.
func (j Value) Text() string { return string(Unquote(j)) }
