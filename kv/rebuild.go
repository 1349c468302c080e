package kv

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"go.etcd.io/bbolt"
)

// keepFamilies builds the families that are missing or behind when the file is opened.
func (db *DB) keepFamilies() error {
	build, change := map[family]bool{}, map[family]uint64{}
	db.foreignFamilies = map[family]uint64{}
	err := db.View(func(tx *Tx) error {
		listed, err := tx.families()
		if err != nil {
			return err
		}
		pending, err := tx.stageList()
		if err != nil {
			return err
		}
		for f := range db.schema.families {
			seq, ok := listed[f]
			if seq != kept {
				change[f] = kept
			}
			if !ok || seq != kept && seq != db.head.Seq {
				build[f] = true
			}
		}
		for f, seq := range listed {
			if db.schema.families[f] == nil {
				db.foreignFamilies[f] = behind
			}
			if db.schema.families[f] == nil && seq == kept {
				if change[f] = db.head.Seq; len(pending) > 0 {
					change[f] = behind
				}
			}
		}
		return nil
	})
	switch {
	case err != nil || len(change) == 0:
		return err
	case db.opts.ReadOnly && len(build) > 0:
		return errBehind
	case db.opts.ReadOnly:
		return nil
	}
	begun := map[family]uint64{}
	for f := range build {
		begun[f] = behind
	}
	for f, seq := range change {
		if seq != kept {
			begun[f] = seq
		}
	}
	if len(build) > 0 {
		err := db.commitAlone(false, func(bt *bbolt.Tx) error {
			return metaOf(bt).putFamilies(begun)
		})
		if err != nil {
			return err
		}
	}
	for f := range build {
		if err := db.clearFamily(f); err != nil {
			return err
		}
	}
	if len(build) > 0 {
		if err := db.derive(context.Background(), build); err != nil {
			return err
		}
	}
	return db.commitAlone(false, func(bt *bbolt.Tx) error {
		return metaOf(bt).putFamilies(change)
	})
}

// clearKeys is the number of keys that one transaction of clearFamily deletes.
const clearKeys = 10_000

// clearFamily deletes everything that was built of a family.
func (db *DB) clearFamily(f family) error {
	bucket, prefix := f.bucketPrefix()
	for more := true; more; {
		err := db.commitAlone(false, func(bt *bbolt.Tx) error {
			b := bt.Bucket(bucketNames[bucket])
			var keys [][]byte
			c := b.Cursor()
			k, _ := c.Seek(prefix)
			for ; bytes.HasPrefix(k, prefix) && len(keys) < clearKeys; k, _ = c.Next() {
				keys = append(keys, bytes.Clone(k))
			}
			more = bytes.HasPrefix(k, prefix)
			for _, k := range keys {
				if err := b.Delete(k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rebuildRows is the number of records for which one transaction builds derived keys.
const rebuildRows = 20_000

// derive builds the derived keys of all records of a file that has none yet: those of some
// families, or all for nil.
func (db *DB) derive(ctx context.Context, only map[family]bool) error {
	for _, d := range db.schema.tables {
		if only != nil && !slices.ContainsFunc(d.families, func(f family) bool { return only[f] }) {
			continue
		}
		for next := uint64(1); next != 0; {
			err := db.commitAlone(false, func(bt *bbolt.Tx) (err error) {
				if next, err = db.deriveRows(bt, d, next, only); err == nil {
					err = context.Cause(ctx)
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// deriveRows builds the derived keys of the next rows of a table. It returns the id at which to
// continue, 0 at the end.
func (db *DB) deriveRows(bt *bbolt.Tx, d *tableDef, from uint64, only map[family]bool) (next uint64, err error) {
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
		keys, err := tx.keysOf(d, id, rec)
		if err != nil {
			return 0, err
		}
		keys.keep(only)
		if err := keys.applyTexts(id, &Keys{}); err != nil {
			return 0, err
		}
		staged := tx.staged(d, id)
		if d.bulk && !staged && id > b.bulk[d].tail.from {
			continue // its sets and series are stored by the next fold
		}
		keys.applySeries(id, &Keys{})
		if !staged {
			tx.changeMembers(d, id, nil, keys.members)
		}
	}
	if err := b.flushSeries(bt); err != nil {
		return 0, err
	}
	return next, b.flushSets(bt)
}
