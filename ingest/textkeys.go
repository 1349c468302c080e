package ingest

import (
	"slices"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits"
	"nightjar/ingest/table"
)

// addComment reads a comment line without its sign, as `KEY: value` or, as a FITS header is dumped,
// `KEY = value / comment`. Lines that are neither are prose. Whichever of : and = stands first
// separates; the other may stand in the value.
func addComment(k table.Keywords, text []byte) {
	if len(text) > bounded.MaxKeyLine {
		return
	}
	// with a blank alone
	if words := strings.Fields(string(text)); len(words) == 2 && len(k) < bounded.MaxKeys &&
		isDateKey(table.KeyName(words[0])) {
		text = []byte(words[0] + "=" + words[1])
	}
	i := strings.IndexAny(string(text), ":=")
	if i <= 0 || len(k) >= bounded.MaxKeys {
		return
	}
	key := table.KeyName(string(text[:i]))
	value := strings.TrimSpace(string(text[i+1:]))
	if key == "" || value == "" {
		return
	}
	if text[i] == '=' {
		value = headerValue(key, value)
	}
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1]
	}
	if _, twice := k[key]; !twice {
		k[key] = value
	}
}

// isDateKey tells whether a keyword gives the date of a spectrum.
func isDateKey(key string) bool {
	return slices.ContainsFunc(dateKeys, func(d dateKey) bool { return d.key == key })
}

// headerValue takes the quotes or the comment off. A unit may itself hold a slash.
func headerValue(key, value string) string {
	if value[0] == '\'' {
		if v, _, ok := fits.CardValue([]byte(value)); ok {
			return v
		}
		return value
	}
	if strings.Contains(key, "UNIT") {
		return value
	}
	value, _, _ = strings.Cut(value, " /")
	return strings.TrimSpace(value)
}
