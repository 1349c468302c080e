package kv

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/RoaringBitmap/roaring/v2/roaring64"
	"go.etcd.io/bbolt"

	"nightjar/internal/testenv"
)

// randomChunk is a chunk of random density, in runs or not.
func randomChunk(r *rand.Rand) (*bitmap, *roaring.Bitmap) {
	b, want := new(bitmap), roaring.New()
	add := func(first, last int) {
		want.AddRange(uint64(first), uint64(last)+1)
		for i := first; i <= last; i++ {
			b.set(uint16(i))
		}
	}
	switch r.IntN(4) {
	case 0:
		for range 1 + r.IntN(20) {
			first := r.IntN(chunkIDs)
			add(first, min(first+r.IntN(3000), chunkIDs-1))
		}
	case 1:
		add(0, chunkIDs-1)
	default:
		for range 1 + r.IntN([]int{5, 300, 5000, 60000}[r.IntN(4)]) {
			i := r.IntN(chunkIDs)
			add(i, i)
		}
	}
	return b, want
}

// chunkForm names the form of a stored chunk by its bytes.
func chunkForm(stored []byte) string {
	switch {
	case stored[0] == 0x3b:
		return "runs"
	case len(stored) == maxChunk:
		return "bits"
	}
	return "array"
}

// viewed reads a stored chunk.
func viewed(b []byte) (*roaring.Bitmap, error) {
	v := roaring.New()
	return v, viewChunk(v, b)
}

// TestChunkForms stores chunks in all forms. Roaring's public reader and ours read each of them.
func TestChunkForms(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	forms := map[string]int{}
	for range testenv.Choose(100, 300) {
		b, want := randomChunk(r)
		runs, card := b.runs(), b.count()
		stored := b.stored()
		form := chunkForm(stored)
		forms[form]++
		v, err := viewed(stored)
		if err != nil {
			t.Fatal(err)
		}
		public := roaring.New()
		if n, err := public.ReadFrom(bytes.NewReader(stored)); err != nil || n != int64(len(stored)) ||
			!public.Equals(want) {
			t.Fatalf("%s: read by Roaring: %d of %d bytes, %v", form, n, len(stored), err)
		}
		if !v.Equals(want) || card != int(want.GetCardinality()) {
			t.Fatalf("%s: differs from what was stored", form)
		}
		var again, x bitmap
		v.WriteDenseTo(again[:])
		x.set(7)
		if x.or(v); again != *b || x.count() != int(roaring.Or(roaring.BitmapOf(7), want).GetCardinality()) {
			t.Fatalf("%s: wrong bits", form)
		}
		for range 100 {
			if i := r.IntN(chunkIDs); again.has(uint16(i)) != want.ContainsInt(i) {
				t.Fatalf("%s: has(%d)", form, i)
			}
		}
		if !bytes.Equal(again.stored(), stored) {
			t.Fatalf("%s: stored in two forms", form)
		}
		if few := runs <= maxRuns && 2+4*runs < min(2*card, chunkIDs/8); few != (form == "runs") {
			t.Fatalf("%s: %d runs of %d ids", form, runs, card)
		}
	}
	for _, form := range []string{"array", "bits", "runs"} {
		if forms[form] == 0 {
			t.Errorf("%s never occurred", form)
		}
	}
}

// TestChunkEdges stores chunks on both sides of each change of form.
func TestChunkEdges(t *testing.T) {
	t.Parallel()
	every := func(n, step int) *bitmap {
		b := new(bitmap)
		for i := range n {
			b.set(uint16(i * step))
		}
		return b
	}
	for _, c := range []struct {
		b    *bitmap
		form string
		size int
	}{
		{every(1, 1), "array", 18},
		{every(3, 1), "array", 22},
		{every(4, 1), "runs", 15},
		{every(4096, 2), "array", 16 + 2*4096},
		{every(4097, 2), "bits", maxChunk},
		{every(65535, 1), "runs", 15},
		{every(65536, 1), "runs", 15},
		{every(32768, 2), "bits", maxChunk},
	} {
		if got := c.b.stored(); chunkForm(got) != c.form && len(got) != maxChunk || len(got) != c.size {
			t.Errorf("%d ids: %s of %d bytes, not %s of %d", c.b.count(), chunkForm(got), len(got), c.form, c.size)
		}
	}
}

