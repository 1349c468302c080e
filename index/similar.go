package index

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"unicode/utf8"

	indexapi "github.com/blevesearch/bleve_index_api"
)

const (
	// maxSimilarText is the longest simplified text in runes. The automaton grows with it, and
	// names have at most 100 characters.
	maxSimilarText = 100

	// maxSimilarTerms is the most names to rank. A survey has thousands of numbered names that are
	// two edits apart.
	maxSimilarTerms = 10_000
)

var errNoFuzzy = errors.New("the library has no fuzzy dictionary")

// A Match is a target, and the simplified form of its name that is similar to a text.
type Match struct {
	ID     uint64
	Simple string
}

// Similar returns at most max targets with a name similar to text, best first, for "did you mean".
// In simplified form the two are at most two edits apart, one if text has less than six runes, and
// none if it has less than three. An edit inserts, deletes or replaces a rune, or swaps two
// neighbours. The order is by edits, then difference in length, then bytes of the name, then id.
//
// Similar may know names that no longer exist, and miss new ones. It returns nothing if the index
// cannot answer. The caller looks up each target, checks that it still has such a name, and omits
// those that the viewer may not see.
func (x *Index) Similar(ctx context.Context, text string, max int) []Match {
	// Simplifying removes runes on both sides, and so never adds an edit: this finds whatever
	// comparing the full names would find.
	simple := Simplify(text)
	runes := utf8.RuneCountInString(simple)
	if runes == 0 || runes > maxSimilarText || max < 1 {
		return nil
	}
	var matches []Match
	x.search(ctx, func(ctx context.Context, b indexapi.IndexReader) (err error) {
		names := []similarName{{name: simple}}
		if edits := editsFor(runes); edits > 0 {
			if names, err = similarNames(ctx, b, simple, edits); err != nil {
				return err
			}
		}
		matches, err = targetsWith(ctx, b, names, max)
		return err
	})
	return matches
}

// editsFor returns the allowed edits for a text of that many runes.
func editsFor(runes int) int {
	switch {
	case runes < 3:
		return 0
	case runes < 6:
		return 1
	default:
		return 2
	}
}

// A similarName is a simplified name and its distance from the text.
type similarName struct {
	name   string
	edits  int
	longer int // difference in runes
}

// similarNames returns the simplified names in the index that are within edits of
// simple, best first.
func similarNames(ctx context.Context, b indexapi.IndexReader, simple string, edits int) ([]similarName, error) {
	fuzzy, ok := b.(indexapi.IndexReaderFuzzy)
	if !ok {
		return nil, errNoFuzzy
	}
	names, distance, err := fuzzy.FieldDictFuzzyAutomaton(simpleName, simple, edits, "")
	if err != nil {
		return nil, err
	}
	defer names.Close()
	runes := utf8.RuneCountInString(simple)
	var found []similarName
	for len(found) < maxSimilarTerms {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		entry, err := names.Next()
		if err != nil {
			return nil, err
		}
		if entry == nil {
			break
		}
		match, d := distance.MatchAndDistance(entry.Term)
		if !match {
			continue
		}
		longer := utf8.RuneCountInString(entry.Term) - runes
		found = append(found, similarName{entry.Term, int(d), max(longer, -longer)})
	}
	slices.SortStableFunc(found, func(one, two similarName) int { // stable, because names come in byte order
		return cmp.Or(cmp.Compare(one.edits, two.edits), cmp.Compare(one.longer, two.longer))
	})
	return found, nil
}

// targetsWith returns at most max targets that have one of names, each once, in the order of names
// and then of ids.
func targetsWith(ctx context.Context, b indexapi.IndexReader, names []similarName, max int) ([]Match, error) {
	var matches []Match
	seen := make(map[uint64]bool)
	for _, n := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		ids, err := targetsWithName(ctx, b, n.name)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if !seen[id] {
				seen[id] = true
				matches = append(matches, Match{id, n.name})
			}
			if len(matches) == max {
				return matches, nil
			}
		}
	}
	return matches, nil
}

// targetsWithName returns the ids, ascending, of the targets that have a simplified name. It
// returns none if more than maxSimilarTerms have it, because such a name is no suggestion.
func targetsWithName(ctx context.Context, b indexapi.IndexReader, simple string) ([]uint64, error) {
	ids, err := find(ctx, b, termQuery(simpleName, simple), maxSimilarTerms)
	if err == errTooMany {
		return nil, nil
	}
	return ids, err
}
