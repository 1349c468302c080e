package kv

import (
	"context"
	"encoding/binary"
	"slices"

	"go.etcd.io/bbolt"
)

// rebuildRows is how many records one transaction takes that makes derived data of them.
const rebuildRows = 20_000

// derive makes what follows from the records of a file that has nothing of it: some families, or,
// with nil, all.
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

// deriveRows derives from the next rows of a table and returns where to go on, 0 at the end.
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
		keys := tx.newKeys(d)
		if err := keys.derive(id, rec); err != nil {
			return 0, damaged(where(d, id), err)
		}
		keys.keep(only)
		if err := keys.applyTexts(id, &Keys{}); err != nil {
			return 0, err
		}
		staged := tx.staged(d, id)
		if d.bulk && !staged && id > b.tail[d].from {
			continue // its sets and places are stored when the tail is folded
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
