package kv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"nightjar/internal/boltfile"
)

// TestDamage flips bits all over copies of a file. Nothing may panic, and nothing altered may be
// returned as good.
func TestDamage(t *testing.T) {
	d := openTest(t, Options{})
	p := d.addParent(parent{Name: "p", Seen: []uint64{1}, Filler: bytes.Repeat([]byte("f"), 5000)})
	for i := range 300 {
		d.addPoint(point{Parent: p, Time: int64(i), Source: fmt.Sprint("s", i%3), Body: fmt.Sprint(i)})
	}
	truth := map[uint64]string{}
	d.view(func(tx *Tx) error {
		for id := range uint64(301) {
			if p, err := d.points.Get(tx, id); err == nil {
				truth[id] = fmt.Sprint(*p)
			}
		}
		return nil
	})
	d.close()
	whole, err := os.ReadFile(d.path())
	if err != nil {
		t.Fatal(err)
	}
	d.reopen()
	r := rand.New(rand.NewPCG(7, 8))
	found := 0
	for range 150 {
		b := bytes.Clone(whole)
		for range 1 + r.IntN(20) {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		path := filepath.Join(d.dir, "damaged.db")
		os.WriteFile(path, b, 0o600)
		db, err := Open(path, d.all(), Options{ReadOnly: true})
		if err != nil {
			found++
			continue
		}
		report, err := db.Verify(t.Context(), CheckOptions{})
		if err != nil || report.Err() != nil {
			found++
		}
		for id, want := range truth {
			db.View(func(tx *Tx) error {
				if p, err := d.points.Get(tx, id); err == nil && fmt.Sprint(*p) != want {
					t.Errorf("row %d: %v, not %v", id, *p, want)
				}
				_, err := d.points.Set(tx, dimSeen, Int(1)).IDs()
				return err
			})
		}
		db.Close()
	}
	if found < 20 {
		t.Errorf("damage was found in only %d of 150 files", found)
	}
}

// TestEndless: Open refuses a file in which a branch leads back to itself or to its parent, or in
// which a small bucket is no leaf. bbolt would loop forever.
func TestEndless(t *testing.T) {
	d := openTest(t, Options{})
	p := d.addParent(parent{Name: "p"})
	for range 3 {
		d.update(func(tx *WriteTx) error {
			for i := range 2000 {
				if _, err := d.points.Insert(tx, &point{Parent: p, Time: int64(i), Body: "a body"}); err != nil {
					return err
				}
			}
			return tx.foldTail(d.points.def)
		})
	}
	d.close()
	whole, err := os.ReadFile(d.path())
	if err != nil {
		t.Fatal(err)
	}
	if err := checkTree(d.path()); err != nil {
		t.Errorf("a whole file: %v", err)
	}
	if err := boltfile.Check(d.path(), t.Errorf); err != nil {
		t.Fatal(err)
	}
	pageSize, root, pages := pagesInUse(t, d.path())
	path := filepath.Join(t.TempDir(), "endless.db")
	refuses := func(what string, at int, value ...byte) {
		t.Helper()
		b := bytes.Clone(whole)
		copy(b[at:], value)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, readOnly := range []bool{true, false} {
			db, err := Open(path, d.all(), Options{ReadOnly: readOnly})
			if err == nil {
				db.Close()
			}
			if damage := new(DamageError); !errors.As(err, &damage) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	page := func(id uint64) []byte { return binary.NativeEndian.AppendUint64(nil, id) }
	branches, small := 0, 0
	for id, flags := range pages {
		at := int(id) * pageSize
		for i := range int(binary.NativeEndian.Uint16(whole[at+10:])) {
			e := at + pageHead + i*pageElement
			word := func(n int) int { return int(binary.NativeEndian.Uint32(whole[e+n:])) }
			switch {
			case flags == pageBranch:
				branches++
				refuses(fmt.Sprintf("child %d of page %d is that page", i, id), e+8, page(id)...)
				refuses(fmt.Sprintf("child %d of page %d is the root", i, id), e+8, page(root)...)
			case flags == pageLeaf && id == root:
				if value := e + word(4) + word(8); binary.NativeEndian.Uint64(whole[value:]) == 0 {
					small++
					refuses(fmt.Sprintf("small bucket %d", i), value+bucketHead+8, 0, 0)
				}
			}
		}
	}
	d.reopen()
	if branches < 20 || small == 0 {
		t.Errorf("only %d children of branches and %d small buckets were tried", branches, small)
	}
}

// pagesInUse lists the branches and leaves of a file, as bbolt knows them, with their flags.
func pagesInUse(t *testing.T, path string) (pageSize int, root uint64, flags map[uint64]uint16) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	pageSize = db.Info().PageSize
	kinds := map[string]uint16{"branch": pageBranch, "leaf": pageLeaf}
	flags = map[uint64]uint16{}
	err = db.View(func(tx *bbolt.Tx) error {
		root = uint64(tx.Cursor().Bucket().Root())
		for id := 2; ; {
			p, err := tx.Page(id)
			if err != nil || p == nil {
				return err
			}
			if id++; p.Type != "free" {
				flags[uint64(p.ID)] = kinds[p.Type]
				id += p.OverflowCount
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return pageSize, root, flags
}
