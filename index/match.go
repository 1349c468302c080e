package index

import "bytes"

// A Matcher answers whether names contain one text, whatever the case. It is
// the real check: callers ask it about every candidate that the index proposes,
// and about every name when they scan. It may be used by several goroutines.
type Matcher struct {
	text []byte // folded
}

// NewMatcher returns the matcher for text. Every name contains the empty text.
func NewMatcher(text string) Matcher {
	return Matcher{text: []byte(Fold(text))}
}

// Match reports whether the fold of name contains the fold of the text. It
// allocates nothing for names of up to 256 bytes.
func (m Matcher) Match(name string) bool {
	var room [256]byte
	return bytes.Contains(appendFold(room[:0], name), m.text)
}

// MatchAny reports whether one of names matches.
func (m Matcher) MatchAny(names []string) bool {
	for _, name := range names {
		if m.Match(name) {
			return true
		}
	}
	return false
}

// Contains reports whether name contains text, whatever the case: the same as
// strings.Contains(Fold(name), Fold(text)). For many names, make a Matcher.
func Contains(name, text string) bool {
	return NewMatcher(text).Match(name)
}
