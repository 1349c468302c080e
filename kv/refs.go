package kv

import (
	"context"
	"encoding/binary"
)

// A Dangling is a reference that leads nowhere: row ID of table Table refers to row ToID of table
// To, which does not exist.
type Dangling struct {
	Table string
	ID    uint64
	To    string
	ToID  uint64
}

// refChecker looks up references. It reads the set of all rows of each table once, since there are
// far more references than rows.
type refChecker struct {
	tx  *Tx
	all map[*tableDef]*bitmaps
	err error
}

func newRefChecker(tx *Tx) *refChecker {
	return &refChecker{tx: tx, all: map[*tableDef]*bitmaps{}}
}

// has says whether a row exists.
func (c *refChecker) has(d *tableDef, id uint64) bool {
	all := c.all[d]
	if all == nil {
		all = new(bitmaps)
		c.all[d] = all
		for id, err := range c.tx.set(d, dimAll, "").Each() {
			if err != nil {
				c.err = err
				break
			}
			all.add(id)
		}
	}
	return all.has(id)
}

// record calls dangles with each reference of a record that leads nowhere.
func (c *refChecker) record(d *tableDef, rec []byte, dangles func(to *tableDef, id uint64)) error {
	if d.refs == nil {
		return nil
	}
	err := d.refs(rec, func(to AnyTable, id uint64) {
		if t := to.tableDef(); id != 0 && !c.has(t, id) {
			dangles(t, id)
		}
	})
	if err == nil {
		err = c.err
	}
	return err
}

// Dangling lists references that lead nowhere, at most most of them. It skips rows that are pending
// or being purged.
func (db *DB) Dangling(ctx context.Context, most int) (list []Dangling, err error) {
	err = db.viewWhole(func(tx *Tx) error {
		check := newRefChecker(tx)
		for _, d := range db.schema.tables {
			if d.refs == nil {
				continue
			}
			n := 0
			c := tx.table(d).Cursor()
			for k, stored := c.First(); k != nil && len(list) < most; k, stored = c.Next() {
				if n++; n%4096 == 0 && ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if len(k) != 8 {
					return damaged(d.name, "bad key")
				}
				id := binary.BigEndian.Uint64(k)
				if tx.staged(d, id) {
					continue
				}
				rec, err := tx.openRecord(d, id, stored)
				if err == nil {
					err = check.record(d, rec,
						func(to *tableDef, ref uint64) { list = append(list, Dangling{d.name, id, to.name, ref}) })
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
	return list, err
}
