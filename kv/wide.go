package kv

import (
	"bytes"
	"maps"
	"slices"
	"sync"
)

// Parents are the ids of records whose rows are asked for together, ascending: those that a part of a name matches may be thousands. Who keeps the
// value and asks with it again spares making the union of their sets once more.
type Parents struct {
	IDs    []uint64 // not to be changed
	serial uint64
}

// Parents makes a value of ids that ascend.
func (db *DB) Parents(ids []uint64) *Parents { return &Parents{ids, db.serial.Add(1)} }

// fewParents is up to how many parents a union is made of their sets each time.
const fewParents = 4

// Children is the set of the rows that are members of (dim, Int(p)) for one of some parents.
func (t *Table[T]) Children(tx *Tx, dim byte, p *Parents) Set {
	of, err := tx.reading(t.def)
	if err != nil {
		return Set{err: err}
	}
	if len(p.IDs) <= fewParents || of == nil {
		sets := make([]Set, len(p.IDs))
		for i, id := range p.IDs {
			sets[i] = tx.set(t.def, dim, Int(id))
		}
		return Or(sets...)
	}
	u := &wideUnion{def: t.def, dim: dim, parents: p, of: of}
	if err := u.find(); err != nil {
		return Set{err: err}
	}
	return Set{node: u, of: of}
}

// A wideUnion is the union of the sets of many parents. What is stored of it is kept in memory for as long as the stored sets stay as
// they are; what the tail adds is carried forward.
type wideUnion struct {
	def     *tableDef
	dim     byte
	parents *Parents
	of      *reading

	stored *keptUnion
	recent idList
}

// keptUnion is what the stored sets of a wide union hold, in the forms of chunks, and what the tail is known to add.
type keptUnion struct {
	key     unionKey
	size    int // once it has been made; the cache's
	once    sync.Once
	err     error
	numbers idList // of the chunks
	views   []chunkView

	mu     sync.Mutex
	upTo   uint64 // the tail's ids up to here are in recent
	recent []uint64
}

// find looks the union up, and makes it if nobody has asked for it in this state of the file.
func (u *wideUnion) find() error {
	tx := u.of.tx
	k := tx.db.unions.get(unionKey{u.of.tail.epoch, u.parents.serial, u.def.no, u.dim})
	k.once.Do(func() {
		k.err = errShort // should make panic
		k.err = u.make(k)
		if k.err == nil {
			tx.db.unions.made(k)
		}
	})
	if k.err != nil {
		tx.db.unions.drop(k)
		return k.err
	}
	u.stored, u.recent = k, u.carry(k, tx.table(u.def).Sequence())
	return nil
}

// make reads the stored sets of all parents, which lie in the order of their ids.
func (u *wideUnion) make(k *keptUnion) error {
	all := gathered{of: map[uint64]*words{}}
	c := u.of.tx.bucket(bucketSet).Cursor()
	var key, val, prefix []byte
	var ids []uint64
	for i, p := range u.parents.IDs {
		prefix = append(append(prefix[:0], u.def.no, u.dim), Int(p)...)
		if i > 0 {
			if key == nil {
				break
			}
			if bytes.Compare(key, prefix) > 0 && !bytes.HasPrefix(key, prefix) {
				continue
			}
		}
		if i == 0 || !bytes.HasPrefix(key, prefix) {
			key, val = c.Seek(prefix)
		}
		for ; key != nil && bytes.HasPrefix(key, prefix); key, val = c.Next() {
			if len(key) == len(prefix) {
				b, err := unseal(key, val)
				if err == nil {
					ids, err = readSmall(ids[:0], b)
				}
				if err != nil {
					return damaged("set", err)
				}
				for _, id := range ids {
					all.add(id)
				}
				continue
			}
			_, _, _, number, err := splitSetKey(key)
			if err != nil || number < 0 {
				return damaged("set key", errShort)
			}
			view, err := openChunk(key, val)
			if err != nil {
				return err
			}
			view.orInto(all.spread(uint64(number)))
		}
	}
	k.numbers = slices.Sorted(maps.Keys(all.of))
	for _, number := range k.numbers {
		view, err := viewChunk(slices.Clip(appendChunk(nil, all.of[number])))
		if err != nil {
			return err
		}
		k.views = append(k.views, view)
	}
	return nil
}

