package kv

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nightjar/internal/testenv"
)

// The tests' own tables: points is a bulk table whose rows inherit sets from one parent and from
// several boxes.

type parent struct {
	Unknown
	Name   string   `kv:"1"`
	Tags   []string `kv:"2"`
	Seen   []uint64 `kv:"3"` // users who may see it and its points
	Rank   uint64   `kv:"4"`
	Blob   uint64   `kv:"5"`
	Filler []byte   `kv:"6"`
}

type box struct {
	Unknown
	Label string   `kv:"1"`
	Held  []uint64 `kv:"2"`
}

type point struct {
	Unknown
	Parent uint64   `kv:"1"`
	Boxes  []uint64 `kv:"2"`
	Time   int64    `kv:"3"`
	Source string   `kv:"4"`
	Body   string   `kv:"5"`
}

const (
	uniqueName = 1
	orderRank  = 1
	seriesAll  = 1

	dimParent = 1
	dimBox    = 2
	dimSeen   = 3
	dimHeld   = 4
	dimTag    = 128
	dimSource = 129
)

type testTables struct {
	parents *Table[parent]
	boxes   *Table[box]
	points  *Table[point]
}

func newTestTables() testTables {
	var t testTables
	t.parents = NewTable(Spec[parent]{
		Name: "parent", No: 1, Codec: Fields[parent](),
		Unique: []byte{uniqueName}, Orders: []byte{orderRank}, Dims: []byte{dimSeen, dimTag},
		Keys: func(k *Keys, id uint64, p *parent) {
			k.Unique(uniqueName, p.Name)
			k.Order(orderRank, 0, key8(p.Rank))
			for _, s := range p.Seen {
				k.Member(dimSeen, Int(s))
			}
			for _, tag := range p.Tags {
				k.Member(dimTag, Text(tag))
			}
		},
		Inherits: func(p *parent) (m []Member) {
			for _, s := range p.Seen {
				m = append(m, Member{dimSeen, Int(s)})
			}
			return m
		},
		Ident: func(_ *Tx, p *parent) []byte { return []byte(p.Name) },
		Blobs: func(p *parent) []uint64 {
			if p.Blob == 0 {
				return nil
			}
			return []uint64{p.Blob}
		},
	})
	t.boxes = NewTable(Spec[box]{
		Name: "box", No: 2, Codec: Fields[box](),
		Inherits: func(b *box) (m []Member) {
			for _, h := range b.Held {
				m = append(m, Member{dimHeld, Int(h)})
			}
			return m
		},
	})
	t.points = NewTable(Spec[point]{
		Name: "point", No: 3, Codec: Fields[point](), Bulk: true,
		Series: []byte{seriesAll}, Dims: []byte{dimParent, dimBox, dimSeen, dimHeld, dimSource},
		Keys: func(k *Keys, id uint64, p *point) {
			k.Series(Series{seriesAll, uint32(p.Parent), 1}, p.Time, hashOf(p.Body))
			k.Member(dimParent, Int(p.Parent))
			for _, b := range p.Boxes {
				k.Member(dimBox, Int(b))
			}
			k.Member(dimSource, Text(p.Source))
		},
		Parents: []Parent{{Table: t.parents, Dim: dimParent}, {Table: t.boxes, Dim: dimBox, Many: true}},
		Ident:   func(_ *Tx, p *point) []byte { return []byte(p.Body) },
	})
	return t
}

func (t testTables) all() []AnyTable { return []AnyTable{t.parents, t.boxes, t.points} }

func hashOf(s string) uint32 { return sum([]byte("h"), []byte(s)) }

type testDB struct {
	*DB
	testTables
	t    testing.TB
	dir  string
	opts Options
}

// openTest opens a file in a folder of its own. At the end it is verified, rebuilt from its records
// and compared.
func openTest(t testing.TB, o Options) *testDB {
	t.Helper()
	d := &testDB{testTables: newTestTables(), t: t, dir: t.TempDir(), opts: o}
	d.opts.NoSync = true
	d.reopen()
	t.Cleanup(func() {
		if d.DB == nil {
			return
		}
		d.check()
		tables := d.DB.schema
		d.close()
		// once more as a later process finds it, with nothing in memory
		if err := checkFile(d.path(), tables); err != nil {
			t.Errorf("verify after closing: %v", err)
		}
	})
	return d
}

