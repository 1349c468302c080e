package kv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"
)

// TestSalvage: intact records are saved. Damaged ones are named and left out, with everything that
// belongs to them.
func TestSalvage(t *testing.T) {
	d := openTest(t, Options{})
	large := bytes.Repeat([]byte("large "), 1000)
	for i := range 50 {
		p := parent{Name: fmt.Sprint("p", i), Seen: []uint64{1}}
		if i == 7 {
			p.Filler = large
		}
		id := d.addParent(p)
		for n := range int64(100) {
			d.addPoint(point{Parent: id, Time: n, Source: "s", Body: fmt.Sprint("of ", i)})
		}
	}
	blob := func(name, content string) {
		w := d.NewBlob(t.Context())
		io.WriteString(w, strings.Repeat(content, 10_000))
		d.update(func(tx *WriteTx) error {
			id, _, err := w.Store(tx)
			if err == nil {
				_, err = d.parents.Insert(tx, &parent{Name: name, Blob: id})
			}
			return err
		})
	}
	blob("whole file", "whole file ")
	blob("damaged file", "damaged file ")
	head := d.Head()
	d.close()
	b, err := os.ReadFile(d.path())
	if err != nil {
		t.Fatal(err)
	}
	d.reopen()
	turn := func(what string) {
		t.Helper()
		at := bytes.LastIndex(b, []byte(what))
		if at < 0 {
			t.Fatalf("%q is not in the file", what)
		}
		for n := at; n >= 0; n = bytes.LastIndex(b[:n], []byte(what)) { // old pages may hold it too
			b[n]++
		}
	}
	turn("p23")
	turn("damaged file damaged file damaged file d")
	bad, to := filepath.Join(d.dir, "bad.db"), filepath.Join(d.dir, "saved.db")
	if err := os.WriteFile(bad, b, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Salvage(context.Background(), bad, to, d.all())
	if err != nil {
		t.Fatal(err)
	}
	lost := strings.Join(r.Problems, "\n")
	if r.Records != 50-1+1+49*100 || r.Blobs != 1 || !strings.Contains(lost, "parent 24") ||
		!strings.Contains(lost, "left out with parent 24") || !strings.Contains(lost, "its file, blob 2") {
		t.Errorf("%d records, %d blobs: %.500s", r.Records, r.Blobs, lost)
	}
	if r.Head != head {
		t.Errorf("the log ended at %v, not %v", r.Head, head)
	}
	if _, err := Salvage(context.Background(), bad, to, d.all()); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if err := checkFile(to, d.schema); err != nil {
		t.Error(err)
	}
	db, err := Open(to, d.all(), Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if db.NodeID() == d.NodeID() {
		t.Error("it has the old identity")
	}
	err = db.View(func(tx *Tx) error {
		n, err := d.points.Set(tx, dimSeen, Int(1)).Count()
		if err != nil || n != 49*100 {
			t.Errorf("%d points are seen, %v", n, err)
		}
		if p, err := d.parents.Get(tx, 8); err != nil || !bytes.Equal(p.Filler, large) {
			t.Errorf("the large record: %v", err)
		}
		id, ok, err := tx.Lookup(uniqueName, "whole file")
		if !ok || err != nil {
			t.Errorf("the record with the intact file: %v", err)
		}
		p, err := d.parents.Get(tx, id)
		if err == nil {
			_, err = tx.Blob(p.Blob)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	err = db.Update(context.Background(), me, func(tx *WriteTx) error { // no id is used twice
		id, err := d.parents.Insert(tx, &parent{Name: "new"})
		if id != 53 {
			t.Errorf("the next id is %d", id)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if err := db.View(func(tx *Tx) error { return tx.Follows(head) }); err != nil {
		t.Error(err)
	}
}

// TestSalvageEnds cancels a salvage, and fills its disk, while it leaves out a record whose file is
// lost. It ends with the error and leaves no file.
func TestSalvageEnds(t *testing.T) {
	for _, want := range []error{context.Canceled, ErrNoRoom} {
		t.Run(want.Error(), func(t *testing.T) {
			d := openTest(t, Options{})
			d.addParent(parent{Name: "a", Blob: 99})
			d.close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			tables, asked := newTestTables(), 0
			blobs := tables.parents.def.blobs
			tables.parents.def.blobs = func(rec []byte) ([]uint64, error) {
				if asked++; asked > 100 {
					t.Fatal("it does not end")
				}
				if want == context.Canceled {
					cancel()
				}
				return blobs(rec)
			}
			o := Options{commit: func(bt *bbolt.Tx) error {
				if want == ErrNoRoom && asked > 0 {
					bt.Rollback()
					return &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
				}
				return bt.Commit()
			}}
			to := filepath.Join(d.dir, "saved.db")
			if _, err := salvage(ctx, d.path(), to, tables.all(), o); !errors.Is(err, want) {
				t.Errorf("it ended with %v", err)
			}
			if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the new file: %v", err)
			}
		})
	}
}

// TestSalvageApart damages every page that only leads to others, one at a time: everything is
// saved. Then it damages every fifth leaf: in an element, which loses nothing else, or in its head,
// which loses nothing.
func TestSalvageApart(t *testing.T) {
	d := openTest(t, Options{})
	const parents, points = 40, 1500
	d.update(func(tx *WriteTx) error {
		for i := range parents {
			if _, err := d.parents.Insert(tx,
				&parent{Name: fmt.Sprint("p", i), Seen: []uint64{1},
					Filler: bytes.Repeat([]byte{byte(i)}, 3000*(i%2))}); err != nil {
				return err
			}
		}
		for i := range int64(points) {
			if _, err := d.points.Insert(tx,
				&point{Parent: uint64(1 + i%parents), Time: i, Source: "s",
					Body: strings.Repeat("x", 100)}); err != nil {
				return err
			}
		}
		return errors.Join(tx.SetSetting("mode", "objects"), tx.foldPending(d.points.def))
	})
	w := d.NewBlob(t.Context())
	for i := range 12 {
		w.Write(bytes.Repeat([]byte{byte(i)}, chunkSize))
	}
	d.update(func(tx *WriteTx) error {
		id, _, err := w.Store(tx)
		if err == nil {
			_, err = d.parents.Insert(tx, &parent{Name: "file", Blob: id})
		}
		return err
	})
	if err := d.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	head := d.Head()
	d.close()
	whole, err := os.ReadFile(d.path())
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(err)
	d.reopen()
	bad, to := filepath.Join(d.dir, "bad.db"), filepath.Join(d.dir, "saved.db")
	pageSize := os.Getpagesize()
	branches, leaves := 0, 0
	for at := 2 * pageSize; at < len(whole); {
		page := bytes.Clone(whole[at : at+pageHead+pageElement])
		next := at + (1+int(binary.NativeEndian.Uint32(page[12:])))*pageSize
		flags := binary.NativeEndian.Uint16(page[8:])
		least := parents + points + 1
		switch {
		case binary.NativeEndian.Uint64(page) != uint64(at/pageSize):
			at += pageSize // never used
			continue
		case flags == pageBranch:
			page[9] |= 0x40
			branches++
		case flags == pageLeaf:
			leaves++
			switch leaves / 5 % 5 {
			case 0:
				page[pageHead+7] |= 0x40 // its first element is far outside
				least -= 1 + points/parents + 1
			case 1:
				page[0] ^= 1 // its number is wrong
			case 2:
				page[8] |= 0x20 // its kind is unknown
			case 3:
				page[10] &= 1 // it has fewer elements
			case 4:
				page[12] ^= 8 // it continues in other pages
			}
		}
		if flags == pageLeaf && leaves%5 != 0 { // there are many
			at = next
			continue
		}
		b := bytes.Clone(whole)
		copy(b[at:], page)
		check(os.WriteFile(bad, b, 0o600))
		r, err := Salvage(t.Context(), bad, to, d.all())
		if err != nil {
			t.Fatalf("page %d: %v", at/pageSize, err)
		}
		if r.Records < least || r.Blobs < 1 && flags != pageLeaf {
			t.Errorf("page %d of kind %d: %d records and %d files are saved: %.500s", at/pageSize, flags, r.Records,
				r.Blobs, strings.Join(r.Problems, "\n"))
		}
		check(checkFile(to, d.schema))
		db, err := Open(to, d.all(), Options{NoSync: true})
		check(err)
		check(db.View(func(tx *Tx) error {
			if v, _, err := tx.Setting("mode"); v != "objects" && flags != pageLeaf {
				t.Errorf("page %d: the setting is %q, %v", at/pageSize, v, err)
			}
			return nil
		}))
		check(db.Close())
		check(os.Remove(to))
		at = next
	}
	if branches < 3 || leaves < 20 {
		t.Errorf("%d branches, %d leaves", branches, leaves)
	}
	// the log of the saved file continues the old one, also when the unchanged file is saved again
	check(os.WriteFile(bad, whole, 0o600))
	for range 2 {
		r, err := Salvage(t.Context(), bad, to, d.all())
		check(err)
		if r.Head != head || len(r.Problems) > 0 {
			t.Errorf("the log ended at %v, not %v: %v", r.Head, head, r.Problems)
		}
		check(os.Rename(to, bad))
	}
}

// TestSalvageMeta flips each bit of the values that exist once. The file is not opened with the
// damage, and salvage repairs it. Where it cannot, it does not take a number for something else.
func TestSalvageMeta(t *testing.T) {
	d := openTest(t, Options{})
	d.addParent(parent{Name: "p"})
	d.update(func(tx *WriteTx) error {
		for _, text := range []string{"alpha", "omega"} {
			if _, err := tx.GiveCode('k', text); err != nil {
				return err
			}
		}
		_, err := tx.Next("names")
		return errors.Join(err, tx.SetSetting("mode", "objects"))
	})
	d.close()
	whole, err := os.ReadFile(d.path())
	if err != nil {
		t.Fatal(err)
	}
	d.reopen()
	bad, to := filepath.Join(d.dir, "bad.db"), filepath.Join(d.dir, "saved.db")
	tried := 0
	salvaged := func(b []byte, fn func(tx *WriteTx) error) {
		t.Helper()
		tried++
		if err := os.WriteFile(bad, b, 0o600); err != nil {
			t.Fatal(err)
		}
		damage := new(DamageError)
		if db, err := Open(bad, d.all(), Options{ReadOnly: true}); !errors.As(err, &damage) {
			t.Errorf("a file with a damaged setting was opened: %v, %v", db, err)
		}
		r, err := Salvage(t.Context(), bad, to, d.all())
		if err != nil || r.Records != 1 {
			t.Fatalf("%+v, %v", r, err)
		}
		db, err := Open(to, d.all(), Options{NoSync: true})
		if err == nil {
			err = errors.Join(db.Update(context.Background(), me, fn), db.Close(), os.Remove(to))
		}
		if err != nil {
			t.Errorf("%v: %s", err, r.Problems)
		}
	}
	want := func(tx *WriteTx) error {
		a, err1 := tx.CodeText('k', 1)
		b, err2 := tx.CodeText('k', 2)
		n, err3 := tx.Next("names")
		mode, _, err4 := tx.Setting("mode")
		if a != "alpha" || b != "omega" || n != 2 || mode != "objects" {
			return fmt.Errorf("%q %q %d %q (%v)", a, b, n, mode, errors.Join(err1, err2, err3, err4))
		}
		return nil
	}
	for key, size := range map[string]int{"code/kalpha": 1, "code/komega": 1, "count/names": 8, "setting/mode": 7} {
		for at := bytes.Index(whole, []byte(key)); at >= 0; at = -1 {
			for i := 6 * 8; i < 8*(len(key)+size+crcLen); i += 5 { // in the key after its kind, the value and the CRC
				b := bytes.Clone(whole)
				b = flipAll(b, whole[at:at+len(key)+size+crcLen], i)
				salvaged(b, want)
			}
		}
	}
	b := flipAll(bytes.Clone(whole), []byte("code/komega"), 6*8)
	b = flipAll(b, b[bytes.Index(b, []byte("mega"))-7:][:12], 11*8+3)
	salvaged(b, func(tx *WriteTx) error {
		n, err := tx.GiveCode('k', "new")
		old, err2 := tx.CodeText('k', 2)
		if n != 3 || old != "lost 2" {
			return fmt.Errorf("a new text has the number %d, 2 is %q (%v)", n, old, errors.Join(err, err2))
		}
		return nil
	})
	t.Logf("%d files", tried)
}

// flipAll flips a bit wherever these bytes occur: old pages may hold them too.
func flipAll(b, what []byte, bit int) []byte {
	what = bytes.Clone(what)
	for at := bytes.Index(b, what); at >= 0; at = bytes.Index(b, what) {
		b[at+bit/8] ^= 1 << (bit % 8)
	}
	return b
}
