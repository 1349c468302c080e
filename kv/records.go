package kv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

func where(d *tableDef, id uint64) string { return fmt.Sprintf("%s %d", d.name, id) }

// A stored record begins with a byte that says where the value is, and ends with a CRC-32C of
// table, id and everything before it.
const (
	recInline  = 0
	recLarge   = 1    // the value is in bucket large; its CRC-32C follows, 4 bytes little-endian
	largeLimit = 2048 // bytes; bbolt rewrites whole leaves, so larger values are kept apart and points stay dense
	stubLen    = 1 + crcLen
)

// recordKey is the key that the CRC of a record covers, and the key of its large value.
func recordKey(d *tableDef, id uint64) [9]byte {
	var k [9]byte
	k[0] = d.no
	binary.BigEndian.PutUint64(k[1:], id)
	return k
}

// record reads the value of a row, wherever it is stored.
func (tx *Tx) record(d *tableDef, id uint64) ([]byte, error) {
	k := recordKey(d, id)
	stored := tx.table(d).Get(k[1:])
	if stored == nil {
		return nil, ErrNotFound
	}
	return tx.openRecord(d, id, stored)
}

// missing returns the error for a row without a record: ErrNotFound, or damage when the row is in
// the set of all rows. A transaction that writes does not look that up.
func (tx *Tx) missing(d *tableDef, id uint64) error {
	if tx.batch != nil {
		return ErrNotFound
	}
	yes, err := tx.set(d, dimAll, "").Has(id)
	if err == nil && yes {
		return damaged(where(d, id), "it is in the set of all rows, but has no record")
	}
	if err == nil {
		err = ErrNotFound
	}
	return err
}

func (tx *Tx) openRecord(d *tableDef, id uint64, stored []byte) ([]byte, error) {
	k := recordKey(d, id)
	b, err := checkCRC(k[:], stored)
	if err == nil && len(b) == 0 {
		err = errShort
	}
	if err != nil {
		return nil, damaged(where(d, id), err)
	}
	if b[0] == recInline {
		return b[1:], nil
	}
	if b[0] != recLarge {
		return nil, damaged(where(d, id), fmt.Sprintf("unknown form %d", b[0]))
	}
	large := tx.bucket(bucketLarge).Get(k[:])
	value, err := checkCRC(k[:], large)
	if err == nil {
		err = belongs(b, large[len(value):])
	}
	if err != nil {
		return nil, damaged("large value of "+where(d, id), err)
	}
	return value, nil
}

// belongs checks that a large value with the CRC sum is the one that was stored with a stub.
func belongs(stub, sum []byte) error {
	if len(stub) != stubLen {
		return errShort
	}
	if !bytes.Equal(stub[1:], sum) {
		return errOther
	}
	return nil
}

var errOther = errors.New("it is not the one that was stored with the record")

// writeRecord stores the value of a row. old says that there may be a large value to replace.
func (tx *WriteTx) writeRecord(d *tableDef, id uint64, rec []byte, old bool) error {
	tx.key = recordKey(d, id)
	k := tx.key[:]
	tx.batch.touches(d)
	var stored []byte
	if len(rec) > largeLimit {
		large := withCRC(k, append(make([]byte, 0, len(rec)+crcLen), rec...))
		if err := tx.bucket(bucketLarge).Put(k, large); err != nil {
			return err
		}
		// The CRC of the large value makes the stub differ whenever the value does: the record's
		// stamp depends on it.
		stored = append(append(tx.batch.alloc(stubLen+crcLen), recLarge), large[len(rec):]...)
	} else {
		if old {
			if err := tx.bucket(bucketLarge).Delete(k); err != nil {
				return err
			}
		}
		stored = append(append(tx.batch.alloc(1+len(rec)+crcLen), recInline), rec...)
	}
	tx.entry.wrote(d, id, rec)
	return tx.table(d).Put(k[1:], withCRC(k, stored))
}

// touches notes that the transaction changes records of a table.
func (b *batch) touches(d *tableDef) { b.touched[d.no] = true }

