package problem

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Clip makes a text fit for a message: at most 60 characters, no control characters, valid UTF-8.
func Clip[T string | []byte](text T) string {
	const limit = 60
	var b strings.Builder
	for i, n := 0, 0; i < len(text); n++ {
		if n == limit {
			b.WriteString("...")
			break
		}
		r, size := utf8.DecodeRuneInString(string(text[i:min(i+utf8.UTFMax, len(text))]))
		if !strconv.IsPrint(r) {
			r = utf8.RuneError
		}
		b.WriteRune(r)
		i += size
	}
	return b.String()
}

// Quoted returns the Clip of a text in quotes.
func Quoted[T string | []byte](text T) string { return "'" + Clip(text) + "'" }

// QuotedList returns at most 20 names, quoted and with commas.
func QuotedList(names []string) string {
	const limit = 20
	var b strings.Builder
	for i, name := range names {
		if i == limit {
			fmt.Fprintf(&b, " and %d more", len(names)-limit)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(Quoted(name))
	}
	return b.String()
}

// Plural returns "1 row" or "3 rows". Nouns in "ry" end in "ries", such as entries.
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "ry"); ok {
		noun = stem + "rie"
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
