package kv

import (
	"context"
	"encoding/binary"
)

// A Dangling is a reference that leads nowhere: the row ID of a table refers to a row of another
// one that is not there.
type Dangling struct {
	Table string
	ID    uint64
	To    string
	ToID  uint64
}

// refChecker looks up references. For each table that is referred to it keeps the set of all rows
// as bits, since there are far more references than rows.
type refChecker struct {
	tx  *Tx
	all map[*tableDef]*bitmaps
	err error
}

func newRefChecker(tx *Tx) *refChecker {
	return &refChecker{tx: tx, all: map[*tableDef]*bitmaps{}}
}

// has says whether a row is there.
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

// record tells of the references of a record that lead nowhere.
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

// Dangling lists the references that lead nowhere, at most so many of them. Rows that are pending
// or being swept away are not looked at.
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
