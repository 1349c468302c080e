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
	No    byte   // the table's number in sets, large values and the log; never used again for another table
	Codec Codec[T]

	// Keys says by which keys and sets a record is found. It must depend on nothing but its
	// arguments and what k.Tx reads of records: Salvage makes everything derived with it, and
	// Verify compares it.
	Keys func(k *Keys, id uint64, rec *T)

	// Unique, Orders, Series and Dims name the kinds of unique texts, the orders, the kinds of
	// series and the dimensions of sets that Keys uses, and the dimensions that rows inherit: Open
	// builds those that a file does not have yet. Only dimensions may have the same number in two
	// tables. A number is never used again for something else.
	Unique, Orders, Series, Dims []byte

	// Inherits says of which sets every row is a member that refers to this record (see Heirs).
	Inherits func(rec *T) []Member

	// Heirs lists the parents of this table's rows: a row that is a member of (Dim, Int(p)) is also
	// a member of all that the record p of Parent passes on, and follows when that changes.
	Parents []Parent

	// UID is what a record is known by outside of this file. A unique key leads from it to the id,
	// see [Table.ByUID], and the log keeps it when the record is deleted.
	UID func(rec *T) [16]byte

	// Ident is what the log keeps of a deleted record of a table without UID: a content's hash.
	Ident func(tx *Tx, rec *T) []byte

	// StandIn makes a record in the place of a lost one, for Salvage, so that what belongs to it
	// can be kept. uid is a new one.
	Placeholder func(id uint64, uid [16]byte) *T

	// Blobs lists the blobs that a record refers to, for Verify.
	Blobs func(rec *T) []uint64

	// Refs tells to which rows of other tables a record refers, for Verify and Dangling: of these
	// each must be there. What may lead nowhere is left out.
	Refs func(rec *T, refer Refer)

	// Bulk marks a table of points: rows come by the million and are staged, the newest are kept in
	// a tail, and the log keeps no old records of it.
	Bulk bool
}

// A Table is typed access to the records of one table. It holds no state of a file: one value
// serves every file that is open.
type Table[T any] struct {
	def   *tableDef
	codec Codec[T]
	keys  func(k *Keys, id uint64, rec *T)
	// inherits is nil when there is nothing to inherit
	inherits func(rec *T) []Member
}

// No is the table's number, as it stands in the log.
func (t *Table[T]) No() uint64 { return uint64(t.def.no) }

// Name is the table's name.
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

// decoding is fn of the record that is decoded first; nil when fn is.
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

// Get reads a record. It returns ErrNotFound when there is none, or when the row is outside the set
// of all rows (it is pending or being swept away). The record is valid as long as its codec says.
func (t *Table[T]) Get(tx *Tx, id uint64) (*T, error) {
	rec := new(T)
	if err := t.Read(tx, id, rec); err != nil {
		return nil, err
	}
	return rec, nil
}

// Read is Get into a record of the caller's.
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

// Stamp is the CRC of the stored record, wherever its bytes are: as long as it is the same, what
// was made of the record may be used again. ok is false when there is no such row.
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

// Pending reads a record whether or not its row is in the set of all rows.
func (t *Table[T]) Pending(tx *Tx, id uint64) (rec *T, pending bool, err error) {
	rec = new(T)
	err = t.read(tx, id, rec)
	return rec, tx.staged(t.def, id), err
}

// Insert stores a new record under the next id, which it returns. In the transactions of a Stage, a
// row of a bulk table is written as pending. A *TakenError says which unique key belongs to another
// record, a *TooLargeError that the record has more than MaxRecord bytes, or a key more than
// MaxKey.
func (t *Table[T]) Insert(tx *WriteTx, rec *T) (uint64, error) {
	return tx.insert(t.def, tx.encode(func(b []byte) []byte { return t.codec.Append(b, rec) }), t.own(rec))
}

// own gives the keys of a record that need not be decoded first, and what it passes on.
func (t *Table[T]) own(rec *T) func(k *Keys, id uint64) {
	return func(k *Keys, id uint64) {
		t.keys(k, id, rec)
		if t.inherits != nil {
			k.inherited = t.inherits(rec)
		}
	}
}

// Reserve takes the next id without a record, which InsertAs may give it later, in this transaction
// or another one.
func (t *Table[T]) Reserve(tx *WriteTx) (uint64, error) {
	table := tx.table(t.def)
	if table.Sequence() >= MaxID {
		return 0, errFull(t.def)
	}
	tx.touch()
	return table.NextSequence()
}

// InsertAs stores a new record under an id that was reserved for it. Errors as those of Insert.
func (t *Table[T]) InsertAs(tx *WriteTx, id uint64, rec *T) error {
	if id == 0 || id > tx.table(t.def).Sequence() || t.def.bulk {
		return fmt.Errorf("id %d of table %s was not reserved", id, t.def.name)
	}
	if _, err := tx.record(t.def, id); err != ErrNotFound {
		return fmt.Errorf("id %d of table %s is in use (%w)", id, t.def.name, err)
	}
	return tx.insertAs(t.def, id, tx.encode(func(b []byte) []byte { return t.codec.Append(b, rec) }), t.own(rec))
}

// Put stores a changed record. ErrNotFound when there is no such row; *TakenError and
// *TooLargeError as in Insert.
func (t *Table[T]) Put(tx *WriteTx, id uint64, rec *T) error {
	return tx.put(t.def, id, tx.encode(func(b []byte) []byte { return t.codec.Append(b, rec) }), t.own(rec))
}

// Delete takes a record and all its keys away. ErrNotFound when there is no such row. Rows that
// refer to it must be gone or have been changed before.
func (t *Table[T]) Delete(tx *WriteTx, id uint64) error { return tx.delete(t.def, id) }

// Size is how many bytes a record takes.
func (t *Table[T]) Size(rec *T) int { return len(t.codec.Append(nil, rec)) }

// All is the set of all rows.
func (t *Table[T]) All(tx *Tx) Set { return tx.set(t.def, dimAll, "") }

// Set is the set of the rows that are members of (dim, value).
func (t *Table[T]) Set(tx *Tx, dim byte, value Value) Set { return tx.set(t.def, dim, value) }

// Values yields the values of a dimension that have members, in their order, from the first one
// that is not below from.
func (t *Table[T]) Values(tx *Tx, dim byte, from Value) iter.Seq[Value] {
	return tx.values(t.def, dim, from)
}

// Changes counts the transactions that have tried to change records of the table since the file was
// opened, before they are answered. What a View has read that began after Changes was asked is
// still so as long as Changes says the same.
func (t *Table[T]) Changes(db *DB) uint64 { return db.changes[t.def.no].Load() }

// Last is the largest id that was ever given out.
func (t *Table[T]) Last(tx *Tx) uint64 { return tx.table(t.def).Sequence() }

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

// kindUID plus the number of a table is the kind of the unique keys that lead from a record's uid
// to its id.
const kindUID = 128

// ByUID finds the record that has a uid, if the Spec of the table has uids; ok is false when there
// is none.
func (t *Table[T]) ByUID(tx *Tx, uid [16]byte) (id uint64, ok bool, err error) {
	return tx.Lookup(kindUID+t.def.no, string(uid[:]))
}
