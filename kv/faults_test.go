package kv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"nightjar/internal/testenv"
)

// TestExchangeKeepsOut: processes that wait for the file's lock get it neither while Compact
// replaces the file nor on the replaced file.
func TestExchangeKeepsOut(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	d.addParent(parent{Name: "before"})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 16 {
		all.Add(1)
		go func() {
			defer all.Done()
			for ctx.Err() == nil {
				other, err := Open(d.path(), d.all(),
					Options{MustExist: true, ReadOnly: i%2 == 0, NoSync: true, Timeout: 200 * time.Millisecond})
				if err == nil {
					err = errors.Join(errors.New("it was opened"), other.Close())
				}
				if !errors.Is(err, ErrLocked) {
					t.Errorf("another process: %v", err)
					return
				}
			}
		}()
	}
	exchanges := testenv.Choose(30, 100)
	for n := range exchanges {
		if err := d.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.addParent(parent{Name: fmt.Sprint("after ", n)})
	}
	cancel()
	all.Wait()
	d.close()
	d.reopen()
	if n := d.count(func(tx *Tx) Set { return d.parents.All(tx) }); n != exchanges+1 {
		t.Errorf("%d rows exist", n)
	}
}

// TestCompactWaits: Compact waits for a reader of the whole file, and neither readers nor writers
// wait for Compact.
func TestCompactWaits(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	p := d.addParent(parent{Name: "p"})
	d.update(func(tx *WriteTx) error {
		for i := range int64(5000) {
			if _, err := d.points.Insert(tx, &point{Parent: p, Time: i}); err != nil {
				return err
			}
		}
		return nil
	})
	reading, goOn, verified := make(chan bool), make(chan bool), make(chan error)
	go func() {
		_, err := d.Verify(t.Context(), CheckOptions{Progress: func(int, int) {
			reading <- true
			<-goOn
		}})
		verified <- err
	}()
	<-reading
	compacted := make(chan error, 1)
	go func() { compacted <- d.Compact(t.Context()) }()
	time.Sleep(50 * time.Millisecond)
	worked := make(chan bool)
	go func() {
		d.addParent(parent{Name: "meanwhile"})
		if n := d.count(func(tx *Tx) Set { return d.parents.All(tx) }); n != 2 {
			t.Errorf("%d rows", n)
		}
		close(worked)
	}()
	select {
	case <-worked:
	case <-time.After(testenv.Patience):
		t.Error("others wait for the reader of the whole file")
	}
	select {
	case err := <-compacted:
		t.Errorf("compact did not wait: %v", err)
	default:
	}
	close(goOn)
	if err := errors.Join(<-verified, <-compacted); err != nil {
		t.Error(err)
	}
}

// TestFreeListWithoutRoom: a disk that is full when the free list is written is not a failed sync.
// With free space, writing goes on.
func TestFreeListWithoutRoom(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	full, refused := false, 0
	o := Options{commit: func(bt *bbolt.Tx) error {
		mu.Lock()
		defer mu.Unlock()
		if full {
			refused++
			bt.Rollback()
			return &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
		}
		return bt.Commit()
	}}
	set := func(b bool) (n int) {
		mu.Lock()
		defer mu.Unlock()
		full = b
		return refused
	}
	d := openTest(t, o)
	d.addParent(parent{Name: "before"})
	set(true)
	for began := time.Now(); set(true) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > testenv.Patience {
			t.Fatal("the free list is not written")
		}
	}
	set(false)
	d.addParent(parent{Name: "after"})
}

// TestFreeListDamaged: bbolt panics when it opens a file with a damaged free list. Open reports
// damage and releases the lock.
func TestFreeListDamaged(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{Timeout: 50 * time.Millisecond})
	d.addParent(parent{Name: "p"})
	d.close()
	whole, err := os.ReadFile(d.path())
	if err != nil {
		t.Fatal(err)
	}
	b := bytes.Clone(whole)
	found := 0
	for at := 2 * os.Getpagesize(); at < len(b); at += os.Getpagesize() {
		if flags := b[at+8:]; binary.NativeEndian.Uint16(flags) == 16 { // a free list
			flags[0] |= 0x20
			found++
		}
	}
	write := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(d.path(), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(b)
	damage := new(DamageError)
	if db, err := Open(d.path(), d.all(), d.opts); !errors.As(err, &damage) {
		t.Errorf("with %d damaged lists: %v, %v", found, db, err)
	}
	write(whole)
	d.reopen()
}

