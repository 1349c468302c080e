package kv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSalvage: what is whole comes over, what is not is named, and what belonged to it is left out with it.
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
		d.update(func(tx *Tx) error {
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
		for n := at; n >= 0; n = bytes.LastIndex(b[:n], []byte(what)) { // old pages may hold it as well
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
	if r.Records != 50-1+1+49*100 || r.Blobs != 1 || !strings.Contains(lost, "parent 24") || !strings.Contains(lost, "left out with parent 24") || !strings.Contains(lost, "its file, blob 2") {
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
			t.Errorf("the record with the whole file: %v", err)
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
	err = db.Update(context.Background(), me, func(tx *Tx) error { // no id is given out twice
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
