package index

import (
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
)

const (
	// gramRunes is the length of a gram. Three is the size at which the index
	// is no larger than one of whole names, and still selective.
	gramRunes = 3

	// maxQueryGrams bounds the grams of one query. Any subset of a text's grams
	// gives a superset of the candidates, so that a longer text loses nothing
	// but a little selectivity, of which 64 grams have plenty.
	maxQueryGrams = 64
)

// eachGram calls f with every gram of a folded text: each run of three runes, in
// order, repeats included. A text of less than three runes has none. The gram
// is a part of folded.
func eachGram(folded []byte, f func(gram []byte)) {
	var starts [gramRunes]int // of the last runes, the oldest at n%gramRunes
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

// queryGrams returns at most maxQueryGrams distinct grams of a folded text,
// taken evenly from it; none when the text is shorter than a gram.
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

// gramAnalyzer is the Bleve analyzer of folded names. Bleve runs it on workers
// of its own, where a panic would end the process: it must not panic whatever
// the bytes. It is handed to each field directly and so needs no place in
// Bleve's global registry.
type gramAnalyzer struct{}

// Analyze returns the grams of a folded name. Positions are left out: they
// would be stored nowhere.
func (gramAnalyzer) Analyze(folded []byte) analysis.TokenStream {
	room := make([]analysis.Token, 0, len(folded))
	eachGram(folded, func(gram []byte) {
		room = append(room, analysis.Token{Term: gram})
	})
	tokens := make(analysis.TokenStream, len(room))
	for i := range room {
		tokens[i] = &room[i]
	}
	return tokens
}
