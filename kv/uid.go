package kv

// kindUID plus the number of a table is the kind of the unique keys that lead from a record's uid
// to its id.
const kindUID = 128

// UID says that the record is known by a uid outside of this file, see [Table.ByUID].
func (k *Keys) UID(uid [16]byte) { k.Unique(kindUID+k.def.no, string(uid[:])) }

// ByUID finds the record that has a uid; ok is false when there is none.
func (t *Table[T]) ByUID(tx *Tx, uid [16]byte) (id uint64, ok bool, err error) {
	return tx.Lookup(kindUID+t.def.no, string(uid[:]))
}
