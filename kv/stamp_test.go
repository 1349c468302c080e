package kv

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// TestStampCoversLargeRecords: the stamp of a record changes with every change, whatever the sizes
// before and after, and only then. A reader of rows returns the same stamp as the table.
func TestStampCoversLargeRecords(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	stamps := func(id uint64) (stamp uint32) {
		t.Helper()
		d.view(func(tx *Tx) error {
			var ok bool
			if stamp, ok = d.parents.Stamp(tx, id); !ok {
				t.Fatalf("parent %d has no stamp", id)
			}
			r := d.parents.Reader(tx)
			if again, ok := r.Stamp(id); !ok || again != stamp {
				t.Errorf("parent %d: a reader's stamp is %x, not %x", id, again, stamp)
			}
			return nil
		})
		return stamp
	}
	sizes := []int{0, 100, largeLimit - 200, largeLimit, largeLimit + 1, 3000, 32 << 10, 100_000}
	id := d.addParent(parent{Name: "p", Seen: []uint64{1}})
	for _, from := range sizes {
		for _, to := range sizes {
			seen := map[uint32]string{}
			for i, p := range []parent{
				{Name: "p", Seen: []uint64{1}, Filler: make([]byte, from)},
				{Name: "p", Seen: []uint64{2}, Filler: make([]byte, to)}, // another user may see it
				{Name: "p", Seen: []uint64{1}, Filler: make([]byte, to)},
			} {
				if from == to && i == 2 {
					continue // like the first one
				}
				d.update(func(tx *WriteTx) error { return d.parents.Put(tx, id, &p) })
				stamp := stamps(id)
				what := fmt.Sprintf("state %d, from %d to %d bytes", i, from, to)
				if before, ok := seen[stamp]; ok {
					t.Errorf("%s has the stamp of %s", what, before)
				}
				seen[stamp] = what
				d.addParent(parent{Name: what}) // another record changes nothing
				if stamps(id) != stamp {
					t.Errorf("%s: the stamp changed without a change", what)
				}
			}
		}
	}
	before := stamps(id)
	if err := d.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.close()
	d.reopen()
	if stamps(id) != before {
		t.Error("compaction changed the stamp of a record")
	}
	d.update(func(tx *WriteTx) error { return d.parents.Delete(tx, id) })
	d.view(func(tx *Tx) error {
		if _, ok := d.parents.Stamp(tx, id); ok {
			t.Error("a deleted record has a stamp")
		}
		return nil
	})
}

