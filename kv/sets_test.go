package kv

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"nightjar/internal/testenv"
)

// randomChunk is a chunk of some density, in runs or not.
func randomChunk(r *rand.Rand) (*words, *roaring64.Bitmap) {
	w, b := new(words), roaring64.New()
	switch r.IntN(4) {
	case 0:
		for range 1 + r.IntN(20) {
			first := r.IntN(chunkIDs)
			last := min(first+r.IntN(3000), chunkIDs-1)
			w.setRange(uint16(first), uint16(last))
			b.AddRange(uint64(first), uint64(last)+1)
		}
	case 1:
		w.setRange(0, chunkIDs-1)
		b.AddRange(0, chunkIDs)
	default:
		for range 1 + r.IntN([]int{5, 300, 5000, 60000}[r.IntN(4)]) {
			i := r.IntN(chunkIDs)
			w.set(uint16(i))
			b.Add(uint64(i))
		}
	}
	return w, b
}

func (w *words) list() []uint64 {
	var ids []uint64
	w.each(func(i uint16) bool { ids = append(ids, uint64(i)); return true })
	return ids
}

func TestChunkForms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	forms := map[byte]int{}
	for range testenv.Choose(100, 300) {
		w, b := randomChunk(r)
		stored := appendChunk(nil, w)
		forms[stored[0]]++
		v, err := viewChunk(stored)
		if err != nil {
			t.Fatal(err)
		}
		var again words
		v.orInto(&again)
		if again != *w || v.card != int(b.GetCardinality()) || !slices.Equal(w.list(), b.ToArray()) {
			t.Fatalf("form %c is not what was stored", v.form)
		}
		for range 100 {
			if i := uint16(r.IntN(chunkIDs)); v.has(i) != b.Contains(uint64(i)) {
				t.Fatalf("form %c: has(%d)", v.form, i)
			}
		}
		if v.form == formRuns && w.runs() > maxRuns {
			t.Fatalf("%d runs", w.runs())
		}
		x, xb := randomChunk(r)
		and := *x
		v.andInto(&and)
		or, not := *x, *x
		or.or(w)
		not.andNot(w)
		if !slices.Equal(and.list(), roaring64.And(xb, b).ToArray()) || !slices.Equal(or.list(), roaring64.Or(xb, b).ToArray()) ||
			!slices.Equal(not.list(), roaring64.AndNot(xb, b).ToArray()) {
			t.Fatalf("form %c: and, or, andNot", v.form)
		}
	}
	for _, f := range []byte{formArray, formBitmap, formRuns} {
		if forms[f] == 0 {
			t.Errorf("form %c never came up", f)
		}
	}
}

