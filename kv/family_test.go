package kv

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

// earlierTables are the tests' tables before an order, two dimensions and a series were added.
func earlierTables() testTables {
	t := newTestTables()
	t.parents = NewTable(Spec[parent]{
		Name: "parent", No: 1, Codec: Fields[parent](),
		Unique: []byte{uniqueName}, Dims: []byte{dimSeen},
		Keys: func(k *Keys, id uint64, p *parent) {
			k.Unique(uniqueName, p.Name)
			for _, s := range p.Seen {
				k.Member(dimSeen, Int(s))
			}
		},
		Inherits: func(p *parent) (m []Member) {
			for _, s := range p.Seen {
				m = append(m, Member{dimSeen, Int(s)})
			}
			return m
		},
	})
	t.points = NewTable(Spec[point]{
		Name: "point", No: 3, Codec: Fields[point](), Bulk: true,
		Dims:    []byte{dimParent, dimSeen},
		Keys:    func(k *Keys, id uint64, p *point) { k.Member(dimParent, Int(p.Parent)) },
		Parents: []Parent{{Table: t.parents, Dim: dimParent}},
	})
	return t
}

// earlier are all tables of the earlier program: it has no boxes.
func (t testTables) earlier() []AnyTable { return []AnyTable{t.parents, t.points} }

// fill writes and deletes rows, and leaves some of them in the tail.
func fill(t *testing.T, db *DB, tables testTables, name string) {
	t.Helper()
	var ids []uint64
	update := func(fn func(tx *WriteTx) error) {
		t.Helper()
		if err := db.Update(t.Context(), me, fn); err != nil {
			t.Fatal(err)
		}
	}
	for part := range 3 {
		update(func(tx *WriteTx) error {
			p, err := tables.parents.Insert(tx,
				&parent{Name: fmt.Sprint(name, part), Tags: []string{name}, Seen: []uint64{1}, Rank: 5})
			if err != nil {
				return err
			}
			for i := range 50 {
				id, err := tables.points.Insert(tx, &point{Parent: p, Time: int64(i), Source: name, Body: "b"})
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
			return nil
		})
		if part < 2 {
			update(func(tx *WriteTx) error { return tables.points.Delete(tx, ids[part*3]) })
		}
	}
}

// verifyWith verifies a closed file with the tables of a program.
func verifyWith(t *testing.T, path string, tables []AnyTable) {
	t.Helper()
	r, err := Check(t.Context(), path, tables, CheckOptions{})
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		t.Errorf("with %d tables: %v", len(tables), err)
	}
}