func TestNoRoomOrFailed(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		err    error
		noRoom bool
	}{
		{&fs.PathError{Op: "write", Err: syscall.ENOSPC}, true},
		{&fs.PathError{Op: "truncate", Err: syscall.EDQUOT}, true},
		{&fs.PathError{Op: "write", Err: syscall.EIO}, false},
		{&fs.PathError{Op: "sync", Err: syscall.ENOSPC}, false}, // from macOS
		{syscall.ENOSPC, false},                                 // from a sync on Linux
	} {
		if got := orNoRoom(fmt.Errorf("commit: %w", x.err)); (got == ErrNoRoom) != x.noRoom {
			t.Errorf("%#v became %v", x.err, got)
		}
	}
}

// TestCloseEnds: Close answers all waiting calls, also those that need the file for themselves. A
// second Close says that the file is closed.
func TestCloseEnds(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	goOn, begun := make(chan bool), make(chan bool)
	ends := make(chan error, 3)
	go func() {
		ends <- d.Update(context.Background(), me, func(*WriteTx) error {
			close(begun)
			<-goOn
			return nil
		})
	}()
	<-begun
	db := d.DB
	go func() { ends <- db.Compact(context.Background()) }()
	waiting := func() bool {
		db.queueMu.Lock()
		defer db.queueMu.Unlock()
		return len(db.queue) > 0
	}
	for range 100 {
		if time.Sleep(time.Millisecond); waiting() {
			break
		}
	}
	closed := make(chan error)
	go func() { closed <- db.Close() }()
	for !db.ending.Load() {
		time.Sleep(time.Millisecond)
	}
	close(goOn)
	for range 2 {
		if err := <-ends; err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("a waiting call: %v", err)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := db.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("closed again: %v", err)
	}
	d.reopen()
}

// TestIDsEnd: the last id can be used. After it no row can be inserted, and everything else goes
// on.
func TestIDsEnd(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	p := d.addParent(parent{Name: "p", Seen: []uint64{1}})
	d.addPoint(point{Parent: p, Time: 1})
	d.update(func(tx *WriteTx) error {
		tx.touch()
		return errors.Join(tx.foldPending(d.points.def), tx.table(d.points.def).SetSequence(MaxID-1),
			tx.table(d.parents.def).SetSequence(MaxID-1))
	})
	d.close()
	d.reopen()
	last := d.addPoint(point{Parent: d.addParent(parent{Name: "last", Seen: []uint64{1}}), Time: 2})
	if last != MaxID {
		t.Errorf("the last id is %d", last)
	}
	for what, insert := range map[string]func(tx *WriteTx) error{
		"insert":  func(tx *WriteTx) error { _, err := d.points.Insert(tx, &point{Parent: p, Time: 3}); return err },
		"reserve": func(tx *WriteTx) error { _, err := d.parents.Reserve(tx); return err },
	} {
		if err := d.Update(context.Background(), me, insert); err == nil {
			t.Errorf("%s: there are more ids than possible", what)
		}
	}
	d.update(func(tx *WriteTx) error { return d.points.Put(tx, last, &point{Parent: p, Time: 4}) })
	d.close()
	d.reopen()
	if n := d.count(func(tx *Tx) Set { return d.points.Set(tx, dimSeen, Int(1)) }); n != 2 {
		t.Errorf("%d rows are seen", n)
	}
	if n := d.count(func(tx *Tx) Set { return d.points.Set(tx, dimParent, Int(p)) }); n != 2 {
		t.Errorf("the first parent has %d rows", n)
	}
}

// smallDisk is a disk of this size that holds nothing but the file.
func (d *testDB) smallDisk(size int64) {
	d.opts.freeSpace = func(string) (uint64, error) {
		info, err := os.Stat(d.path())
		if err != nil {
			return uint64(size), nil
		}
		return uint64(max(0, size-info.Size())), nil
	}
}

