package kv

import (
	"slices"
	"testing"
)

// pointsOf is a whole series, as a View sees it.
func (d *testDB) pointsOf(s Series) (list []Point) {
	d.t.Helper()
	d.view(func(tx *Tx) error { list = slices.Collect(d.points.Series(tx, s, -1<<62, 1<<62)); return nil })
	return list
}

// findBy returns the ids of a parent's points with a time and a body.
func (d *testDB) findBy(s Series, time int64, body string) (ids []uint64) {
	d.t.Helper()
	d.view(func(tx *Tx) (err error) { ids, err = d.points.Find(tx, s, time, hashOf(body)); return err })
	return ids
}

// storedPoints is the number of points in the file's stored series.
func (d *testDB) storedPoints() (n int) {
	d.t.Helper()
	d.view(func(tx *Tx) error {
		c := tx.bucket(bucketSeries).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			points, err := readPoints(nil, k, v)
			if err != nil {
				return err
			}
			n += len(points)
		}
		return nil
	})
	return n
}

// TestTailSeries: every reader sees the rows of the tail among the stored points. They are stored
// when the tail is folded.
func TestTailSeries(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	p := d.addParent(parent{Name: "p"})
	s := Series{seriesAll, uint32(p), 1}
	add := func(time int64, body string) Point {
		id := d.addPoint(point{Parent: p, Time: time, Body: body})
		return Point{time, hashOf(body), id}
	}
	var want []Point
	expect := func(what string, stored int) {
		t.Helper()
		slices.SortFunc(want, comparePoints)
		if got := d.pointsOf(s); !slices.Equal(got, want) {
			t.Errorf("%s: %v, not %v", what, got, want)
		}
		if n := d.storedPoints(); n != stored {
			t.Errorf("%s: %d points are stored, not %d", what, n, stored)
		}
		d.check()
	}
	fold := func() { d.update(func(tx *WriteTx) error { tx.touch(); return tx.foldTail(d.points.def) }) }
	want = append(want, add(30, "a"), add(10, "b"), add(20, "c"))
	expect("new rows", 0)
	fold()
	expect("folded", 3)
	want = append(want, add(15, "d"), add(40, "e"), add(20, "c"))
	expect("among stored ones", 3)
	if got := d.findBy(s, 20, "c"); len(got) != 2 {
		t.Errorf("a stored row and its equal in the tail: %v", got)
	}
	var part []Point
	d.view(func(tx *Tx) error { part = slices.Collect(d.points.Series(tx, s, 15, 30)); return nil })
	if !slices.Equal(part, want[1:4]) {
		t.Errorf("from 15 to 30: %v, not %v", part, want[1:4])
	}
	d.view(func(tx *Tx) error {
		for p := range d.points.Series(tx, s, 15, 1<<62) {
			if p != want[1] {
				t.Errorf("the first is %v", p)
			}
			break
		}
		return nil
	})
	d.close()
	d.reopen()
	expect("read again from the records", 3)

	// a transaction finds its own writes, and what it folds, changes and deletes
	d.update(func(tx *WriteTx) error {
		id, err := d.points.Insert(tx, &point{Parent: p, Time: 20, Body: "c"})
		if err != nil {
			return err
		}
		if got, err := d.points.Find(tx.Tx, s, 20, hashOf("c")); err != nil || len(got) != 3 ||
			!slices.Contains(got, id) {
			t.Errorf("in the transaction: %v, %v", got, err)
		}
		if err := d.points.Delete(tx, id); err != nil {
			return err
		}
		if got, err := d.points.Find(tx.Tx, s, 20, hashOf("c")); err != nil || len(got) != 2 {
			t.Errorf("after a deletion in the transaction: %v, %v", got, err)
		}
		return nil
	})
	expect("a row that came and went", 6)
	moved := add(50, "f")
	d.update(func(tx *WriteTx) error {
		return d.points.Put(tx, moved.ID, &point{Parent: p, Time: 5, Body: "f"})
	})
	want = append(want, Point{5, moved.Hash, moved.ID})
	expect("a row of the tail that moved", 7)
	last := add(60, "g")
	d.update(func(tx *WriteTx) error { return d.points.Delete(tx, last.ID) })
	expect("a row of the tail that was deleted", 7)
	d.update(func(tx *WriteTx) error {
		var got []Point
		id, err := d.points.Insert(tx, &point{Parent: p, Time: 70, Body: "h"})
		if err != nil {
			return err
		}
		want = append(want, Point{70, hashOf("h"), id})
		for p := range d.points.Series(tx.Tx, s, -1<<62, 1<<62) {
			got = append(got, p)
		}
		if !slices.Equal(got, want) {
			t.Errorf("its own row in the series: %v, not %v", got, want)
		}
		return nil
	})
	expect("read while it wrote", 8)
}

