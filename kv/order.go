package kv

import (
	"bytes"
	"iter"
)

// Range yields the sort keys and ids of a group of an order, from the first sort key that is not
// below from up to, but excluding, the first that is not below to. For nil, it begins at the first
// or ends at the last. A sort key is valid until the next step.
func (tx *Tx) Range(kind byte, group uint32, from, to []byte) iter.Seq2[[]byte, uint64] {
	return func(yield func([]byte, uint64) bool) {
		prefix := orderPrefix(nil, kind, group)
		c := tx.bucket(bucketOrder).Cursor()
		for k, _ := c.Seek(append(prefix[:5:5], from...)); k != nil && bytes.HasPrefix(k, prefix); k, _ = c.Next() {
			sort := k[5 : len(k)-idLen]
			if to != nil && bytes.Compare(sort, to) >= 0 {
				return
			}
			if !yield(sort, readID(k[len(k)-idLen:])) {
				return
			}
		}
	}
}

// UniqueTexts yields the texts of a unique kind with the ids of their records, in byte order, from
// the first text that is not below from.
func (tx *Tx) UniqueTexts(kind byte, from string) iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		c := tx.bucket(bucketUnique).Cursor()
		for k, v := c.Seek(uniqueKey{kind, from}.key()); k != nil && k[0] == kind; k, v = c.Next() {
			b, err := checkCRC(k, v)
			if err != nil || len(b) != idLen {
				tx.fail(damaged("unique key "+string(k[1:]), errSum))
				return
			}
			if !yield(string(k[1:]), readID(b)) {
				return
			}
		}
	}
}

// Descend yields the sort keys and ids of a group of an order, from the last to the first. A sort
// key is valid until the next step.
func (tx *Tx) Descend(kind byte, group uint32) iter.Seq2[[]byte, uint64] {
	return func(yield func([]byte, uint64) bool) {
		prefix := orderPrefix(nil, kind, group)
		c := tx.bucket(bucketOrder).Cursor()
		// the first key after the group; no group follows the last
		k, _ := c.Seek(orderPrefix(nil, kind, group+1))
		if group+1 == 0 {
			k, _ = c.Seek([]byte{kind + 1})
		}
		if k == nil {
			k, _ = c.Last()
		} else {
			k, _ = c.Prev()
		}
		for ; k != nil && bytes.HasPrefix(k, prefix); k, _ = c.Prev() {
			if !yield(k[5:len(k)-idLen], readID(k[len(k)-idLen:])) {
				return
			}
		}
	}
}

// LastPlace returns the last sort key and id of a group of an order; ok is false when the group is
// empty. The sort key is valid until the transaction ends.
func (tx *Tx) LastPlace(kind byte, group uint32) (sort []byte, id uint64, ok bool) {
	for sort, id := range tx.Descend(kind, group) {
		return sort, id, true
	}
	return nil, 0, false
}
