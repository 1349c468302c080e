package kv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"go.etcd.io/bbolt"
)

// rebuildRows is how many records one transaction of Rebuild takes.
const rebuildRows = 20_000

// Rebuild writes the file anew to path, where nothing must be: the records, large values, blobs and the log as they are, and
// everything derived from the records made again. The file is as it was when Rebuild began.
func (db *DB) Rebuild(ctx context.Context, path string) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	defer func() {
		if p := recover(); p != nil {
			err = caught(p)
		}
		if err != nil {
			os.Remove(path)
		}
	}()
	dst, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: db.opts.Timeout, FreelistType: bbolt.FreelistMapType, NoSync: true, NoFreelistSync: true})
	if err != nil {
		return err
	}
	dst.AllocSize = allocSize
	r := &DB{path: path, opts: db.opts, schema: db.schema, bolt: dst}
	err = db.viewWhole(func(tx *Tx) error { return copyRecords(ctx, tx, dst) })
	if err == nil {
		err = r.derive(ctx)
	}
	if err == nil {
		err = r.commitFreeList(removeMark)
	}
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close())
}

// copyRecords copies what is not derived.
func copyRecords(ctx context.Context, tx *Tx, dst *bbolt.DB) error {
	names := [][]byte{bucketNames[bucketMeta], bucketNames[bucketLarge], bucketNames[bucketBlob], bucketNames[bucketLog]}
	for _, d := range tx.db.schema.tables {
		names = append(names, []byte(d.name))
	}
	for _, name := range names {
		if err := copyBucket(ctx, tx.bolt.Bucket(name), dst, name); err != nil {
			return err
		}
	}
	return dst.Update(func(bt *bbolt.Tx) error {
		for _, name := range bucketNames {
			if _, err := bt.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		// All rows will be in the stored sets: the tails are empty.
		m := &metaBucket{bt.Bucket(bucketNames[bucketMeta])}
		for _, d := range tx.db.schema.tables {
			if d.bulk {
				mark := binary.BigEndian.AppendUint64(key8(bt.Bucket([]byte(d.name)).Sequence()), tx.db.random64())
				if err := m.put(tailKey(d), mark); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func copyBucket(ctx context.Context, src *bbolt.Bucket, dst *bbolt.DB, name []byte) error {
	c := src.Cursor()
	k, v := c.First()
	for first := true; first || k != nil; first = false {
		err := dst.Update(func(bt *bbolt.Tx) error {
			b, err := bt.CreateBucketIfNotExists(name)
			if err != nil {
				return err
			}
			b.FillPercent = fillAppend
			for size := 0; k != nil && size < 32<<20; k, v = c.Next() {
				if err := b.Put(bytes.Clone(k), bytes.Clone(v)); err != nil {
					return err
				}
				size += len(k) + len(v)
			}
			return b.SetSequence(src.Sequence())
		})
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// derive makes everything that follows from the records of a file that has nothing of it.
func (db *DB) derive(ctx context.Context) error {
	for _, d := range db.schema.tables {
		next := uint64(1)
		for next != 0 {
			bt, err := db.bolt.Begin(true)
			if err != nil {
				return err
			}
			if next, err = db.deriveRows(bt, d, next); err == nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				bt.Rollback()
				return err
			}
			if err := bt.Commit(); err != nil {
				return err
			}
		}
	}
	return nil
}

// deriveRows derives from the next rows of a table and returns where to go on, 0 at the end.
func (db *DB) deriveRows(bt *bbolt.Tx, d *tableDef, from uint64) (next uint64, err error) {
	b := &batch{db: db, bolt: bt}
	if err := b.findTails(); err != nil {
		return 0, err
	}
	tx := &Tx{db: db, bolt: bt, batch: b}
	c := tx.table(d).Cursor()
	rows := 0
	for k, stored := c.Seek(key8(from)); k != nil; k, stored = c.Next() {
		id := binary.BigEndian.Uint64(k)
		if rows++; rows > rebuildRows {
			next = id
			break
		}
		rec, err := tx.openRecord(d, id, stored)
		if err != nil {
			return 0, err
		}
		keys := tx.newKeys(d)
		if err := keys.derive(id, rec); err != nil {
			return 0, damaged(where(d, id), err)
		}
		if err := keys.applyTexts(id, &Keys{}); err != nil {
			return 0, err
		}
		keys.applySeries(id, &Keys{})
		if !tx.staged(d, id) {
			tx.changeMembers(d, id, nil, keys.members)
		}
	}
	if err := b.flushSeries(bt); err != nil {
		return 0, err
	}
	return next, b.flushSets(bt)
}