// TestTailSnapshot: a reader that began before rows were added and tails folded still sees its own
// state, whether or not its tail is still in memory.
func TestTailSnapshot(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	p := d.addParent(parent{Name: "p"})
	s := Series{seriesAll, uint32(p), 1}
	for i := range 5 {
		d.addPoint(point{Parent: p, Time: int64(i), Body: "x"})
	}
	before := d.pointsOf(s)
	for _, folds := range []int{1, keptTails + 1} {
		written := make(chan bool)
		d.view(func(tx *Tx) error {
			go func() {
				defer close(written)
				for range folds {
					d.addPoint(point{Parent: p, Time: 2, Body: "x"})
					d.update(func(tx *WriteTx) error { tx.touch(); return tx.foldTail(d.points.def) })
				}
				d.addPoint(point{Parent: p, Time: 3, Body: "x"})
			}()
			<-written
			if got := slices.Collect(d.points.Series(tx, s, -1, 100)); !slices.Equal(got, before) {
				t.Errorf("%d folds: %v became %v", folds, before, got)
			}
			n := 0
			for _, p := range before {
				if p.Time == 2 {
					n++
				}
			}
			if ids, err := d.points.Find(tx, s, 2, hashOf("x")); err != nil || len(ids) != n {
				t.Errorf("%d folds: at time 2: %v, %v; not %d", folds, ids, err, n)
			}
			if all, err := d.points.Set(tx, dimParent, Int(p)).IDs(); err != nil || len(all) != len(before) {
				t.Errorf("%d folds: %d in the set, %v", folds, len(all), err)
			}
			return nil
		})
		after := d.pointsOf(s)
		if len(after) != len(before)+folds+1 {
			t.Errorf("%d folds: afterwards %v", folds, after)
		}
		before = after
	}
	if n := len(d.tails.list); n != keptTails {
		t.Errorf("%d tails are kept", n)
	}
}

// TestTailCompact counts the same set in each epoch, and then in the low epochs after Compact.
func TestTailCompact(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	a := d.addParent(parent{Name: "a", Seen: []uint64{1}})
	moved := d.addPoint(point{Parent: a})
	d.addPoint(point{Parent: a, Time: 1, Source: "even"})
	rows := chunkIDs + 10 // so that a chunk is below the fold mark, where counts are cached
	d.update(func(tx *WriteTx) error {
		if err := tx.table(d.points.def).SetSequence(chunkIDs); err != nil {
			return err
		}
		tx.touch()
		return nil
	})
	for range 10 {
		d.addPoint(point{Parent: a, Time: int64(rows)})
		rows++
	}
	for _, change := range []int{1, 2, 0, 1, 2, 3} {
		for i := range 12 {
			d.update(func(tx *WriteTx) error {
				p, err := d.points.Get(tx.Tx, moved)
				if err != nil {
					return err
				}
				// each change of a stored set begins an epoch
				if p.Source = "odd"; (i+change)%2 == 0 {
					p.Source = "even"
				}
				p.Time += 2
				return d.points.Put(tx, moved, p)
			})
			want := 1
			if (i+change)%2 == 0 {
				want = 2
			}
			n := d.count(func(tx *Tx) Set {
				return And(d.points.Set(tx, dimSource, Text("even")), d.points.Set(tx, dimParent, Int(a)))
			})
			if n != want {
				t.Errorf("after change %d there are %d rows, not %d", i, n, want)
			}
		}
		if err := d.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
