package kv

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
)

// A Stage writes more rows than one transaction should hold. Its rows are pending, outside the set
// of all rows, until Finish makes them all visible at once. Rows that are pending when the program
// ends are purged after the next start.
//
// A stage is used by one goroutine, and must be ended by Finish or Abort.
type Stage struct {
	db     *DB
	author Author
	def    *tableDef
	id     uint64
	runs   idRuns
	// members lists the rows of each set, by setKey. The sets that rows inherit from their parents
	// are added by Finish, when they are known.
	members  map[string]*stageIDs
	entry    *entryBuilder
	lost     error           // why the stage does not know its own rows, nil if it does
	dropped  bitmaps         // rows that earlier transactions dropped
	dropping map[uint64]bool // rows that the present transaction drops

	mu    sync.Mutex
	notes []Superseded
}

// stageIDs are the pending rows of a set, ascending: the first one, and for each further one its
// distance from the one before as uvarint.
type stageIDs struct {
	first, last uint64
	gaps        []byte
}

func (l *stageIDs) add(id uint64) {
	if l.first == 0 {
		l.first = id
	} else {
		l.gaps = binary.AppendUvarint(l.gaps, id-l.last)
	}
	l.last = id
}

// join adds the rows of o, which must all be larger.
func (l *stageIDs) join(o *stageIDs) {
	l.add(o.first)
	l.gaps, l.last = append(l.gaps, o.gaps...), o.last
}

func (l *stageIDs) all() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		id, rest := l.first, l.gaps
		for yield(id) && len(rest) > 0 {
			d, n := binary.Uvarint(rest)
			id, rest = id+d, rest[n:]
		}
	}
}

// Superseded is a note that another writer has written an equal of a pending row.
type Superseded struct{ Pending, By uint64 }

// stageTx is what one transaction adds to a Stage. It is dropped when the transaction runs again.
type stageTx struct {
	*Stage
	runs    idRuns
	members map[string]*stageIDs
	key     []byte
}

// Stage begins a staged write to the table, which must be a bulk table. Errors are those of Update.
func (t *Table[T]) Stage(ctx context.Context, db *DB, a Author) (*Stage, error) {
	s := &Stage{db: db, author: a, def: t.def, members: map[string]*stageIDs{}}
	err := db.run(&job{ctx: ctx, quiet: true, fn: func(tx *WriteTx) error {
		tx.touch()
		id, err := tx.newStage()
		if err != nil {
			return err
		}
		s.id = id
		return tx.putStage(&stageInfo{id: id, kind: pendingRows, table: t.def.no})
	}})
	if err != nil {
		return nil, err
	}
	db.live.put(s)
	return s, nil
}

// Update runs fn in a transaction in which the rows inserted into the stage's table are pending.
// The rules and errors are those of DB.Update; fn must write nothing but such rows.
func (s *Stage) Update(ctx context.Context, fn func(*WriteTx) error) error {
	if s.lost != nil {
		return s.lost
	}
	return s.db.run(&job{ctx: ctx, author: s.author, fn: fn, stage: s})
}

// begin prepares a transaction of the stage, each time its function runs.
func (s *Stage) begin(tx *WriteTx) {
	if s.entry == nil {
		s.entry = newEntry(tx.job)
	}
	tx.entry = s.entry.clone()
	s.dropping = map[uint64]bool{}
}

// add adds a new row. Its series are stored with it, so that others find it; its sets wait for
// Finish.
func (st *stageTx) add(tx *WriteTx, k *Keys, id uint64) error {
	if k.def != st.def || len(k.unique) > 0 || len(k.order) > 0 {
		return errors.New("only rows of the stage's table, without unique and order keys, can be staged")
	}
	for _, s := range k.series {
		tx.batch.series.add(s, id)
	}
	for _, m := range k.members {
		st.key = append(append(st.key[:0], k.def.no, m.Dim), m.Value...)
		list := st.members[string(st.key)]
		if list == nil {
			list = new(stageIDs)
			st.members[string(st.key)] = list
		}
		list.add(id)
	}
	st.runs.add(id)
	return nil
}

