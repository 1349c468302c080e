package kv

import (
	"bytes"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
)

// An IDList is a list of ids, ascending, of records whose rows are asked for together: the part of
// a name may match thousands. A caller that keeps the list and asks with it again spares building
// the union of their sets again.
type IDList struct {
	IDs    []uint64 // must not be changed
	serial uint64
}

// IDList makes an IDList of ids that ascend.
func (db *DB) IDList(ids []uint64) *IDList { return &IDList{ids, db.serial.Add(1)} }

// fewIDs is the largest number of sets whose union is not kept.
const fewIDs = 4

// UnionOf returns the rows that are members of (dim, Int(id)) for an id of the list.
func (t *Table[T]) UnionOf(tx *Tx, dim byte, list *IDList) Set {
	of, err := tx.snapshot(t.def)
	if err != nil {
		return Set{err: err}
	}
	if len(list.IDs) <= fewIDs || of == nil {
		sets := make([]Set, len(list.IDs))
		for i, id := range list.IDs {
			sets[i] = tx.set(t.def, dim, Int(id))
		}
		return Or(sets...)
	}
	u, err := tx.db.union(unionKey{of.tail.epoch, list.serial, t.def.no, dim}, tx, list.IDs)
	if err != nil {
		return Set{err: err}
	}
	return Set{node: withTail(u, u.recentTo(tx.table(t.def).Sequence(), of.tail, list.IDs)), of: of}
}

// A keptUnion is the union of many stored sets, with what the tail is known to add. It is kept in
// memory as long as the stored sets stay the same.
type keptUnion struct {
	key    unionKey
	once   sync.Once
	err    error
	number []uint64 // of the chunks, ascending
	chunk  []*roaring.Bitmap

	mu     sync.Mutex
	upTo   uint64 // recent has the tail's ids up to this one
	recent []uint64
}

// make reads the stored sets of all ids, which are in the order of the ids.
func (u *keptUnion) make(tx *Tx, ids []uint64) error {
	var all bitmaps
	c := tx.bucket(bucketSet).Cursor()
	var key, val, prefix []byte
	var rows []uint64
	var view roaring.Bitmap
	for i, id := range ids {
		prefix = append(append(prefix[:0], u.key.table, u.key.dim), Int(id)...)
		if i > 0 && key == nil {
			break
		}
		if i == 0 || bytes.Compare(key, prefix) < 0 {
			key, val = c.Seek(prefix)
		}
		for ; key != nil && bytes.HasPrefix(key, prefix); key, val = c.Next() {
			_, _, _, number, err := splitSetKey(key)
			if err != nil {
				return damaged("set key", err)
			}
			if number >= 0 {
				if err := openChunk(&view, key, val); err != nil {
					return err
				}
				all.bitmap(uint64(number)).or(&view)
				continue
			}
			b, err := checkCRC(key, val)
			if err == nil {
				rows, err = readSmall(rows[:0], b)
			}
			if err != nil {
				return damaged("set", err)
			}
			for _, row := range rows {
				all.add(row)
			}
		}
	}
	for number := range all.chunks() {
		// The stored form is small, and readers do not change it.
		view := roaring.New()
		if err := viewChunk(view, all.of[number].stored()); err != nil {
			return err
		}
		u.number, u.chunk = append(u.number, number), append(u.chunk, view)
	}
	return nil
}

// recentTo lists the ids up to last that the tail adds. It looks for each only once.
func (u *keptUnion) recentTo(last uint64, t *tail, ids []uint64) []uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.upTo < last {
		u.recent = append(u.recent, t.union(u.key.dim, ids, u.upTo, last)...)
		u.upTo = last
	}
	n := below(u.recent, last+1)
	return u.recent[:n:n]
}

// union lists the ids after after, up to last, that are in the set of one of the ids in list.
func (t *tail) union(dim byte, list []uint64, after, last uint64) []uint64 {
	var out []uint64
	t.mu.RLock()
	defer t.mu.RUnlock()
	add := func(ids []uint64) {
		for i := len(ids) - 1; i >= 0 && ids[i] > after; i-- {
			if ids[i] <= last {
				out = append(out, ids[i])
			}
		}
	}
	if len(list) < len(t.sets) {
		for _, id := range list {
			add(t.sets[setKey(t.table, dim, Int(id))])
		}
	} else {
		for set, ids := range t.sets {
			if set[1] != dim {
				continue
			}
			if _, ok := slices.BinarySearch(list, Value(set[2:]).Int()); ok {
				add(ids)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (u *keptUnion) chunks(dst []uint64, first uint64) []uint64 {
	return append(dst, u.number[below(u.number, first):]...)
}

func (u *keptUnion) part(chunk uint64, _ *scratch) part { return part{stored: u.view(chunk)} }

func (u *keptUnion) view(chunk uint64) *roaring.Bitmap {
	if i, ok := slices.BinarySearch(u.number, chunk); ok {
		return u.chunk[i]
	}
	return none.stored
}

func (u *keptUnion) count(chunk uint64, _ *scratch) int { return int(u.view(chunk).GetCardinality()) }

func (u *keptUnion) has(id uint64) bool {
	return u.view(id >> chunkBits).Contains(uint32(id % chunkIDs))
}

func (u *keptUnion) name(dst []byte) ([]byte, bool) {
	dst = append(dst, 'u', u.key.table, u.key.dim)
	return append(dst, key8(u.key.serial)...), true
}

type unionKey struct {
	epoch, serial uint64
	table, dim    byte
}

// maxUnions is how many bytes of unions are kept: at ten million rows one has up to 1.3 MB.
const maxUnions = 24 << 20

// union returns the union of a key. Of several callers that ask for a new one, the first makes it
// and the others wait.
func (db *DB) union(key unionKey, tx *Tx, ids []uint64) (*keptUnion, error) {
	u, ok := db.unions.Get(key)
	if !ok {
		u = db.unions.GetOrPut(key, &keptUnion{key: key}, 1)
	}
	u.once.Do(func() {
		u.err = damaged("set", errShort) // stays when make panics on an unreadable page
		if u.err = u.make(tx, ids); u.err == nil {
			db.unions.Put(key, u, u.size())
		}
	})
	if u.err != nil {
		db.unions.Delete(key)
		return nil, u.err
	}
	return u, nil
}

// size returns how many bytes a union takes, including the ids that the tail may still add.
func (u *keptUnion) size() int64 {
	size := 400 + 8*tailLimit
	for _, v := range u.chunk {
		size += 200 + int(v.GetSerializedSizeInBytes())
	}
	return int64(size)
}
