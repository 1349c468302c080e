package kv

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"nightjar/internal/testenv"
)

// odd is a record whose keys are its fields.
type odd struct {
	Unknown
	Unique string `kv:"1"`
	Sort   []byte `kv:"2"`
	Tag    string `kv:"3"`
	Passed string `kv:"4"`
	Parent uint64 `kv:"5"`
	Filler []byte `kv:"6"`
}

const dimPassed = 130

// openOdd opens a file with a table of odd records and one of rows that inherit from them.
func openOdd(t *testing.T, o Options) (db *DB, odds, rows *Table[odd]) {
	t.Helper()
	odds = NewTable(Spec[odd]{
		Name: "odd", No: 11, Codec: Fields[odd](),
		Unique: []byte{1}, Orders: []byte{1}, Dims: []byte{dimTag},
		Keys: func(k *Keys, id uint64, r *odd) {
			k.Unique(1, r.Unique)
			k.Order(1, 0, r.Sort)
			k.Member(dimTag, Text(r.Tag))
		},
		Inherits: func(r *odd) []Member { return []Member{{dimPassed, Text(r.Passed)}} },
	})
	rows = NewTable(Spec[odd]{
		Name: "row", No: 12, Codec: Fields[odd](), Bulk: true,
		Dims: []byte{dimParent, dimTag, dimPassed},
		Keys: func(k *Keys, id uint64, r *odd) {
			k.Member(dimParent, Int(r.Parent))
			k.Member(dimTag, Text(r.Tag))
		},
		Parents: []Parent{{Table: odds, Dim: dimParent}},
	})
	o.NoSync = true
	db, err := Open(t.TempDir()+"/odd.db", []AnyTable{odds, rows}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r, err := db.Verify(context.Background(), CheckOptions{})
		if err == nil {
			err = r.Err()
		}
		if err = errors.Join(err, db.Close()); err != nil {
			t.Error(err)
		}
	})
	return db, odds, rows
}

// longRecord is about the largest size of a record; in the short form it is merely large.
func longRecord() int {
	return testenv.Choose(1<<20, MaxRecord-100)
}

