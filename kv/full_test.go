package kv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"
)

// fullDisk returns options of a disk on which no file can be created while full is set. While shut
// is set too, commits fail.
func fullDisk(full, shut *atomic.Bool) Options {
	return Options{
		freeSpace: func(string) (uint64, error) {
			if full.Load() {
				return 0, nil
			}
			return 1 << 40, nil
		},
		writeSessionFile: func(path string, mark []byte) error {
			if full.Load() {
				return &fs.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}
			}
			return writeSessionFile(path, mark)
		},
		commit: func(bt *bbolt.Tx) error {
			if shut.Load() {
				bt.Rollback()
				return &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
			}
			return bt.Commit()
		},
	}
}

// TestOpenOnFullDisk: a file on a full disk opens and can be read. Until something is written, a
// copy of it is as good as a copy of a stopped node's file. Deletions are written once the file
// carries its session mark, and other writes once there is free space, without reopening.
func TestOpenOnFullDisk(t *testing.T) {
	t.Parallel()
	for _, crashed := range []bool{false, true} {
		t.Run(fmt.Sprint("crashed ", crashed), func(t *testing.T) {
			var full, shut atomic.Bool
			d := openTest(t, fullDisk(&full, &shut))
			id := d.addParent(parent{Name: "a"})
			d.addParent(parent{Name: "b"})
			atCrash, session := mustRead(t, d.path()), mustRead(t, sessionPath(d.path()))
			d.close()
			if crashed { // as the same file, which the session file names
				if err := errors.Join(os.WriteFile(d.path(), atCrash, 0o600),
					os.WriteFile(sessionPath(d.path()), session, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			was := mustRead(t, d.path())
			full.Store(true)
			shut.Store(true)
			d.reopen()
			if n := d.count(func(tx *Tx) Set { return d.parents.All(tx) }); n != 2 {
				t.Errorf("%d rows can be read", n)
			}
			if err := d.add("c"); !errors.Is(err, ErrNoRoom) {
				t.Errorf("a write: %v", err)
			}
			if err := d.Health(); !errors.Is(err, ErrNoRoom) {
				t.Errorf("health: %v", err)
			}
			copied := filepath.Join(t.TempDir(), "copy.db")
			checked := 0
			openCopy := func() {
				t.Helper()
				copyFile(t, d.path(), copied)
				db, err := Open(copied, d.all(), Options{NoSync: true, CheckCopy: func(path string) error {
					checked++
					return checkFile(path, d.schema)
				}})
				if err == nil {
					err = db.Close()
				}
				if err != nil {
					t.Errorf("the copy: %v", err)
				}
			}
			if openCopy(); checked > 0 != crashed {
				t.Errorf("a copy of the unchanged file was checked %d times", checked)
			}
			remove := func() error {
				return d.Free(t.Context(), me, func(tx *WriteTx) error { return d.parents.Delete(tx, id) })
			}
			if err := remove(); !errors.Is(err, ErrNoRoom) {
				t.Errorf("deleting on a disk that takes no writes: %v", err)
			}
			if now := mustRead(t, d.path()); string(now) != string(was) {
				t.Error("the file was changed")
			}
			// free pages in the file, but no space for a session file
			shut.Store(false)
			if err := remove(); err != nil {
				t.Errorf("deleting: %v", err)
			}
			checked = 0
			if openCopy(); checked != 1 {
				t.Errorf("a copy of the changed file was checked %d times", checked)
			}
			if err := d.add("c"); !errors.Is(err, ErrNoRoom) {
				t.Errorf("a write after deleting: %v", err)
			}
			full.Store(false)
			if err := errors.Join(d.add("c"), d.Health()); err != nil {
				t.Errorf("with free space: %v", err)
			}
			if mark, err := os.ReadFile(sessionPath(d.path())); err != nil ||
				string(mark) != sessionText(d.path(), d.session.mark) {
				t.Errorf("the session file: %q, %v", mark, err)
			}
			if n := d.count(func(tx *Tx) Set { return d.parents.All(tx) }); n != 2 {
				t.Errorf("%d rows at the end", n)
			}
			d.close()
			if _, err := os.Stat(sessionPath(d.path())); err == nil {
				t.Error("the session file remains after closing")
			}
			d.reopen()
		})
	}
}

// TestCloseOnFullDisk: a file on a disk that takes no writes can be closed. It is then in the state
// of a crash.
func TestCloseOnFullDisk(t *testing.T) {
	t.Parallel()
	var full, shut atomic.Bool
	d := openTest(t, fullDisk(&full, &shut))
	d.addParent(parent{Name: "a"})
	full.Store(true)
	shut.Store(true)
	d.close()
	shut.Store(false)
	full.Store(false)
	d.reopen()
	d.addParent(parent{Name: "b"})
}

// TestHealthAfterNoRoom: Health reports writes refused by a disk that claims to have free space,
// such as one with a quota.
func TestHealthAfterNoRoom(t *testing.T) {
	t.Parallel()
	var full, shut atomic.Bool
	d := openTest(t, fullDisk(&full, &shut))
	shut.Store(true)
	if err := d.add("a"); !errors.Is(err, ErrNoRoom) {
		t.Errorf("a write: %v", err)
	}
	if err := d.Health(); !errors.Is(err, ErrNoRoom) {
		t.Errorf("health: %v", err)
	}
	shut.Store(false)
	if err := errors.Join(d.add("a"), d.Health()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestNoRoomAnywhere: a full disk gives ErrNoRoom wherever it is met while another file is written.
// For the open file, a failed sync does not.
func TestNoRoomAnywhere(t *testing.T) {
	t.Parallel()
	// as bbolt words it
	resize := fmt.Errorf("file resize error: %s", &fs.PathError{Op: "truncate", Path: "x", Err: syscall.ENOSPC})
	for _, x := range []struct {
		err         error
		live, fresh bool
	}{
		{&fs.PathError{Op: "write", Err: syscall.ENOSPC}, true, true},
		{&fs.PathError{Op: "mkdir", Err: syscall.EDQUOT}, true, true},
		{resize, true, true},
		{fmt.Errorf("file sync error: %s", syscall.ENOSPC), false, true},
		{&fs.PathError{Op: "sync", Err: syscall.ENOSPC}, false, true},
		{syscall.ENOSPC, false, true},
		{&os.LinkError{Op: "rename", Err: syscall.ENOSPC}, false, true},
		{&os.LinkError{Op: "link", Err: syscall.EDQUOT}, false, true},
		{fmt.Errorf("file resize error: %s", syscall.EINVAL), false, false},
		{&fs.PathError{Op: "write", Err: syscall.EIO}, false, false},
		{nil, false, false},
	} {
		if got := orNoRoom(x.err); (got == ErrNoRoom) != x.live {
			t.Errorf("the open file, %v: %v", x.err, got)
		}
		if got := NoRoom(x.err); (got == ErrNoRoom) != x.fresh {
			t.Errorf("a new file, %v: %v", x.err, got)
		}
	}
}

// TestPartsSwept: the next backup to a folder removes a half-written one whose process has ended.
// It keeps one that is being written, and files that only look like one.
func TestPartsSwept(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	d.addParent(parent{Name: "p"})
	dir := t.TempDir()
	there := func(name string) bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil }
	for _, name := range []string{"film.part-1", "a.db.part-x", "a.db.part-x.lock", "old.db.part-7",
		"old.db.part-7.lock", "gone.db.part-8.lock"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	running, lock, err := newPart(filepath.Join(dir, "running.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Backup(t.Context(), filepath.Join(dir, "b.db"), func(path string) error {
		return SweepParts(dir) // of another process
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old.db.part-7", "old.db.part-7.lock", "gone.db.part-8.lock"} {
		if there(name) {
			t.Errorf("%s is still there", name)
		}
	}
	for _, name := range []string{"b.db", "film.part-1", "a.db.part-x", "a.db.part-x.lock", filepath.Base(running)} {
		if !there(name) {
			t.Errorf("%s was removed", name)
		}
	}
	lock.Release()
	if left, _ := filepath.Glob(filepath.Join(dir, "b.db.*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRemains(t *testing.T) {
	t.Parallel()
	for name, is := range map[string]bool{
		"n.db.temporary-123": true, "n.db.temporary-123.session": true, "n.db.temporary-1.lock": true,
		"n.db.compact": true, "n.db.compact.session": true,
		".n.db-77.new": true, "n.db.session.new": true,
		"n.db": false, "n.db.session": false, "n.db.lock": false, "n.db.temporary-": false,
		"n.db.temporary-notes.txt": false, ".n.db-mine.new": false, ".n.db-.new": false,
		"m.db.compact": false, "n.db.compact.old": false, "n.db.index": false,
	} {
		if Remains("/x/n.db", name) != is {
			t.Errorf("%s: %v", name, !is)
		}
	}
}
