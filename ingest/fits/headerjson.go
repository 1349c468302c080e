package fits

import (
	"bytes"
	"context"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
)

// HeaderJSON returns the headers of all HDUs of a FITS file, which may be compressed with gzip, as
// a JSON object:
//
//	{"hdus":[{"hdu":1,"type":"IMAGE","name":"","shape":[512,512],
//	  "cards":[{"key":"BITPIX","value":16,"comment":"bits"}]}]}
//
// A value is a number with the digits of the file, true, false, a text, or null if the keyword has
// none. COMMENT and HISTORY have a text and no value. CONTINUE is joined to what it continues. If
// there are too many cards, the object ends with "truncated":true.
//
// The error is [ErrNoPreview] for a file that is not FITS, a [*bounded.Error] for one that cannot
// be read within the limits (see [bounded.Bounds]), or that of the context.
func HeaderJSON(ctx context.Context, f bounded.File) ([]byte, error) {
	f, cancel := f.Metered(ctx, "a header")
	defer cancel()
	out, err := headerJSON(f)
	if err != nil && f.Budget.Err() != nil {
		err = f.Budget.Err() // the true cause, whatever error it led to
	}
	return out, bounded.FileError(f, err)
}

func headerJSON(f bounded.File) ([]byte, error) {
	f, err := unpackedFITS(f)
	if err != nil {
		return nil, err
	}
	in := Reader{File: f, cardsText: []byte{}}
	out := []byte(`{"hdus":[`)
	left := bounded.MaxHeaderCards
	for left > 0 {
		h, err := in.Next()
		if err != nil {
			return nil, err
		}
		if h == nil {
			break
		}
		if h.Number > 1 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(append(out, `{"hdu":`...), int64(h.Number), 10)
		name, _ := h.Text("EXTNAME")
		out = jsontext.AppendString(append(out, `,"type":`...), bounded.ASCII(h.Kind))
		out = jsontext.AppendString(append(out, `,"name":`...), name)
		out = append(out, `,"shape":[`...)
		for i, n := range h.Axes {
			if i > 0 {
				out = append(out, ',')
			}
			out = strconv.AppendInt(out, n, 10)
		}
		out = append(out, `],"cards":[`...)
		out, left = cardsJSON(out, in.cardsText, left)
		out = append(out, "]}"...)
	}
	out = append(out, ']')
	if left == 0 {
		out = append(out, `,"truncated":true`...)
	}
	return append(out, '}'), nil
}

// cardsJSON writes the cards of a header in their order, up to left cards and MaxHeaderJSON bytes.
func cardsJSON(out, cards []byte, left int) ([]byte, int) {
	first := true
	var long []byte // the text of the last card, while CONTINUE may follow; it is written when it is complete
	var comment string
	end := func() {
		if long != nil {
			out = closeCard(jsontext.AppendString(out, long), comment)
			long = nil
		}
	}
	for ; len(cards) >= CardSize && left > 0; cards = cards[CardSize:] {
		text := cards[:CardSize]
		key := strings.TrimRight(bounded.ASCII(string(text[:8])), " ")
		if key == "" && len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		rest := text[8:]
		if n := len(long); key == "CONTINUE" && n > 0 && long[n-1] == '&' {
			more, quoted, ok := CardValue(rest)
			if quoted && ok && n+len(more) < bounded.MaxString {
				long = append(long[:n-1], more...)
				_, comment = cardComment(rest)
			}
			continue
		}
		end()
		if len(out) >= bounded.MaxHeaderJSON {
			return out, 0
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		left--
		if key == "HIERARCH" {
			if name, value, found := bytes.Cut(rest, []byte("=")); found {
				key += " " + strings.Join(strings.Fields(bounded.ASCII(string(name))), " ")
				rest = append([]byte("= "), value...)
			}
		}
		out = jsontext.AppendString(append(out, `{"key":`...), key)
		if len(rest) < 2 || rest[0] != '=' || rest[1] != ' ' {
			out = jsontext.AppendString(append(out, `,"text":`...), strings.TrimRight(bounded.ASCII(string(rest)), " "))
			out = append(out, '}')
			continue
		}
		value, note := cardComment(rest[2:])
		out = append(out, `,"value":`...)
		switch text, quoted, ok := CardValue(value); {
		case !ok || !quoted && text == "":
			out = append(out, "null"...)
		case quoted:
			if strings.HasSuffix(text, "&") {
				long, comment = []byte(text), note
				continue
			}
			out = jsontext.AppendString(out, text)
		case text == "T":
			out = append(out, "true"...)
		case text == "F":
			out = append(out, "false"...)
		default:
			if d, number := instant.ParseDecimal([]byte(text)); number && d.Finite() {
				out = d.AppendJSON(out)
			} else {
				out = jsontext.AppendString(out, text)
			}
		}
		out = closeCard(out, note)
	}
	end()
	return out, left
}

// closeCard ends the object of a card, with its comment.
func closeCard(out []byte, comment string) []byte {
	if comment != "" {
		out = jsontext.AppendString(append(out, `,"comment":`...), comment)
	}
	return append(out, '}')
}

// cardComment splits the value of a card from the comment after the slash.
func cardComment(b []byte) (value []byte, comment string) {
	inText := false
	for i, c := range b {
		switch {
		case c == '\'':
			inText = !inText
		case c == '/' && !inText:
			return b[:i], strings.TrimSpace(bounded.ASCII(string(b[i+1:])))
		}
	}
	return b, ""
}
