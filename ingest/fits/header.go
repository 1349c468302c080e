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

// Sizes of FITS in bytes.
const (
	BlockSize = 2880
	CardSize  = 80
)

// card is one keyword of a FITS header with its value (FITS standard 4.0, section 4).
type card struct {
	key    string // upper case without trailing blanks; with HIERARCH as in "HIERARCH ESO OBS ID"
	value  string // a string without quotes, otherwise the text before the comment
	quoted bool   // the value is a string
}

// Header is the header of an HDU.
type Header struct {
	Number int // 1-based
	cards  []card
	index  map[string]int // the first card of each key
	open   []byte         // the string of the last card, while CONTINUE cards add to it
}

// ReadHeader reads cards from offset up to END, and returns the offset of the data. It calls keep,
// unless that is nil, with the cards of each block. A header that breaks the rules is refused.
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

// cardsBefore returns the cards of a block before END.
func cardsBefore(block []byte) []byte {
	for i := 0; i < len(block); i += CardSize {
		if bytes.Equal(bytes.TrimRight(block[i:i+CardSize], " "), []byte("END")) {
			return block[:i]
		}
	}
	return block
}

// add parses one card. A card without a value (no "= ", a comment) is ignored.
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

// continueString adds a CONTINUE card to the string before it, which must end with &.
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

// closeString stores the whole string of the last card.
func (h *Header) closeString() {
	if h.open != nil {
		h.cards[len(h.cards)-1].value, h.open = string(h.open), nil
	}
}

// CardValue reads the value of a card: a string in single quotes, in which quotes are doubled, or
// the text before the / of the comment.
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

// Refuse returns an error about a keyword of the header; key may be "".
func (h *Header) Refuse(key, reason string) error {
	return bounded.Refuse(bounded.Problem{HDU: h.Number, Column: key, Reason: reason})
}

// Text returns the value of a keyword; ok is false if it is missing or empty.
func (h *Header) Text(key string) (value string, ok bool) {
	i, ok := h.index[key]
	if !ok || h.cards[i].value == "" {
		return "", false
	}
	return h.cards[i].value, true
}

// integer returns the value of a keyword; there is false if it is missing. Anything but an integer
// is refused.
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

// number returns the value of a keyword as a finite float64. The exponent may be written with D.
// Some writers put the number in quotes.
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

// Has reports whether a keyword has a value.
func (h *Header) Has(key string) bool {
	_, ok := h.Text(key)
	return ok
}
