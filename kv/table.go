package kv

import (
	"encoding/binary"
	"fmt"
	"iter"

	"go.etcd.io/bbolt"
)

// A Spec describes a table to NewTable.
type Spec[T any] struct {
	Name  string // the bucket's name
	No    byte   // the table's number in sets, large values and the log; never reuse it for another table
	Codec Codec[T]

	// Keys adds the keys and sets by which a record is found. They must depend on nothing but its
	// arguments and the records that k.Tx reads: Salvage rebuilds them, and Verify compares them.
	Keys func(k *Keys, id uint64, rec *T)

	// Unique, Orders, Series and Dims list the kinds of unique texts, the orders, the kinds of
	// series, and the dimensions of sets that Keys uses or rows inherit. Open builds those that a
	// file does not have yet. Two tables may share the number of a dimension, but no other number.
	// Never reuse a number for something else.
	Unique, Orders, Series, Dims []byte

	// Inherits lists the sets that contain every row which refers to this record (see Parents).
	Inherits func(rec *T) []Member

	// Parents lists the tables from which rows of this table inherit: a row in the set (Dim,
	// Int(p)) is also in all sets that Inherits lists for record p of the parent table, and moves
	// when that list changes.
	Parents []Parent

	// UID returns the identity of a record outside of this file. A unique key leads from it to the
	// id, see [Table.ByUID], and the log keeps it when the record is deleted.
	UID func(rec *T) [16]byte

	// Ident returns what the log keeps of a deleted record of a table without UID, such as the hash
	// of its content.
	Ident func(tx *Tx, rec *T) []byte

	// Placeholder makes a record that Salvage puts in the place of a lost one, so that the rows
	// that belong to it can be kept. uid is a new one.
	Placeholder func(id uint64, uid [16]byte) *T

	// Blobs lists the blobs to which a record refers, for Verify.
	Blobs func(rec *T) []uint64

	// Refs calls refer with each row of another table to which a record refers and which must
	// exist, for Verify and Dangling.
	Refs func(rec *T, refer Refer)

	// Bulk marks a table with millions of rows, such as points: rows can be staged, the newest are
	// kept in a tail, and the log keeps no old records.
	Bulk bool
}

// A Table is typed access to the records of one table. It holds no state of a file: one value
// serves every open file.
type Table[T any] struct {
	def   *tableDef
	codec Codec[T]
	keys  func(k *Keys, id uint64, rec *T)
	// nil when there is nothing to inherit
	inherits func(rec *T) []Member
}

// No returns the table's number, by which the log names it.
func (t *Table[T]) No() uint64 { return uint64(t.def.no) }

// Name returns the table's name.
func (t *Table[T]) Name() string { return t.def.name }

// NewTable makes the table that spec describes.
func NewTable[T any](spec Spec[T]) *Table[T] {
	t := &Table[T]{codec: spec.Codec, keys: spec.Keys, inherits: spec.Inherits}
	if t.keys == nil {
		t.keys = func(*Keys, uint64, *T) {}
	}
	if uid := spec.UID; uid != nil {
		keys := t.keys
		t.keys = func(k *Keys, id uint64, rec *T) {
			u := uid(rec)
			k.Unique(kindUID+spec.No, string(u[:]))
			keys(k, id, rec)
		}
		spec.Unique = append([]byte{kindUID + spec.No}, spec.Unique...)
		spec.Ident = func(_ *Tx, rec *T) []byte { u := uid(rec); return u[:] }
	}
	d := &tableDef{name: spec.Name, no: spec.No, bulk: spec.Bulk, parents: spec.Parents}
	d.declare(familyUnique, spec.Unique...)
	d.declare(familyOrder, spec.Orders...)
	d.declare(familySeries, spec.Series...)
	d.declare(familySet, append([]byte{dimAll}, spec.Dims...)...)
	decode := func(b []byte) (*T, error) {
		rec := new(T)
		err := t.codec.Decode(b, rec)
		return rec, err
	}
	d.derive = func(k *Keys, id uint64, b []byte) error {
		rec, err := decode(b)
		if err == nil {
			t.keys(k, id, rec)
		}
		return err
	}
	d.inherits = decoding(t.codec, spec.Inherits)
	d.blobs = decoding(t.codec, spec.Blobs)
	if spec.Ident != nil {
		d.ident = func(tx *Tx, b []byte) ([]byte, error) {
			rec, err := decode(b)
			if err != nil {
				return nil, err
			}
			return spec.Ident(tx, rec), nil
		}
	}
	if spec.Placeholder != nil {
		d.placeholder = func(id uint64, uid [16]byte) []byte { return t.codec.Append(nil, spec.Placeholder(id, uid)) }
	}
	if spec.Refs != nil {
		d.refs = func(b []byte, refer Refer) error {
			rec, err := decode(b)
			if err == nil {
				spec.Refs(rec, refer)
			}
			return err
		}
	}
	t.def = d
	return t
}

