package kv

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
)

// deferDeletesFrom is the number of rows from which a deletion only removes them from the sets and
// leaves the records to the purger.
const deferDeletesFrom = 5_000

// DeleteAll deletes the rows with the given ids, which must ascend and exist. Many rows of a bulk
// table are removed from all sets at once and purged in the background; the log then lists their
// ids, but not the ident of each row.
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
	tx.batch.touches(t.def) // nobody sees the rows any more, though the records still exist
	if err := tx.foldPending(t.def); err != nil {
		return err
	}
	var runs idRuns
	var set bitmaps
	for _, id := range ids {
		runs.add(id)
		set.add(id)
	}
	if err := tx.clearMembers(t.def, &set); err != nil {
		return err
	}
	*tx.entry.runsOf(t.def, Deleted) = append(*tx.entry.runsOf(t.def, Deleted), runs...)
	stage, err := tx.newStage()
	if err != nil {
		return err
	}
	tx.job.after = append(tx.job.after, tx.db.kickPurger)
	return tx.putStage(&stageInfo{id: stage, kind: garbageRows, table: t.def.no, runs: runs})
}

// clearMembers removes ids from every stored set of a table.
func (tx *WriteTx) clearMembers(d *tableDef, ids *bitmaps) error {
	tx.batch.setsWritten(d)
	bucket := tx.bucket(bucketSet)
	c := bucket.Cursor()
	prefix := []byte{d.no}
	for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); {
		left, changed, err := ids.takenFrom(k, v)
		if err != nil {
			return damaged("set", err)
		}
		if !changed {
			k, v = c.Next()
			continue
		}
		key := slices.Clone(k)
		if len(left) == 0 {
			err = bucket.Delete(key)
		} else {
			err = bucket.Put(key, withCRC(key, left))
		}
		if err != nil {
			return err
		}
		k, v = c.Seek(append(key, 0))
	}
	return nil
}

// takenFrom says whether a stored value of a set has ids of g, and if so returns it without them,
// empty when no id is left.
func (g *bitmaps) takenFrom(k, v []byte) (left []byte, changed bool, err error) {
	_, _, _, chunk, err := splitSetKey(k)
	if err != nil {
		return nil, false, err
	}
	b, err := checkCRC(k, v)
	if err != nil {
		return nil, false, err
	}
	if chunk < 0 {
		all, err := readSmall(nil, b)
		if err != nil || !slices.ContainsFunc(all, g.has) {
			return nil, false, err
		}
		return appendSmall(nil, slices.DeleteFunc(all, g.has)), true, nil
	}
	gone := g.of[uint64(chunk)]
	if gone == nil {
		return nil, false, nil
	}
	var view roaring.Bitmap
	if err := viewChunk(&view, b); err != nil {
		return nil, false, err
	}
	var kept bitmap
	view.WriteDenseTo(kept[:])
	kept.combine(andNot, gone)
	switch kept.count() {
	case int(view.GetCardinality()):
		return nil, false, nil
	case 0:
		return nil, true, nil
	}
	return kept.stored(), true, nil
}

// purgeRow deletes a row that is in no set.
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

// purgeRows and purgeChunks are how many rows or chunks one transaction of the purger deletes.
const (
	purgeRows   = 2000
	purgeChunks = 128
)

func (db *DB) kickPurger() {
	select {
	case db.purgerWake <- struct{}{}:
	default:
	}
}

// giveUp leaves the stages of writes that were given up to the purger. When the disk is completely
// full, the purger itself marks them, later.
func (db *DB) giveUp(stages ...uint64) error {
	err := db.purge(stages)
	if errors.Is(err, ErrNoRoom) {
		db.givenUpMu.Lock()
		db.givenUp = append(db.givenUp, stages...)
		db.givenUpMu.Unlock()
		db.kickPurger()
		err = nil
	}
	return err
}

func (db *DB) purge(stages []uint64) error {
	return db.run(&job{quiet: true, frees: true, fn: func(tx *WriteTx) error {
		for _, id := range stages {
			if err := tx.purgeStage(id); err != nil {
				return err
			}
		}
		return nil
	}})
}

// purgeGivenUp purges the stages for which giveUp found no space.
func (db *DB) purgeGivenUp() error {
	db.givenUpMu.Lock()
	list := db.givenUp
	db.givenUpMu.Unlock()
	if len(list) == 0 {
		return nil
	}
	if err := db.purge(list); err != nil {
		return err
	}
	db.givenUpMu.Lock()
	defer db.givenUpMu.Unlock()
	db.givenUp = db.givenUp[len(list):]
	return nil
}

// purger is the goroutine that deletes garbage, in pieces. After each piece it pauses for as long
// as it worked, so that others can write.
func (db *DB) purger() {
	defer close(db.purgerEnded)
	for {
		began := time.Now()
		more, err := db.purgePiece()
		switch {
		case err == nil && more:
			select {
			case <-time.After(time.Since(began)):
				continue
			case <-db.purgerQuit:
				return
			}
		case err != nil && !errors.Is(err, ErrFailed) && !errors.Is(err, ErrClosed):
			select {
			case <-time.After(10 * time.Second): // such as no space: try again
				continue
			case <-db.purgerWake:
				continue
			case <-db.purgerQuit:
				return
			}
		}
		select {
		case <-db.purgerWake:
		case <-db.purgerQuit:
			return
		}
	}
}

// purgePiece deletes a piece of the garbage, and says whether there may be more.
func (db *DB) purgePiece() (more bool, err error) {
	if err := db.purgeGivenUp(); err != nil {
		return false, err
	}
	var todo *stageInfo
	err = db.View(func(tx *Tx) error {
		list, err := tx.stageList()
		for _, s := range list {
			// Rows of tables that this program does not know are left to one that does.
			if s.kind == garbageRows && db.schema.byNo(s.table) != nil || s.kind == garbageBlob {
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
		if todo.kind == garbageBlob {
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

// purgeBlob deletes some chunks of a blob, and the stage with the last of them.
func (tx *WriteTx) purgeBlob(s *stageInfo) error {
	prefix := append([]byte{'c'}, key8(s.next)...)
	bucket := tx.bucket(bucketBlob)
	var keys [][]byte
	c := bucket.Cursor()
	for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix) && len(keys) <= purgeChunks; k, _ = c.Next() {
		keys = append(keys, bytes.Clone(k))
	}
	for i, k := range keys {
		if i == purgeChunks {
			return nil // the stage stays for the remaining chunks
		}
		if err := bucket.Delete(k); err != nil {
			return err
		}
	}
	return tx.dropStage(s.id)
}