// TestFilledByOurselves: an upload that fills the disk is refused, and other writes use its space
// without a restart. When the disk is full of files that are kept, deleting some makes writing
// possible again, and Compact gives the space back.
func TestFilledByOurselves(t *testing.T) {
	t.Parallel()
	const reserve = 8 << 20
	d := openTest(t, Options{})
	d.close()
	d.smallDisk(64 << 20)
	d.opts.MinFree = reserve
	d.reopen()
	random := rand.NewChaCha8([32]byte{1})
	put := func(name string, size int) error {
		w := d.NewBlob(t.Context())
		for ; size > 0; size -= 1 << 20 {
			b := make([]byte, 1<<20)
			random.Read(b)
			if _, err := w.Write(b); err != nil {
				return errors.Join(err, w.Abort())
			}
		}
		return d.Update(t.Context(), me, func(tx *WriteTx) error {
			blob, _, err := w.Store(tx)
			if err == nil {
				_, err = d.parents.Insert(tx, &parent{Name: name, Blob: blob})
			}
			return err
		})
	}
	for i := range 3 {
		if err := put("too much", 100<<20); !errors.Is(err, ErrNoRoom) {
			t.Fatalf("an upload larger than the disk: %v", err)
		}
		d.waitSwept()
		d.addParent(parent{Name: fmt.Sprint("after ", i)})
	}
	kept := 0
	for err := error(nil); err == nil; kept++ {
		if kept > 100 {
			t.Fatal("the disk does not get full")
		}
		err = put(fmt.Sprint("kept ", kept), 2<<20)
	}
	kept-- // the last was refused
	if err := d.Update(t.Context(), me,
		func(tx *WriteTx) error {
			_, err := d.parents.Insert(tx, &parent{Name: "on a full disk"})
			return err
		}); !errors.Is(err, ErrNoRoom) {
		t.Errorf("a write on a full disk, after %d files: %v", kept, err)
	}
	if err := d.Compact(t.Context()); !errors.Is(err, ErrNoRoom) {
		t.Errorf("compact without free space for a second file: %v", err)
	}
	for i := range kept {
		err := d.Free(t.Context(), me, func(tx *WriteTx) error {
			id, _, err := tx.Lookup(uniqueName, fmt.Sprint("kept ", i))
			if err != nil {
				return err
			}
			p, err := d.parents.Get(tx.Tx, id)
			if err != nil {
				return err
			}
			return errors.Join(tx.DropBlob(p.Blob), d.parents.Delete(tx, id))
		})
		if err != nil {
			t.Fatalf("deleting on a full disk: %v", err)
		}
	}
	d.addParent(parent{Name: "with free pages"})
	if err := d.Compact(t.Context()); err != nil {
		t.Error(err)
	}
	if free, _ := d.DB.opts.freeSpace(""); free < 40<<20 {
		t.Errorf("after compact %d bytes are free", free)
	}
}

// TestAbandoned: files abandoned while nothing could be written are purged once there is free
// space. So are files that were pending when the program ended, and are found on a full disk.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	var full atomic.Bool
	d := openTest(t, Options{commit: func(bt *bbolt.Tx) error {
		if full.Load() {
			bt.Rollback()
			return &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
		}
		return bt.Commit()
	}})
	w := d.NewBlob(t.Context())
	if _, err := w.Write(make([]byte, 2*spillSize)); err != nil {
		t.Fatal(err)
	}
	full.Store(true)
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	full.Store(false)
	d.kickPurger()
	d.waitSwept()

	w = d.NewBlob(t.Context())
	if _, err := w.Write(make([]byte, 2*spillSize)); err != nil {
		t.Fatal(err)
	}
	d.close()
	full.Store(true)
	d.reopen()
	full.Store(false)
	d.kickPurger()
	d.waitSwept()
}

// TestBackupsMeet writes backups to the same path at once: one gets the name, and it is intact.
func TestBackupsMeet(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	p := d.addParent(parent{Name: "p"})
	d.update(func(tx *WriteTx) error {
		for i := range int64(5000) {
			if _, err := d.points.Insert(tx, &point{Parent: p, Time: i}); err != nil {
				return err
			}
		}
		return nil
	})
	for round := range testenv.Choose(4, 10) {
		path := filepath.Join(d.dir, fmt.Sprintf("backup%d.db", round))
		errs := make([]error, 4)
		var all sync.WaitGroup
		for i := range errs {
			all.Add(1)
			go func() {
				defer all.Done()
				_, errs[i] = d.Backup(t.Context(), path, func(path string) error { return checkFile(path, d.schema) })
			}()
		}
		all.Wait()
		good := 0
		for _, err := range errs {
			if err == nil {
				good++
			} else if !errors.Is(err, os.ErrExist) {
				t.Errorf("round %d: %v", round, err)
			}
		}
		if err := checkFile(path, d.schema); err != nil || good != 1 {
			t.Errorf("round %d: %d copies, %v", round, good, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(d.dir, "*.part*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
