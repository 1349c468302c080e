package kv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// trimmedDB is a file of 5,001 log entries, one an hour, none of them dropped yet.
func trimmedDB(t *testing.T, o Options) (d *testDB, clock *time.Time) {
	t.Helper()
	now := time.Unix(1e9, 0)
	clock = &now
	o.Now = func() time.Time { return *clock }
	d = openTest(t, o)
	id := d.addParent(parent{Name: "a", Filler: bytes.Repeat([]byte("filler"), 500)})
	for i := range 5000 {
		now = now.Add(time.Hour)
		d.update(func(tx *WriteTx) error {
			p, err := d.parents.Get(tx.Tx, id)
			if err != nil {
				return err
			}
			p.Rank = uint64(i)
			return d.parents.Put(tx, id, p)
		})
	}
	return d, clock
}

func (d *testDB) entries() (list []*Entry) {
	d.t.Helper()
	d.view(func(tx *Tx) error { list = slices.Collect(tx.Log(0)); return nil })
	return list
}

// TestTrimLog drops old entries in pieces. The rest stays intact, also in a copy and in a restored
// file, and an older head still belongs to the file.
func TestTrimLog(t *testing.T) {
	t.Parallel()
	d, clock := trimmedDB(t, Options{})
	all := d.entries()
	last, err := d.TrimLog(t.Context(), me, clock.Add(-500*time.Hour))
	if err != nil || last != 4500 {
		t.Fatalf("up to %d: %v", last, err)
	}
	list := d.entries()
	if n := len(list); n != 502 || list[0].Seq != 4501 || list[n-1].Seq != 5002 || list[n-1].Name != "me" ||
		list[n-1].Action != "TEST: log entries up to 4500 dropped" {
		t.Errorf("%d entries from %d on, the last %+v", n, list[0].Seq, list[n-1])
	}
	d.view(func(tx *Tx) error {
		if m, err := tx.Anchor(); err != nil || m != (Mark{4500, all[4499].Hash}) {
			t.Errorf("anchor %v, %v", m, err)
		}
		for seq, why := range map[uint64]string{4499: "the log's entries up to 4500 were dropped: nothing is known " +
			"of entry 4499", 4500: "", 4501: "", 5001: ""} {
			err := tx.Follows(Mark{seq, all[seq-1].Hash})
			if fmt.Sprint(err) != why && (err != nil || why != "") {
				t.Errorf("since entry %d: %v", seq, err)
			}
		}
		if _, err := tx.Entry(4500); err != ErrNotFound {
			t.Errorf("a dropped entry: %v", err)
		}
		return nil
	})
	copied, restored := filepath.Join(t.TempDir(), "copy.db"), filepath.Join(t.TempDir(), "restored.db")
	if _, err := d.Backup(t.Context(), copied,
		func(path string) error { return checkFile(path, d.schema) }); err != nil {
		t.Fatal(err)
	}
	if err := RestoreFile(t.Context(), copied, restored, d.all(),
		func(path string) error { return checkFile(path, d.schema) }); err != nil {
		t.Fatal(err)
	}
	if r, err := Check(t.Context(), restored, d.all(), CheckOptions{Since: Mark{4600, all[4599].Hash}}); err != nil ||
		r.Err() != nil || r.Entries != 503 {
		t.Errorf("restored: %+v, %v", r, err)
	}
	saved := filepath.Join(t.TempDir(), "saved.db")
	if r, err := Salvage(t.Context(), copied, saved, d.all()); err != nil || len(r.Problems) > 0 || r.Head != d.Head() {
		t.Errorf("salvaged: %+v, %v", r, err)
	}
	if last, err := d.TrimLog(t.Context(), me, clock.Add(-500*time.Hour)); err != nil || last != 0 ||
		len(d.entries()) != 502 {
		t.Errorf("again: up to %d, %v", last, err)
	}
	if last, err := d.TrimLog(t.Context(), me, clock.Add(time.Hour)); err != nil || last != 5002 ||
		len(d.entries()) != 1 {
		t.Errorf("all: up to %d, %v, %d are left", last, err, len(d.entries()))
	}
	d.addParent(parent{Name: "after"})
}

