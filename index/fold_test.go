package index

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"sn2011fe", "sn2011fe"},
		{"SN 2011fe", "sn 2011fe"},
		{"η CARINÆ", "η carinæ"},
		{"Η Carinæ", "η carinæ"}, // capital eta
		{"ΟΔΥΣΣΕΥΣ", "οδυσσευσ"},
		{"Οδυσσεύς", "οδυσσεύσ"},
		{"\u212a2-18", "k2-18"},   // kelvin sign
		{"3000 \u212b", "3000 å"}, // ångström sign
		{"\u2126 Cen", "ω cen"},   // ohm sign
		{"ſtar", "star"},          // long s
		{"Straße STRAẞE", "straße straße"},
		{"İstanbul ısı", "İstanbul ısı"},
		{"Ǆ ǅ ǆ", "ǆ ǆ ǆ"},
		{"e\u0301 É", "e\u0301 é"},
		{"a\xffB\xc3", "a\ufffdb\ufffd"},
		{"\xe2\x84", "\ufffd\ufffd"},
		{"A\x00B", "a\x00b"},
		{"😀Z", "😀z"},
	} {
		if got := Fold(c.in); got != c.want {
			t.Errorf("Fold(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	if Fold("\u00b5 Cep") != Fold("\u03bc CEP") {
		t.Error("the micro sign is not mu")
	}
}

// TestFoldClasses: every rune folds to one of its class, all of a class fold to the same rune, and
// that folds to itself.
func TestFoldClasses(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		f := foldRune(r)
		if next := unicode.SimpleFold(r); foldRune(next) != f {
			t.Fatalf("%U folds to %U, but %U of its class to %U", r, f, next, foldRune(next))
		}
		if foldRune(f) != f {
			t.Fatalf("%U folds to %U, which folds to %U", r, f, foldRune(f))
		}
		if !strings.EqualFold(string(r), string(f)) {
			t.Fatalf("%U folds to %U, which is not in its class", r, f)
		}
		if r < utf8.RuneSelf && Fold(string(r)) != string(f) {
			t.Fatalf("Fold folds %U to %q", r, Fold(string(r)))
		}
	}
}

func TestSimplify(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{" -_()", ""},
		{"SN 2011fe", "sn2011fe"},
		{"SN_2011-(FE)", "sn2011fe"},
		{"Sgr A*", "sgra*"},
		{"η Carinæ (A)", "ηcarinæa"},
		{"a\u00a0b–c", "a\u00a0b–c"}, // a hard space and a long dash stay
		{"\xff (x)", "\ufffdx"},
	} {
		if got := Simplify(c.in); got != c.want {
			t.Errorf("Simplify(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// containsByRunes is the definition of Contains: some run of runes of name equals text under simple
// folding.
func containsByRunes(name, text string) bool {
	n, t := []rune(name), []rune(text)
	for i := 0; i+len(t) <= len(n); i++ {
		if strings.EqualFold(string(n[i:i+len(t)]), string(t)) {
			return true
		}
	}
	return false
}

func FuzzContains(f *testing.F) {
	for _, s := range [][2]string{
		{"SN 2011fe", "2011F"}, {"η CARINÆ", "η carinæ"}, {"\u212a2-18 b", "K2-"}, {"aaaa", "AAA"},
		{"Οδυσσεύς", "ΣΕΎΣ"}, {"a\xff\xfeb", "\xfe"}, {"Straße", "STRAẞE"}, {"İi", "i"}, {"", ""},
		{"\x00\x00\x00", "\x00\x00"}, {"😀😀😀😀", "😀😀😀"}, {"\xf0\x9f\x98", "\xf0"},
		{strings.Repeat("Long Name ", 40), strings.Repeat("G NAME LON", 20)},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		folded, want := Fold(name), containsByRunes(name, text)
		if !utf8.ValidString(folded) || Fold(folded) != folded {
			t.Fatalf("Fold(%q) = %q is not valid, or folds further", name, folded)
		}
		if a, b := utf8.RuneCountInString(name), utf8.RuneCountInString(folded); a != b {
			t.Fatalf("%q has %d runes, its fold %d", name, a, b)
		}
		if got := strings.Contains(folded, Fold(text)); got != want {
			t.Fatalf("folded, %q contains %q: %v", name, text, got)
		}

		// The index relies on this: a name that contains a text has all grams of the text.
		grams := gramsOf(name)
		query := queryGrams(Fold(text))
		if (len(query) == 0) != (utf8.RuneCountInString(text) < gramRunes) || len(query) > maxQueryGrams {
			t.Fatalf("%q has %d grams", text, len(query))
		}
		for _, g := range query {
			if utf8.RuneCountInString(g) != gramRunes {
				t.Fatalf("%q is a gram of %q", g, text)
			}
			if want && !grams[g] {
				t.Fatalf("%q contains %q, but lacks the gram %q", name, text, g)
			}
		}
		// Similar relies on this: Simplify is idempotent, and agrees with its definition.
		simple := strings.NewReplacer(" ", "", "-", "", "_", "", "(", "", ")", "").Replace(folded)
		if Simplify(name) != simple || Simplify(simple) != simple {
			t.Fatalf("Simplify(%q) = %q, want %q", name, Simplify(name), simple)
		}
	})
}

// gramsOf returns the grams of name, as the analyzer finds them.
func gramsOf(name string) map[string]bool {
	grams := make(map[string]bool)
	for _, token := range (gramAnalyzer{}).Analyze([]byte(Fold(name))) {
		grams[string(token.Term)] = true
	}
	return grams
}

func TestQueryGramsAreEven(t *testing.T) {
	long := make([]rune, 1000)
	for i := range long {
		long[i] = rune('一' + i)
	}
	grams := queryGrams(string(long))
	if len(grams) != maxQueryGrams {
		t.Fatalf("%d grams", len(grams))
	}
	for i, g := range grams {
		if want := string(long[i*998/maxQueryGrams:][:3]); g != want {
			t.Errorf("gram %d is %q, want %q", i, g, want)
		}
	}
}
