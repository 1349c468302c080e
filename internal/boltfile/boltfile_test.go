package boltfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
)

// newFile creates a file with a large bucket and a small one, and returns their values by key.
func newFile(t *testing.T) (path string, pageSize int, values map[string]string) {
	t.Helper()
	path, values = filepath.Join(t.TempDir(), "test.db"), map[string]string{}
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	pageSize = db.Info().PageSize
	err = db.Update(func(tx *bbolt.Tx) error {
		large, err := tx.CreateBucket([]byte("large"))
		if err != nil {
			return err
		}
		small, err := tx.CreateBucket([]byte("small"))
		if err != nil {
			return err
		}
		for i := range 2000 {
			k, v := fmt.Sprintf("key %04d", i), fmt.Sprint("value ", i)
			values[k] = v
			if err := large.Put([]byte(k), []byte(v)); err != nil {
				return err
			}
		}
		values["one"] = "small"
		return small.Put([]byte("one"), []byte("small"))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return path, pageSize, values
}

// problems returns the problems that Check finds in a file.
func problems(t *testing.T, path string) (found []string) {
	t.Helper()
	if err := Check(path, func(format string, args ...any) {
		found = append(found, fmt.Sprintf(format, args...))
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

// TestWhole reads a good file: Check finds no problem, and Leaves finds all values.
func TestWhole(t *testing.T) {
	path, _, values := newFile(t)
	if found := problems(t, path); len(found) != 0 {
		t.Errorf("%q", found)
	}
	if err := CheckTree(path); err != nil {
		t.Error(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	err = Leaves(f, func(k, v []byte, at int64) {
		if values[string(k)] != string(v) || !bytes.HasPrefix(whole[at:], v) {
			t.Errorf("%q has the value %q at %d", k, v, at)
		}
		delete(values, string(k))
	})
	if err != nil || len(values) != 0 {
		t.Errorf("%d values were not found (%v)", len(values), err)
	}
}

// TestDamaged damages a file in many ways, one at a time. Each damage is found.
func TestDamaged(t *testing.T) {
	path, pageSize, _ := newFile(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damage := func(at int, value ...byte) {
		t.Helper()
		b := bytes.Clone(whole)
		copy(b[at:], value)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := &walk{file: f, found: t.Errorf}
	root, err := w.heads()
	if err != nil {
		t.Fatal(err)
	}
	w.seen = make([]uint64, w.end/64+1)
	w.page(root, nil, nil, 0)
	branches := 0
	for id := 2; id < len(whole)/pageSize; id++ {
		at := id * pageSize
		flags := binary.NativeEndian.Uint16(whole[at+8:])
		if w.seen[id/64]>>(id%64)&1 == 0 {
			continue // a free page
		}
		for what, b := range map[string]struct {
			at    int
			value byte
		}{"number": {0, 255}, "flags": {8, 0}, "count": {10, 1}, "first place": {pageHead + 4, 255}} {
			if what == "first place" && flags == pageBranch || whole[at+b.at] == b.value {
				continue
			}
			if damage(at+b.at, b.value); len(problems(t, path)) == 0 {
				t.Errorf("a wrong %s of page %d is not found", what, id)
			}
		}
		if flags == pageBranch {
			branches++
			damage(at+pageHead+8, binary.NativeEndian.AppendUint64(nil, uint64(id))...)
			if p := Problem(""); !errors.As(CheckTree(path), &p) {
				t.Errorf("page %d refers to itself, which is not found", id)
			}
		}
	}
	if branches == 0 {
		t.Error("the file has no branch")
	}
	b := bytes.Clone(whole)
	clear(b[:2*pageSize])
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Check(path, t.Errorf); !errors.Is(err, ErrNoHead) {
		t.Errorf("without heads: %v", err)
	}
}

// TestHostileHeads: heads with a good checksum but absurd numbers of pages or page sizes cost no
// memory, and cause no panic.
func TestHostileHeads(t *testing.T) {
	for what, set := range map[string]func(meta []byte){
		"pages":     func(meta []byte) { binary.NativeEndian.PutUint64(meta[40:], 1<<60) },
		"no size":   func(meta []byte) { binary.NativeEndian.PutUint32(meta[8:], 0) },
		"few bytes": func(meta []byte) { binary.NativeEndian.PutUint32(meta[8:], 8) },
	} {
		path, size, _ := newFile(t)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 2 {
			meta := b[n*size+pageHead : n*size+pageHead+metaSize]
			set(meta)
			sum := fnv.New64a()
			sum.Write(meta[:metaSize-8])
			binary.NativeEndian.PutUint64(meta[metaSize-8:], sum.Sum64())
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		bad := what != "pages"
		if err := Check(path, func(string, ...any) {}); errors.Is(err, ErrNoHead) != bad {
			t.Errorf("%s: Check: %v", what, err)
		}
		if err := CheckTree(path); err != nil {
			t.Errorf("%s: CheckTree: %v", what, err)
		}
		if err := Leaves(f, func(_, _ []byte, _ int64) {}); errors.Is(err, ErrNoHead) != bad {
			t.Errorf("%s: Leaves: %v", what, err)
		}
	}
}