// alloc returns an empty slice with capacity n, which stays valid until the commit: bbolt keeps the
// values that it is given.
func (b *batch) alloc(n int) []byte {
	if len(b.slab) < n {
		b.slabSize = min(max(512, 2*b.slabSize), 32<<10)
		b.slab = make([]byte, max(n, b.slabSize))
	}
	m := b.slab[:0:n]
	b.slab = b.slab[n:]
	return m
}

// insert, put and delete keep a record consistent with everything that is derived from it.

func (tx *WriteTx) insert(d *tableDef, rec []byte, own func(k *Keys, id uint64)) (uint64, error) {
	id := tx.table(d).Sequence() + 1
	if id > MaxID {
		return 0, errFull(d)
	}
	return id, tx.insertAs(d, id, rec, own)
}

// insertAs stores a new record under a reserved id, or the next one.
func (tx *WriteTx) insertAs(d *tableDef, id uint64, rec []byte, own func(k *Keys, id uint64)) error {
	k := tx.insertKeys(d)
	own(k, id)
	if err := k.complete(); err != nil {
		return err
	}
	if err := k.check(id, rec, nil); err != nil {
		return err
	}
	tx.touch()
	if table := tx.table(d); id > table.Sequence() {
		table.FillPercent = fillAppend
		if err := table.SetSequence(id); err != nil {
			return err
		}
	}
	if err := tx.writeRecord(d, id, rec, false); err != nil {
		return err
	}
	tx.entry.change(d, Created, id)
	if tx.stage != nil && d.bulk {
		return tx.stage.add(tx, k, id)
	}
	return k.apply(id, nil)
}

func (tx *WriteTx) put(d *tableDef, id uint64, rec []byte, own func(k *Keys, id uint64)) error {
	if tx.staged(d, id) {
		return ErrNotFound
	}
	old, err := tx.record(d, id)
	if err != nil {
		return err
	}
	before, err := tx.keysOf(d, id, old)
	if err != nil {
		return err
	}
	after := tx.newKeys(d)
	own(after, id)
	if err := after.complete(); err != nil {
		return err
	}
	if err := after.check(id, rec, before); err != nil {
		return err
	}
	tx.touch()
	tx.entry.change(d, Changed, id)
	if !d.bulk {
		tx.entry.keepChange(d, id, old, rec)
	}
	if err := tx.writeRecord(d, id, rec, true); err != nil {
		return err
	}
	if err := after.apply(id, before); err != nil {
		return err
	}
	return tx.propagate(d, id, old, rec)
}

func (tx *WriteTx) delete(d *tableDef, id uint64) error {
	if tx.staged(d, id) {
		return ErrNotFound
	}
	old, err := tx.record(d, id)
	if err != nil {
		return err
	}
	before, err := tx.keysOf(d, id, old)
	if err != nil {
		return err
	}
	tx.touch()
	if err := tx.logGone(d, id, old); err != nil {
		return err
	}
	if err := tx.eraseRecord(d, id); err != nil {
		return err
	}
	return tx.newKeys(d).apply(id, before)
}

// logGone logs the deletion of a record.
func (tx *WriteTx) logGone(d *tableDef, id uint64, old []byte) error {
	tx.entry.change(d, Deleted, id)
	tx.entry.erased(d, id)
	if !d.bulk {
		tx.entry.keepOld(d, id, old)
	}
	if d.ident == nil {
		return nil
	}
	ident, err := d.ident(tx.Tx, old)
	if err != nil {
		return damaged(where(d, id), err)
	}
	tx.entry.gone(d, id, ident)
	return nil
}

func (tx *WriteTx) eraseRecord(d *tableDef, id uint64) error {
	tx.forget(d, id)
	tx.batch.touches(d)
	k := recordKey(d, id)
	if err := tx.bucket(bucketLarge).Delete(k[:]); err != nil {
		return err
	}
	return tx.table(d).Delete(k[1:])
}

// Fill percents of bbolt's leaves: dense where a transaction appends in order, loose elsewhere.
const (
	fillAppend = 0.9
	fillRandom = bbolt.DefaultFillPercent
)

// errFull is the error for a table whose ids are used up.
func errFull(d *tableDef) error { return fmt.Errorf("table %s is full", d.name) }
