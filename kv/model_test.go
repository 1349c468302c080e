package kv

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"nightjar/internal/testenv"
)

// model holds what the file must hold, as simply as possible.
type model struct {
	parents map[uint64]parent
	boxes   map[uint64]box
	points  map[uint64]point
	wide    []*IDList // kept over many states of the file
	of      *DB       // the file they belong to
}

// TestModel changes a file and a model at random, and compares them after every few changes.
func TestModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(testenv.Choose(3, 6)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runModel(t, seed, 400) })
	}
}

func runModel(t *testing.T, seed uint64, steps int) {
	r := rand.New(rand.NewPCG(seed, 1))
	d := openTest(t, Options{DeferDeletesFrom: 40})
	m := &model{map[uint64]parent{}, map[uint64]box{}, map[uint64]point{}, nil, nil}
	for step := range steps {
		switch op := r.IntN(100); {
		case op < 8:
			p := parent{Name: fmt.Sprint("p", r.IntN(40)), Seen: someIDs(r, 4), Tags: []string{fmt.Sprint(r.IntN(3))},
				Rank: uint64(r.IntN(9))}
			taken := m.byName(p.Name) != 0
			var id uint64
			err := d.Update(context.Background(), me,
				func(tx *WriteTx) (err error) { id, err = d.parents.Insert(tx, &p); return err })
			if _, is := err.(*TakenError); is != taken || !taken && err != nil {
				t.Fatalf("step %d: insert %q: %v", step, p.Name, err)
			}
			if err == nil {
				m.parents[id] = p
			}
		case op < 12:
			b := box{Held: someIDs(r, 4)}
			d.update(func(tx *WriteTx) error {
				id, err := d.boxes.Insert(tx, &b)
				m.boxes[id] = b
				return err
			})
		case op < 20 && len(m.parents) > 0:
			id := anyKey(r, m.parents)
			p := m.parents[id]
			p.Seen, p.Rank = someIDs(r, 4), uint64(r.IntN(9))
			d.update(func(tx *WriteTx) error { return d.parents.Put(tx, id, &p) })
			m.parents[id] = p
		case op < 26 && len(m.boxes) > 0:
			id := anyKey(r, m.boxes)
			b := box{Held: someIDs(r, 4)}
			d.update(func(tx *WriteTx) error { return d.boxes.Put(tx, id, &b) })
			m.boxes[id] = b
		case op < 70 && len(m.parents) > 0:
			// several points in one transaction, sometimes rolled back
			undo := r.IntN(8) == 0
			added := map[uint64]point{}
			err := d.Update(context.Background(), me, func(tx *WriteTx) error {
				clear(added)
				for range 1 + r.IntN(12) {
					p := m.somePoint(r)
					id, err := d.points.Insert(tx, &p)
					if err != nil {
						return err
					}
					added[id] = p
				}
				if undo {
					return errUndo
				}
				return nil
			})
			if undo != errors.Is(err, errUndo) || !undo && err != nil {
				t.Fatal(err)
			}
			if !undo {
				maps.Copy(m.points, added)
			}
		case op < 76 && len(m.points) > 0:
			id := anyKey(r, m.points)
			p := m.somePoint(r)
			d.update(func(tx *WriteTx) error { return d.points.Put(tx, id, &p) })
			m.points[id] = p
		case op < 82 && len(m.points) > 0:
			id := anyKey(r, m.points)
			d.update(func(tx *WriteTx) error { return d.points.Delete(tx, id) })
			delete(m.points, id)
		case op < 86 && len(m.parents) > 0:
			// a parent is deleted with all its points, in one of two ways
			id := anyKey(r, m.parents)
			d.update(func(tx *WriteTx) error {
				ids, err := d.points.Set(tx.Tx, dimParent, Int(id)).IDs()
				if err == nil {
					err = d.points.DeleteAll(tx, ids)
				}
				if err != nil {
					return err
				}
				return d.parents.Delete(tx, id)
			})
			maps.DeleteFunc(m.points, func(_ uint64, p point) bool { return p.Parent == id })
			delete(m.parents, id)
		case op < 92 && len(m.parents) > 0:
			m.stage(t, r, d)
		case op < 94:
			d.close()
			d.reopen()
		case op < 97: // rows in several chunks
			d.update(func(tx *WriteTx) error {
				tx.touch()
				return tx.table(d.points.def).SetSequence(d.points.Last(tx.Tx) + uint64(r.IntN(50_000)))
			})
		case op < 98:
			if err := d.Compact(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if step%10 == 0 {
			m.compare(t, r, d)
		}
	}
	d.waitSwept()
	m.compare(t, r, d)
}

var errUndo = errors.New("undo")

func (m *model) byName(name string) uint64 {
	for id, p := range m.parents {
		if p.Name == name {
			return id
		}
	}
	return 0
}

func (m *model) somePoint(r *rand.Rand) point {
	p := point{Parent: anyKey(r, m.parents), Time: int64(r.IntN(50)), Source: fmt.Sprint("s", r.IntN(3)),
		Body: fmt.Sprint(r.IntN(5))}
	for range r.IntN(3) {
		if len(m.boxes) > 0 {
			if b := anyKey(r, m.boxes); !slices.Contains(p.Boxes, b) {
				p.Boxes = append(p.Boxes, b)
			}
		}
	}
	return p
}

// stage writes points in stages while parents change, and then finishes, aborts or loses them.
func (m *model) stage(t *testing.T, r *rand.Rand, d *testDB) {
	s, err := d.points.Stage(t.Context(), d.DB, me)
	if err != nil {
		t.Fatal(err)
	}
	added := map[uint64]point{}
	for range 1 + r.IntN(3) {
		batch := map[uint64]point{}
		err := s.Update(t.Context(), func(tx *WriteTx) error {
			clear(batch)
			for range 1 + r.IntN(60) {
				p := m.somePoint(r)
				id, err := d.points.Insert(tx, &p)
				if err != nil {
					return err
				}
				batch[id] = p
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(added, batch)
		// another writer in between
		p := m.somePoint(r)
		m.points[d.addPoint(p)] = p
		id := anyKey(r, m.parents)
		q := m.parents[id]
		q.Seen = someIDs(r, 4)
		d.update(func(tx *WriteTx) error { return d.parents.Put(tx, id, &q) })
		m.parents[id] = q
	}
	if r.IntN(2) == 0 && len(added) > 3 { // delete some of them in another transaction
		var out []uint64
		for range 1 + r.IntN(3) {
			id := anyKey(r, added)
			out = append(out, id)
			delete(added, id)
		}
		err := s.Update(t.Context(), func(tx *WriteTx) error {
			for _, id := range out {
				if err := s.Drop(tx, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if s.Count() != len(added) {
		t.Errorf("%d rows are pending, not %d", s.Count(), len(added))
	}
	of := s.Values(dimParent)
	for id, p := range added {
		if !slices.Contains(of, Int(p.Parent)) {
			t.Errorf("row %d of parent %d: the stage has rows of %v", id, p.Parent, of)
		}
	}
	switch r.IntN(4) {
	case 0:
		if err := s.Abort(); err != nil {
			t.Fatal(err)
		}
	case 1: // the program ends
		d.close()
		d.reopen()
	default:
		drop := anyKey(r, added)
		err := s.Finish(t.Context(), func(tx *WriteTx) error { return s.Drop(tx, drop) })
		if err != nil {
			t.Fatal(err)
		}
		delete(added, drop)
		maps.Copy(m.points, added)
	}
}

// compare reads everything from the file and compares it with the model.
func (m *model) compare(t *testing.T, r *rand.Rand, d *testDB) {
	t.Helper()
	if m.of != d.DB {
		m.wide, m.of = nil, d.DB // reopened
	}
	if len(m.wide) < 3 && len(m.parents) > 0 { // used in every later comparison
		m.wide = append(m.wide, d.IDList(slices.Sorted(maps.Keys(m.parents))))
	}
	d.view(func(tx *Tx) error {
		same := func(what string, s Set, want func(point) bool) {
			t.Helper()
			var ids []uint64
			for id, p := range m.points {
				if want(p) {
					ids = append(ids, id)
				}
			}
			slices.Sort(ids)
			if got, err := s.IDs(); err != nil || !slices.Equal(got, ids) {
				t.Fatalf("%s: %v (%v), not %v", what, got, err, ids)
			}
			p := Page{Offset: r.IntN(len(ids) + 1), Limit: 1 + r.IntN(5)}
			got, n, err := s.Page(p)
			if want := ids[p.Offset:min(p.Offset+p.Limit, len(ids))]; err != nil || n != len(ids) ||
				!slices.Equal(got, want) {
				t.Fatalf("%s: page %+v: %v of %d (%v), not %v", what, p, got, n, err, want)
			}
		}
		same("all", d.points.All(tx), func(point) bool { return true })
		for user := range uint64(4) {
			sees := func(p point) bool { return slices.Contains(m.parents[p.Parent].Seen, user) }
			same("seen", d.points.Set(tx, dimSeen, Int(user)), sees)
			holds := func(p point) bool {
				return slices.ContainsFunc(p.Boxes,
					func(b uint64) bool { return slices.Contains(m.boxes[b].Held, user) })
			}
			same("held", d.points.Set(tx, dimHeld, Int(user)), holds)
			same("seen and held", And(d.points.Set(tx, dimSeen, Int(user)), d.points.Set(tx, dimHeld, Int(user))),
				func(p point) bool { return sees(p) && holds(p) })
		}
		for _, w := range m.wide {
			child := func(p point) bool { return slices.Contains(w.IDs, p.Parent) }
			same("children", d.points.UnionOf(tx, dimParent, w), child)
			same("children seen", And(d.points.Set(tx, dimSeen, Int(1)), d.points.UnionOf(tx, dimParent, w)),
				func(p point) bool { return child(p) && slices.Contains(m.parents[p.Parent].Seen, 1) })
		}
		for id := range m.parents {
			same("parent", d.points.Set(tx, dimParent, Int(id)), func(p point) bool { return p.Parent == id })
			var want []Point
			for pid, p := range m.points {
				if p.Parent == id {
					want = append(want, Point{p.Time, hashOf(p.Body), pid})
				}
			}
			slices.SortFunc(want, comparePoints)
			if got := slices.Collect(d.points.Series(tx, Series{seriesAll, uint32(id), 1}, -100,
				100)); !slices.Equal(got, want) {
				t.Fatalf("series of %d: %v, not %v", id, got, want)
			}
		}
		for id, p := range m.points {
			if got, err := d.points.Get(tx, id); err != nil || fmt.Sprint(*got) != fmt.Sprint(p) {
				t.Fatalf("point %d: %v (%v), not %v", id, got, err, p)
			}
		}
		names := map[string]uint64{}
		for name, id := range tx.UniqueTexts(uniqueName, "") {
			names[name] = id
		}
		for id, p := range m.parents {
			if names[p.Name] != id {
				t.Fatalf("%q leads to %d, not %d", p.Name, names[p.Name], id)
			}
		}
		if len(names) != len(m.parents) {
			t.Fatalf("%d names, %d parents", len(names), len(m.parents))
		}
		return nil
	})
}

func someIDs(r *rand.Rand, n int) (ids []uint64) {
	for i := range n {
		if r.IntN(2) == 0 {
			ids = append(ids, uint64(i))
		}
	}
	return ids
}

func anyKey[V any](r *rand.Rand, m map[uint64]V) uint64 {
	keys := slices.Sorted(maps.Keys(m))
	return keys[r.IntN(len(keys))]
}
