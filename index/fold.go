package index

import (
	"unicode"
	"unicode/utf8"
)

// Fold returns s in the form in which every package compares text: two
// texts are the same but for case when their folds are equal, and a name
// contains a text, whatever the case, when its fold contains the text's.
//
// The folding is Unicode's simple case folding (the classes C and S of
// CaseFolding.txt) as package unicode knows it. It maps rune by rune, one
// rune in and one out, so that positions stay and "contains" is well defined.
// The representative of a class is the lower case of its smallest rune, or that
// rune itself where its lower case is of another class. So
//
//   - "CARINÆ" is "carinæ", "Η" is "η", and Σ, σ and the final ς are one letter;
//   - the signs that look like letters are those letters: K (kelvin, U+212A) is
//     k, Å (ångström, U+212B) is å, Ω (ohm, U+2126) is ω, µ (micro) is μ;
//   - ß and ẞ are one letter, but neither is "ss": that would be two runes;
//   - İ (dotted capital) and ı (dotless) are each only themselves, since which i
//     they belong to depends on the language;
//   - composed and decomposed letters (é as one rune or as two) stay different.
//
// For ordinary text that is what Django's icontains answers on PostgreSQL, which
// compares upper cases. There ı would also match i, and the signs for kelvin,
// ångström and ohm only themselves, since they are their own upper case.
//
// Every byte that is not part of valid UTF-8 becomes U+FFFD; the result is
// always valid UTF-8, and folding it again changes nothing. The tables are
// those of unicode.Version, so a fold is not to be stored beyond a cache that
// notes that version.
func Fold(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return string(appendFold(append(make([]byte, 0, len(s)+4), s[:i]...), s[i:]))
		}
	}
	return s
}

// appendFold appends the fold of s to dst.
func appendFold(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		dst = utf8.AppendRune(dst, foldRune(r))
		i += n
	}
	return dst
}

// foldRune returns the representative of r's class.
func foldRune(r rune) rune {
	least := r
	for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
		least = min(least, o)
	}
	lower := unicode.ToLower(least)
	for o := unicode.SimpleFold(least); o != least; o = unicode.SimpleFold(o) {
		if o == lower {
			return lower
		}
	}
	return least // it is its own lower case, or its lower case is another letter's: İ
}

// Simplify returns the form in which name_fuzzy compares names: Fold's, without
// space, dash, underscore and parentheses. "SN 2011fe", "sn2011FE" and
// "SN_2011-(fe)" are one. Only the ASCII characters are taken out; the result
// may be empty.
func Simplify(s string) string {
	b := appendFold(make([]byte, 0, len(s)+4), s)
	kept := b[:0]
	for _, c := range b { // bytes will do: none of these is part of another rune
		switch c {
		case ' ', '-', '_', '(', ')':
		default:
			kept = append(kept, c)
		}
	}
	return string(kept)
}