// TestTooLarge: a text too long for a key, and a record above the limit, are refused with a
// *TooLargeError before anything is written, so that the other calls of the transaction run only
// once. At the limit both are stored and found.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	commits := 0
	db, odds, rows := openOdd(t, Options{commit: func(bt *bbolt.Tx) error { commits++; return bt.Commit() }})
	var parent uint64
	insert := func(table *Table[odd], r odd) func(tx *WriteTx) error {
		return func(tx *WriteTx) error { _, err := table.Insert(tx, &r); return err }
	}
	if err := db.Update(context.Background(), me,
		func(tx *WriteTx) (err error) { parent, err = odds.Insert(tx, &odd{Unique: "p"}); return err }); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(context.Background(), me, insert(rows, odd{Parent: parent, Tag: "first"})); err != nil {
		t.Fatal(err)
	}
	put := func(r odd) func(tx *WriteTx) error {
		return func(tx *WriteTx) error { return odds.Put(tx, parent, &r) }
	}
	text := func(n int) string { return strings.Repeat("x", n) }
	zeros := func(n int) string { return strings.Repeat("\x00", n) }
	const most = MaxText
	n := 0
	name := func() string { n++; return fmt.Sprint("n", n) }
	for what, c := range map[string]struct{ fits, not func(tx *WriteTx) error }{
		"a unique text": {insert(odds, odd{Unique: text(most)}),
			insert(odds, odd{Unique: text(most + 1)})},
		"a sort": {insert(odds, odd{Unique: name(), Sort: make([]byte, MaxKey-10)}),
			insert(odds, odd{Unique: name(), Sort: make([]byte, MaxKey-9)})},
		"the value of a set": {insert(odds, odd{Unique: name(), Tag: text(most)}),
			insert(odds, odd{Unique: name(), Tag: text(most + 1)})},
		"a value of zero bytes": {insert(odds, odd{Unique: name(), Tag: zeros(most / 2)}),
			insert(odds, odd{Unique: name(), Tag: zeros(most/2 + 1)})},
		"the value of a set of rows": {insert(rows, odd{Parent: parent, Tag: text(most)}),
			insert(rows, odd{Parent: parent, Tag: text(most + 1)})},
		"an inherited value": {insert(odds, odd{Unique: name(), Passed: text(most)}),
			insert(odds, odd{Unique: name(), Passed: text(most + 1)})},
		"a changed inherited value": {put(odd{Unique: "p", Passed: text(most)}),
			put(odd{Unique: "p", Passed: text(most + 1)})},
		"a changed unique text": {put(odd{Unique: "p", Tag: text(most)}), put(odd{Unique: text(most + 2)})},
		"a record": {insert(odds, odd{Unique: name(), Filler: make([]byte, longRecord())}),
			insert(odds, odd{Unique: name(), Filler: make([]byte, MaxRecord)})},
		"the name of a setting": {func(tx *WriteTx) error { return tx.SetSetting(text(most), "v") },
			func(tx *WriteTx) error { return tx.SetSetting(text(most+1), "v") }},
		"the name of a long setting": {func(tx *WriteTx) error { return tx.SetSetting("s", "v") },
			func(tx *WriteTx) error { return tx.SetSetting(text(MaxKey), "v") }},
		"the value of a setting": {func(tx *WriteTx) error { return tx.SetSetting("v", "") },
			func(tx *WriteTx) error { return tx.SetSetting("v", text(MaxRecord+1)) }},
		"the text of a code": {func(tx *WriteTx) error { _, err := tx.GiveCode('k', text(most)); return err },
			func(tx *WriteTx) error { _, err := tx.GiveCode('k', text(most+1)); return err }},
		"the name of a count": {func(tx *WriteTx) error { _, err := tx.Next(text(most)); return err },
			func(tx *WriteTx) error { _, err := tx.Next(text(most + 1)); return err }},
		"a name of a megabyte": {func(tx *WriteTx) error { _, err := tx.Next("x"); return err },
			func(tx *WriteTx) error { _, err := tx.Next(text(1 << 20)); return err }},
	} {
		if err := db.Update(context.Background(), me, c.fits); err != nil {
			t.Errorf("%s that fits: %v", what, err)
		}
		// other calls share the transaction, before and after
		before, head, runs := commits, db.Head(), 0
		other := func() *job {
			return &job{author: me, done: make(chan error, 1), fn: func(tx *WriteTx) error {
				runs++
				return tx.SetSetting("other", fmt.Sprint(what, runs))
			}}
		}
		jobs := []*job{other(), {author: me, done: make(chan error, 1), fn: c.not}, other()}
		db.writeMu.Lock()
		db.commit(jobs)
		db.writeMu.Unlock()
		for i, j := range jobs {
			err, large := <-j.done, new(TooLargeError)
			if i != 1 && err != nil || i == 1 &&
				(!errors.As(err, &large) || large.Size <= large.Max || large.Max == 0 || large.What == "") {
				t.Errorf("%s that does not fit: job %d gets %.200v", what, i, err)
			}
		}
		if runs != 2 || commits != before+1 || db.Head().Seq != head.Seq+2 {
			t.Errorf("%s that does not fit: the others ran %d times, in %d commits", what, runs, commits-before)
		}
	}
	if err := db.View(func(tx *Tx) error {
		found := func(what string, ok bool, err error) {
			t.Helper()
			if ok || err != nil {
				t.Errorf("%s that is longer than any key is found: %v, %v", what, ok, err)
			}
		}
		for _, n := range []int{most + 1, MaxKey, MaxKey + 1, 1 << 20} {
			long := text(n)
			_, ok, err := tx.Lookup(1, long)
			found("a unique text", ok, err)
			_, ok, err = tx.Setting(long)
			found("a setting", ok, err)
			code, err := tx.Code('k', long)
			found("a code", code != 0, err)
			for _, table := range []*Table[odd]{odds, rows} {
				set := table.Set(tx, dimTag, Text(long))
				count, err := set.Count()
				found("a set", count > 0, err)
				ids, _, err := And(set, table.All(tx)).Page(Page{Limit: 1})
				found("a page", len(ids) > 0, err)
				for v := range table.Values(tx, dimTag, Text(long)) {
					found("a value", len(v) > most+2, nil)
				}
			}
			for text := range tx.UniqueTexts(1, long) {
				found("a text", len(text) > most, nil)
			}
			for sort := range tx.Range(1, 0, []byte(long), nil) {
				found("a place", len(sort) >= n, nil)
			}
		}
		if id, ok, err := tx.Lookup(1, text(most)); !ok || id == 0 || err != nil {
			t.Errorf("the longest unique text: %d, %v, %v", id, ok, err)
		}
		for _, table := range []*Table[odd]{odds, rows} {
			if !slices.Contains(slices.Collect(table.Values(tx, dimTag, "")), Text(text(most))) {
				t.Error("the longest value is in no set")
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// TestReadersOfLongTextsWhileWriting: in a transaction that writes, a lookup of a text longer than
// any key finds nothing and breaks nothing.
func TestReadersOfLongTextsWhileWriting(t *testing.T) {
	t.Parallel()
	db, odds, rows := openOdd(t, Options{})
	long := strings.Repeat("y", 2*MaxKey)
	err := db.Update(context.Background(), me, func(tx *WriteTx) error {
		id, err := odds.Insert(tx, &odd{Unique: "p", Passed: "z"})
		if err != nil {
			return err
		}
		if _, err := rows.Insert(tx, &odd{Parent: id, Tag: "t"}); err != nil {
			return err
		}
		_, ok, err := tx.Lookup(1, long)
		n, setErr := rows.Set(tx.Tx, dimTag, Text(long)).Count()
		_, set, settingErr := tx.Setting(long)
		if ok || n != 0 || set {
			t.Errorf("found %v, %d, %v", ok, n, set)
		}
		return errors.Join(err, setErr, settingErr)
	})
	if err != nil {
		t.Error(err)
	}
}