// decoding returns a function that decodes a record and calls fn with it; nil when fn is nil.
func decoding[T, R any](codec Codec[T], fn func(*T) R) func([]byte) (R, error) {
	if fn == nil {
		return nil
	}
	return func(b []byte) (r R, err error) {
		rec := new(T)
		if err = codec.Decode(b, rec); err == nil {
			r = fn(rec)
		}
		return r, err
	}
}

func (t *Table[T]) tableDef() *tableDef { return t.def }

// Get reads a record. It returns ErrNotFound when there is no such row, or when the row is pending
// or being purged. How long the record is valid depends on the codec.
func (t *Table[T]) Get(tx *Tx, id uint64) (*T, error) {
	rec := new(T)
	if err := t.Read(tx, id, rec); err != nil {
		return nil, err
	}
	return rec, nil
}

// Read is Get into a record of the caller.
func (t *Table[T]) Read(tx *Tx, id uint64, rec *T) error {
	if tx.staged(t.def, id) {
		return ErrNotFound
	}
	return t.read(tx, id, rec)
}

func (t *Table[T]) read(tx *Tx, id uint64, rec *T) error {
	b, err := tx.record(t.def, id)
	if err == ErrNotFound {
		err = tx.missing(t.def, id)
	}
	if err != nil {
		return err
	}
	if err := t.codec.Decode(b, rec); err != nil {
		return damaged(where(t.def, id), err)
	}
	return nil
}

// Stamp returns the CRC of the stored record, wherever its bytes are. While it stays the same,
// anything made from the record may be reused. ok is false when there is no such row.
func (t *Table[T]) Stamp(tx *Tx, id uint64) (stamp uint32, ok bool) {
	if tx.staged(t.def, id) {
		return 0, false
	}
	k := recordKey(t.def, id)
	return stampOf(tx.table(t.def).Get(k[1:]))
}

func stampOf(stored []byte) (stamp uint32, ok bool) {
	if len(stored) < crcLen {
		return 0, false
	}
	return binary.LittleEndian.Uint32(stored[len(stored)-crcLen:]), true
}

// Pending reads a record and says whether its row is pending or being purged.
func (t *Table[T]) Pending(tx *Tx, id uint64) (rec *T, pending bool, err error) {
	rec = new(T)
	err = t.read(tx, id, rec)
	return rec, tx.staged(t.def, id), err
}

// Insert stores a new record under the next id, which it returns. In the transactions of a Stage, a
// row of a bulk table becomes pending.
//
// Errors: a *TakenError when a unique key belongs to another record; a *TooLargeError when the
// record has more than MaxRecord bytes, or a key more than MaxKey.
func (t *Table[T]) Insert(tx *WriteTx, rec *T) (uint64, error) {
	return tx.insert(t.def, tx.encode(func(b []byte) []byte { return t.codec.Append(b, rec) }), t.ownKeys(rec))
}

// ownKeys adds the keys of a record that is already decoded, and what it passes on.
func (t *Table[T]) ownKeys(rec *T) func(k *Keys, id uint64) {
	return func(k *Keys, id uint64) {
		t.keys(k, id, rec)
		if t.inherits != nil {
			k.inherited = t.inherits(rec)
		}
	}
}