// TestAlgebra compares sets of every kind, and what is made of them, with roaring bitmaps.
func TestAlgebra(t *testing.T) {
	d := openTest(t, Options{})
	r := rand.New(rand.NewPCG(3, 4))
	const groups = 6
	rows := testenv.Choose(90_000, 150_000) // more than one chunk
	truth := make([]*roaring64.Bitmap, groups)
	for i := range truth {
		truth[i] = roaring64.New()
	}
	var all []uint64
	stage, err := d.points.Stage(t.Context(), d.DB, me)
	if err != nil {
		t.Fatal(err)
	}
	row := func(tx *Tx, n int) error {
		p := point{Parent: uint64(n % 10), Time: int64(n)}
		for g := range groups {
			// of all densities: from all rows down to a handful
			if r.IntN(1<<(3*g)) == 0 {
				p.Boxes = append(p.Boxes, uint64(g))
			}
		}
		id, err := d.points.Insert(tx, &p)
		for _, g := range p.Boxes {
			truth[g].Add(id)
		}
		all = append(all, id)
		return err
	}
	for n := 0; n < rows; {
		if err := stage.Update(t.Context(), func(tx *Tx) error {
			for range 30_000 {
				if err := row(tx, n); err != nil {
					return err
				}
				n++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if n := d.count(func(tx *Tx) Set { return d.points.All(tx) }); n != 0 {
		t.Fatalf("%d pending rows are visible", n)
	}
	if err := stage.Finish(t.Context(), func(*Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	// and some more that stay in the tail
	d.update(func(tx *Tx) error {
		for n := range 1000 {
			if err := row(tx, rows+n); err != nil {
				return err
			}
		}
		return nil
	})
	d.view(func(tx *Tx) error {
		check := func(what string, s Set, want *roaring64.Bitmap) {
			t.Helper()
			ids := want.ToArray()
			n, err := s.Count()
			if err != nil || n != len(ids) {
				t.Fatalf("%s: count %d, %v; not %d", what, n, err, len(ids))
			}
			if got, err := s.IDs(); err != nil || !slices.Equal(got, ids) {
				t.Fatalf("%s: other ids (%v)", what, err)
			}
			for range testenv.Choose(8, 40) {
				p := Page{Offset: r.IntN(len(ids) + 10), Limit: 1 + r.IntN(200), Descending: r.IntN(2) == 0}
				want := slices.Clone(ids)
				if p.Descending {
					slices.Reverse(want)
				}
				want = want[min(p.Offset, len(want)):min(p.Offset+p.Limit, len(want))]
				got, n, err := s.Page(p)
				if err != nil || n != len(ids) || !slices.Equal(got, want) {
					t.Fatalf("%s: page %+v is %v of %d (%v), not %v of %d", what, p, got, n, err, want, len(ids))
				}
				id := uint64(r.IntN(rows + 2000))
				if has, err := s.Has(id); err != nil || has != slices.Contains(ids[:], id) {
					t.Fatalf("%s: has(%d) is %t (%v)", what, id, has, err)
				}
			}
		}
		everything := roaring64.BitmapOf(all...)
		check("all", d.points.All(tx), everything)
		for g := range groups {
			check("one", d.points.Set(tx, dimBox, Int(uint64(g))), truth[g])
		}
		set := func(g int) Set { return d.points.Set(tx, dimBox, Int(uint64(g))) }
		for a := range groups {
			for b := range groups {
				c := (a + b) % groups
				check("or", Or(set(a), set(b), Set{}), roaring64.Or(truth[a], truth[b]))
				check("and", And(set(a), set(b)), roaring64.And(truth[a], truth[b]))
				check("and or", And(Or(set(a), set(b)), set(c)), roaring64.And(roaring64.Or(truth[a], truth[b]), truth[c]))
				check("and not", AndNot(set(a), set(b)), roaring64.AndNot(truth[a], truth[b]))
				check("and list", And(set(a), IDs(truth[5].ToArray()), d.points.All(tx)), roaring64.And(truth[a], truth[5]))
			}
		}
		check("nothing", And(set(0), d.points.Set(tx, dimBox, Int(99))), roaring64.New())
		return nil
	})
}

func FuzzStoredForms(f *testing.F) {
	w := new(words)
	w.setRange(5, 900)
	f.Add(appendChunk(nil, w))
	f.Add(appendSmall(nil, []uint64{1, 5, 1 << 39}))
	f.Add(idRuns{{1, 5}, {9, 9}}.append(nil))
	f.Add(Fields[point]().Append(nil, &point{Parent: 1, Boxes: []uint64{2}, Time: -3, Source: "s"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := viewChunk(b); err == nil {
			var w, x words
			v.orInto(&w)
			v.andInto(&x)
			v.has(77)
		}
		if ids, err := readSmall(nil, b); err == nil && slices.IsSorted(ids) {
			if again, err := readSmall(nil, appendSmall(nil, ids)); err != nil || !slices.Equal(again, ids) {
				t.Errorf("small set: %v, %v", again, err)
			}
		}
		if runs, err := readRuns(b); err == nil {
			if again, err := readRuns(runs.append(nil)); err != nil || !slices.Equal(again, runs) {
				t.Errorf("runs: %v, %v", again, err)
			}
		}
		var p point
		if err := Fields[point]().Decode(b, &p); err == nil {
			once := Fields[point]().Append(nil, &p)
			var q point
			if err := Fields[point]().Decode(once, &q); err != nil || !bytes.Equal(Fields[point]().Append(nil, &q), once) {
				t.Errorf("record: %v", err)
			}
		}
		var e Entry
		entryCodec.Decode(b, &e)
		s := Series{1, 2, 3}
		key := s.key(nil, Point{4, 5, 6})
		readPoints(nil, key, seal(key, bytes.Clone(b)))
		splitSetKey(b)
	})
}
