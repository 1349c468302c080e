package index

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A model has what an index must know: the names of each target.
type model struct {
	names map[uint64][]string
	grams map[string]map[string]bool // cache by name
}

func newModel() *model { return &model{make(map[uint64][]string), make(map[string]map[string]bool)} }

// apply does what Apply does.
func (m *model) apply(targets []Target) {
	for _, t := range targets {
		if delete(m.names, t.ID); len(t.Names) > 0 {
			m.names[t.ID] = t.Names
		}
	}
}

// all returns all targets in the order of ids.
func (m *model) all() (targets []Target) {
	for id, names := range m.names {
		targets = append(targets, Target{id, names})
	}
	slices.SortFunc(targets, func(a, b Target) int { return int(a.ID) - int(b.ID) })
	return targets
}

// containing returns the targets with a name that contains text, by the definition.
func (m *model) containing(text string) (ids []uint64) {
	for id, names := range m.names {
		if slices.ContainsFunc(names, func(n string) bool { return containsByRunes(n, text) }) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// candidates returns the targets that have all grams of text, which are those that an index with
// this state proposes.
func (m *model) candidates(text string) (ids []uint64) {
	query := queryGrams(Fold(text))
	for id, names := range m.names {
		lacks := func(gram string) bool {
			return !slices.ContainsFunc(names, func(n string) bool {
				if m.grams[n] == nil {
					m.grams[n] = gramsOf(n)
				}
				return m.grams[n][gram]
			})
		}
		if !slices.ContainsFunc(query, lacks) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// like returns the targets with a name that has the same simplified form as text.
func (m *model) like(text string) (ids []uint64) {
	for id, names := range m.names {
		if slices.ContainsFunc(names, func(n string) bool { return Simplify(n) == Simplify(text) }) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// some prints the first of many ids.
type some []uint64

func (s some) String() string {
	if len(s) > 10 {
		return fmt.Sprintf("%d ids, %v ... %v", len(s), []uint64(s[:5]), []uint64(s[len(s)-5:]))
	}
	return fmt.Sprint([]uint64(s))
}

// superset reports whether all has all ids of part. Both are in ascending order.
func superset(all, part []uint64) bool {
	for _, id := range part {
		if _, ok := slices.BinarySearch(all, id); !ok {
			return false
		}
	}
	return true
}

// pieces are parts of random names: what astronomers write, letters with unusual cases, operators
// of query languages, and bytes that are not UTF-8.
var pieces = strings.Split("SN |sn|ZTF|2011|fe|FE|Gaia DR3 |\u212a2|k2|-18|18|\u00b5|\u03bc|Σ|σ|ς|ß|ẞ|İ|ı|i|I|"+
	"η Car|Η CAR|æ|aaa|aa|AAAA|*|?|\\|.*|[a]|~2|\"|+|(A)|_| |  |😀|é|e\u0301|\xff|\xe2\x84|\x00|\ufffd|一二三|"+
	"NGC|M 31", "|")

// randomName returns a name of up to six pieces.
func randomName(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(6) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

// randomText returns a text to search for: a part of an existing name, perhaps in another case, or
// anything.
func randomText(r *rand.Rand, m *model) string {
	text := randomName(r)
	for id := range m.names {
		if r.IntN(4) > 0 {
			name := []rune(m.names[id][r.IntN(len(m.names[id]))])
			from := r.IntN(len(name))
			text = string(name[from : from+1+r.IntN(len(name)-from)])
		}
		break
	}
	switch r.IntN(3) {
	case 0:
		return strings.ToUpper(text)
	case 1:
		return strings.ToLower(text)
	}
	return text
}

// randomChange returns new names for a few of the targets 1 to ids, which creates, renames or
// deletes them.
func randomChange(r *rand.Rand, ids int) (targets []Target) {
	for range 1 + r.IntN(8) {
		t := Target{ID: uint64(1 + r.IntN(ids))}
		if r.IntN(4) > 0 {
			for range 1 + r.IntN(3) {
				t.Names = append(t.Names, randomName(r))
			}
		}
		targets = append(targets, t)
	}
	return targets
}

// markOf returns the mark of log entry seq in these tests.
func markOf(seq uint64) Mark {
	return Mark{seq, sha256.Sum256(binary.BigEndian.AppendUint64(nil, seq))}
}

func open(tb testing.TB, dir string, o Options) *Index {
	tb.Helper()
	if o.Logf == nil {
		o.Logf = tb.Logf
	}
	x, err := Open(dir, o)
	if err != nil {
		tb.Fatal(err)
	}
	return x
}

func apply(tb testing.TB, x *Index, targets []Target, m Mark) {
	tb.Helper()
	if err := x.Apply(context.Background(), targets, m); err != nil {
		tb.Fatal(err)
	}
}

// check compares what x proposes for one text with the model. x must have the state of the model.
func check(tb testing.TB, x *Index, m *model, text string) {
	tb.Helper()
	ctx := context.Background()
	found, ok := x.Contains(ctx, text, 10_000)
	if short := len([]rune(text)) < gramRunes; ok == short {
		tb.Fatalf("Contains(%q) ok = %v, broken: %v", text, ok, x.Broken())
	} else if want := m.candidates(text); ok && !slices.Equal(found, want) {
		tb.Fatalf("Contains(%q) = %v, want %v", text, some(found), some(want))
	}
	if ok && !superset(found, m.containing(text)) {
		tb.Fatalf("Contains(%q) = %v lacks some of %v", text, some(found), some(m.containing(text)))
	}
	found, ok = x.Simplified(ctx, text)
	if ok != (Simplify(text) != "") {
		tb.Fatalf("Simplified(%q) ok = %v", text, ok)
	}
	if want := m.like(text); ok && !slices.Equal(found, want) {
		tb.Fatalf("Simplified(%q) = %v, want %v", text, some(found), some(want))
	}
	if ok && len(text)%4 == 0 { // it takes longer than all the rest
		like := ids(x.Similar(ctx, text, 1000))
		slices.Sort(like)
		if !superset(like, m.like(text)) {
			tb.Fatalf("Similar(%q) = %v lacks some of %v", text, some(like), some(m.like(text)))
		}
	}
}

// checkAll checks some random texts.
func checkAll(tb testing.TB, r *rand.Rand, x *Index, m *model, texts int) {
	tb.Helper()
	for range texts {
		check(tb, x, m, randomText(r, m))
	}
}

// TestModel makes hundreds of random changes, and searches after each. From time to time it closes
// and opens the index, or resets it.
func TestModel(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 2))
	dir := t.TempDir()
	x := open(t, dir, Options{})
	m := newModel()
	for seq := uint64(1); seq <= 400; seq++ {
		targets := randomChange(r, 150)
		m.apply(targets)
		apply(t, x, targets, markOf(seq))
		if x.Mark() != markOf(seq) {
			t.Fatalf("the mark is %v", x.Mark())
		}
		checkAll(t, r, x, m, 4)
		if seq%40 == 0 {
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
			x = open(t, dir, Options{})
			if x.Mark() != markOf(seq) {
				t.Fatalf("the mark is %v", x.Mark())
			}
			checkAll(t, r, x, m, 20)
		}
		if seq%100 == 0 {
			if err := x.Reset(); err != nil {
				t.Fatal(err)
			}
			if _, ok := x.Contains(t.Context(), "aaa", 1000); ok || x.Mark() != (Mark{}) {
				t.Fatal("an empty index answers")
			}
			m = newModel()
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}