// Reserve takes the next id without storing a record. InsertAs may use the id later, also in
// another transaction.
func (t *Table[T]) Reserve(tx *WriteTx) (uint64, error) {
	table := tx.table(t.def)
	if table.Sequence() >= MaxID {
		return 0, errFull(t.def)
	}
	tx.touch()
	return table.NextSequence()
}

// InsertAs stores a new record under an id that Reserve returned. Errors are those of Insert.
func (t *Table[T]) InsertAs(tx *WriteTx, id uint64, rec *T) error {
	if id == 0 || id > tx.table(t.def).Sequence() || t.def.bulk {
		return fmt.Errorf("id %d of table %s was not reserved", id, t.def.name)
	}
	if _, err := tx.record(t.def, id); err != ErrNotFound {
		return fmt.Errorf("id %d of table %s is in use (%w)", id, t.def.name, err)
	}
	return tx.insertAs(t.def, id, tx.encode(func(b []byte) []byte { return t.codec.Append(b, rec) }), t.ownKeys(rec))
}

// Put stores a changed record. Errors: ErrNotFound when there is no such row; *TakenError and
// *TooLargeError as in Insert.
func (t *Table[T]) Put(tx *WriteTx, id uint64, rec *T) error {
	return tx.put(t.def, id, tx.encode(func(b []byte) []byte { return t.codec.Append(b, rec) }), t.ownKeys(rec))
}

// Delete deletes a record and all its keys. Rows that refer to it must have been deleted or changed
// before. Error: ErrNotFound when there is no such row.
func (t *Table[T]) Delete(tx *WriteTx, id uint64) error { return tx.delete(t.def, id) }

// Size returns the length of a stored record in bytes.
func (t *Table[T]) Size(rec *T) int { return len(t.codec.Append(nil, rec)) }

// All returns the set of all rows.
func (t *Table[T]) All(tx *Tx) Set { return tx.set(t.def, dimAll, "") }

// Set returns the rows that are members of (dim, value).
func (t *Table[T]) Set(tx *Tx, dim byte, value Value) Set { return tx.set(t.def, dim, value) }

// Values yields the values of a dimension that have members, in order, from the first one that is
// not below from.
func (t *Table[T]) Values(tx *Tx, dim byte, from Value) iter.Seq[Value] {
	return tx.values(t.def, dim, from)
}

// Changes counts the transactions that have tried to change records of the table since the file was
// opened; it counts them before they are answered. Anything that a View read which began after a
// call of Changes is current as long as Changes returns the same number.
func (t *Table[T]) Changes(db *DB) uint64 { return db.changes[t.def.no].Load() }

// Last returns the largest id that was ever given out.
func (t *Table[T]) Last(tx *Tx) uint64 { return tx.table(t.def).Sequence() }

// A Reader reads rows of a table one after the other. When ids ascend and are close together, it
// steps from one to the next and does not search the tree for each. In a transaction that writes,
// where rows may have changed since, it searches for each.
type Reader[T any] struct {
	table *Table[T]
	tx    *Tx
	c     *bbolt.Cursor
	id    uint64 // where the cursor is, 0 when it is on no row
	value []byte
}

// Reader returns a Reader.
func (t *Table[T]) Reader(tx *Tx) Reader[T] { return Reader[T]{table: t, tx: tx} }

// Reads says whether the reader belongs to a transaction.
func (r *Reader[T]) Reads(tx *Tx) bool { return r.tx == tx }

// stepsAtMost is the number of rows over which a reader steps before it searches.
const stepsAtMost = 12

// stored returns the stored value of an id, nil when there is no such row.
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

// kindUID plus the number of a table is the kind of the unique keys that lead from uids to ids.
const kindUID = 128

// ByUID finds the record with a uid, in a table whose Spec has UID. ok is false when there is none.
func (t *Table[T]) ByUID(tx *Tx, uid [16]byte) (id uint64, ok bool, err error) {
	return tx.Lookup(kindUID+t.def.no, string(uid[:]))
}
