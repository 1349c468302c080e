package kv

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"iter"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"go.etcd.io/bbolt"
)

// The key of a set is table 1, dimension 1, value. A set of up to maxSmall ids is one value under
// that key. A larger one has one value per chunk, under the key and the chunk's number, 4 bytes
// big-endian; it keeps this form until it is empty.

func setKey(d *tableDef, dim byte, v Value) string { return string([]byte{d.no, dim}) + string(v) }

func chunkKey(dst []byte, set string, chunk uint64) []byte {
	return binary.BigEndian.AppendUint32(append(dst, set...), uint32(chunk))
}

// splitSetKey splits the key of a stored set; chunk is -1 for a small set.
func splitSetKey(k []byte) (table, dim byte, v Value, chunk int64, err error) {
	if len(k) < 2 {
		return 0, 0, "", 0, errShort
	}
	table, dim = k[0], k[1]
	var value []byte
	rest := k[2:]
	switch {
	case dim == dimAll:
	case dim < dimText:
		value, rest, err = splitInt(rest)
	default:
		value, rest, err = splitText(rest)
	}
	chunk = -1
	if err == nil && len(rest) == 4 {
		chunk = int64(binary.BigEndian.Uint32(rest))
	} else if err == nil && len(rest) != 0 {
		err = errShort
	}
	return table, dim, Value(value), chunk, err
}

// setChanges gathers what a transaction does to sets, so that each stored value is written once.
type setChanges struct {
	of map[string][]idChange
}

type idChange struct {
	id     uint64
	remove bool
}

func (c *setChanges) note(d *tableDef, m Member, ch idChange) {
	if c.of == nil {
		c.of = map[string][]idChange{}
	}
	k := setKey(d, m.Dim, m.Value)
	c.of[k] = append(c.of[k], ch)
}

func (c *setChanges) add(d *tableDef, m Member, id uint64)    { c.note(d, m, idChange{id, false}) }
func (c *setChanges) remove(d *tableDef, m Member, id uint64) { c.note(d, m, idChange{id, true}) }

// flushSets writes the gathered changes.
func (b *batch) flushSets(bt *bbolt.Tx) error {
	if len(b.sets.of) == 0 {
		return nil
	}
	return b.shared("sets", func() error { return b.writeSets(bt) })
}

func (b *batch) writeSets(bt *bbolt.Tx) error {
	bucket := bt.Bucket(bucketNames[bucketSet])
	for _, set := range slices.Sorted(maps.Keys(b.sets.of)) {
		changes := b.sets.of[set]
		slices.SortStableFunc(changes, func(a, b idChange) int { return cmp.Compare(a.id, b.id) })
		last := changes[:0] // the last of several changes of an id counts
		for _, c := range changes {
			if n := len(last); n > 0 && last[n-1].id == c.id {
				last[n-1] = c
			} else {
				last = append(last, c)
			}
		}
		if err := writeSet(bucket, set, last); err != nil {
			return err
		}
		b.setsWritten(b.db.schema.byNo(set[0]))
	}
	b.sets.of = nil
	return nil
}

// setsWritten notes that stored sets of a table have changed.
func (b *batch) setsWritten(d *tableDef) {
	if d.bulk {
		b.bulk[d].changed = true
	}
}

func writeSet(bucket *bbolt.Bucket, set string, changes []idChange) error {
	key := []byte(set)
	k, v := bucket.Cursor().Seek(key)
	exists := k != nil && bytes.HasPrefix(k, key)
	if exists && len(k) > len(key) {
		return writeChunks(bucket, set, changes)
	}
	var ids []uint64
	if exists {
		b, err := checkCRC(k, v)
		if err == nil {
			ids, err = readSmall(nil, b)
		}
		if err != nil {
			return damaged("set", err)
		}
	}
	ids = mergeIDs(ids, changes)
	switch {
	case len(ids) > maxSmall:
		if exists {
			if err := bucket.Delete(key); err != nil {
				return err
			}
		}
		all := make([]idChange, len(ids))
		for i, id := range ids {
			all[i].id = id
		}
		return writeChunks(bucket, set, all)
	case len(ids) > 0:
		return bucket.Put(key, withCRC(key, appendSmall(nil, ids)))
	case exists:
		return bucket.Delete(key)
	}
	return nil
}