// TestTrimKeepsOrder drops nothing after an entry that is too young, whatever the times of later
// entries.
func TestTrimKeepsOrder(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	d := openTest(t, Options{Now: func() time.Time { return now }})
	for i, hours := range []int{0, 1, 30, 2, 3, 40} { // the clock was set back after the third
		now = time.Unix(1e9, 0).Add(time.Duration(hours) * time.Hour)
		d.addParent(parent{Name: fmt.Sprint(i)})
	}
	if last, err := d.TrimLog(t.Context(), me, time.Unix(1e9, 0).Add(10*time.Hour)); err != nil || last != 2 {
		t.Errorf("up to %d, %v", last, err)
	}
	now = time.Unix(1e9, 0).Add(-1000 * time.Hour) // and once more
	if last, err := d.TrimLog(t.Context(), me, now.Add(-10*time.Hour)); err != nil || last != 0 {
		t.Errorf("up to %d, %v", last, err)
	}
}

// TestTrimMakesRoom fills a disk with the log. Nothing can be written, but the oldest entries can
// be dropped, also after a restart. Then writes succeed again.
func TestTrimMakesRoom(t *testing.T) {
	t.Parallel()
	const reserve = 1 << 20
	free := uint64(10 * reserve)
	d, clock := trimmedDB(t, Options{MinFree: reserve, freeSpace: func(string) (uint64, error) { return free, nil }})
	r := bytes.Repeat([]byte("x"), 20_000)
	for i := range 100 { // the log keeps deleted records in full
		id := d.addParent(parent{Name: fmt.Sprint("large ", i), Filler: r})
		d.update(func(tx *WriteTx) error { return d.parents.Delete(tx, id) })
	}
	write := func() error {
		return d.Update(context.Background(), me, func(tx *WriteTx) error {
			_, err := d.parents.Insert(tx, &parent{Name: fmt.Sprint("new ", d.parents.Last(tx.Tx))})
			return err
		})
	}
	free = 0 // no byte is free on the disk: the free pages of the file suffice
	if err := write(); !errors.Is(err, ErrNoRoom) {
		t.Fatalf("a write on a full disk: %v", err)
	}
	d.close()
	d.reopen()
	if err := write(); !errors.Is(err, ErrNoRoom) {
		t.Fatalf("a write on a full disk after a restart: %v", err)
	}
	*clock = clock.Add(1000 * time.Hour)
	if last, err := d.TrimLog(t.Context(), me, clock.Add(-time.Hour)); err != nil || last == 0 {
		t.Fatalf("up to %d: %v", last, err)
	}
	if err := write(); err != nil {
		t.Errorf("a write with free pages: %v", err)
	}
	d.close()
	d.reopen()
	if err := write(); err != nil {
		t.Errorf("a write with free pages, after a restart: %v", err)
	}
}

// TestTrimDamage: TrimLog drops nothing when the oldest entry does not follow from the anchor.
func TestTrimDamage(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	d := openTest(t, Options{Now: func() time.Time { return now }})
	for i := range 3 {
		d.addParent(parent{Name: fmt.Sprint(i)})
	}
	head := d.Head()
	wrong := Mark{0, head.Hash}
	d.update(func(tx *WriteTx) error { tx.touch(); return tx.meta().putAnchor(wrong) })
	_, err := d.TrimLog(t.Context(), me, now.Add(time.Hour))
	if damage := new(DamageError); !errors.As(err, &damage) ||
		!strings.Contains(err.Error(), "it does not follow from entry 0") {
		t.Errorf("%v", err)
	}
	d.update(func(tx *WriteTx) error { tx.touch(); return tx.meta().b.Delete([]byte("log/anchor")) })
	if len(d.entries()) < 3 {
		t.Error("an entry was dropped")
	}
}

// TestLongAction: the log keeps the beginning of a long action, in whole characters.
func TestLongAction(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	a := me
	a.Action = "GET /" + strings.Repeat("ä", 40_000)
	a.Name, a.Addr = strings.Repeat("n", 1000), strings.Repeat("\xbf", 2000)
	if err := d.Update(t.Context(), a,
		func(tx *WriteTx) error { _, err := d.parents.Insert(tx, &parent{Name: "x"}); return err }); err != nil {
		t.Fatal(err)
	}
	e := d.entries()[0]
	if want := "GET /" + strings.Repeat("ä", 496) + "…"; e.Action != want || e.Name != a.Name ||
		len(e.Addr) > MaxAuthorText {
		t.Errorf("%d bytes of the action, %d of the name, %d of the address", len(e.Action), len(e.Name), len(e.Addr))
	}
}