// TestDamagedChunks: bytes that are no chunk are refused, whatever their CRC.
func TestDamagedChunks(t *testing.T) {
	t.Parallel()
	le := binary.LittleEndian
	array := func(card int, ids ...uint16) []byte {
		b := le.AppendUint16([]byte(chunkHead), uint16(card-1))
		b = le.AppendUint32(b, 16)
		for _, i := range ids {
			b = le.AppendUint16(b, i)
		}
		return b
	}
	runs := func(n int, pairs ...uint16) []byte {
		b := le.AppendUint16([]byte(chunkHeadRuns), 9)
		b = le.AppendUint16(b, uint16(n))
		for _, i := range pairs {
			b = le.AppendUint16(b, i)
		}
		return b
	}
	bits := func(card, set int) []byte {
		b := array(card)
		for i := range chunkIDs / 8 {
			b = append(b, byte(min(1<<min(max(set-8*i, 0), 8)-1, 255)))
		}
		return b
	}
	two := roaring.BitmapOf(1, 70_000)
	twoBytes, _ := two.ToBytes()
	other, _ := roaring.BitmapOf(70_000).ToBytes()
	nothing, _ := roaring.New().ToBytes()
	for name, b := range map[string][]byte{
		"nothing": nil, "a head": []byte(chunkHead), "a head of runs": []byte(chunkHeadRuns), "no containers": nothing,
		"two containers": twoBytes, "another key": other,
		"out of order": array(2, 5, 4), "twice": array(2, 5, 5), "too short": array(3, 1, 2),
		"too long": array(1, 1, 2),
		"half":     array(2, 1, 2)[:19], "too few bits": bits(5000, 4999), "too many bits": bits(5000, 5001),
		"bits cut off": bits(5000, 5000)[:8000], "bits and more": append(bits(5000, 5000), 0),
		"no runs": runs(0), "runs out of order": runs(2, 100, 3, 10, 3), "runs overlap": runs(2, 10, 10, 15, 3),
		"runs touch": runs(2, 10, 4, 15, 3), "a run beyond the end": runs(1, 65530, 10), "runs cut off": runs(3, 1, 1),
		"runs and more": append(runs(1, 1, 5), 0),
	} {
		if v, err := viewed(b); err == nil {
			t.Errorf("%s: %v", name, v)
		}
	}
	good := map[string][]byte{"an array": array(2, 4, 5), "bits": bits(5000, 5000), "runs": runs(2, 10, 3, 20, 3)}
	for name, b := range good {
		if _, err := viewed(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, b := range map[string][]byte{
		"zero": {0}, "twice": {5, 0}, "cut off": {0x80}, "beyond the largest id": binary.AppendUvarint(nil, MaxID+1),
		"beyond it together": binary.AppendUvarint([]byte{1}, MaxID), "no number": bytes.Repeat([]byte{0xff}, 11),
		"too many": bytes.Repeat([]byte{1}, maxSmall+1),
	} {
		if ids, err := readSmall(nil, b); err == nil {
			t.Errorf("a small set, %s: %v", name, ids)
		}
	}
}

// TestStoredSets changes sets at random, across maxSmall and the end of a chunk. The stored values
// depend only on the ids, not on the history of the set.
func TestStoredSets(t *testing.T) {
	t.Parallel()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "sets"), 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r := rand.New(rand.NewPCG(5, 6))
	small, chunked := 0, 0
	for range 60 {
		err := db.Update(func(bt *bbolt.Tx) error {
			bucket, err := bt.CreateBucket([]byte("set"))
			if err != nil {
				return err
			}
			const set = "\x01\x00"
			want := roaring64.New()
			large := false
			next := uint64(max(1, r.IntN(3)*chunkIDs-500*r.IntN(2)))
			for range 12 {
				var changes []idChange
				for range 1 + r.IntN(400) {
					next++
					if r.IntN(20) == 0 {
						next += uint64(r.IntN(300))
					}
					changes = append(changes, idChange{id: next})
				}
				if ids := want.ToArray(); len(ids) > 0 && r.IntN(3) == 0 { // remove some
					changes = nil
					first := r.IntN(len(ids))
					for _, id := range ids[first:min(first+r.IntN(800), len(ids))] {
						changes = append(changes, idChange{id, true})
					}
				}
				for _, c := range changes {
					if c.remove {
						want.Remove(c.id)
					} else {
						want.Add(c.id)
					}
				}
				if err := writeSet(bucket, set, changes); err != nil {
					return err
				}
				large = !want.IsEmpty() && (large || want.GetCardinality() > maxSmall)
				stored := map[string][]byte{}
				if ids := want.ToArray(); !large && len(ids) > 0 {
					small++
					stored[set] = appendSmall(nil, ids)
				} else if large {
					chunked++
					parts := bitmaps{}
					for _, id := range ids {
						parts.add(id)
					}
					for chunk := range parts.chunks() {
						stored[string(chunkKey(nil, set, chunk))] = parts.of[chunk].stored()
					}
				}
				c := bucket.Cursor()
				for k, v := c.First(); k != nil; k, v = c.Next() {
					if b, err := checkCRC(k, v); err != nil || !bytes.Equal(b, stored[string(k)]) {
						t.Fatalf("%x: %x (%v), not %x", k, b, err, stored[string(k)])
					}
					delete(stored, string(k))
				}
				if len(stored) > 0 {
					t.Fatalf("%d values are missing", len(stored))
				}
			}
			return bt.DeleteBucket([]byte("set"))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if small < 100 || chunked < 100 {
		t.Errorf("%d small sets and %d in chunks", small, chunked)
	}
}

// TestAlgebra compares sets of every kind, and combinations of them, with Roaring bitmaps.
func TestAlgebra(t *testing.T) {
	t.Parallel()
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
	row := func(tx *WriteTx, n int) error {
		p := point{Parent: uint64(n % 10), Time: int64(n)}
		for g := range groups {
			// of all densities: from all rows to a handful
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
		if err := stage.Update(t.Context(), func(tx *WriteTx) error {
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
	if err := stage.Finish(t.Context(), func(*WriteTx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	// some more that stay in the tail
	d.update(func(tx *WriteTx) error {
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
				t.Fatalf("%s: wrong ids (%v)", what, err)
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
				check("and or", And(Or(set(a), set(b)), set(c)),
					roaring64.And(roaring64.Or(truth[a], truth[b]), truth[c]))
				check("and not", AndNot(set(a), set(b)), roaring64.AndNot(truth[a], truth[b]))
				check("and list", And(set(a), IDs(truth[5].ToArray()), d.points.All(tx)),
					roaring64.And(truth[a], truth[5]))
			}
		}
		check("nothing", And(set(0), d.points.Set(tx, dimBox, Int(99))), roaring64.New())
		return nil
	})
}

func FuzzStoredForms(f *testing.F) {
	f.Add(appendSmall(nil, []uint64{1, 5, 1 << 39}))
	f.Add(idRuns{{1, 5}, {9, 9}}.append(nil))
	f.Add(Fields[point]().Append(nil, &point{Parent: 1, Boxes: []uint64{2}, Time: -3, Source: "s"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if ids, err := readSmall(nil, b); err == nil {
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
			if err := Fields[point]().Decode(once, &q); err != nil ||
				!bytes.Equal(Fields[point]().Append(nil, &q), once) {
				t.Errorf("record: %v", err)
			}
		}
		var e Entry
		entryCodec.Decode(b, &e)
		s := Series{1, 2, 3}
		key := s.key(nil, Point{4, 5, 6})
		readPoints(nil, key, withCRC(key, bytes.Clone(b)))
		splitSetKey(b)
	})
}

// FuzzChunk reads chunks of arbitrary bytes. An accepted chunk is counted and combined correctly
// and can be stored again.
func FuzzChunk(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 12 {
		b, _ := randomChunk(r)
		f.Add(b.stored())
	}
	f.Add([]byte(chunkHeadRuns + "\x0a\x00\x02\x00\x05\x00\x05\x00\x07\x00\x05\x00"))
	sparse, dense := roaring.BitmapOf(1, 77, 65_535), roaring.New()
	for i := range uint32(chunkIDs / 3) {
		dense.Add(3 * i)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := viewed(bytes.Clone(b))
		if err != nil {
			return
		}
		ids := v.ToArray()
		if len(ids) == 0 || int(v.GetCardinality()) != len(ids) || !slices.IsSorted(ids) ||
			len(slices.Compact(slices.Clone(ids))) != len(ids) || ids[len(ids)-1] >= chunkIDs {
			t.Fatalf("%d ids, counted %d", len(ids), v.GetCardinality())
		}
		for _, x := range []*roaring.Bitmap{sparse, dense} {
			n := uint64(0)
			for _, i := range ids {
				if x.Contains(i) {
					n++
				}
			}
			both, other := v.AndCardinality(x), x.GetCardinality()
			if both != n || roaring.And(v, x).GetCardinality() != n ||
				roaring.AndNot(x, v).GetCardinality() != other-n ||
				roaring.Or(x, v).GetCardinality() != other+uint64(len(ids))-n {
				t.Fatalf("%d of %d ids are in both, not %d", both, len(ids), n)
			}
		}
		var bits bitmap
		v.WriteDenseTo(bits[:])
		if again, err := viewed(bits.stored()); err != nil || !slices.Equal(again.ToArray(), ids) {
			t.Fatalf("stored again: %v", err)
		}
	})
}

// TestScratchOfManySets: the memory of a union does not grow with the number of its sets.
func TestScratchOfManySets(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	later := newTestTables()
	db := openFamilies(t, path, later.all(), Options{})
	defer db.Close()
	sets := make([]Set, 3000)
	for i := range sets {
		sets[i] = IDs([]uint64{uint64(i + 1)})
	}
	scr := new(scratch)
	if n := Or(sets...).node.count(0, scr); n != len(sets) {
		t.Errorf("%d ids", n)
	}
	if n := len(scr.bitmaps); n > 10 {
		t.Errorf("a union of %d small sets takes %d bitmaps", len(sets), n)
	}
}
