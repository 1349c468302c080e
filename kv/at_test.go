package kv

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"go.etcd.io/bbolt"
)

// TestAt: a transaction knows the head of what it sees, even between a commit and the moment when
// DB.Head moves, after commits that add nothing to the log, and after Compact, which counts its
// transactions from the beginning again.
func TestAt(t *testing.T) {
	t.Parallel()
	var during []Mark // by View and then by DB.Head, as soon as a commit can be read
	var d *testDB
	var looking atomic.Bool
	o := Options{commit: func(bt *bbolt.Tx) error {
		err := bt.Commit()
		if looking.Load() {
			if err := d.View(func(tx *Tx) error {
				at, err := tx.At()
				during = append(during, at, d.Head())
				return err
			}); err != nil {
				t.Error(err)
			}
		}
		return err
	}}
	d = openTest(t, o)
	same := func(when string) Mark {
		t.Helper()
		var at Mark
		for range 2 { // the second time from memory
			d.view(func(tx *Tx) (err error) {
				head, err := tx.Head()
				if err != nil {
					return err
				}
				if at, err = tx.At(); at != head || at != d.Head() {
					t.Errorf("%s: At is %s, the log ends with %s, Head is %s", when, at, head, d.Head())
				}
				return err
			})
		}
		return at
	}
	before := same("at first")
	for _, name := range []string{"a", "b"} {
		during = nil
		looking.Store(true)
		d.addParent(parent{Name: name})
		looking.Store(false)
		at := same("after a commit")
		if len(during) != 2 || during[0] != at || during[1] != before || at.Seq != before.Seq+1 {
			t.Errorf("while entry %s was committed after %s, At and Head were %s", at, before, during)
		}
		before = at
	}
	d.update(func(tx *WriteTx) error {
		if _, err := d.parents.Insert(tx, &parent{Name: "c"}); err != nil {
			return err
		}
		if at, err := tx.At(); at != before {
			t.Errorf("inside of a transaction that writes: %s, %v, want %s", at, err, before)
		}
		return nil
	})
	d.writeMu.Lock()
	err := d.commitFreeList(nil)
	d.writeMu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	same("after a commit of the free list")
	for i := range 20 {
		d.addParent(parent{Name: fmt.Sprint("more ", i)})
	}
	if err := d.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	compacted := same("after Compact")
	for i := range 40 { // the numbers of transactions from before Compact come again
		d.addParent(parent{Name: fmt.Sprint("again ", i)})
		if at := same("after a commit in the compacted file"); at.Seq <= compacted.Seq {
			t.Fatalf("after entry %d comes entry %d", compacted.Seq, at.Seq)
		} else {
			compacted = at
		}
	}
}
