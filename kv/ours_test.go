package kv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"nightjar/internal/disk"
)

// lose closes a file that is no longer ours, without the checks at the end of a test.
func (d *testDB) lose() {
	d.t.Helper()
	if err := d.Close(); err != nil {
		d.t.Error(err)
	}
	d.DB = nil
}

func (d *testDB) add(name string) error {
	return d.Update(context.Background(), me,
		func(tx *WriteTx) error { _, err := d.parents.Insert(tx, &parent{Name: name}); return err })
}

// otherArchive returns the path of another, closed archive.
func otherArchive(t *testing.T) string {
	t.Helper()
	other := openTest(t, Options{})
	for i := range 50 {
		other.addParent(parent{Name: fmt.Sprint("precious ", i), Filler: bytes.Repeat([]byte{byte(i)}, 5000)})
	}
	other.close()
	return other.path()
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// onUnix skips a test of what other systems do not allow with an open file.
func onUnix(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("this system neither moves nor deletes open files")
	}
}

// TestLostFile takes the open file away in every possible way. After that no write is acknowledged,
// not even when the file is put back. Compact and Close leave alone whatever is at the path, and
// the open file can be saved.
func TestLostFile(t *testing.T) {
	t.Parallel()
	onUnix(t)
	const size = 64 << 10 // of the file, at least
	for name, c := range map[string]struct {
		lose  func(path, away, other string) error
		back  func(path, away string) error
		saved bool // the open file is intact
	}{
		"deleted": {lose: func(path, _, _ string) error { return os.Remove(path) }, saved: true},
		"moved and put back": {
			lose:  func(path, away, _ string) error { return os.Rename(path, away) },
			back:  func(path, away string) error { return os.Rename(away, path) },
			saved: true,
		},
		"replaced": {lose: func(path, _, other string) error { return os.Rename(other, path) }, saved: true},
		"moved and replaced": {
			lose: func(path, away, other string) error {
				return errors.Join(os.Rename(path, away), os.Rename(other, path))
			},
			saved: true,
		},
		"replaced by an older copy": {
			lose: func(path, away, _ string) error {
				b, err := os.ReadFile(path)
				return errors.Join(err, os.WriteFile(away, b, 0o600), os.Rename(away, path))
			},
			saved: true,
		},
		"written over": {lose: func(path, _, other string) error {
			b, err := os.ReadFile(other)
			return errors.Join(err, os.WriteFile(path, b, 0o600))
		}},
		"truncated":      {lose: func(path, _, _ string) error { return os.Truncate(path, size/2) }},
		"truncated to 0": {lose: func(path, _, _ string) error { return os.Truncate(path, 0) }},
	} {
		t.Run(name, func(t *testing.T) {
			var told []error
			d := openTest(t, Options{Failed: func(err error) { told = append(told, err) }})
			d.addParent(parent{Name: "kept", Filler: make([]byte, 2*size)})
			away := filepath.Join(t.TempDir(), "away.db")
			if err := d.Health(); err != nil {
				t.Fatalf("before: %v", err)
			}
			if err := c.lose(d.path(), away, otherArchive(t)); err != nil {
				t.Fatal(err)
			}
			there, _ := os.ReadFile(d.path())
			if err := d.add("lost"); !errors.Is(err, ErrLost) || !errors.Is(err, ErrFailed) ||
				!strings.Contains(err.Error(), d.path()) {
				t.Errorf("a write afterwards: %v", err)
			}
			if err := d.Health(); !errors.Is(err, ErrLost) {
				t.Errorf("health: %v", err)
			}
			if err := d.Compact(t.Context()); !errors.Is(err, ErrLost) {
				t.Errorf("compact: %v", err)
			}
			saved := filepath.Join(t.TempDir(), "saved.db")
			// it would be the other archive's
			if _, err := d.Backup(t.Context(), saved,
				func(path string) error { return checkFile(path, d.schema) }); (err == nil) != c.saved &&
				name != "written over" {
				t.Errorf("a backup of the open file: %v", err)
			}
			if now, _ := os.ReadFile(d.path()); !bytes.Equal(there, now) {
				t.Error("the file at the path was changed")
			}
			if c.back != nil {
				if err := c.back(d.path(), away); err != nil {
					t.Fatal(err)
				}
				there = mustRead(t, d.path())
			}
			if err := d.add("after it was put back"); !errors.Is(err, ErrLost) {
				t.Errorf("a second write: %v", err)
			}
			d.lose()
			if len(told) != 1 || !errors.Is(told[0], ErrLost) {
				t.Errorf("told %v", told)
			}
			if now, _ := os.ReadFile(d.path()); !bytes.Equal(there, now) {
				t.Error("closing changed the file at the path")
			}
			if _, err := os.Stat(disk.LockFile(d.path())); err == nil {
				t.Error("the lock file remains")
			}
			if c.saved {
				db, err := Open(saved, d.all(), Options{MustExist: true, NoSync: true})
				if err != nil {
					t.Fatal(err)
				}
				d.DB = db
				if n := d.count(func(tx *Tx) Set { return d.parents.All(tx) }); n != 1 {
					t.Errorf("%d rows were saved", n)
				}
				d.lose()
			}
		})
	}
}

