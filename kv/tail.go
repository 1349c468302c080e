package kv

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
)

// The tail of a bulk table holds its newest rows, which are not in the stored sets and series yet.
// Putting one row into eight sets would write eight chunks of up to 8 KiB, and its series a page or
// two somewhere in the file. The rows after the fold mark in the file are in the tail, unless they
// are staged; their sets and series follow from their records, and memory holds them ready. After
// tailLimit rows, and before any other change to the sets and series of the table, the tail is
// folded into the stored ones and the mark moves on.
//
// Between two folds rows are only added, in order of ids, and always before their commit. So a
// reader that began at any time finds its own state by skipping the ids beyond the last one of its
// state.
//
// Each fold, and each other change of stored sets, begins a new tail. Its epoch is the number of
// the bbolt transaction that began it. A reader's transaction has the number of the last commit
// that it sees; the reader uses the newest tail with an epoch up to that number, and all readers of
// one epoch see the same stored sets. Epochs exist in memory only, so a restart, a crash or a copy
// of the file cannot confuse them. While the file is open, numbers ascend with each commit. Two
// transactions have the same number only when the first of them was not committed: then the tails
// that it began are dropped (commitFailed), and nobody has read in it. Only Compact restarts the
// numbers: it drops everything that is kept by epoch.
type tail struct {
	table *tableDef
	epoch uint64
	from  uint64 // the fold mark: all rows of the tail have larger ids

	mu     sync.RWMutex
	sets   map[string][]uint64 // by setKey, ascending
	series map[Series][]Point  // by id, ascending
	rows   int
}

// tailLimit is the largest number of rows of a tail.
const tailLimit = 8192

type tailRow struct {
	id     uint64
	sets   []string
	series []seriesKey
}

func (t *tail) add(rows []tailRow) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sets == nil {
		t.sets, t.series = map[string][]uint64{}, map[Series][]Point{}
	}
	for _, r := range rows {
		for _, s := range r.sets {
			t.sets[s] = append(t.sets[s], r.id)
		}
		for _, s := range r.series {
			t.series[s.series] = append(t.series[s.series], Point{s.time, s.hash, r.id})
		}
	}
	t.rows += len(rows)
}

// ids returns the ids up to last that are in a set. The result must not be changed; it stays valid.
func (t *tail) ids(set string, last uint64) []uint64 {
	t.mu.RLock()
	list := t.sets[set]
	t.mu.RUnlock()
	n := len(list)
	for n > 0 && list[n-1] > last { // rarely more than a few
		n--
	}
	return list[:n:n]
}

// points returns the rows up to last of a series, by id. The result must not be changed; it stays
// valid.
func (t *tail) points(s Series, last uint64) []Point {
	t.mu.RLock()
	list := t.series[s]
	t.mu.RUnlock()
	n := len(list)
	for n > 0 && list[n-1].ID > last {
		n--
	}
	return list[:n:n]
}

func tailKey(d *tableDef) []byte { return []byte{'t', 'a', 'i', 'l', '/', d.no} }

// tailMark returns the fold mark of a table.
func (m *metaBucket) tailMark(d *tableDef) (from uint64, err error) {
	b, err := m.get(tailKey(d))
	if err != nil || b == nil {
		return 0, err
	}
	if len(b) != 8 {
		return 0, damaged("tail mark of "+d.name, errShort)
	}
	return binary.BigEndian.Uint64(b), nil
}

func (m *metaBucket) putTailMark(d *tableDef, from uint64) error {
	return m.put(tailKey(d), key8(from))
}

// keptTails is the number of tails of a table that are kept: the newest, and older ones for readers
// that began before it. A reader that is older than that rebuilds its tail from the file.
const keptTails = 4

// tails holds the tails that readers may still need.
type tails struct {
	mu   sync.Mutex
	list []*tail
}

// find returns the tail that a reader sees after the commit of a bbolt transaction, nil when it is
// not kept.
func (ts *tails) find(d *tableDef, commit uint64) *tail {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for i := len(ts.list) - 1; i >= 0; i-- {
		if t := ts.list[i]; t.table == d && t.epoch <= commit {
			return t
		}
	}
	return nil
}

func (ts *tails) put(t *tail) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	older := 0
	for i := len(ts.list) - 1; i >= 0; i-- {
		if ts.list[i].table != t.table {
			continue
		}
		if older++; older >= keptTails {
			ts.list = slices.Delete(ts.list, i, i+1)
		}
	}
	ts.list = append(ts.list, t)
}

func (ts *tails) clear() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.list = nil
}

// tail returns the tail of a table as this transaction sees it.
func (tx *Tx) tail(d *tableDef) (*tail, error) {
	if tx.batch != nil {
		return tx.batch.bulk[d].tail, nil
	}
	if t := tx.tails[d.no]; t != nil {
		return t, nil
	}
	t := tx.db.tails.find(d, tx.commit())
	if t == nil {
		var err error
		if t, err = tx.readTail(d); err != nil {
			return nil, err
		}
	}
	if tx.tails == nil {
		tx.tails = map[byte]*tail{}
	}
	tx.tails[d.no] = t
	return t, nil
}

// commit returns the number of the last bbolt transaction whose commit this one sees.
func (tx *Tx) commit() uint64 {
	if tx.bolt.Writable() {
		return uint64(tx.bolt.ID()) - 1
	}
	return uint64(tx.bolt.ID())
}

