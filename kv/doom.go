package kv

import (
	"bytes"
	"errors"
	"slices"
	"time"
)

// doomFrom is the number of rows from which a deletion only takes them out of the sets, and leaves the rest to the sweeper.
const doomFrom = 5_000

// DeleteAll deletes the rows with the given ids, which must ascend and exist. When they are many, those of a bulk table are taken
// out of all sets at once and swept away in the background; the log then names the ids, but not each row's ident.
func (t *Table[T]) DeleteAll(tx *WriteTx, ids []uint64) error {
	if !t.def.bulk || len(ids) < tx.db.opts.DoomFrom {
		for _, id := range ids {
			if err := t.Delete(tx, id); err != nil {
				return err
			}
		}
		return nil
	}
	tx.touch()
	tx.batch.touches(t.def) // nobody sees the rows any more, though the records are still there
	if err := tx.settle(t.def); err != nil {
		return err
	}
	if err := tx.clearMembers(t.def, ids); err != nil {
		return err
	}
	var runs idRuns
	for _, id := range ids {
		runs.add(id)
	}
	*tx.entry.runsOf(t.def, Deleted) = append(*tx.entry.runsOf(t.def, Deleted), runs...)
	stage, err := tx.newStage()
	if err != nil {
		return err
	}
	tx.job.after = append(tx.job.after, tx.db.kickSweeper)
	return tx.putStage(&stageInfo{id: stage, kind: stageDoomed, table: t.def.no, runs: runs})
}

// clearMembers takes ids out of every stored set of a table.
func (tx *WriteTx) clearMembers(d *tableDef, ids []uint64) error {
	doomed := map[uint64]*words{}
	for _, id := range ids {
		w := doomed[id>>chunkBits]
		if w == nil {
			w = new(words)
			doomed[id>>chunkBits] = w
		}
		w.set(uint16(id))
	}
	tx.batch.setsWritten(d)
	bucket := tx.bucket(bucketSet)
	type write struct{ key, value []byte }
	var writes []write
	c := bucket.Cursor()
	prefix := []byte{d.no}
	for k, v := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
		_, _, _, chunk, err := splitSetKey(k)
		if err != nil {
			return damaged("set key", err)
		}
		b, err := unseal(k, v)
		if err != nil {
			return damaged("set", err)
		}
		if chunk < 0 {
			old, err := readSmall(nil, b)
			if err != nil {
				return damaged("set", err)
			}
			left := slices.DeleteFunc(slices.Clone(old), func(id uint64) bool {
				w := doomed[id>>chunkBits]
				return w != nil && w.has(uint16(id))
			})
			switch {
			case len(left) == 0:
				writes = append(writes, write{slices.Clone(k), nil})
			case len(left) < len(old):
				writes = append(writes, write{slices.Clone(k), appendSmall(nil, left)})
			}
			continue
		}
		w := doomed[uint64(chunk)]
		if w == nil {
			continue
		}
		view, err := viewChunk(b)
		if err != nil {
			return damaged("set", err)
		}
		var left words
		view.orInto(&left)
		left.andNot(w)
		switch n := left.count(); {
		case n == 0:
			writes = append(writes, write{slices.Clone(k), nil})
		case n < view.card:
			writes = append(writes, write{slices.Clone(k), appendChunk(nil, &left)})
		}
	}
	for _, w := range writes {
		var err error
		if w.value == nil {
			err = bucket.Delete(w.key)
		} else {
			err = bucket.Put(w.key, seal(w.key, w.value))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sweepRow takes a row that is in no set out of the file.
func (tx *WriteTx) sweepRow(d *tableDef, id uint64) error {
	rec, err := tx.record(d, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	k := tx.newKeys(d)
	if err := d.derive(k, id, rec); err != nil {
		return damaged(where(d, id), err)
	}
	for _, s := range k.series {
		tx.batch.series.remove(s, id)
	}
	return tx.eraseRecord(d, id)
}

// sweepRows and sweepChunks are how much one transaction of the sweeper takes away.
const (
	sweepRows   = 2000
	sweepChunks = 128
)

func (db *DB) kickSweeper() {
	select {
	case db.sweep <- struct{}{}:
	default:
	}
}

// abandon turns the stage of a write that was given up over to the sweeper. On a disk that is full to the last byte the sweeper does that as well, later.
func (db *DB) abandon(stage uint64) error {
	err := db.doom(stage)
	if errors.Is(err, ErrNoRoom) {
		db.abandonedMu.Lock()
		db.abandoned = append(db.abandoned, stage)
		db.abandonedMu.Unlock()
		err = nil
	}
	db.kickSweeper()
	return err
}

func (db *DB) doom(stages ...uint64) error {
	return db.run(&job{quiet: true, frees: true, fn: func(tx *WriteTx) error {
		tx.touch()
		for _, id := range stages {
			if err := tx.doomStage(id); err != nil {
				return err
			}
		}
		return nil
	}})
}

// doomAbandoned does what abandon could not.
func (db *DB) doomAbandoned() error {
	db.abandonedMu.Lock()
	list := db.abandoned
	db.abandonedMu.Unlock()
	if len(list) == 0 {
		return nil
	}
	if err := db.doom(list...); err != nil {
		return err
	}
	db.abandonedMu.Lock()
	defer db.abandonedMu.Unlock()
	db.abandoned = db.abandoned[len(list):]
	return nil
}

// sweeper is the goroutine that takes away what is doomed, in pieces, resting as long as it works so that others get through.
func (db *DB) sweeper() {
	defer close(db.swept)
	for {
		began := time.Now()
		more, err := db.sweepPiece()
		switch {
		case err == nil && more:
			select {
			case <-time.After(time.Since(began)):
				continue
			case <-db.quitSweeper:
				return
			}
		case err != nil && !errors.Is(err, ErrFailed) && !errors.Is(err, ErrClosed):
			select {
			case <-time.After(10 * time.Second): // no room, say: try again
				continue
			case <-db.sweep:
				continue
			case <-db.quitSweeper:
				return
			}
		}
		select {
		case <-db.sweep:
		case <-db.quitSweeper:
			return
		}
	}
}

// sweepPiece takes a piece of what is doomed away, and says whether there may be more.
func (db *DB) sweepPiece() (more bool, err error) {
	if err := db.doomAbandoned(); err != nil {
		return false, err
	}
	var todo *stageInfo
	err = db.View(func(tx *Tx) error {
		list, err := tx.stageList()
		for _, s := range list {
			// Rows of tables that this program does not know are left to one that does.
			if s.kind == stageDoomed && db.schema.byNo(s.table) != nil || s.kind == stageGarbage {
				todo = s
			}
		}
		return err
	})
	if err != nil || todo == nil {
		return false, err
	}
	return true, db.run(&job{quiet: true, frees: true, fn: func(tx *WriteTx) error {
		tx.touch()
		if todo.kind == stageGarbage {
			return tx.sweepBlob(todo)
		}
		d := db.schema.byNo(todo.table)
		left, n := *todo, 0
		for id := range todo.runs.from(todo.next) {
			if n++; n > sweepRows {
				left.next = id
				return tx.putStage(&left)
			}
			if err := tx.sweepRow(d, id); err != nil {
				return err
			}
		}
		return tx.dropStage(todo.id)
	}})
}