// TestLostWhileIdle: Health reports that an idle file is gone, also when it is open for reading
// only.
func TestLostWhileIdle(t *testing.T) {
	t.Parallel()
	onUnix(t)
	for _, readOnly := range []bool{false, true} {
		d := openTest(t, Options{})
		d.addParent(parent{Name: "p"})
		d.close()
		d.opts.ReadOnly = readOnly
		d.reopen()
		if err := d.Health(); err != nil {
			t.Errorf("read-only %v: %v", readOnly, err)
		}
		if err := os.Rename(otherArchive(t), d.path()); err != nil {
			t.Fatal(err)
		}
		if err := d.Health(); !errors.Is(err, ErrLost) {
			t.Errorf("read-only %v, after another file took its place: %v", readOnly, err)
		}
		if n := d.count(func(tx *Tx) Set { return d.parents.All(tx) }); n != 1 {
			t.Errorf("read-only %v: %d rows can be read", readOnly, n)
		}
		d.lose()
	}
}

// TestCompactKeepsOthers: an archive put at the path before or during compaction is neither
// replaced nor removed.
func TestCompactKeepsOthers(t *testing.T) {
	t.Parallel()
	onUnix(t)
	for _, late := range []bool{false, true} {
		d := openTest(t, Options{})
		d.addParent(parent{Name: "p"})
		other := otherArchive(t)
		precious := mustRead(t, other)
		put := func() {
			if err := errors.Join(os.Rename(d.path(), d.path()+".moved"), os.Rename(other, d.path())); err != nil {
				t.Fatal(err)
			}
		}
		if !late {
			put()
		} else {
			d.DB.opts.freeSpace = func(path string) (uint64, error) { // called when Compact begins to write
				if path == d.dir {
					put()
				}
				return 1 << 40, nil
			}
		}
		if err := d.Compact(t.Context()); !errors.Is(err, ErrLost) || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("late %v: %v", late, err)
		}
		if !bytes.Equal(mustRead(t, d.path()), precious) {
			t.Errorf("late %v: another archive was destroyed", late)
		}
		d.lose()
		if left, _ := filepath.Glob(d.path() + ".compact*"); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// TestCompactAnotherNode: Compact does not replace a file that names another node than the one
// opened.
func TestCompactAnotherNode(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	d.addParent(parent{Name: "p"})
	was := mustRead(t, d.path())
	d.DB.nodeID[3]++
	if err := d.Compact(t.Context()); !errors.Is(err, ErrLost) {
		t.Errorf("compact: %v", err)
	}
	d.lose()
	if !bytes.Equal(was, mustRead(t, d.path())) {
		t.Error("the file was replaced")
	}
}

// TestPathIsLocked: while a process has the file open for writing, no other process opens a file at
// its path, wherever the file has been moved.
func TestPathIsLocked(t *testing.T) {
	t.Parallel()
	onUnix(t)
	ways := func(t *testing.T, d *testDB, backup, when string) {
		t.Helper()
		for name, open := range map[string]func() error{
			"to write": func() error { return openAndClose(d, Options{}) },
			"to read":  func() error { return openAndClose(d, Options{ReadOnly: true}) },
			"to restore": func() error {
				return RestoreFile(t.Context(), backup, d.path(), d.all(), func(string) error { return nil })
			},
		} {
			err := open()
			if name == "to restore" && errors.Is(err, os.ErrExist) || name == "to read" &&
				errors.Is(err, os.ErrNotExist) {
				continue
			}
			if !errors.Is(err, ErrLocked) {
				t.Errorf("%s, %s: %v", when, name, err)
			}
		}
	}
	d := openTest(t, Options{})
	d.addParent(parent{Name: "p"})
	backup := filepath.Join(t.TempDir(), "backup.db")
	if _, err := d.Backup(t.Context(), backup, nil); err != nil {
		t.Fatal(err)
	}
	ways(t, d, backup, "in its place")
	// a deleted lock file returns with the next commit
	lock := disk.LockFile(d.path())
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	time.Sleep(lookEvery)
	d.addParent(parent{Name: "q"})
	if _, err := os.Stat(lock); err != nil {
		t.Errorf("the lock file: %v", err)
	}
	away := filepath.Join(t.TempDir(), "away.db")
	if err := os.Rename(d.path(), away); err != nil {
		t.Fatal(err)
	}
	ways(t, d, backup, "moved away")
	if _, err := os.Stat(d.path()); err == nil {
		t.Error("a new file was made")
	}
	if err := os.Rename(otherArchive(t), d.path()); err != nil {
		t.Fatal(err)
	}
	ways(t, d, backup, "replaced")
	// without the lock file another process can open it, and the first one acknowledges nothing
	// more
	if err := errors.Join(os.Remove(lock), os.Remove(d.path())); err != nil {
		t.Fatal(err)
	}
	second, err := Open(d.path(), d.all(), Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.add("lost"); !errors.Is(err, ErrLost) {
		t.Errorf("a write of the first process: %v", err)
	}
	d.lose()
	if _, err := os.Stat(lock); err != nil {
		t.Errorf("the first process removed the lock file of the second: %v", err)
	}
	if _, err := os.Stat(sessionPath(d.path())); err != nil {
		t.Errorf("the first process removed the session mark of the second: %v", err)
	}
	d.DB = second
	d.addParent(parent{Name: "of the second"})
	d.close()
	if _, err := os.Stat(lock); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock file after closing: %v", err)
	}
	// the lock file of a killed process locks nobody out
	if err := os.WriteFile(lock, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.reopen()
}

func openAndClose(d *testDB, o Options) error {
	o.Timeout, o.NoSync = 50*time.Millisecond, true
	db, err := Open(d.path(), d.all(), o)
	if err != nil {
		return err
	}
	return errors.Join(errors.New("it was opened"), db.Close())
}

// TestOpenThroughLink: the files beside the database are beside the link's target, and Compact
// keeps the link.
func TestOpenThroughLink(t *testing.T) {
	t.Parallel()
	onUnix(t)
	d := openTest(t, Options{})
	d.addParent(parent{Name: "p"})
	d.close()
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(d.path(), link); err != nil {
		t.Skip(err)
	}
	db, err := Open(link, d.all(), Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := openAndClose(d, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("opened where it is: %v", err)
	}
	if err := errors.Join(db.Compact(t.Context()), db.Close()); err != nil {
		t.Error(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link: %v, %v", info, err)
	}
	d.reopen()
}

// TestPutInPlace: nothing at a path is replaced, whether or not the system has hard links.
func TestPutInPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, temp := filepath.Join(dir, "x"), filepath.Join(dir, "temp")
	for _, text := range []string{"", "precious"} {
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600),
			os.WriteFile(temp, []byte("new"), 0o600)); err != nil {
			t.Fatal(err)
		}
		if err := disk.PutInPlace(temp, path); !errors.Is(err, os.ErrExist) {
			t.Errorf("%q: %v", text, err)
		}
		if got := mustRead(t, path); string(got) != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}