// TestFamilies lets an earlier and a later program write the same file in turn. With its additional
// keys the later program finds the rows that the earlier one wrote, and not those that it deleted;
// each program finds the file intact.
func TestFamilies(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	earlier, later := earlierTables(), newTestTables()
	boxes := uint64(0)
	for round := range 3 {
		db, err := Open(path, earlier.earlier(), Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		fill(t, db, earlier, fmt.Sprint("earlier ", round, " "))
		if r, err := db.Verify(t.Context(), CheckOptions{}); err != nil || r.Err() != nil {
			t.Errorf("the earlier program: %v, %v", err, r.Err())
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		verifyWith(t, path, earlier.earlier())
		verifyWith(t, path, later.all())
		if _, err := Open(path, later.all(), Options{ReadOnly: true}); !errors.Is(err, errBehind) {
			t.Errorf("a file that lacks keys was read: %v", err)
		}
		d := &testDB{testTables: later, t: t, dir: filepath.Dir(path), opts: Options{NoSync: true}}
		d.reopen()
		d.check()
		fill(t, d.DB, later, fmt.Sprint("later ", round, " "))
		d.update(func(tx *WriteTx) error { _, err := d.boxes.Insert(tx, &box{Label: "b"}); return err })
		boxes++
		n, ranks := 0, 0
		for i := range round + 1 {
			n += d.count(func(tx *Tx) Set { return d.points.Set(tx, dimSource, Text(fmt.Sprint("earlier ", i, " "))) })
		}
		d.view(func(tx *Tx) error {
			for range tx.Range(orderRank, 0, nil, nil) {
				ranks++
			}
			return nil
		})
		if n != 148*(round+1) || ranks != 6*(round+1) {
			t.Errorf("%d points and %d ranks after round %d", n, ranks, round)
		}
		if n := d.count(func(tx *Tx) Set { return d.boxes.All(tx) }); n != int(boxes) {
			t.Errorf("%d boxes, not %d", n, boxes)
		}
		d.check()
		d.close()
		verifyWith(t, path, earlier.earlier())
		verifyWith(t, path, later.all())
	}
	r, err := Salvage(t.Context(), path, path+"-saved", earlier.earlier())
	if err != nil || len(r.Problems) != 1 {
		t.Errorf("salvaged by the earlier program: %q (%v)", r.Problems, err)
	}
}

// TestFamiliesUnchanged: nothing is rebuilt after an earlier program opened the file without
// writing, and a file that the same program opens is not written to.
func TestFamiliesUnchanged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	earlier, later := earlierTables(), newTestTables()
	commits := 0
	open := func(tables []AnyTable) int {
		t.Helper()
		commits = 0
		count := func(bt *bbolt.Tx) error { commits++; return bt.Commit() }
		db, err := Open(path, tables, Options{NoSync: true, commit: count})
		if err != nil {
			t.Fatal(err)
		}
		n := commits
		if n == 0 {
			t.Error("not even the session mark was written")
		}
		if tables[1] == AnyTable(later.boxes) && db.Head().Seq == 0 {
			fill(t, db, later, "a")
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		return n
	}
	open(later.all())
	same := open(later.all())
	if other := open(earlier.earlier()); other != same+1 {
		t.Errorf("another program needs %d commits, not %d", other, same+1)
	}
	if again := open(later.all()); again != same+1 {
		t.Errorf("the next start needs %d commits, not %d", again, same+1)
	}
	if n := open(later.all()); n != same {
		t.Errorf("%d commits, not %d", n, same)
	}
	verifyWith(t, path, later.all())
}

// TestFamiliesCrash makes each commit of the later program's first start fail in turn. The next
// start does the rest.
func TestFamiliesCrash(t *testing.T) {
	t.Parallel()
	earlier, later := earlierTables(), newTestTables()
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.db")
	db, err := Open(whole, earlier.earlier(), Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, db, earlier, "a")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	crashed := errors.New("crash")
	for after, opened := 0, false; !opened; after++ {
		path := filepath.Join(dir, fmt.Sprint(after, ".db"))
		copyFile(t, whole, path)
		left := after
		db, err := Open(path, later.all(), Options{NoSync: true, commit: func(bt *bbolt.Tx) error {
			if left--; left < 0 {
				bt.Rollback()
				return crashed
			}
			return bt.Commit()
		}})
		if opened = err == nil; opened {
			if after < 5 {
				t.Errorf("opened after %d commits", after)
			}
			if err := db.Close(); err != nil && !errors.Is(err, crashed) {
				t.Fatal(err)
			}
		} else if !errors.Is(err, crashed) {
			t.Fatal(err)
		}
		d := &testDB{testTables: later, t: t, dir: dir, opts: Options{NoSync: true}}
		if d.DB, err = Open(path, later.all(), d.opts); err != nil {
			t.Fatal(err)
		}
		d.check()
		d.close()
	}
}

// TestUndeclared refuses keys that the table does not declare, and numbers that two tables declare.
func TestUndeclared(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]func(k *Keys){
		"unique": func(k *Keys) { k.Unique(9, "a") },
		"order":  func(k *Keys) { k.Order(9, 0, nil) },
		"series": func(k *Keys) { k.Series(Series{Kind: 9}, 0, 0) },
		"set":    func(k *Keys) { k.Member(9, Int(1)) },
	} {
		table := NewTable(Spec[box]{Name: "box", No: 2, Codec: Fields[box](),
			Keys: func(k *Keys, _ uint64, _ *box) { keys(k) }})
		db, err := Open(filepath.Join(t.TempDir(), "test.db"), []AnyTable{table}, Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(t.Context(), me, func(tx *WriteTx) error { _, err := table.Insert(tx, &box{}); return err })
		if err == nil {
			t.Errorf("%s: a record with undeclared keys was written", name)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	one := NewTable(Spec[box]{Name: "one", No: 1, Codec: Fields[box](), Orders: []byte{1}, Dims: []byte{1}})
	two := NewTable(Spec[box]{Name: "two", No: 2, Codec: Fields[box](), Orders: []byte{1}, Dims: []byte{1}})
	if _, err := newSchema([]AnyTable{one, two}); err == nil {
		t.Error("two tables have the same order")
	}
}

func openFamilies(t *testing.T, path string, tables []AnyTable, o Options) *DB {
	t.Helper()
	o.NoSync = true
	db, err := Open(path, tables, o)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// TestFamiliesFold: an earlier program stores the newest rows of a table, which adds no log entry.
// The later program rebuilds the keys that only it has.
func TestFamiliesFold(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	earlier, later := earlierTables(), newTestTables()
	db := openFamilies(t, path, later.all(), Options{})
	fill(t, db, later, "a")
	n := func(db *DB) (n int) {
		db.View(func(tx *Tx) error { n, _ = later.points.Set(tx, dimSource, Text("a")).Count(); return nil })
		return n
	}
	before := n(db)
	db.Close()
	db = openFamilies(t, path, earlier.earlier(), Options{})
	s, err := earlier.points.Stage(t.Context(), db, me)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), func(tx *WriteTx) error {
		if _, err := earlier.points.Set(tx.Tx, dimParent, Int(1)).Count(); err != nil {
			return err
		}
		_, err := earlier.points.Insert(tx, &point{Parent: 1, Time: 7, Source: "x"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Abort(); err != nil {
		t.Fatal(err)
	}
	db.Close()
	db = openFamilies(t, path, later.all(), Options{})
	if after := n(db); after != before {
		t.Errorf("%d rows of source a, before the earlier program %d", after, before)
	}
	r, err := db.Verify(t.Context(), CheckOptions{})
	if err != nil || r.Err() != nil {
		t.Errorf("%v %q", err, r.Problems)
	}
	db.Close()
}

// TestFamiliesCrashEarlier: when a later program ends while it builds its keys, the file is intact
// for the earlier program too.
func TestFamiliesCrashEarlier(t *testing.T) {
	t.Parallel()
	earlier, later := earlierTables(), newTestTables()
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.db")
	db := openFamilies(t, whole, earlier.earlier(), Options{})
	fill(t, db, earlier, "a")
	db.Close()
	crashed := errors.New("crash")
	for after := range 12 {
		path := filepath.Join(dir, fmt.Sprint(after, ".db"))
		copyFile(t, whole, path)
		left := after
		db, err := Open(path, later.all(), Options{NoSync: true, commit: func(bt *bbolt.Tx) error {
			if left--; left < 0 {
				bt.Rollback()
				return crashed
			}
			return bt.Commit()
		}})
		if err == nil {
			db.Close()
			break
		}
		r, err := Check(t.Context(), path, earlier.earlier(), CheckOptions{})
		if err != nil || r.Err() != nil {
			t.Errorf("crash after %d commits: %v %q", after, err, r.Problems)
		}
	}
}
