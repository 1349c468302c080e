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
// of all rows, until Finish takes them all in at once; what was pending when the program ended is
// swept away at the next start.
//
// A stage is used by one goroutine. It must be ended by Finish or Abort.
type Stage struct {
	db     *DB
	author Author
	def    *tableDef
	id     uint64
	runs   idRuns
	// members gathers the rows of each set, by setKey: what they owe to their parents is added at
	// the end, when it is known.
	members map[string]*stageIDs
	entry   *entryBuilder
	lost    error           // why it does not know its own rows
	out     gathered        // rows that were dropped in transactions before
	dropped map[uint64]bool // by the function of Finish

	mu    sync.Mutex
	notes []Superseded
}

// stageIDs are pending rows of a set, ascending: the first, and for each further one the difference
// from the one before as uvarint.
type stageIDs struct {
	first, last uint64
	rest        []byte
}

func (l *stageIDs) add(id uint64) {
	if l.first == 0 {
		l.first = id
	} else {
		l.rest = binary.AppendUvarint(l.rest, id-l.last)
	}
	l.last = id
}

// join adds the rows of o, all of which are larger.
func (l *stageIDs) join(o *stageIDs) {
	l.add(o.first)
	l.rest, l.last = append(l.rest, o.rest...), o.last
}

func (l *stageIDs) all() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		id, rest := l.first, l.rest
		for yield(id) && len(rest) > 0 {
			d, n := binary.Uvarint(rest)
			id, rest = id+d, rest[n:]
		}
	}
}

// Superseded is a note that a pending row's equal was written by somebody else meanwhile.
type Superseded struct{ Pending, By uint64 }

// stageTx is what one transaction adds to a Stage. It is thrown away when the transaction runs
// again.
type stageTx struct {
	*Stage
	runs    idRuns
	members map[string]*stageIDs
	dropped []uint64
	key     []byte
}

// Stage begins a staged write to the table, which must be a bulk table.
func (t *Table[T]) Stage(ctx context.Context, db *DB, a Author) (*Stage, error) {
	s := &Stage{db: db, author: a, def: t.def, members: map[string]*stageIDs{}}
	err := db.run(&job{ctx: ctx, quiet: true, fn: func(tx *WriteTx) error {
		tx.touch()
		id, err := tx.newStage()
		if err != nil {
			return err
		}
		s.id = id
		return tx.putStage(&stageInfo{id: id, kind: stagePending, table: t.def.no})
	}})
	if err != nil {
		return nil, err
	}
	db.live.put(s)
	return s, nil
}

// Update runs fn in a transaction in which the rows inserted into the stage's table are pending.
// The rules for fn are those of DB.Update, and it must write nothing but such rows.
func (s *Stage) Update(ctx context.Context, fn func(*WriteTx) error) error {
	if s.lost != nil {
		return s.lost
	}
	return s.db.run(&job{ctx: ctx, author: s.author, fn: fn, stage: s})
}

// begin prepares a transaction of the stage; it is called each time the job runs.
func (s *Stage) begin(tx *WriteTx) {
	if s.entry == nil {
		s.entry = newEntry(tx.job)
	}
	tx.entry = s.entry.clone()
	tx.stage = &stageTx{Stage: s, members: map[string]*stageIDs{}}
}

// add takes a new row in; its series are in the file with it, so that others meet it, its sets wait
// for Finish.
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

// end stores which rows are pending, and takes the rows into memory once they are on the disk.
func (st *stageTx) end(tx *WriteTx) error {
	if len(st.dropped) > 0 {
		entry := tx.entry
		tx.job.after = append(tx.job.after, func() {
			st.Stage.entry = entry
			for _, id := range st.dropped {
				st.Stage.out.add(id)
			}
		})
	}
	if len(st.runs) == 0 {
		return nil
	}
	if err := tx.batch.reached("stage"); err != nil {
		return err
	}
	runs := slices.Concat(st.Stage.runs, st.runs).sorted()
	if err := tx.putStage(&stageInfo{id: st.id, kind: stagePending, table: st.def.no, runs: runs}); err != nil {
		return err
	}
	entry := tx.entry
	tx.job.after = append(tx.job.after, func() {
		st.Stage.runs, st.Stage.entry = runs, entry
		for k, list := range st.members {
			if all := st.Stage.members[k]; all != nil {
				all.join(list)
			} else {
				st.Stage.members[k] = list
			}
		}
	})
	return nil
}

// Has says whether a pending row is one of this stage's.
func (s *Stage) Has(tx *Tx, id uint64) bool {
	return s.runs.has(id) || tx.stage != nil && tx.stage.Stage == s && tx.stage.runs.has(id)
}

// Count is the number of rows that are pending.
func (s *Stage) Count() int { return int(s.runs.count()) - s.out.count() - len(s.dropped) }

// Values are the values that the stage's pending rows have in a dimension, in their order, but for
// what they owe to their parents. Only between two transactions of the stage, and in the function
// of Finish.
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

// Supersede notes that a pending row has an equal that somebody else wrote, or is writing, so that
// the stage that the row belongs to can decide when it finishes.
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

