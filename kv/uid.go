package kv

// kindUID plus the number of a table is the kind of the unique keys that lead from a record's uid
// to its id.
const kindUID = 128

// ByUID finds the record that has a uid, if the Spec of the table has uids; ok is false when there
// is none.
func (t *Table[T]) ByUID(tx *Tx, uid [16]byte) (id uint64, ok bool, err error) {
	return tx.Lookup(kindUID+t.def.no, string(uid[:]))
}
