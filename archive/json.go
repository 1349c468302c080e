package archive

// JSON is a compact JSON text, as ParseJSON gives it. Its parts refer to the same memory.
type JSON []byte

// ParseJSON checks a JSON text and takes insignificant white space away, as CompactValue does, but lets numbers pass that no float64 comes near: what
// becomes a datum's value is checked again.
func ParseJSON(text []byte) (JSON, error) {
	p := jsonReader{text: text, out: make([]byte, 0, len(text)), any: true}
	return p.all()
}

// ParseMember reads a value at the head of a text, checks it as CompactValue does and appends it to dst; rest is the text behind it.
func ParseMember(dst, text []byte) (value, rest []byte, err error) {
	p := jsonReader{text: text, out: dst}
	if err := p.value(1); err != nil {
		return nil, nil, err
	}
	return p.out, text[p.at:], nil
}

// Kind is the first character of the text: { for an object, [ for a list, " for a text, t or f for a boolean, n for null, 0 for a number.
func (j JSON) Kind() byte {
	switch c := j[0]; c {
	case '{', '[', '"', 't', 'f', 'n':
		return c
	}
	return '0'
}

// Member is a member of an object.
type Member struct {
	Key   string
	Value JSON
}

// Members lists the members of an object in their order.
func (j JSON) Members() []Member {
	list, _ := splitObject(make([]jsonMember, 0, 8), j)
	out := make([]Member, len(list))
	for i, m := range list {
		out[i] = Member{string(m.key), m.value}
	}
	return out
}

// Len is how many members an object has, or items a list, without listing them; 0 for anything else.
func (j JSON) Len() (n int) {
	kind := j.Kind()
	if kind != '{' && kind != '[' {
		return 0
	}
	for b := j[1:]; b[0] != '}' && b[0] != ']'; n++ {
		if b[0] == ',' {
			b = b[1:]
		}
		if kind == '{' {
			b = b[stringLen(b)+1:]
		}
		b = b[valueLen(b):]
	}
	return n
}

// Items lists the items of a list.
func (j JSON) Items() (items []JSON) {
	for b := j[1:]; b[0] != ']'; {
		if b[0] == ',' {
			b = b[1:]
		}
		n := valueLen(b)
		items = append(items, b[:n])
		b = b[n:]
	}
	return items
}

// Text is what a text says.
func (j JSON) Text() string { return string(unquote(j)) }
