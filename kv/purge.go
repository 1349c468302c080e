package kv

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
)

// deferDeletesFrom is the number of rows from which a deletion only takes them out of the sets, and
// leaves the rest to the purger.
const deferDeletesFrom = 5_000

// DeleteAll deletes the rows with the given ids, which must ascend and exist. When they are many,
// those of a bulk table are taken out of all sets at once and swept away in the background; the log
// then names the ids, but not each row's ident.
func (t *Table[T]) DeleteAll(tx *WriteTx, ids []uint64) error {
	if !t.def.bulk || len(ids) < tx.db.opts.DeferDeletesFrom {
		for _, id := range ids {
			if err := t.Delete(tx, id); err != nil {
				return err
			}
		}
		return nil
	}
	tx.touch()
	tx.batch.touches(t.def) // nobody sees the rows any more, though the records are still there
	if err := tx.foldPending(t.def); err != nil {
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
	tx.job.after = append(tx.job.after, tx.db.kickPurger)
	return tx.putStage(&stageInfo{id: stage, kind: stagePurged, table: t.def.no, runs: runs})
}

// clearMembers takes ids out of every stored set of a table.
func (tx *WriteTx) clearMembers(d *tableDef, ids []uint64) error {
	purged := map[uint64]*bitmap{}
	for _, id := range ids {
		w := purged[id>>chunkBits]
		if w == nil {
			w = new(bitmap)
			purged[id>>chunkBits] = w
		}
		w.set(uint16(id))
	}
	tx.batch.setsWritten(d)
	bucket := tx.bucket(bucketSet)
	type write struct{ key, value []byte }
	var writes []write
	var view roaring.Bitmap
	c := bucket.Cursor()
	prefix := []byte{d.no}
	for k, v := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
		_, _, _, chunk, err := splitSetKey(k)
		if err != nil {
			return damaged("set key", err)
		}
		b, err := checkCRC(k, v)
		if err != nil {
			return damaged("set", err)
		}
		if chunk < 0 {
			old, err := readSmall(nil, b)
			if err != nil {
				return damaged("set", err)
			}
			left := slices.DeleteFunc(slices.Clone(old), func(id uint64) bool {
				w := purged[id>>chunkBits]
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
		w := purged[uint64(chunk)]
		if w == nil {
			continue
		}
		if err := viewChunk(&view, b); err != nil {
			return damaged("set", err)
		}
		var left bitmap
		view.WriteDenseTo(left[:])
		left.combine(andNot, w)
		switch n := left.count(); {
		case n == 0:
			writes = append(writes, write{slices.Clone(k), nil})
		case n < int(view.GetCardinality()):
			writes = append(writes, write{slices.Clone(k), left.stored()})
		}
	}
	for _, w := range writes {
		var err error
		if w.value == nil {
			err = bucket.Delete(w.key)
		} else {
			err = bucket.Put(w.key, withCRC(w.key, w.value))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// purgeRow takes a row that is in no set out of the file.
func (tx *WriteTx) purgeRow(d *tableDef, id uint64) error {
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

// purgeRows and purgeChunks are how much one transaction of the purger takes away.
const (
	purgeRows   = 2000
	purgeChunks = 128
)

func (db *DB) kickPurger() {
	select {
	case db.sweep <- struct{}{}:
	default:
	}
}

// giveUp turns the stage of a write that was given up over to the purger. On a disk that is full to
// the last byte the purger does that as well, later.
func (db *DB) giveUp(stage uint64) error {
	err := db.purge(stage)
	if errors.Is(err, ErrNoRoom) {
		db.givenUpMu.Lock()
		db.givenUp = append(db.givenUp, stage)
		db.givenUpMu.Unlock()
		err = nil
	}
	db.kickPurger()
	return err
}

func (db *DB) purge(stages ...uint64) error {
	return db.run(&job{quiet: true, frees: true, fn: func(tx *WriteTx) error {
		tx.touch()
		for _, id := range stages {
			if err := tx.purgeStage(id); err != nil {
				return err
			}
		}
		return nil
	}})
}

// purgeGivenUp does what giveUp could not.
func (db *DB) purgeGivenUp() error {
	db.givenUpMu.Lock()
	list := db.givenUp
	db.givenUpMu.Unlock()
	if len(list) == 0 {
		return nil
	}
	if err := db.purge(list...); err != nil {
		return err
	}
	db.givenUpMu.Lock()
	defer db.givenUpMu.Unlock()
	db.givenUp = db.givenUp[len(list):]
	return nil
}

// purger is the goroutine that takes away what is to be purged, in pieces. After each it rests as
// long as it worked, so that others get through.
func (db *DB) purger() {
	defer close(db.swept)
	for {
		began := time.Now()
		more, err := db.purgePiece()
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

// purgePiece takes a piece of what is to be purged away, and says whether there may be more.
func (db *DB) purgePiece() (more bool, err error) {
	if err := db.purgeGivenUp(); err != nil {
		return false, err
	}
	var todo *stageInfo
	err = db.View(func(tx *Tx) error {
		list, err := tx.stageList()
		for _, s := range list {
			// Rows of tables that this program does not know are left to one that does.
			if s.kind == stagePurged && db.schema.byNo(s.table) != nil || s.kind == stageGarbage {
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
			return tx.purgeBlob(todo)
		}
		d := db.schema.byNo(todo.table)
		left, n := *todo, 0
		for id := range todo.runs.from(todo.next) {
			if n++; n > purgeRows {
				left.next = id
				return tx.putStage(&left)
			}
			if err := tx.purgeRow(d, id); err != nil {
				return err
			}
		}
		return tx.dropStage(todo.id)
	}})
}