func (d *testDB) path() string { return filepath.Join(d.dir, "test.db") }

func (d *testDB) reopen() {
	d.t.Helper()
	db, err := Open(d.path(), d.all(), d.opts)
	if err != nil {
		d.t.Fatal(err)
	}
	d.DB = db
}

func (d *testDB) close() {
	d.t.Helper()
	if err := d.Close(); err != nil {
		d.t.Error(err)
	}
	d.DB = nil
}

// check verifies the whole file, rebuilds everything derived and compares it. Every test ends with
// it.
func (d *testDB) check() {
	d.t.Helper()
	r, err := d.Verify(context.Background(), CheckOptions{})
	if err != nil {
		d.t.Fatal(err)
	}
	if err := r.Err(); err != nil {
		d.t.Fatalf("verify: %s", strings.Join(r.Problems, "\n"))
	}
	was, is := d.rebuilt()
	for k, v := range was {
		if is[k] != v {
			d.t.Errorf("%q is %s, rebuilt %s", k, v, is[k])
		}
	}
	for k, v := range is {
		if _, ok := was[k]; !ok {
			d.t.Errorf("%q is missing, rebuilt it is %s", k, v)
		}
	}
}

// rebuilt returns the keys derived in the file, and those of a copy rebuilt from its records. Rows
// that the purger deletes in between are no difference.
func (d *testDB) rebuilt() (was, is map[string]string) {
	d.t.Helper()
	for {
		was = dumpDerived(d.t, d.DB)
		again := filepath.Join(d.t.TempDir(), "again.db")
		if err := d.Rebuild(context.Background(), again); err != nil {
			d.t.Fatalf("rebuild: %v", err)
		}
		copied, err := Open(again, d.all(), Options{ReadOnly: true})
		if err != nil {
			d.t.Fatal(err)
		}
		is = dumpDerived(d.t, copied)
		if err := copied.Close(); err != nil {
			d.t.Fatal(err)
		}
		if maps.Equal(was, dumpDerived(d.t, d.DB)) {
			return was, is
		}
	}
}

func dumpDerived(t testing.TB, db *DB) map[string]string {
	t.Helper()
	out, err := db.Derived()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestMain runs four tests at a time, also on fewer cores, because they wait for the disk. Tests
// that damage pages call no t.Parallel: bbolt may follow a damaged offset into the memory of other
// tests, which the race detector reports.
func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "4")
	os.Exit(m.Run())
}

var me = Author{User: 7, Name: "me", Addr: "127.0.0.1", Action: "TEST"}

func (d *testDB) update(fn func(tx *WriteTx) error) {
	d.t.Helper()
	if err := d.Update(context.Background(), me, fn); err != nil {
		d.t.Fatal(err)
	}
}

func (d *testDB) view(fn func(tx *Tx) error) {
	d.t.Helper()
	if err := d.View(fn); err != nil {
		d.t.Fatal(err)
	}
}

func (d *testDB) addParent(p parent) (id uint64) {
	d.t.Helper()
	d.update(func(tx *WriteTx) (err error) { id, err = d.parents.Insert(tx, &p); return err })
	return id
}

func (d *testDB) addPoint(p point) (id uint64) {
	d.t.Helper()
	d.update(func(tx *WriteTx) (err error) { id, err = d.points.Insert(tx, &p); return err })
	return id
}

func (d *testDB) count(s func(tx *Tx) Set) (n int) {
	d.t.Helper()
	d.view(func(tx *Tx) (err error) { n, err = s(tx).Count(); return err })
	return n
}