// Superseded lists the notes about rows that are not dropped yet, for the functions of Update and
// Finish.
func (s *Stage) Superseded(tx *WriteTx) []Superseded {
	s.mu.Lock()
	defer s.mu.Unlock()
	notes := slices.Concat(s.notes, tx.batch.super[s], tx.job.notes[s])
	return slices.DeleteFunc(notes, func(n Superseded) bool { return s.out.has(n.Pending) })
}

// Drop takes a pending row away, in the function of Finish, or of an Update that has nothing to do
// with the row but this.
func (s *Stage) Drop(tx *WriteTx, id uint64) error {
	tx.touch()
	if err := tx.purgeRow(s.def, id); err != nil {
		return err
	}
	tx.entry.erased(s.def, id)
	if tx.stage != nil {
		tx.stage.dropped = append(tx.stage.dropped, id)
	} else {
		s.dropped[id] = true
	}
	return nil
}

func (s *Stage) isDropped(id uint64) bool { return s.dropped[id] || s.out.has(id) }

// Finish runs fn and makes the pending rows visible in one transaction with one log entry.
func (s *Stage) Finish(ctx context.Context, fn func(*WriteTx) error) error {
	if s.lost != nil {
		return s.lost
	}
	err := s.db.run(&job{ctx: ctx, author: s.author, fn: func(tx *WriteTx) error {
		s.dropped = map[uint64]bool{}
		if s.entry != nil {
			tx.entry = s.entry.clone()
		}
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

// reveal adds the pending rows to their sets and to those that their parents pass on.
func (s *Stage) reveal(tx *WriteTx) error {
	t, err := tx.tail(s.def)
	if err != nil {
		return err
	}
	// Others see the rows from now on, though the records stay as they are.
	tx.batch.touches(s.def)
	// The rows go into the stored sets at once, so the mark must not stay before them, even when
	// the tail is empty.
	if err := tx.moveMark(s.def, t); err != nil {
		return err
	}
	// What others of this transaction did to the sets comes first, since the rows are written at
	// once, set by set: gathering the changes of millions of rows would take more memory than all
	// else.
	if err := tx.batch.flushSets(tx.bolt); err != nil {
		return err
	}
	tx.batch.setsWritten(s.def)
	passed := map[string]*gathered{}
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
			changes = passed[key].changes(changes[:0], chunk)
			if err := writeSet(tx.bucket(bucketSet), key, changes); err != nil {
				return err
			}
		}
	}
	if len(s.dropped) > 0 || len(s.out.of) > 0 {
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

// pass gathers rows of a set for the sets that their parent, if the set is that of a parent's rows,
// passes on.
func (s *Stage) pass(tx *WriteTx, key string, rows []idChange, to map[string]*gathered) error {
	dim, value := key[1], Value(key[2:])
	for _, h := range s.def.heirs {
		if h.Dim != dim {
			continue
		}
		members, err := tx.inherited(h.Parent.tableDef(), value.Int())
		if err != nil {
			return err
		}
		tx.forget(h.Parent.tableDef(), value.Int()) // each parent is asked once or twice
		for _, m := range members {
			set := setKey(s.def, m.Dim, m.Value)
			g := to[set]
			if g == nil {
				g = &gathered{of: map[uint64]*bitmap{}}
				to[set] = g
			}
			for _, r := range rows {
				g.add(r.id)
			}
		}
	}
	return nil
}

// gathered is a set of ids in memory that come in any order.
type gathered struct {
	of    map[uint64]*bitmap
	chunk uint64 // the one that was used last
	last  *bitmap
}

func (g *gathered) add(id uint64) { g.spread(id >> chunkBits).set(uint16(id)) }

func (g *gathered) has(id uint64) bool {
	w := g.of[id>>chunkBits]
	return w != nil && w.has(uint16(id))
}

func (g *gathered) count() (n int) {
	for _, w := range g.of {
		n += w.count()
	}
	return n
}

// spread is the ids of a chunk.
func (g *gathered) spread(chunk uint64) *bitmap {
	if g.last == nil || g.chunk != chunk {
		if g.chunk, g.last = chunk, g.of[chunk]; g.last == nil {
			g.last = new(bitmap)
			if g.of == nil {
				g.of = map[uint64]*bitmap{}
			}
			g.of[chunk] = g.last
		}
	}
	return g.last
}

// chunks yields the numbers of its chunks, ascending.
func (g *gathered) chunks() iter.Seq[uint64] { return slices.Values(slices.Sorted(maps.Keys(g.of))) }

// changes appends the ids of a chunk, ascending.
func (g *gathered) changes(dst []idChange, chunk uint64) []idChange {
	g.of[chunk].roaring().Iterate(func(i uint32) bool {
		dst = append(dst, idChange{id: chunk<<chunkBits | uint64(i)})
		return true
	})
	return dst
}

// Abort gives the pending rows up; they are swept away in the background.
func (s *Stage) Abort() error {
	s.db.live.remove(s)
	return s.db.giveUp(s.id)
}
