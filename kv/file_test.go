package kv

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"nightjar/internal/disk"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{Timeout: 50 * time.Millisecond})
	if _, err := Open(d.path(), d.all(), Options{Timeout: 50 * time.Millisecond}); !errors.Is(err, ErrLocked) {
		t.Errorf("a second process: %v", err)
	}
	if _, err := Open(filepath.Join(d.dir, "none"), d.all(), Options{MustExist: true}); err == nil {
		t.Error("a missing file was opened")
	}
	for name, content := range map[string]string{"text": "hello, world\n", "long": strings.Repeat("x", 100_000)} {
		path := filepath.Join(d.dir, name)
		os.WriteFile(path, []byte(content), 0o600)
		if _, err := Open(path, d.all(), Options{}); !errors.Is(err, ErrNotOurs) {
			t.Errorf("%s: %v", name, err)
		}
		if b, _ := os.ReadFile(path); string(b) != content {
			t.Errorf("%s: was changed", name)
		}
	}
	// another program's bbolt file, and a newer file of ours
	other := filepath.Join(d.dir, "other")
	b, err := bbolt.Open(other, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
	if _, err := Open(other, d.all(), Options{}); !errors.Is(err, ErrNotOurs) {
		t.Errorf("another program's: %v", err)
	}
	d.close()
	b, err = bbolt.Open(d.path(), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	setFormat := func(n uint32) {
		b.Update(func(bt *bbolt.Tx) error {
			return (&metaBucket{bt.Bucket([]byte("meta"))}).put([]byte("format"), binary.BigEndian.AppendUint32(nil, n))
		})
	}
	for format, want := range map[uint32]error{Format + 1: ErrNewer, 3: ErrOlder, 2: ErrOlder, 1: ErrOlder} {
		setFormat(format)
		b.Close()
		was, _ := os.ReadFile(d.path())
		_, opened := Open(d.path(), d.all(), Options{})
		_, salvaged := Salvage(t.Context(), d.path(), filepath.Join(d.dir, "salvaged"), d.all())
		_, checked := Check(t.Context(), d.path(), d.all(), CheckOptions{})
		for what, err := range map[string]error{"open": opened, "salvage": salvaged, "check": checked} {
			if !errors.Is(err, want) || !strings.Contains(err.Error(), fmt.Sprintf("format %d", format)) ||
				strings.Contains(err.Error(), "\n") ||
				want == ErrOlder && !strings.Contains(err.Error(), "commit "+lastReader[format]+" ") {
				t.Errorf("%s a file of format %d: %v", what, format, err)
			}
		}
		if is, _ := os.ReadFile(d.path()); !bytes.Equal(was, is) {
			t.Errorf("a file of format %d was changed", format)
		}
		b, _ = bbolt.Open(d.path(), 0o600, nil)
	}
	setFormat(Format)
	b.Close()
	d.reopen()
}

func TestSessionMark(t *testing.T) {
	d := openTest(t, Options{})
	d.addParent(parent{Name: "a"})
	session := d.path() + ".session"
	if _, err := os.Stat(session); err != nil {
		t.Error(err)
	}
	// a copy of the running node's file, here a consistent one: it is verified, and opens
	copied := filepath.Join(d.dir, "copy.db")
	copyFile(t, d.path(), copied)
	checked := 0
	open := func(path string) error {
		db, err := Open(path, d.all(),
			Options{CheckCopy: func(p string) error { checked++; return checkFile(p, d.schema) }})
		if err == nil {
			err = db.Close()
		}
		return err
	}
	if err := open(copied); err != nil || checked != 1 {
		t.Errorf("a good copy: checked %d times, %v", checked, err)
	}
	if err := open(copied); err != nil || checked != 1 {
		t.Errorf("a closed copy: checked %d times, %v", checked, err)
	}
	// a copy with the session file beside it is still a copy
	copyFile(t, d.path(), copied)
	copyFile(t, session, copied+".session")
	if err := open(copied); err != nil || checked != 2 {
		t.Errorf("a copy with its session file: checked %d times, %v", checked, err)
	}
	// one that is torn where Open does not look is found by the check and refused with its error
	copyFile(t, d.path(), copied)
	os.Remove(copied + ".session")
	bad := errors.New("page 7 is not page 7")
	_, err := Open(copied, d.all(), Options{CheckCopy: func(string) error { return bad }})
	if !errors.Is(err, ErrCopied) || !errors.Is(err, bad) || !strings.Contains(err.Error(), "backup FILE") {
		t.Errorf("a torn copy: %v", err)
	}
	// so is one that is torn everywhere
	copyFile(t, d.path(), copied)
	os.Remove(copied + ".session")
	f, _ := os.OpenFile(copied, os.O_RDWR, 0)
	for page := int64(2); page < 12; page++ {
		f.WriteAt(make([]byte, 4096), page*4096)
	}
	f.Close()
	err = open(copied)
	if damage := new(DamageError); !errors.As(err, &damage) || !strings.Contains(err.Error(), "backup FILE") {
		t.Errorf("a torn copy: %v", err)
	}
	d.close()
	if _, err := os.Stat(session); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the session file remains after a clean close: %v", err)
	}
	// a plain copy of a stopped node is a backup
	copyFile(t, d.path(), copied)
	if err := open(copied); err != nil || checked != 2 {
		t.Errorf("a copy of a stopped node: checked %d times, %v", checked, err)
	}
	d.reopen()
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestBackupAndCompact(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{DeferDeletesFrom: 100})
	p := d.addParent(parent{Name: "p", Seen: []uint64{1}})
	d.update(func(tx *WriteTx) error {
		for i := range 20_000 {
			if _, err := d.points.Insert(tx,
				&point{Parent: p, Time: int64(i), Body: strings.Repeat("x", 100)}); err != nil {
				return err
			}
		}
		return nil
	})
	backup := filepath.Join(d.dir, "backup.db")
	m, err := d.Backup(t.Context(), backup, func(path string) error { return checkFile(path, d.schema) })
	if err != nil || m != d.Head() {
		t.Fatal(m, err)
	}
	if _, err := d.Backup(t.Context(), backup, nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("over an old backup: %v", err)
	}
	if _, err := d.Backup(t.Context(), filepath.Join(d.dir, "bad.db"),
		func(string) error { return io.ErrNoProgress }); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a bad backup: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(d.dir, "*.part*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	d.DB.opts.sameDisk = func(string, string) bool { return false }
	stick := filepath.Join(t.TempDir(), "stick.db")
	checked := ""
	if m, err := d.Backup(t.Context(), stick,
		func(path string) error { checked = path; return checkFile(path, d.schema) }); err != nil || m != d.Head() ||
		filepath.Dir(checked) != d.dir {
		t.Fatalf("a backup to another disk, checked at %s: %v, %v", checked, m, err)
	}
	if err := checkFile(stick, d.schema); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(d.dir, "*"+Temporary+"*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	freeSpace := d.DB.opts.freeSpace
	d.DB.opts.freeSpace = func(path string) (uint64, error) {
		if strings.HasPrefix(path, d.dir) {
			return 0, nil
		}
		return 1 << 40, nil
	}
	if _, err := d.Backup(t.Context(), filepath.Join(t.TempDir(), "stick.db"),
		func(path string) error { checked = path; return nil }); err != nil || filepath.Dir(checked) == d.dir {
		t.Errorf("a backup without free space beside the file, checked at %s: %v", checked, err)
	}
	d.DB.opts.freeSpace = func(path string) (uint64, error) {
		if strings.HasPrefix(path, d.dir) {
			return 1 << 40, nil
		}
		return 0, nil
	}
	full := filepath.Join(t.TempDir(), "stick.db")
	if _, err := d.Backup(t.Context(), full, nil); !errors.Is(err, ErrNoRoom) {
		t.Errorf("a backup to a full disk: %v", err)
	}
	if left, _ := filepath.Glob(full + "*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	d.DB.opts.freeSpace, d.DB.opts.sameDisk = freeSpace, disk.Same
	// everything is deleted, and compact gives the space back
	d.update(func(tx *WriteTx) error {
		ids, err := d.points.All(tx.Tx).IDs()
		if err == nil {
			err = d.points.DeleteAll(tx, ids)
		}
		return err
	})
	d.waitSwept()
	before, _, _ := d.Size()
	if err := d.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, _, _ := d.Size(); after > before/4 {
		t.Errorf("%d bytes, before %d", after, before)
	}
	d.addPoint(point{Parent: p})
	// the backup is a file of its own: it restores with another identity
	id := d.NodeID()
	restored := filepath.Join(d.dir, "restored.db")
	restore := func(check error) error {
		return RestoreFile(t.Context(), backup, restored, d.all(),
			func(path string) error { return errors.Join(check, checkFile(path, d.schema)) })
	}
	if err := restore(io.ErrNoProgress); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a damaged backup: %v", err)
	}
	if err := restore(nil); err != nil {
		t.Fatal(err)
	}
	if err := restore(nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("restored over a file: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(d.dir, "*"+Temporary+"*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	r, err := Open(restored, d.all(), Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.NodeID() == id {
		t.Error("the restored file has the old identity")
	}
	r.View(func(tx *Tx) error {
		if n, err := d.points.All(tx).Count(); n != 20_000 || err != nil {
			t.Errorf("%d rows restored, %v", n, err)
		}
		return nil
	})
}

func TestBlobs(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	r := rand.New(rand.NewPCG(5, 6))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	put := func(content []byte, name string) (blob uint64) {
		t.Helper()
		w := d.NewBlob(t.Context())
		for rest := content; len(rest) > 0; {
			n := min(len(rest), 1+r.IntN(300_000))
			if _, err := w.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		// a blob can be read before anything refers to it
		for range 5 {
			if len(content) == 0 {
				break
			}
			off := r.IntN(len(content))
			buf := make([]byte, min(100_000, len(content)-off))
			if n, err := w.ReadAt(buf, int64(off)); n != len(buf) || err != nil ||
				!bytes.Equal(buf, content[off:off+n]) {
				t.Fatalf("pending, %d at %d: %d, %v", len(buf), off, n, err)
			}
		}
		d.update(func(tx *WriteTx) error {
			id, info, err := w.Store(tx)
			if err != nil {
				return err
			}
			blob = id
			if info.SHA != sha256.Sum256(content) || info.Size != uint64(len(content)) {
				t.Errorf("%+v", info)
			}
			_, err = d.parents.Insert(tx, &parent{Name: name, Blob: id})
			return err
		})
		return blob
	}
	large := random(30<<20 + 12345)
	for i, content := range [][]byte{large, random(100), random(chunkSize), random(3*chunkSize + 1), {}} {
		id := put(content, fmt.Sprint("first ", i))
		if again := put(content, fmt.Sprint("again ", i)); again != id {
			t.Errorf("the same content is blob %d and blob %d", id, again)
		}
		got, err := io.ReadAll(io.NewSectionReader(d.OpenBlob(id, int64(len(content))), 0, int64(len(content))))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("content %d came back as %d bytes, %v", i, len(got), err)
		}
	}
	drop := func(name string) {
		d.update(func(tx *WriteTx) error {
			id, _, _ := tx.Lookup(uniqueName, name)
			p, err := d.parents.Get(tx.Tx, id)
			if err != nil {
				return err
			}
			return errors.Join(tx.DropBlob(p.Blob), d.parents.Delete(tx, id))
		})
	}
	drop("first 0")
	if _, err := d.OpenBlob(1, int64(len(large))).ReadAt(make([]byte, 10), 0); err != nil {
		t.Errorf("a blob in use: %v", err)
	}
	drop("again 0")
	drop("first 1")
	drop("again 1")
	d.waitSwept()
	if _, err := d.OpenBlob(1, int64(len(large))).ReadAt(make([]byte, 10), 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unused blob: %v", err)
	}
	w := d.NewBlob(t.Context())
	w.Write(large)
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	d.waitSwept()
	w = d.NewBlob(t.Context())
	w.Write(large) // then the program ends
	d.close()
	d.reopen()
	d.waitSwept()
	d.view(func(tx *Tx) error {
		c := tx.bucket(bucketBlob).Cursor()
		n := 0
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			n++
		}
		if n != 1+4+2*3 { // chunks, and a hash and an info of each
			t.Errorf("%d keys are left", n)
		}
		return nil
	})
}

// What the tests know of bbolt's pages: sizes in bytes, and flags.
const (
	pageHead    = 16
	pageElement = 16
	bucketHead  = 16
	pageBranch  = 1
	pageLeaf    = 2
)
