package table

import (
	"strings"

	"nightjar/ingest/bounded"
)

// Keywords are keywords of a table, in capitals with dashes. The first of several with the same
// name counts.
type Keywords map[string]string

// Set stores a keyword, unless its name exists, it is empty or there are too many.
func (k Keywords) Set(name, value string) {
	if name = KeyName(name); name == "" || value == "" || len(k) >= bounded.MaxKeys || len(value) > bounded.MaxKeyLine {
		return
	}
	if _, twice := k[name]; !twice {
		k[name] = value
	}
}

// KeyName makes keywords comparable; "" for a text that cannot be one.
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

// First returns the value of the first of several keywords that has one; "" for none.
func (k Keywords) First(keys ...string) string {
	for _, key := range keys {
		if v := k[key]; v != "" {
			return v
		}
	}
	return ""
}