// end stores which rows are pending, and adds them to the Stage once they are on the disk.
func (st *stageTx) end(tx *WriteTx) error {
	s, runs, entry := st.Stage, st.Stage.runs, tx.entry
	if len(st.runs) > 0 {
		if err := tx.batch.reached("stage"); err != nil {
			return err
		}
		runs = slices.Concat(runs, st.runs).sorted()
		if err := tx.putStage(&stageInfo{id: s.id, kind: pendingRows, table: s.def.no, runs: runs}); err != nil {
			return err
		}
	}
	tx.job.after = append(tx.job.after, func() {
		s.runs, s.entry = runs, entry
		for k, list := range st.members {
			if all := s.members[k]; all != nil {
				all.join(list)
			} else {
				s.members[k] = list
			}
		}
	})
	return nil
}

// Has says whether a pending row belongs to this stage.
func (s *Stage) Has(tx *Tx, id uint64) bool {
	return s.runs.has(id) || tx.stage != nil && tx.stage.Stage == s && tx.stage.runs.has(id)
}

// Count returns the number of pending rows.
func (s *Stage) Count() int { return int(s.runs.count()) - s.dropped.count() }

// Values lists, in order, the values that the pending rows have in a dimension, without those that
// they inherit. Call it only between two transactions of the stage, or in the function of Finish.
func (s *Stage) Values(dim byte) []Value {
	var list []Value
	for key := range s.members {
		if key[1] == dim {
			list = append(list, Value(key[2:]))
		}
	}
	slices.Sort(list)
	return list
}

// Supersede notes that another writer has written, or is writing, an equal of a pending row, so
// that the row's stage can decide what to do when it finishes.
func (t *Table[T]) Supersede(tx *WriteTx, pending, by uint64) {
	s := tx.db.live.of(tx.Tx, t.def, pending)
	if s == nil {
		return
	}
	if tx.job.notes == nil {
		tx.job.notes = map[*Stage][]Superseded{}
	}
	tx.job.notes[s] = append(tx.job.notes[s], Superseded{pending, by})
}

func (s *Stage) note(notes []Superseded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, notes...)
}

// Superseded lists the notes about rows that have not been dropped, for the functions of Update and
// Finish.
func (s *Stage) Superseded(tx *WriteTx) []Superseded {
	s.mu.Lock()
	defer s.mu.Unlock()
	notes := slices.Concat(s.notes, tx.batch.super[s], tx.job.notes[s])
	return slices.DeleteFunc(notes, func(n Superseded) bool { return s.dropped.has(n.Pending) })
}

// Drop deletes a pending row. Call it in the function of Finish, or in an Update that does nothing
// else with the row.
func (s *Stage) Drop(tx *WriteTx, id uint64) error {
	tx.touch()
	if err := tx.purgeRow(s.def, id); err != nil {
		return err
	}
	tx.entry.erased(s.def, id)
	s.dropping[id] = true
	tx.job.after = append(tx.job.after, func() { s.dropped.add(id) })
	return nil
}

func (s *Stage) isDropped(id uint64) bool { return s.dropping[id] || s.dropped.has(id) }

// Finish runs fn and makes the pending rows visible, in one transaction with one log entry. Errors
// are those of DB.Update.
func (s *Stage) Finish(ctx context.Context, fn func(*WriteTx) error) error {
	if s.lost != nil {
		return s.lost
	}
	err := s.db.run(&job{ctx: ctx, author: s.author, fn: func(tx *WriteTx) error {
		s.begin(tx)
		tx.touch()
		if err := fn(tx); err != nil {
			return err
		}
		return s.reveal(tx)
	}})
	if err == nil {
		s.db.live.remove(s)
	}
	return err
}