// waitSwept waits until nothing is pending or being purged.
func (d *testDB) waitSwept() {
	d.t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		n := 0
		d.view(func(tx *Tx) error {
			list, err := tx.stageList()
			n = len(list)
			return err
		})
		if n == 0 {
			return
		}
		if time.Since(began) > testenv.Patience {
			d.t.Fatalf("the purger has %d jobs left", n)
		}
	}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	id := d.addParent(parent{Name: "M 31", Tags: []string{"galaxy", "a\x00b"}, Seen: []uint64{1, 300}, Rank: 5})
	large := parent{Name: "large", Filler: bytes.Repeat([]byte("x"), 100_000)}
	big := d.addParent(large)
	d.view(func(tx *Tx) error {
		p, err := d.parents.Get(tx, id)
		if err != nil || p.Name != "M 31" || !slices.Equal(p.Seen, []uint64{1, 300}) {
			t.Errorf("got %+v, %v", p, err)
		}
		if _, err := d.parents.Get(tx, 99); err != ErrNotFound {
			t.Errorf("a missing record: %v", err)
		}
		if p, err := d.parents.Get(tx, big); err != nil || len(p.Filler) != 100_000 {
			t.Errorf("large: %v", err)
		}
		if got, ok, _ := tx.Lookup(uniqueName, "M 31"); !ok || got != id {
			t.Errorf("lookup: %d %t", got, ok)
		}
		if got := slices.Collect(d.parents.Values(tx, dimTag, "")); len(got) != 2 || got[0].Text() != "a\x00b" {
			t.Errorf("values: %q", got)
		}
		return nil
	})
	// a name that exists, and one that changes
	err := d.Update(context.Background(), me, func(tx *WriteTx) error {
		_, err := d.parents.Insert(tx, &parent{Name: "M 31"})
		return err
	})
	if taken, ok := err.(*TakenError); !ok || taken.Text != "M 31" {
		t.Errorf("a second M 31: %v", err)
	}
	large.Filler = nil // no longer large
	d.update(func(tx *WriteTx) error { return d.parents.Put(tx, big, &large) })
	d.update(func(tx *WriteTx) error { return d.parents.Put(tx, id, &parent{Name: "NGC 224", Seen: []uint64{2}}) })
	d.update(func(tx *WriteTx) error { _, err := d.parents.Insert(tx, &parent{Name: "M 31"}); return err })
	d.update(func(tx *WriteTx) error { return d.parents.Delete(tx, big) })
	if n := d.count(func(tx *Tx) Set { return d.parents.Set(tx, dimSeen, Int(1)) }); n != 0 {
		t.Errorf("%d rows are seen by 1", n)
	}
	if n := d.count(func(tx *Tx) Set { return d.parents.All(tx) }); n != 2 {
		t.Errorf("%d rows", n)
	}
	err = d.Update(context.Background(), me, func(tx *WriteTx) error { return d.parents.Delete(tx, big) })
	if err != ErrNotFound {
		t.Errorf("deleted twice: %v", err)
	}
}

func TestInheritance(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	a := d.addParent(parent{Name: "a", Seen: []uint64{1}})
	b := d.addParent(parent{Name: "b", Seen: []uint64{2}})
	var box1, box2 uint64
	d.update(func(tx *WriteTx) (err error) {
		if box1, err = d.boxes.Insert(tx, &box{Held: []uint64{10}}); err == nil {
			box2, err = d.boxes.Insert(tx, &box{Held: []uint64{10, 11}})
		}
		return err
	})
	d.addPoint(point{Parent: a, Time: 1})
	d.addPoint(point{Parent: b, Time: 2, Boxes: []uint64{box1}})
	d.addPoint(point{Parent: b, Time: 3, Boxes: []uint64{box1, box2}})
	seen := func(user uint64) []uint64 {
		var ids []uint64
		d.view(func(tx *Tx) (err error) { ids, err = d.points.Set(tx, dimSeen, Int(user)).IDs(); return err })
		return ids
	}
	held := func(by uint64) []uint64 {
		var ids []uint64
		d.view(func(tx *Tx) (err error) { ids, err = d.points.Set(tx, dimHeld, Int(by)).IDs(); return err })
		return ids
	}
	if !slices.Equal(seen(1), []uint64{1}) || !slices.Equal(seen(2), []uint64{2, 3}) ||
		!slices.Equal(held(10), []uint64{2, 3}) {
		t.Fatalf("%v %v %v", seen(1), seen(2), held(10))
	}
	d.update(func(tx *WriteTx) error { return d.parents.Put(tx, b, &parent{Name: "b", Seen: []uint64{1, 3}}) })
	if !slices.Equal(seen(1), []uint64{1, 2, 3}) || len(seen(2)) != 0 || !slices.Equal(seen(3), []uint64{2, 3}) {
		t.Fatalf("%v %v %v", seen(1), seen(2), seen(3))
	}
	// box 1 takes back what box 2 still gives
	d.update(func(tx *WriteTx) error { return d.boxes.Put(tx, box1, &box{}) })
	if !slices.Equal(held(10), []uint64{3}) || !slices.Equal(held(11), []uint64{3}) {
		t.Fatalf("%v %v", held(10), held(11))
	}
}