// findTails finds the tails before a shared transaction writes; it reads those that are not in
// memory from the file.
func (b *batch) findTails() error {
	b.bulk = map[*tableDef]*bulkChanges{}
	reader := &Tx{db: b.db, bolt: b.bolt}
	return reader.eachTail(func(t *tail) error {
		if b.db.tails.find(t.table, reader.commit()) == nil {
			b.db.tails.put(t)
		}
		b.bulk[t.table] = &bulkChanges{tail: t}
		return nil
	})
}

// eachTail calls fn with the tail of each bulk table.
func (tx *Tx) eachTail(fn func(t *tail) error) error {
	for _, d := range tx.db.schema.tables {
		if !d.bulk {
			continue
		}
		t, err := tx.tail(d)
		if err == nil {
			err = fn(t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readTail builds a tail from the records after the fold mark.
func (tx *Tx) readTail(d *tableDef) (*tail, error) {
	from, err := tx.meta().tailMark(d)
	if err != nil {
		return nil, err
	}
	t := &tail{table: d, epoch: tx.commit(), from: from}
	c := tx.table(d).Cursor()
	last := from
	for k, v := c.Seek(key8(from + 1)); k != nil; k, v = c.Next() {
		if len(k) != 8 || binary.BigEndian.Uint64(k) <= last {
			return nil, damaged(d.name, fmt.Sprintf("the key %x follows id %d", k, last))
		}
		id := binary.BigEndian.Uint64(k)
		last = id
		if tx.staged(d, id) {
			continue
		}
		rec, err := tx.openRecord(d, id, v)
		if err != nil {
			return nil, err
		}
		keys, err := tx.keysOf(d, id, rec)
		if err != nil {
			return nil, err
		}
		t.add([]tailRow{newTailRow(keys, id)})
	}
	return t, nil
}

func newTailRow(k *Keys, id uint64) tailRow {
	r := tailRow{id: id, sets: make([]string, len(k.members)), series: slices.Clone(k.series)}
	for i, m := range k.members {
		r.sets[i] = setKey(k.def, m.Dim, m.Value)
	}
	return r
}

// appendTail adds a new row to the tail at the commit.
func (tx *Tx) appendTail(k *Keys, id uint64) {
	t := tx.batch.bulk[k.def]
	t.rows = append(t.rows, newTailRow(k, id))
	for _, s := range k.series {
		tx.batch.series.tail(s, id)
	}
}

// foldTail moves the tail of a table into its stored sets and series.
func (tx *Tx) foldTail(d *tableDef) error {
	if !d.bulk {
		return nil
	}
	t, err := tx.tail(d)
	if err != nil {
		return err
	}
	if t.rows == 0 && len(tx.batch.bulk[d].rows) == 0 {
		return nil
	}
	return tx.moveMark(d, t)
}

// moveMark folds the tail t, which may be empty, and begins a new one after all rows.
func (tx *Tx) moveMark(d *tableDef, t *tail) error {
	return tx.batch.shared("fold", func() error { return tx.fold(d, t) })
}

func (tx *Tx) fold(d *tableDef, t *tail) error {
	fresh := tx.batch.bulk[d].rows
	if tx.batch.sets.of == nil {
		tx.batch.sets.of = map[string][]idChange{}
	}
	t.mu.RLock()
	for set, ids := range t.sets {
		for _, id := range ids {
			tx.batch.sets.of[set] = append(tx.batch.sets.of[set], idChange{id: id})
		}
	}
	for s, points := range t.series {
		for _, p := range points {
			tx.batch.series.add(seriesKey{s, p.Time, p.Hash}, p.ID)
		}
	}
	t.mu.RUnlock()
	for _, r := range fresh {
		for _, set := range r.sets {
			tx.batch.sets.of[set] = append(tx.batch.sets.of[set], idChange{id: r.id})
		}
		for _, s := range r.series {
			tx.batch.series.add(s, r.id)
		}
	}
	tx.batch.bulk[d].rows = nil
	return tx.beginTail(d, tx.table(d).Sequence())
}

// beginTail moves the fold mark of a table with an empty tail, and begins the next tail.
func (tx *Tx) beginTail(d *tableDef, from uint64) error {
	return tx.batch.shared("tail", func() error { return tx.putTail(d, from) })
}

func (tx *Tx) putTail(d *tableDef, from uint64) error {
	next := &tail{table: d, epoch: uint64(tx.bolt.ID()), from: from}
	bulk := tx.batch.bulk[d]
	if from != bulk.tail.from {
		if err := tx.meta().putTailMark(d, from); err != nil {
			return err
		}
		// A fold need not leave a log entry, and stores nothing for the families of other programs.
		if err := tx.meta().putFamilies(tx.db.foreignFamilies); err != nil {
			return err
		}
	}
	bulk.tail, bulk.folded = next, true
	return nil
}

// tailValues lists, in order, the values of a dimension in the tail, from the first that is not
// below from.
func (tx *Tx) tailValues(d *tableDef, dim byte, from Value) []Value {
	if !d.bulk {
		return nil
	}
	t, err := tx.tail(d)
	if err != nil {
		tx.fail(err)
		return nil
	}
	last := tx.table(d).Sequence()
	var list []Value
	t.mu.RLock()
	for set, ids := range t.sets {
		if set[1] == dim && Value(set[2:]) >= from && ids[0] <= last {
			list = append(list, Value(set[2:]))
		}
	}
	t.mu.RUnlock()
	slices.Sort(list)
	return list
}

// foldPending makes the stored sets of a table complete, so that a writing transaction can read
// them.
func (tx *Tx) foldPending(d *tableDef) error {
	if tx.batch == nil {
		return nil
	}
	if err := tx.foldTail(d); err != nil {
		return err
	}
	if len(tx.batch.sets.of) == 0 {
		return nil
	}
	return tx.batch.flushSets(tx.bolt)
}
