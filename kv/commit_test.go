package kv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"nightjar/internal/testenv"
)

// opening is the number of commits when a new file is opened: one for its tables, one for the
// session mark.
const opening = 2

// holdCommits blocks the commits after those of opening a new file, so that later calls share the
// next one. release lets them go on.
func holdCommits(o *Options) (commits *atomic.Int64, release func()) {
	gate := make(chan struct{})
	commits = new(atomic.Int64)
	commits.Store(-opening)
	o.commit = func(bt *bbolt.Tx) error {
		if commits.Add(1) > 0 {
			<-gate
		}
		return bt.Commit()
	}
	return commits, sync.OnceFunc(func() { close(gate) })
}

func TestSharedCommit(t *testing.T) {
	t.Parallel()
	var o Options
	commits, release := holdCommits(&o)
	d := openTest(t, o)
	defer release()
	var wg sync.WaitGroup
	errs := make([]error, 100)
	write := func(i int, fn func(tx *WriteTx) error) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = d.Update(context.Background(), me, fn)
		}()
	}
	insert := func(i int) func(tx *WriteTx) error {
		return func(tx *WriteTx) error {
			_, err := d.parents.Insert(tx, &parent{Name: fmt.Sprint(i)})
			return err
		}
	}
	write(0, insert(0))
	for commits.Load() < 1 { // the first one is being committed
		time.Sleep(time.Millisecond)
	}
	undone := errors.New("changed my mind")
	for i := 1; i < len(errs); i++ {
		switch {
		case i%10 == 3: // fails before it writes
			write(i, func(*WriteTx) error { return undone })
		case i%10 == 5: // fails after it has written
			write(i, func(tx *WriteTx) error { return errors.Join(insert(i)(tx), undone) })
		case i%10 == 7:
			write(i, func(tx *WriteTx) error { insert(i)(tx); panic("oh") })
		default:
			write(i, insert(i))
		}
	}
	for {
		d.queueMu.Lock()
		n := len(d.queue)
		d.queueMu.Unlock()
		if n == len(errs)-1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	release()
	wg.Wait()
	if n := commits.Load(); n != 2 {
		t.Errorf("%d commits", n)
	}
	want := 0
	for i, err := range errs {
		var panicked *PanicError
		switch {
		case i%10 == 3 || i%10 == 5:
			if !errors.Is(err, undone) {
				t.Errorf("%d: %v", i, err)
			}
		case i%10 == 7:
			if !errors.As(err, &panicked) || !strings.Contains(panicked.Stack, "commit_test.go") {
				t.Errorf("%d: %v", i, err)
			}
		default:
			want++
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
	}
	if n := d.count(func(tx *Tx) Set { return d.parents.All(tx) }); n != want {
		t.Errorf("%d rows, not %d", n, want)
	}
	d.view(func(tx *Tx) error {
		n := 0
		for e := range tx.Log(0) {
			n++
			if e.Seq != uint64(n) || e.User != me.User || len(e.Changes) != 1 {
				t.Errorf("log entry %+v", e)
			}
		}
		if n != want {
			t.Errorf("%d log entries, not %d", n, want)
		}
		return nil
	})
}

// TestManyWriters runs writers, readers and a slow reader at once. Each reader must see a committed
// state.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	p := d.addParent(parent{Name: "p", Seen: []uint64{1}})
	ctx, stop := context.WithCancel(t.Context())
	var writers, readers sync.WaitGroup
	const n = 8
	each := testenv.Choose(60, 150)
	for w := range n {
		writers.Add(1)
		go func() {
			defer writers.Done()
			for i := range each {
				// two at a time: no reader may see one of them alone
				err := d.Update(context.Background(), me, func(tx *WriteTx) error {
					for range 2 {
						if _, err := d.points.Insert(tx,
							&point{Parent: p, Time: int64(i), Body: fmt.Sprint(w)}); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	for range 3 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for ctx.Err() == nil {
				err := d.View(func(tx *Tx) error {
					all, err := d.points.All(tx).IDs()
					if err != nil {
						return err
					}
					seen, err := And(d.points.Set(tx, dimSeen, Int(1)), d.points.Set(tx, dimParent, Int(p))).Count()
					if len(all)%2 != 0 || seen != len(all) {
						t.Errorf("%d rows, %d of them seen", len(all), seen)
					}
					for _, id := range all {
						if _, err := d.points.Get(tx, id); err != nil {
							t.Errorf("row %d: %v", id, err)
						}
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		}()
	}
	writers.Wait()
	stop()
	readers.Wait()
	if c := d.count(func(tx *Tx) Set { return d.points.All(tx) }); c != 2*each*n {
		t.Errorf("%d rows", c)
	}
}

// TestTail writes one row at a time across several folds of the tail, while readers keep old
// states.
func TestTail(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	p := d.addParent(parent{Name: "p", Seen: []uint64{1}})
	total := 0
	for range 5 {
		began, ended := make(chan struct{}), make(chan struct{})
		before := total
		go d.View(func(tx *Tx) error {
			defer close(ended)
			began <- struct{}{}
			<-began
			n, err := d.points.Set(tx, dimSeen, Int(1)).Count()
			if err != nil || n != before {
				t.Errorf("a reader of %d rows sees %d (%v)", before, n, err)
			}
			return err
		})
		<-began
		for range 3 {
			d.update(func(tx *WriteTx) error {
				for range 700 {
					total++
					if _, err := d.points.Insert(tx, &point{Parent: p, Time: int64(total)}); err != nil {
						return err
					}
				}
				return nil
			})
			if n := d.count(func(tx *Tx) Set { return d.points.Set(tx, dimSeen, Int(1)) }); n != total {
				t.Errorf("%d rows, not %d", n, total)
			}
		}
		began <- struct{}{}
		<-ended
	}
	d.close()
	d.reopen()
	if n := d.count(func(tx *Tx) Set { return d.points.Set(tx, dimSeen, Int(1)) }); n != total {
		t.Errorf("%d rows after opening again, not %d", n, total)
	}
}

func TestNoRoom(t *testing.T) {
	t.Parallel()
	free := uint64(1 << 40)
	full := false
	o := Options{freeSpace: func(string) (uint64, error) { return free, nil }}
	o.commit = func(bt *bbolt.Tx) error {
		if full {
			bt.Rollback()
			return &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
		}
		return bt.Commit()
	}
	d := openTest(t, o)
	d.addParent(parent{Name: "before"})
	add := func(name string) error {
		return d.Update(context.Background(), me, func(tx *WriteTx) error {
			_, err := d.parents.Insert(tx, &parent{Name: name})
			return err
		})
	}
	free = 64<<20 - 1
	if err := add("too much"); !errors.Is(err, ErrNoRoom) {
		t.Errorf("a write to a full disk: %v", err)
	}
	free, full = 1<<40, true
	if err := add("too much"); !errors.Is(err, ErrNoRoom) {
		t.Errorf("a write that reached the end of the disk: %v", err)
	}
	full = false
	if n := d.count(func(tx *Tx) Set { return d.parents.All(tx) }); n != 1 {
		t.Errorf("%d rows", n)
	}
	if err := add("there is free space again"); err != nil {
		t.Error(err)
	}
}

func TestFailedSync(t *testing.T) {
	t.Parallel()
	fail := false
	var o Options
	o.commit = func(bt *bbolt.Tx) error {
		if fail {
			bt.Rollback()
			return syscall.EIO
		}
		return bt.Commit()
	}
	d := openTest(t, o)
	d.addParent(parent{Name: "before"})
	fail = true
	for i := range 2 {
		err := d.Update(context.Background(), me, func(tx *WriteTx) error {
			_, err := d.parents.Insert(tx, &parent{Name: fmt.Sprint(i)})
			return err
		})
		if !errors.Is(err, ErrFailed) {
			t.Errorf("write %d: %v", i, err)
		}
		fail = false // still nothing is written
	}
	if n := d.count(func(tx *Tx) Set { return d.parents.All(tx) }); n != 1 {
		t.Errorf("%d rows", n)
	}
	d.close()
	d.reopen()
	d.addParent(parent{Name: "after"})
}

// TestChanges: a table counts an attempted change before the attempt is answered, also when its
// result is unknown. It counts nothing else.
func TestChanges(t *testing.T) {
	t.Parallel()
	fail := false
	o := Options{commit: func(bt *bbolt.Tx) error {
		if err := bt.Commit(); err != nil || !fail {
			return err
		}
		return syscall.EIO // as when the last sync fails: the write is visible
	}}
	d := openTest(t, o)
	p := d.addParent(parent{Name: "p"})
	parents, points := d.parents.Changes(d.DB), d.points.Changes(d.DB)
	expect := func(what string, parentsToo, pointsToo bool) {
		t.Helper()
		a, b := d.parents.Changes(d.DB), d.points.Changes(d.DB)
		if (a != parents) != parentsToo || (b != points) != pointsToo {
			t.Errorf("%s: parents %d after %d, points %d after %d", what, a, parents, b, points)
		}
		parents, points = a, b
	}
	id := d.addPoint(point{Parent: p})
	expect("a new point", false, true)
	d.update(func(tx *WriteTx) error { return d.parents.Put(tx, p, &parent{Name: "q"}) })
	expect("a changed parent", true, false)
	d.update(func(tx *WriteTx) error { return d.points.Delete(tx, id) })
	expect("a deleted point", false, true)
	refused := errors.New("no")
	if err := d.Update(context.Background(), me, func(tx *WriteTx) error { return refused }); err != refused {
		t.Error(err)
	}
	d.view(func(tx *Tx) error { _, err := d.parents.Get(tx, p); return err })
	expect("nothing", false, false)
	fail = true
	if err := d.Update(context.Background(), me,
		func(tx *WriteTx) error { return d.parents.Delete(tx, p) }); !errors.Is(err, ErrFailed) {
		t.Error(err)
	}
	d.view(func(tx *Tx) error {
		if _, err := d.parents.Get(tx, p); err != ErrNotFound {
			t.Errorf("the test does not do what it says: %v", err)
		}
		return nil
	})
	expect("a commit whose result is unknown", true, false)
	fail = false
	d.close()
	d.reopen()
}

// TestCommitPanics: bbolt panics in a commit when it meets a damaged page. The transaction is
// undone, its lock is free, and later writes succeed.
func TestCommitPanics(t *testing.T) {
	t.Parallel()
	bad := false
	o := Options{commit: func(bt *bbolt.Tx) error {
		if bad {
			panic("a page that is none")
		}
		return bt.Commit()
	}}
	d := openTest(t, o)
	p := d.addParent(parent{Name: "before"})
	bad = true
	err := d.Update(context.Background(), me, func(tx *WriteTx) error {
		_, err := d.points.Insert(tx, &point{Parent: p, Time: 1})
		return err
	})
	if err == nil {
		t.Error("a write whose commit panicked was acknowledged")
	}
	bad = false
	if n := d.count(func(tx *Tx) Set { return d.points.All(tx) }); n != 0 {
		t.Errorf("%d rows exist", n)
	}
	d.addPoint(point{Parent: p, Time: 2})
	d.close()
	d.reopen()
	if n := d.count(func(tx *Tx) Set { return d.points.All(tx) }); n != 1 {
		t.Errorf("%d rows exist", n)
	}
}

// TestStuck: when bbolt cannot even roll back, nothing more is written. The file still closes and
// releases its lock.
func TestStuck(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{Timeout: 50 * time.Millisecond})
	d.addParent(parent{Name: "before"})
	if _, err := d.beginWith(false); err != nil { // and never ends
		t.Fatal(err)
	}
	d.setStuck(errors.New("a page that is none"))
	err := d.Update(context.Background(), me, func(tx *WriteTx) error {
		_, err := d.parents.Insert(tx, &parent{Name: "after"})
		return err
	})
	if !errors.Is(err, ErrFailed) {
		t.Errorf("a write after it: %v", err)
	}
	if n := d.count(func(tx *Tx) Set { return d.parents.All(tx) }); n != 1 {
		t.Errorf("%d rows can be read", n)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	d.reopen()
	d.addParent(parent{Name: "after"})
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the client has gone")
	cancel(gone)
	err := d.Update(ctx, me, func(*WriteTx) error { t.Error("ran"); return nil })
	if !errors.Is(err, gone) {
		t.Error(err)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	a := d.addParent(parent{Name: "a"})
	d.addPoint(point{Parent: a, Body: "x"})
	d.update(func(tx *WriteTx) error { return d.parents.Put(tx, a, &parent{Name: "b"}) })
	d.update(func(tx *WriteTx) error { return tx.SetSetting("mode", "targets") })
	d.update(func(tx *WriteTx) error {
		return errors.Join(d.points.Delete(tx, 1), d.parents.Delete(tx, a), tx.SetSetting("mode", "objects"))
	})
	d.update(func(tx *WriteTx) error { return nil }) // nothing written, nothing logged
	var log []*Entry
	d.view(func(tx *Tx) error { log = slices.Collect(tx.Log(1)); return nil })
	if len(log) != 5 {
		t.Fatalf("%d entries", len(log))
	}
	last := log[4]
	if last.Name != "me" || last.Addr != "127.0.0.1" || last.Action != "TEST" || len(last.Changes) != 2 ||
		len(last.Gone) != 2 ||
		string(last.Gone[0].Ident) != "x" || string(last.Gone[1].Ident) != "b" || len(last.Old) != 1 ||
		len(last.Settings) != 1 || last.Settings[0].Old != "targets" {
		t.Errorf("%+v", last)
	}
	var old parent
	if err := Fields[parent]().Decode(log[2].Old[0].Record, &old); err != nil || old.Name != "a" {
		t.Errorf("old record %+v, %v", old, err)
	}
	for i := 1; i < len(log); i++ {
		if string(log[i].Prev) != string(log[i-1].Hash[:]) {
			t.Errorf("entry %d does not hold the hash of the one before", i+1)
		}
	}
	if d.Head() != (Mark{5, last.Hash}) {
		t.Errorf("head %v", d.Head())
	}
	// the log finds a record that was changed without it, even with a correct CRC
	d.addParent(parent{Name: "honest", Rank: 1})
	again := func(rank uint64) {
		d.exclusively(t.Context(), func() error {
			return d.bolt.Update(func(bt *bbolt.Tx) error {
				b := &batch{db: d.DB, bolt: bt}
				tx := &WriteTx{Tx: &Tx{db: d.DB, bolt: bt, batch: b}, entry: &entryBuilder{}, job: &job{}}
				if err := d.parents.Put(tx, 2, &parent{Name: "honest", Rank: rank}); err != nil {
					return err
				}
				return b.flushSets(bt)
			})
		})
	}
	again(2)
	r, err := d.Verify(t.Context(), CheckOptions{})
	if err != nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "what it wrote") {
		t.Errorf("forged record: %v, %v", r.Problems, err)
	}
	again(1)
}

func TestBulkInOneTransaction(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	p := d.addParent(parent{Name: "p"})
	d.update(func(tx *WriteTx) error {
		for i := range 10_000 {
			if _, err := d.points.Insert(tx,
				&point{Parent: p, Time: int64(i % 777), Body: fmt.Sprint(i % 5)}); err != nil {
				return err
			}
		}
		return nil
	})
	if n := d.count(func(tx *Tx) Set { return d.points.Set(tx, dimParent, Int(p)) }); n != 10_000 {
		t.Errorf("%d rows", n)
	}
}

// TestStageBehindEmptyTail finishes a stage while the tail is otherwise empty. When the file is
// opened later, the rows of the stage must not be taken for rows of the tail.
func TestStageBehindEmptyTail(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	p := d.addParent(parent{Name: "p", Seen: []uint64{1}})
	for range 2 {
		s, err := d.points.Stage(t.Context(), d.DB, me)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Update(t.Context(),
			func(tx *WriteTx) error { _, err := d.points.Insert(tx, &point{Parent: p}); return err })
		if err == nil {
			err = s.Finish(t.Context(), func(*WriteTx) error { return nil })
		}
		if err != nil {
			t.Fatal(err)
		}
		d.close()
		d.reopen()
		d.check()
	}
}
