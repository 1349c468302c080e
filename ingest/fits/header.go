package fits

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

const (
	BlockSize = 2880
	CardSize  = 80
)

// card is one keyword of a FITS header with its value (FITS standard 4.0, section 4).
type card struct {
	key    string // upper case without blanks behind; a HIERARCH keyword whole, as "HIERARCH ESO OBS ID"
	value  string // a string without its quotes, else the text before the comment
	quoted bool   // the value is a string
}

// Header is one HDU's header.
type Header struct {
	Number int // 1-based
	cards  []card
	index  map[string]int // the first card of every key
	open   []byte         // the last card's string, while CONTINUE cards are added to it
}

// ReadHeader reads cards from offset up to END, and returns where the data begin. keep is given
// the cards of each block; nil for nobody. What breaks the rules is a refusal.
func ReadHeader(f bounded.File, hdu int, offset int64,
	keep func(offset int64, cards []byte)) (h *Header, data int64, err error) {
	h = &Header{Number: hdu, index: map[string]int{}}
	defer h.closeString()
	var block [BlockSize]byte
	for count := 0; ; {
		if f.Size-offset < BlockSize {
			return nil, 0, h.Refuse("", "the header has no END: the file ends before it")
		}
		if err := bounded.ReadFull(f, block[:], offset); err != nil {
			return nil, 0, err
		}
		if keep != nil {
			keep(offset, cardsBefore(block[:]))
		}
		offset += BlockSize
		for i := 0; i < BlockSize; i += CardSize {
			text := block[i : i+CardSize]
			if bytes.Equal(bytes.TrimRight(text, " "), []byte("END")) {
				return h, offset, nil
			}
			if count++; count > bounded.MaxFITSCards {
				return nil, 0, h.Refuse("", fmt.Sprintf("the header has more than %d cards", bounded.MaxFITSCards))
			}
			if err := h.add(text); err != nil {
				return nil, 0, err
			}
		}
	}
}

// cardsBefore are the cards of a block as far as END.
func cardsBefore(block []byte) []byte {
	for i := 0; i < len(block); i += CardSize {
		if bytes.Equal(bytes.TrimRight(block[i:i+CardSize], " "), []byte("END")) {
			return block[:i]
		}
	}
	return block
}

// add parses one card. A keyword that does not repeat its rule (no "= ", a comment) has no value
// and is left out.
func (h *Header) add(text []byte) error {
	for _, c := range text[:8] {
		if c < ' ' || c > '~' {
			return h.Refuse("", "the header holds a keyword that is not text: "+problem.Quoted(text[:8]))
		}
	}
	key := string(bytes.TrimRight(text[:8], " "))
	rest := text[8:]
	switch {
	case key == "CONTINUE":
		return h.continueString(rest)
	case key == "HIERARCH":
		i := bytes.IndexByte(rest, '=')
		if i < 0 {
			return nil
		}
		key += " " + strings.Join(strings.Fields(strings.ToUpper(string(rest[:i]))), " ")
		rest = rest[i+1:]
	case key == "" || key == "COMMENT" || key == "HISTORY" || rest[0] != '=' || rest[1] != ' ':
		return nil
	default:
		rest = rest[2:]
	}
	h.closeString()
	c := card{key: bounded.ASCII(key)}
	var ok bool
	if c.value, c.quoted, ok = CardValue(rest); !ok {
		return h.Refuse(c.key, "the string is not closed")
	}
	if _, twice := h.index[c.key]; !twice {
		h.index[c.key] = len(h.cards)
	}
	h.cards = append(h.cards, c)
	return nil
}

// continueString adds a CONTINUE card to the string before it, which must end with & for it to be
// one.
func (h *Header) continueString(rest []byte) error {
	if len(h.cards) == 0 {
		return nil
	}
	last := &h.cards[len(h.cards)-1]
	value, quoted, ok := CardValue(rest)
	if h.open == nil && last.quoted && strings.HasSuffix(last.value, "&") {
		h.open = []byte(last.value)
	}
	if n := len(h.open); n > 0 && h.open[n-1] == '&' && quoted && ok {
		if h.open = append(h.open[:n-1], value...); len(h.open) > bounded.MaxString {
			return h.Refuse(last.key, fmt.Sprintf("the string is longer than %d bytes", bounded.MaxString))
		}
	}
	return nil
}

// closeString gives the last card its whole string.
func (h *Header) closeString() {
	if h.open != nil {
		h.cards[len(h.cards)-1].value, h.open = string(h.open), nil
	}
}

// CardValue reads the value field: a string in single quotes, a quote in it doubled, or anything up
// to the comment's /.
func CardValue(b []byte) (value string, quoted, ok bool) {
	b = bytes.Trim(b, " ")
	if len(b) == 0 || b[0] != '\'' {
		value, _, _ := strings.Cut(string(b), "/")
		return bounded.ASCII(strings.TrimSpace(value)), false, true
	}
	var out strings.Builder
	for i := 1; i < len(b); i++ {
		if b[i] == '\'' {
			if i+1 == len(b) || b[i+1] != '\'' {
				return bounded.ASCII(strings.TrimRight(out.String(), " ")), true, true
			}
			i++
		}
		out.WriteByte(b[i])
	}
	return "", true, false
}

func (h *Header) Refuse(key, reason string) error {
	return bounded.Refuse(bounded.Problem{HDU: h.Number, Column: key, Reason: reason})
}

// Text is a keyword's value; ok is false when the header does not have it or it is empty.
func (h *Header) Text(key string) (value string, ok bool) {
	i, ok := h.index[key]
	if !ok || h.cards[i].value == "" {
		return "", false
	}
	return h.cards[i].value, true
}

// integer is a keyword's value. there is false when the header does not have it; another value is a
// refusal.
func (h *Header) integer(key string) (v int64, there bool, err error) {
	text, ok := h.Text(key)
	if !ok {
		return 0, false, nil
	}
	v, err = strconv.ParseInt(strings.TrimPrefix(text, "+"), 10, 64)
	if err != nil || h.cards[h.index[key]].quoted {
		return 0, true, h.Refuse(key, problem.Quoted(text)+" is not an integer")
	}
	return v, true, nil
}

// Number is a keyword's value as a finite float64; exponents may be written with D. Some writers
// put quotes around.
func (h *Header) number(key string) (v float64, there bool, err error) {
	text, ok := h.Text(key)
	if !ok {
		return 0, false, nil
	}
	d, ok := instant.ParseDecimal([]byte(strings.TrimSpace(text)))
	if ok {
		v, ok = d.Float()
	}
	if !ok {
		return 0, true, h.Refuse(key, problem.Quoted(text)+" is not a number")
	}
	return v, true, nil
}

// Has tells whether a keyword has a value.
func (h *Header) Has(key string) bool {
	_, ok := h.Text(key)
	return ok
}
