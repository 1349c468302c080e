package index

import (
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
)

const (
	// gramRunes is the length of a gram. With three the index is no larger than one of whole names,
	// and still selective.
	gramRunes = 3

	// maxQueryGrams is the most grams of one query. A subset of the grams of a text gives a
	// superset of the candidates, so a longer text loses only selectivity, and 64 grams are
	// selective enough.
	maxQueryGrams = 64
)

// eachGram calls f for every gram of a folded text: each run of three runes, in order, including
// repeats. A text of less than three runes has none. gram is a slice of folded.
func eachGram(folded []byte, f func(gram []byte)) {
	var starts [gramRunes]int // starts of the last runes; the oldest is at n%gramRunes
	n := 0
	for i := 0; i < len(folded); n++ {
		starts[n%gramRunes] = i
		_, size := utf8.DecodeRune(folded[i:])
		i += size
		if n >= gramRunes-1 {
			f(folded[starts[(n+1)%gramRunes]:i])
		}
	}
}

// queryGrams returns at most maxQueryGrams distinct grams of a folded text, evenly spaced. A text
// that is shorter than a gram has none.
func queryGrams(folded string) []string {
	var grams []string
	seen := make(map[string]bool)
	eachGram([]byte(folded), func(gram []byte) {
		if !seen[string(gram)] {
			g := string(gram)
			seen[g] = true
			grams = append(grams, g)
		}
	})
	if len(grams) <= maxQueryGrams {
		return grams
	}
	some := make([]string, maxQueryGrams)
	for i := range some {
		some[i] = grams[i*len(grams)/maxQueryGrams]
	}
	return some
}

// gramAnalyzer is the Bleve analyzer of folded names. Bleve runs it in its own goroutines, where a
// panic would crash the process, so it must not panic on any bytes. Fields get it directly, so it
// needs no entry in Bleve's global registry.
type gramAnalyzer struct{}

// Analyze returns the grams of a folded name, without positions, because they are not stored.
func (gramAnalyzer) Analyze(folded []byte) analysis.TokenStream {
	backing := make([]analysis.Token, 0, len(folded))
	eachGram(folded, func(gram []byte) {
		backing = append(backing, analysis.Token{Term: gram})
	})
	tokens := make(analysis.TokenStream, len(backing))
	for i := range backing {
		tokens[i] = &backing[i]
	}
	return tokens
}
