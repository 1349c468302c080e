package kv

import (
	"encoding/binary"

	"go.etcd.io/bbolt"
)

// A Reader reads rows of a table one after the other. When their ids ascend and lie close together,
// it goes from one to the next, rather than from the root of the tree to each; in a transaction
// that writes, where a row may have changed since, it seeks each.
type Reader[T any] struct {
	table *Table[T]
	tx    *Tx
	c     *bbolt.Cursor
	id    uint64 // where the cursor is, 0 when it is nowhere
	value []byte
}

// Reader begins to read rows.
func (t *Table[T]) Reader(tx *Tx) Reader[T] { return Reader[T]{table: t, tx: tx} }

// Reads says whether the reader reads in a transaction.
func (r *Reader[T]) Reads(tx *Tx) bool { return r.tx == tx }

// stepsAtMost is how many rows a reader goes over rather than seek.
const stepsAtMost = 12

// stored finds what is stored under an id, nil when there is no such row.
func (r *Reader[T]) stored(id uint64) []byte {
	if r.c == nil {
		r.c = r.tx.table(r.table.def).Cursor()
	}
	if r.id == 0 || id < r.id || id-r.id > stepsAtMost || r.tx.batch != nil {
		var key [8]byte
		binary.BigEndian.PutUint64(key[:], id)
		r.at(r.c.Seek(key[:]))
	}
	for r.id != 0 && r.id < id {
		r.at(r.c.Next())
	}
	if r.id != id {
		return nil
	}
	return r.value
}

func (r *Reader[T]) at(k, v []byte) {
	if r.id, r.value = 0, v; len(k) == 8 {
		r.id = binary.BigEndian.Uint64(k)
	}
}

// Read is Table.Read.
func (r *Reader[T]) Read(id uint64, rec *T) error {
	d := r.table.def
	stored := r.stored(id)
	if stored == nil || r.tx.staged(d, id) {
		return ErrNotFound
	}
	b, err := r.tx.openRecord(d, id, stored)
	if err != nil {
		return err
	}
	if err := r.table.codec.Decode(b, rec); err != nil {
		return damaged(where(d, id), err)
	}
	return nil
}

// Stamp is Table.Stamp.
func (r *Reader[T]) Stamp(id uint64) (stamp uint32, ok bool) {
	if r.tx.staged(r.table.def, id) {
		return 0, false
	}
	return stampOf(r.stored(id))
}
