package table

import (
	"strings"

	"nightjar/ingest/bounded"
)

// Keywords are keywords, in capitals with dashes; the first of a name counts.
type Keywords map[string]string

// set keeps a keyword, unless there is one of that name, it is empty or there are too many.
func (k Keywords) set(name, value string) {
	if name = KeyName(name); name == "" || value == "" || len(k) >= bounded.MaxKeys || len(value) > bounded.MaxKeyLine {
		return
	}
	if _, twice := k[name]; !twice {
		k[name] = value
	}
}

// KeyName makes a keyword comparable; "" for what cannot be one.
func KeyName(text string) string {
	text = strings.ToUpper(strings.TrimSpace(text))
	if len(text) > 40 {
		return ""
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case '_', ' ', '\t':
			return '-'
		}
		return r
	}, text)
}

// Get looks a keyword up.
func (k Keywords) Get(key string) (string, bool) {
	v, ok := k[key]
	return v, ok
}

// First is the value of the first of several keywords that is there; "" for none.
func (k Keywords) First(keys ...string) string {
	for _, key := range keys {
		if v := k[key]; v != "" {
			return v
		}
	}
	return ""
}
