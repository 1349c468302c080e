package kv

import (
	"fmt"
	"maps"
	"slices"
)

// Derived lists everything derived from the records, in a form that does not depend on the layout,
// so that a file can be compared with a rebuilt one. It holds all of it in memory.
func (db *DB) Derived() (map[string]string, error) {
	out := map[string]string{}
	err := db.View(func(tx *Tx) error {
		c := tx.bucket(bucketUnique).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			out["unique "+string(k)] = fmt.Sprintf("%x", v)
		}
		c = tx.bucket(bucketOrder).Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			out["order "+string(k)] = ""
		}
		c = tx.bucket(bucketSeries).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			points, err := readPoints(nil, k, v)
			if err != nil {
				return err
			}
			for _, p := range points {
				out[fmt.Sprintf("series %v %v", seriesOfKey(k), p)] = ""
			}
		}
		err := tx.eachTail(func(t *tail) error {
			t.mu.RLock()
			list := slices.Collect(maps.Keys(t.series))
			t.mu.RUnlock()
			for _, s := range list {
				for _, p := range t.points(s, tx.table(t.table).Sequence()) {
					out[fmt.Sprintf("series %v %v", s, p)] = ""
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		sets, err := tx.setNames()
		if err != nil {
			return err
		}
		for set := range sets {
			ids, err := tx.set(db.schema.byNo(set[0]), set[1], Value(set[2:])).IDs()
			if err != nil {
				return err
			}
			if len(ids) > 0 {
				out[fmt.Sprintf("set %x", set)] = fmt.Sprint(ids)
			}
		}
		return nil
	})
	return out, err
}

// setNames lists the keys of all sets, including those that are only in a tail.
func (tx *Tx) setNames() (map[string]bool, error) {
	names := map[string]bool{}
	c := tx.bucket(bucketSet).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		no, dim, v, _, err := splitSetKey(k)
		if err != nil {
			return nil, damaged("set key", err)
		}
		d := tx.db.schema.byNo(no)
		if d == nil {
			return nil, damaged("set key", "unknown table")
		}
		names[setKey(d, dim, v)] = true
	}
	return names, tx.eachTail(func(t *tail) error {
		t.mu.RLock()
		defer t.mu.RUnlock()
		for k := range t.sets {
			names[k] = true
		}
		return nil
	})
}
