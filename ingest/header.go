package ingest

import (
	"bytes"
	"strconv"
	"strings"
)

// maxHeaderCards is how many cards HeaderJSON gives before it says that there are more.
const maxHeaderCards = 100_000

// HeaderJSON is the header of every HDU of a FITS file (compressed with gzip or not) as a JSON object:
//
//	{"hdus":[{"hdu":1,"type":"IMAGE","name":"","shape":[512,512],"cards":[{"key":"BITPIX","value":16,"comment":"bits"}]}]}
//
// Values are numbers with the file's digits, true and false, texts, or null for keywords without one; COMMENT and HISTORY have
// a text and no value. CONTINUE is joined to what it continues. "truncated":true stands at the end when there were too many
// cards. Errors: ErrNoPreview for what is not FITS; *Error for a file that cannot be read.
func HeaderJSON(f File) ([]byte, error) {
	out, err := headerJSON(f)
	return out, fileError(f, err)
}

func headerJSON(f File) ([]byte, error) {
	f, err := unwrapped(f)
	if err != nil {
		return nil, err
	}
	in := fitsFile{file: f}
	out := []byte(`{"hdus":[`)
	left := maxHeaderCards
	for left > 0 {
		h, err := in.next()
		if err != nil {
			return nil, err
		}
		if h == nil {
			break
		}
		if h.hdu > 1 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(append(out, `{"hdu":`...), int64(h.hdu), 10)
		name, _ := h.text("EXTNAME")
		out = appendString(append(out, `,"type":`...), clean(h.kind))
		out = appendString(append(out, `,"name":`...), name)
		out = append(out, `,"shape":[`...)
		for i, n := range h.axes {
			if i > 0 {
				out = append(out, ',')
			}
			out = strconv.AppendInt(out, n, 10)
		}
		out = append(out, `],"cards":[`...)
		if out, left, err = h.appendCards(out, f, left); err != nil {
			return nil, err
		}
		out = append(out, "]}"...)
	}
	out = append(out, ']')
	if left == 0 {
		out = append(out, `,"truncated":true`...)
	}
	return append(out, '}'), nil
}

// appendCards writes the cards of a header as they stand.
func (h *fitsHDU) appendCards(out []byte, f File, left int) ([]byte, int, error) {
	var block [fitsBlock]byte
	first, open := true, false // open: the last card's text may go on
	cut := 0                   // where that text begins in out
	var long []byte            // and what it is, in quotes
	for at := h.start; at < h.data && left > 0; at += fitsBlock {
		if err := readFull(f, block[:], at); err != nil {
			return nil, 0, err
		}
		for i := 0; i < fitsBlock && left > 0; i += fitsCard {
			text := block[i : i+fitsCard]
			key := strings.TrimRight(clean(string(text[:8])), " ")
			if key == "END" && len(bytes.TrimRight(text, " ")) == 3 {
				return out, left, nil
			}
			if key == "" && len(bytes.TrimSpace(text)) == 0 {
				continue
			}
			rest := text[8:]
			if key == "CONTINUE" && open {
				before, _, _ := cardValue(long)
				more, quoted, ok := cardValue(rest)
				if quoted && ok && len(before)+len(more) < maxString {
					_, comment := cardComment(rest)
					long = []byte("'" + strings.ReplaceAll(strings.TrimSuffix(before, "&")+more, "'", "''") + "'")
					out = closeCard(appendString(out[:cut], strings.TrimSuffix(before, "&")+more), comment)
					open = strings.HasSuffix(more, "&")
				}
				continue
			}
			if !first {
				out = append(out, ',')
			}
			first, open = false, false
			left--
			if key == "HIERARCH" {
				if name, value, found := bytes.Cut(rest, []byte("=")); found {
					key += " " + strings.Join(strings.Fields(clean(string(name))), " ")
					rest = append([]byte("= "), value...)
				}
			}
			out = appendString(append(out, `{"key":`...), key)
			if len(rest) < 2 || rest[0] != '=' || rest[1] != ' ' {
				out = appendString(append(out, `,"text":`...), strings.TrimRight(clean(string(rest)), " "))
				out = append(out, '}')
				continue
			}
			value, comment := cardComment(rest[2:])
			out = append(out, `,"value":`...)
			switch text, quoted, ok := cardValue(value); {
			case !ok || !quoted && text == "":
				out = append(out, "null"...)
			case quoted:
				cut, long = len(out), bytes.Clone(value)
				out, open = appendString(out, text), strings.HasSuffix(text, "&")
			case text == "T":
				out = append(out, "true"...)
			case text == "F":
				out = append(out, "false"...)
			default:
				if d, number := parseDecimal([]byte(text)); number && d.finite() {
					out = d.appendJSON(out)
				} else {
					out = appendString(out, text)
				}
			}
			out = closeCard(out, comment)
		}
	}
	return out, left, nil
}

// closeCard ends a card's object, with its comment.
func closeCard(out []byte, comment string) []byte {
	if comment != "" {
		out = appendString(append(out, `,"comment":`...), comment)
	}
	return append(out, '}')
}

// cardComment parts a card's value from the comment behind the slash.
func cardComment(b []byte) (value []byte, comment string) {
	inText := false
	for i, c := range b {
		switch {
		case c == '\'':
			inText = !inText
		case c == '/' && !inText:
			return b[:i], strings.TrimSpace(clean(string(b[i+1:])))
		}
	}
	return b, ""
}
