package api

import (
	"bytes"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/jsontext"
)

// plainLines reads the most common form of a line: the members target, data_type, source_name,
// source_location, timestamp and value, each at most once, and texts without escapes. It does so
// without allocating. Other lines are left to rowReader.datum, which would read the same from a
// plain line.
type plainLines struct {
	value []byte
	texts map[string]string // so that equal texts share their memory
}

// The members of a plain line, as bits.
const (
	plainTarget = 1 << iota
	plainType
	plainSource
	plainLocation
	plainTime
	plainValue
	plainNeeds = plainTarget | plainType | plainTime | plainValue
)

// read reads a line; ok is false if it is not plain. The value of d is valid until the next call.
func (p *plainLines) read(text []byte) (d archive.DatumInput, ok bool) {
	b, found := trimBlanks(text), 0
	if len(b) == 0 || b[0] != '{' {
		return d, false
	}
	for sep := byte('{'); ; sep = ',' {
		if len(b) == 0 || b[0] != sep {
			break
		}
		key, rest, ok := plainText(trimBlanks(b[1:]))
		rest = trimBlanks(rest)
		if !ok || len(rest) == 0 || rest[0] != ':' {
			return d, false
		}
		b = trimBlanks(rest[1:])
		var member int
		switch string(key) {
		case "target":
			member = plainTarget
			d.Target, b, ok = plainID(b)
		case "data_type":
			member = plainType
			d.Type, b, ok = p.text(b, 1, archive.MaxType)
		case "source_name":
			member = plainSource
			d.Source, b, ok = p.text(b, 0, archive.MaxSource)
		case "source_location":
			member = plainLocation
			d.Location, b, ok = p.text(b, 0, archive.MaxLocation)
		case "timestamp":
			member = plainTime
			var s []byte
			var problem string
			if s, b, ok = plainText(b); ok {
				d.Time, problem = wire.ParseTime(string(s))
				ok = problem == ""
			}
			d.Timed = true
		case "value":
			member = plainValue
			var err error
			p.value, b, err = jsontext.ParseHead(p.value[:0], b)
			d.Value, d.Compact, ok = p.value, true, err == nil && p.value[0] != 'n'
		default:
			return d, false
		}
		if !ok || found&member != 0 {
			return d, false
		}
		found |= member
		b = trimBlanks(b)
	}
	return d, len(b) > 0 && b[0] == '}' && len(trimBlanks(b[1:])) == 0 && found&plainNeeds == plainNeeds
}

// trimBlanks cuts leading blanks off.
func trimBlanks(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t' || b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	return b
}

// plainText reads a text of ASCII without escapes.
func plainText(b []byte) (text, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, false
	}
	for i, c := range b[1:] {
		switch {
		case c == '"':
			return b[1 : 1+i], b[i+2:], true
		case c < 0x20 || c >= 0x7f || c == '\\':
			return nil, nil, false
		}
	}
	return nil, nil, false
}

// text reads a text without blanks at its ends, of least to most bytes.
func (p *plainLines) text(b []byte, least, most int) (text string, rest []byte, ok bool) {
	t, rest, ok := plainText(b)
	if !ok || len(t) < least || len(t) > most || len(bytes.TrimSpace(t)) != len(t) {
		return "", nil, false
	}
	if s, ok := p.texts[string(t)]; ok {
		return s, rest, true
	}
	if p.texts == nil || len(p.texts) >= 1000 {
		p.texts = map[string]string{}
	}
	s := string(t)
	p.texts[s] = s
	return s, rest, true
}

// plainID reads a number that can be an id.
func plainID(b []byte) (id uint64, rest []byte, ok bool) {
	n := 0
	for ; n < len(b) && n < 15 && b[n] >= '0' && b[n] <= '9'; n++ {
		id = 10*id + uint64(b[n]-'0')
	}
	if n == 0 || n == 15 || b[0] == '0' || n == len(b) || b[n] != ',' && b[n] != '}' && b[n] != ' ' {
		return 0, nil, false
	}
	return id, b[n:], true
}