// carry gives what the tail adds up to the id last; what others have found is not looked for again.
func (u *wideUnion) carry(k *keptUnion, last uint64) idList {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.upTo < last {
		fresh := u.of.tail.union(u.def, u.dim, u.parents.IDs, k.upTo, last)
		k.recent, k.upTo = append(k.recent, fresh...), last
	}
	l := idList(k.recent)
	n := l.below(last + 1)
	return l[:n:n]
}

// union lists the ids after after, up to last, that are in the set of one of some parents.
func (t *tail) union(d *tableDef, dim byte, parents []uint64, after, last uint64) []uint64 {
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
	if len(parents) < len(t.sets) {
		for _, p := range parents {
			add(t.sets[setKey(d, dim, Int(p))])
		}
	} else {
		for set, ids := range t.sets {
			if set[1] != dim {
				continue
			}
			if _, ok := slices.BinarySearch(parents, Value(set[2:]).Int()); ok {
				add(ids)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (u *wideUnion) chunks(dst []uint64, first uint64) []uint64 {
	n := len(dst)
	dst = append(dst, u.stored.numbers[u.stored.numbers.below(first):]...)
	return compactChunks(u.recent.chunks(dst, first), n)
}

func (u *wideUnion) view(chunk uint64) chunkView {
	if i, ok := slices.BinarySearch(u.stored.numbers, chunk); ok {
		return u.stored.views[i]
	}
	return chunkView{}
}

func (u *wideUnion) or(chunk uint64, w *words) {
	if v := u.view(chunk); v.card > 0 {
		v.orInto(w)
	}
	u.recent.or(chunk, w)
}

func (u *wideUnion) has(id uint64) bool {
	v := u.view(id >> chunkBits)
	return v.card > 0 && v.has(uint16(id)) || u.recent.has(id)
}

func (u *wideUnion) name(dst []byte) ([]byte, bool) {
	dst = append(dst, 'w', u.def.no, u.dim)
	return append(dst, key8(u.parents.serial)...), true
}

// unionCache keeps the wide unions that were asked for last.
type unionCache struct {
	mu   sync.Mutex
	kept []*keptUnion // the one that was asked for last at the end
	size int
}

type unionKey struct {
	epoch, serial uint64
	table, dim    byte
}

// How many wide unions are kept, and of how many bytes: at ten million rows one has up to 1.3 MB.
const (
	maxUnions     = 64
	maxUnionBytes = 24 << 20
)

// get finds a union, or a place for it.
func (c *unionCache) get(key unionKey) *keptUnion {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.kept, func(k *keptUnion) bool { return k.key == key })
	if i < 0 {
		k := &keptUnion{key: key}
		c.kept = append(c.kept, k)
		return k
	}
	k := c.kept[i]
	c.kept = append(slices.Delete(c.kept, i, i+1), k)
	return k
}

// made counts a union that has been made, and lets the oldest go.
func (c *unionCache) made(k *keptUnion) {
	size := 100
	for _, v := range k.views {
		size += 64 + len(v.data)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k.size = size
	if slices.Contains(c.kept, k) {
		c.size += size
	}
	for len(c.kept) > 1 && (len(c.kept) > maxUnions || c.size > maxUnionBytes) {
		c.size -= c.kept[0].size
		c.kept = slices.Delete(c.kept, 0, 1)
	}
}

func (c *unionCache) drop(k *keptUnion) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.kept, k); i >= 0 {
		c.size -= k.size
		c.kept = slices.Delete(c.kept, i, i+1)
	}
}