// reveal adds the pending rows to their sets and to the sets that they inherit.
func (s *Stage) reveal(tx *WriteTx) error {
	t, err := tx.tail(s.def)
	if err != nil {
		return err
	}
	// From now on others see the rows, though their records have not changed.
	tx.batch.touches(s.def)
	// The rows go into the stored sets at once, so the fold mark must move past them, even when the
	// tail is empty.
	if err := tx.moveMark(s.def, t); err != nil {
		return err
	}
	// Write the changes of other functions of this transaction first. The changes below are written
	// set by set: gathering those of millions of rows would take more memory than everything else.
	if err := tx.batch.flushSets(tx.bolt); err != nil {
		return err
	}
	tx.batch.setsWritten(s.def)
	passed := map[string]*bitmaps{}
	changes := make([]idChange, 0, chunkIDs)
	for _, key := range slices.Sorted(maps.Keys(s.members)) {
		write := func() error {
			if len(changes) == 0 {
				return nil
			}
			err := s.pass(tx, key, changes, passed)
			if err == nil {
				err = writeSet(tx.bucket(bucketSet), key, changes)
			}
			changes = changes[:0]
			return err
		}
		for id := range s.members[key].all() {
			if s.isDropped(id) {
				continue
			}
			if changes = append(changes, idChange{id: id}); len(changes) == cap(changes) {
				if err := write(); err != nil {
					return err
				}
			}
		}
		if err := write(); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(passed)) {
		for chunk := range passed[key].chunks() {
			changes = changes[:0]
			for id := range passed[key].ids(chunk) {
				changes = append(changes, idChange{id: id})
			}
			if err := writeSet(tx.bucket(bucketSet), key, changes); err != nil {
				return err
			}
		}
	}
	if len(s.dropping) > 0 || len(s.dropped.of) > 0 {
		r := tx.entry.runsOf(s.def, Created)
		var kept idRuns
		for id := range r.sorted().from(0) {
			if !s.isDropped(id) {
				kept.add(id)
			}
		}
		*r = kept
	}
	return tx.dropStage(s.id)
}

// pass gathers, when a set is that of the rows of a parent, its rows for the sets that the parent
// passes on.
func (s *Stage) pass(tx *WriteTx, key string, rows []idChange, to map[string]*bitmaps) error {
	dim, value := key[1], Value(key[2:])
	for _, h := range s.def.parents {
		if h.Dim != dim {
			continue
		}
		members, err := tx.inherited(h.Table.tableDef(), value.Int())
		if err != nil {
			return err
		}
		tx.forget(h.Table.tableDef(), value.Int()) // each parent is needed once or twice
		for _, m := range members {
			set := setKey(s.def, m.Dim, m.Value)
			g := to[set]
			if g == nil {
				g = new(bitmaps)
				to[set] = g
			}
			for _, r := range rows {
				g.add(r.id)
			}
		}
	}
	return nil
}

// Abort gives up the pending rows. The purger deletes them in the background.
func (s *Stage) Abort() error {
	s.db.live.remove(s)
	return s.db.giveUp(s.id)
}

// liveStages are the stages of this process, so that others can leave them notes.
type liveStages struct {
	mu   sync.Mutex
	list []*Stage
}

func (l *liveStages) put(s *Stage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, s)
}

func (l *liveStages) remove(s *Stage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = slices.DeleteFunc(l.list, func(x *Stage) bool { return x == s })
}

// of returns the stage to which a pending row belongs, or nil.
func (l *liveStages) of(tx *Tx, d *tableDef, id uint64) *Stage {
	if tx.stage != nil && tx.stage.runs.has(id) {
		return tx.stage.Stage
	}
	list, err := tx.stageList()
	if err != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, info := range list {
		if info.isPending() && info.has(d, id) {
			for _, s := range l.list {
				if s.id == info.id {
					return s
				}
			}
		}
	}
	return nil
}