func TestSeriesAndOrder(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	a := d.addParent(parent{Name: "a", Rank: 30})
	d.addParent(parent{Name: "b", Rank: 10})
	d.addParent(parent{Name: "c", Rank: 20})
	var want []Point
	for i := range 500 {
		p := point{Parent: a, Time: int64(i*7919%501) - 250, Body: fmt.Sprint(i)}
		want = append(want, Point{p.Time, hashOf(p.Body), d.addPoint(p)})
	}
	same := point{Parent: a, Time: 17, Body: "same"}
	x, y := d.addPoint(same), d.addPoint(same)
	want = append(want, Point{17, hashOf("same"), x}, Point{17, hashOf("same"), y})
	slices.SortFunc(want, comparePoints)
	s := Series{seriesAll, uint32(a), 1}
	d.view(func(tx *Tx) error {
		if got := slices.Collect(d.points.Series(tx, s, -1<<62, 1<<62)); !slices.Equal(got, want) {
			t.Errorf("the series has %d rows, not the %d inserted", len(got), len(want))
		}
		part := slices.DeleteFunc(slices.Clone(want), func(p Point) bool { return p.Time < -3 || p.Time >= 21 })
		if got := slices.Collect(d.points.Series(tx, s, -3, 21)); !slices.Equal(got, part) {
			t.Errorf("from -3 to 21: %v, not %v", got, part)
		}
		if got, err := d.points.Find(tx, s, 17, hashOf("same")); err != nil || !slices.Equal(got, []uint64{x, y}) {
			t.Errorf("found %v, %v", got, err)
		}
		if got, err := d.points.Find(tx, s, 17, 1); err != nil || got != nil {
			t.Errorf("found %v, %v", got, err)
		}
		var ranks []uint64
		for sort, id := range tx.Range(orderRank, 0, key8(11), nil) {
			ranks = append(ranks, binary.BigEndian.Uint64(sort), id)
		}
		if !slices.Equal(ranks, []uint64{20, 3, 30, 1}) {
			t.Errorf("order: %v", ranks)
		}
		return nil
	})
	// every second row is deleted
	d.update(func(tx *WriteTx) error {
		for i, p := range want {
			if i%2 == 0 {
				if err := d.points.Delete(tx, p.ID); err != nil {
					return err
				}
			}
		}
		if got, err := d.points.Find(tx.Tx, s, want[0].Time, want[0].Hash); err != nil ||
			slices.Contains(got, want[0].ID) {
			t.Errorf("a row deleted in this transaction: %v, %v", got, err)
		}
		return nil
	})
}

func TestValues(t *testing.T) {
	t.Parallel()
	for _, n := range []uint64{0, 1, 255, 256, 1<<40 - 1, 1<<64 - 1} {
		v := Int(n)
		got, rest, err := splitInt([]byte(string(v) + "rest"))
		if v.Int() != n || err != nil || Value(got) != v || string(rest) != "rest" {
			t.Errorf("%d: %x %v", n, v, err)
		}
		if n > 0 && Int(n-1) >= v {
			t.Errorf("%d does not sort after %d", n, n-1)
		}
	}
	texts := []string{"", "\x00", "\x00\x00", "\x00\x01", "a", "a\x00", "a\x00b", "ab", "\xff"}
	for i, s := range texts {
		v := Text(s)
		got, rest, err := splitText([]byte(string(v) + "rest"))
		if v.Text() != s || err != nil || Value(got) != v || string(rest) != "rest" {
			t.Errorf("%q: %q %v", s, v, err)
		}
		if i > 0 && Text(texts[i-1]) >= v {
			t.Errorf("%q does not sort after %q", s, texts[i-1])
		}
	}
}