// TestStampOfHiddenRows: pending rows, and rows left to the purger, have no stamp.
func TestStampOfHiddenRows(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{DeferDeletesFrom: 1})
	p := d.addParent(parent{Name: "p"})
	s, err := d.points.Stage(t.Context(), d.DB, me)
	if err != nil {
		t.Fatal(err)
	}
	var id uint64
	if err := s.Update(t.Context(),
		func(tx *WriteTx) (err error) { id, err = d.points.Insert(tx, &point{Parent: p}); return err }); err != nil {
		t.Fatal(err)
	}
	want := func(when string, want bool) {
		t.Helper()
		d.view(func(tx *Tx) error {
			r := d.points.Reader(tx)
			_, ok := d.points.Stamp(tx, id)
			if _, again := r.Stamp(id); ok != want || again != want {
				t.Errorf("%s it has a stamp: %v, %v", when, ok, again)
			}
			return nil
		})
	}
	want("pending,", false)
	if err := s.Finish(t.Context(), func(*WriteTx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	want("revealed,", true)
	deleted := make(chan error, 1)
	d.writeMu.Lock() // the purger must wait
	d.commit([]*job{{author: me, done: deleted,
		fn: func(tx *WriteTx) error { return d.points.DeleteAll(tx, []uint64{id}) }}})
	want("deleted,", false)
	d.writeMu.Unlock()
	if err := <-deleted; err != nil {
		t.Error(err)
	}
	d.waitSwept()
}

// TestUnionsOfTwoTables reads the rows of the same parents in two tables of points that were never
// folded.
func TestUnionsOfTwoTables(t *testing.T) {
	t.Parallel()
	table := func(name string, no byte) *Table[odd] {
		return NewTable(Spec[odd]{Name: name, No: no, Codec: Fields[odd](), Bulk: true, Dims: []byte{dimParent},
			Keys: func(k *Keys, id uint64, r *odd) { k.Member(dimParent, Int(r.Parent)) }})
	}
	one, two := table("one", 1), table("two", 2)
	db, err := Open(filepath.Join(t.TempDir(), "two.db"), []AnyTable{one, two}, Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all := db.IDList([]uint64{1, 2, 3, 4, 5, 6})
	err = db.Update(t.Context(), me, func(tx *WriteTx) error {
		for parent := range uint64(7) {
			if _, err := one.Insert(tx, &odd{Parent: parent}); err != nil {
				return err
			}
		}
		_, err := two.Insert(tx, &odd{Parent: 3})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(func(tx *Tx) error {
		a, err := one.UnionOf(tx, dimParent, all).IDs()
		if err != nil {
			return err
		}
		b, err := two.UnionOf(tx, dimParent, all).IDs()
		if len(a) != 6 || !slices.Equal(b, []uint64{1}) {
			t.Errorf("children %v and %v", a, b)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestUnionsAreBounded: unions whose rows are all in the tail keep to maxUnions, too.
func TestUnionsAreBounded(t *testing.T) {
	t.Parallel()
	points := NewTable(Spec[odd]{Name: "point", No: 1, Codec: Fields[odd](), Bulk: true, Dims: []byte{dimParent},
		Keys: func(k *Keys, id uint64, r *odd) { k.Member(dimParent, Int(r.Parent)) }})
	db := openFamilies(t, filepath.Join(t.TempDir(), "test.db"), []AnyTable{points}, Options{})
	defer db.Close()
	const rows = 8000
	err := db.Update(t.Context(), me, func(tx *WriteTx) error {
		for i := range uint64(rows) {
			if _, err := points.Insert(tx, &odd{Parent: 1 + i*(fewIDs+1)/rows}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	db.View(func(tx *Tx) error {
		for range maxUnions/(8*rows) + 10 {
			n, err := points.UnionOf(tx, dimParent, db.IDList([]uint64{1, 2, 3, 4, 5})).Count()
			if err != nil || n != rows {
				t.Fatalf("%d rows, %v", n, err)
			}
		}
		return nil
	})
	if kept := db.unions.Len(); kept*8*rows > maxUnions || kept < 100 {
		t.Errorf("%d unions of %d rows are kept", kept, rows)
	}
}

// TestReaderWhileWriting: in a transaction that writes, a reader of rows sees its writes, as the
// table does.
func TestReaderWhileWriting(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	var ids []uint64
	for _, name := range []string{"a", "b", "c"} {
		ids = append(ids, d.addParent(parent{Name: name}))
	}
	d.update(func(tx *WriteTx) error {
		r := d.parents.Reader(tx.Tx)
		for rank := range uint64(4) {
			for i, id := range ids {
				before, _ := r.Stamp(id)
				filler := make([]byte, 3000*(rank%2)) // from one form to the other
				if err := d.parents.Put(tx, id,
					&parent{Name: "abc"[i : i+1], Rank: rank + 1, Filler: filler}); err != nil {
					return err
				}
				got := new(parent)
				if err := r.Read(id, got); err != nil || got.Rank != rank+1 || len(got.Filler) != len(filler) {
					t.Errorf("after rank %d was written, the reader has %d (%v)", rank+1, got.Rank, err)
				}
				if stamp, ok := r.Stamp(id); !ok || stamp == before {
					t.Errorf("after rank %d was written, the stamp is the same", rank+1)
				}
			}
		}
		if err := d.parents.Delete(tx, ids[2]); err != nil {
			return err
		}
		if err := r.Read(ids[2], new(parent)); err != ErrNotFound {
			t.Errorf("a row that was deleted: %v", err)
		}
		return nil
	})
}

// TestLargeValueOfAnotherState: an intact large value that is not the one stored with its record is
// damage: a crash or a disk put an old page back.
func TestLargeValueOfAnotherState(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	keep := d.addParent(parent{Name: "keep", Filler: make([]byte, 5000)})
	id := d.addParent(parent{Name: "p", Rank: 1, Filler: make([]byte, 5000)})
	key := recordKey(d.parents.def, id)
	large := func() (value []byte) {
		d.view(func(tx *Tx) error { value = bytes.Clone(tx.bucket(bucketLarge).Get(key[:])); return nil })
		return value
	}
	old := large()
	d.update(func(tx *WriteTx) error {
		return d.parents.Put(tx, id, &parent{Name: "p", Rank: 2, Filler: make([]byte, 5000)})
	})
	now := large()
	put := func(value []byte) {
		t.Helper()
		err := d.exclusively(t.Context(), func() error {
			return d.bolt.Update(func(bt *bbolt.Tx) error {
				return bt.Bucket(bucketNames[bucketLarge]).Put(key[:], value)
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put(old)
	d.view(func(tx *Tx) error {
		r := d.parents.Reader(tx)
		got := new(parent)
		for what, err := range map[string]error{"Get": d.parents.Read(tx, id, got), "Reader": r.Read(id, got)} {
			if _, is := err.(*DamageError); !is {
				t.Errorf("%s gives %+v, %v", what, got.Rank, err)
			}
		}
		return nil
	})
	r, err := d.Verify(t.Context(), CheckOptions{})
	if err != nil || len(r.Problems) == 0 || !strings.Contains(r.Problems[0], "large value of parent 2") {
		t.Errorf("verify: %q, %v", r.Problems, err)
	}
	d.close()
	saved := filepath.Join(d.dir, "saved.db")
	report, err := Salvage(t.Context(), d.path(), saved, d.all())
	if err != nil || report.Records != 1 || !strings.Contains(fmt.Sprint(report.Problems), "large value of parent 2") {
		t.Errorf("salvage: %+v, %v", report, err)
	}
	copied, err := Open(saved, d.all(), Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	err = copied.View(func(tx *Tx) error {
		if p, err := d.parents.Get(tx, keep); err != nil || len(p.Filler) != 5000 {
			t.Errorf("the intact record: %v", err)
		}
		if p, err := d.parents.Get(tx, id); err != ErrNotFound {
			t.Errorf("the other one: %+v, %v", p, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := copied.Close(); err != nil {
		t.Error(err)
	}
	d.reopen()
	put(now)
}
