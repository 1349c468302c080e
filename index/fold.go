package index

import (
	"unicode"
	"unicode/utf8"
)

// Fold returns the form of s in which all packages compare text. Two texts are equal except for
// case if their folds are equal, and a name contains a text in any case if its fold contains that
// of the text.
//
// Fold is Unicode's simple case folding (classes C and S of CaseFolding.txt) as package unicode has
// it. It maps each rune to one rune, so positions stay and "contains" is well defined. Each class
// of runes maps to the lower case of its smallest rune, or to that rune itself if its lower case
// belongs to another class. So
//
//   - "CARINÆ" is "carinæ", "Η" is "η", and Σ, σ and the final ς are one letter;
//   - signs that look like letters are those letters: K (kelvin, U+212A) is k, Å (ångström, U+212B)
//     is å, Ω (ohm, U+2126) is ω, µ (micro) is μ;
//   - ß and ẞ are one letter, but neither is "ss": that would be two runes;
//   - İ (dotted capital) and ı (dotless) are only themselves, because their i depends on the
//     language;
//   - composed and decomposed letters (é as one rune or as two) stay different.
//
// For ordinary text this agrees with Django's icontains on PostgreSQL, which compares upper cases.
// There ı also matches i, and the signs for kelvin, ångström and ohm match only themselves, because
// they are their own upper case.
//
// Every byte that is not part of valid UTF-8 becomes U+FFFD. The result is valid UTF-8, and folding
// it again does not change it. The tables are those of unicode.Version, so do not store a fold
// without that version.
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
	return least // its lower case is itself or belongs to another class, as for İ
}

// Simplify returns the form in which name_fuzzy compares names: the fold without ASCII spaces,
// dashes, underscores and parentheses. "SN 2011fe", "sn2011FE" and "SN_2011-(fe)" have the same
// form. It may be empty.
func Simplify(s string) string {
	b := appendFold(make([]byte, 0, len(s)+4), s)
	kept := b[:0]
	for _, c := range b { // bytes suffice: these are not part of other runes
		switch c {
		case ' ', '-', '_', '(', ')':
		default:
			kept = append(kept, c)
		}
	}
	return string(kept)
}