// mergeIDs applies changes, ascending and at most one an id, to ids, ascending.
func mergeIDs(ids []uint64, changes []idChange) []uint64 {
	out := make([]uint64, 0, len(ids)+len(changes))
	for _, c := range changes {
		for len(ids) > 0 && ids[0] < c.id {
			out, ids = append(out, ids[0]), ids[1:]
		}
		if len(ids) > 0 && ids[0] == c.id {
			ids = ids[1:]
		}
		if !c.remove {
			out = append(out, c.id)
		}
	}
	return append(out, ids...)
}

func writeChunks(bucket *bbolt.Bucket, set string, changes []idChange) error {
	var all bitmap
	var v roaring.Bitmap
	for len(changes) > 0 {
		chunk := changes[0].id >> chunkBits
		key := chunkKey(nil, set, chunk)
		clear(all[:])
		stored := bucket.Get(key)
		if stored != nil {
			if err := openChunk(&v, key, stored); err != nil {
				return err
			}
			v.WriteDenseTo(all[:])
		}
		for ; len(changes) > 0 && changes[0].id>>chunkBits == chunk; changes = changes[1:] {
			if c := changes[0]; c.remove {
				all.unset(uint16(c.id))
			} else {
				all.set(uint16(c.id))
			}
		}
		var err error
		if all != (bitmap{}) {
			err = bucket.Put(key, withCRC(key, all.stored()))
		} else if stored != nil {
			err = bucket.Delete(key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// openChunk makes v a view of a stored chunk.
func openChunk(v *roaring.Bitmap, key, stored []byte) error {
	b, err := checkCRC(key, stored)
	if err == nil {
		err = viewChunk(v, b)
	}
	if err != nil {
		return damaged("set", err)
	}
	return nil
}

// orSets adds the rows of from to m; andNotSets removes them from it.
func (tx *Tx) orSets(d *tableDef, m, from Member) error {
	return tx.combine(d, m, from, false)
}

func (tx *Tx) andNotSets(d *tableDef, m, from Member) error {
	return tx.combine(d, m, from, true)
}

func (tx *Tx) combine(d *tableDef, m, from Member, remove bool) error {
	for id, err := range tx.set(d, from.Dim, from.Value).Each() {
		if err != nil {
			return err
		}
		tx.batch.sets.note(d, m, idChange{id, remove})
	}
	return nil
}

// values yields the values of a dimension that have members.
func (tx *Tx) values(d *tableDef, dim byte, from Value) iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if err := tx.foldPending(d); err != nil {
			tx.fail(err)
			return
		}
		recent := tx.tailValues(d, dim, from)
		prefix := []byte{d.no, dim}
		c := tx.bucket(bucketSet).Cursor()
		k, _ := c.Seek(append(prefix, from...))
		for k != nil && bytes.HasPrefix(k, prefix) {
			_, _, v, _, err := splitSetKey(k)
			if err != nil {
				tx.fail(damaged("set key", err))
				return
			}
			for len(recent) > 0 && recent[0] <= v {
				if recent[0] < v && !yield(recent[0]) {
					return
				}
				recent = recent[1:]
			}
			if !yield(v) {
				return
			}
			// skip the chunks of this set: its largest key has the largest chunk number
			k, _ = c.Seek(append(append(prefix[:2:2], v...), 0xff, 0xff, 0xff, 0xff, 0xff))
		}
		for _, v := range recent {
			if !yield(v) {
				return
			}
		}
	}
}
