package kv

import (
	"context"
	"encoding/binary"

	"go.etcd.io/bbolt"
)

// rebuildRows is how many records one transaction takes that makes derived data of them.
const rebuildRows = 20_000

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
