package archive

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"nightjar/index"
)

// TestNameList: the longest runs of pieces that are names decide, among the targets that the viewer
// sees, with the index and without.
func TestNameList(t *testing.T) {
	f := open(t, Options{})
	add := func(user, name string, aliases ...string) {
		t.Helper()
		in := &TargetInput{Name: Some(name), Type: Some(Sidereal),
			Numbers: map[string]Opt[float64]{"ra": Some(1.0), "dec": Some(1.0)}}
		for _, a := range aliases {
			in.Aliases = append(in.Aliases, AliasInput{Name: a})
		}
		if _, err := f.as(user).CreateTarget(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	add("admin", "Pair")
	add("admin", "Pair, B 2")
	add("admin", "Other", "B 2", "a,b")
	add("admin", "Third", "b,c", "Pair, B 2, C")
	add("admin", "Comma,")
	add("bob", "Lone")
	add("admin", "Lone, (star)")
	for _, c := range []struct{ user, text, want string }{
		{"admin", "Pair, B 2", "Pair, B 2"},
		{"admin", "pair,b-2", "Pair, B 2"},
		{"admin", "Pair", "Pair"},
		{"admin", "B 2", "Other"},
		{"admin", "Pair, B 2, C", "Third"},
		{"admin", "B 2,Pair", "Pair;Other"},
		{"admin", "x,Pair, B 2,y", "Pair, B 2"},
		{"admin", "Pair,Pair, B 2", "Pair;Pair, B 2"},
		{"admin", "x,Pair, B 3", "Pair"},
		{"admin", "a,b,c", "Other;Third"},
		{"admin", "a,b,b 2", "Other"},
		{"admin", "Lone, Star", "Lone, (star)"},
		{"bob", "Lone, Star", "Lone"}, // the other one does not exist for bob
		{"admin", "Comma,", "Comma,"},
		{"admin", "Pair,", ""}, // a blank piece is no name
		{"admin", "Pair, ,Lone", ""},
		{"admin", ",", ""},
	} {
		for _, indexed := range []bool{false, true} {
			if indexed {
				f.waitIndexed()
			}
			filter := TargetFilter{Fuzzy: strings.Split(c.text, ",")}
			if got := strings.Join(f.targets(c.user, filter), ";"); got != c.want {
				t.Errorf("%s asks for %q (indexed: %v): %q, not %q", c.user, c.text, indexed, got, c.want)
			}
		}
	}
}

// TestNameListRuns: find gives the places that a search for each run would, and the runs that are
// looked up contain every name that find finds.
func TestNameListRuns(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		var parts []string
		for range n {
			parts = append(parts, []string{"a", "b", " C", "a-a"}[r.IntN(4)])
		}
		return strings.Join(parts, ",")
	}
	for range 2000 {
		whole, name := text(1+r.IntN(8)), text(1+r.IntN(3))
		l := newNameList(strings.Split(whole, ","))
		simple, want := index.Simplify(name), []run(nil)
		for from := range l.pieces {
			for to := from + 1; to <= len(l.pieces); to++ {
				if strings.Join(l.pieces[from:to], ",") == simple {
					want = append(want, run{from, to})
				}
			}
		}
		runs, ok := l.runs()
		if got := l.find(simple); !slices.Equal(got, want) || !ok || slices.Contains(runs, simple) != (len(want) > 0) {
			t.Fatalf("%q in %q: %v, want %v; the runs are %q", name, whole, got, want, runs)
		}
	}
	many := make([]string, MaxFuzzy)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	if _, ok := newNameList(many).runs(); ok {
		t.Errorf("more than %d runs would be looked up", maxRuns)
	}
}
