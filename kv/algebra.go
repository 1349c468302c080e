package kv

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math/bits"
	"slices"
)

// A Set is a set of ids: one that is stored, or made of others by Or, And and AndNot. It is evaluated a chunk at a time
// when it is asked something, and valid until its transaction ends. The zero Set is empty.
type Set struct {
	node setNode
	err  error
}

// setNode yields a set's chunks.
type setNode interface {
	// chunks appends the numbers of the chunks that may hold ids, ascending.
	chunks(dst []uint64) []uint64
	// or adds the ids of a chunk to w.
	or(chunk uint64, w *words)
	// count is the number of ids, if it is known without looking at them, or -1.
	count() int
	// has says whether an id is in the set.
	has(id uint64) bool
}

// set returns the stored set of (dim, value), the tail's part included.
func (tx *Tx) set(d *tableDef, dim byte, v Value) Set {
	if err := tx.settle(d); err != nil {
		return Set{err: err}
	}
	key := setKey(d, dim, v)
	var recent []uint64
	if d.bulk {
		t, err := tx.tail(d)
		if err != nil {
			return Set{err: err}
		}
		recent = t.ids(key, tx.table(d).Sequence())
	}
	c := tx.bucket(bucketSet).Cursor()
	prefix := []byte(key)
	k, val := c.Seek(prefix)
	if k == nil || !bytes.HasPrefix(k, prefix) {
		if len(recent) == 0 {
			return Set{}
		}
		return Set{node: idList(recent)}
	}
	if len(k) == len(prefix) {
		b, err := unseal(k, val)
		var ids []uint64
		if err == nil {
			ids, err = readSmall(make([]uint64, 0, len(b)/2+len(recent)), b)
		}
		if err != nil {
			return Set{err: damaged("set", err)}
		}
		return Set{node: idList(append(ids, recent...))}
	}
	s := &storedSet{}
	for ; k != nil && bytes.HasPrefix(k, prefix); k, val = c.Next() {
		if len(k) != len(prefix)+4 {
			return Set{err: damaged("set key", errShort)}
		}
		view, err := openChunk(k, val)
		if err != nil {
			return Set{err: err}
		}
		s.numbers = append(s.numbers, uint64(binary.BigEndian.Uint32(k[len(prefix):])))
		s.views = append(s.views, view)
	}
	if len(recent) == 0 {
		return Set{node: s}
	}
	return Set{node: disjoint{s, idList(recent)}}
}

// storedSet is a set in chunks.
type storedSet struct {
	numbers []uint64
	views   []chunkView
}

func (s *storedSet) chunks(dst []uint64) []uint64 { return append(dst, s.numbers...) }

func (s *storedSet) or(chunk uint64, w *words) {
	if i, ok := slices.BinarySearch(s.numbers, chunk); ok {
		s.views[i].orInto(w)
	}
}

func (s *storedSet) count() int {
	n := 0
	for _, v := range s.views {
		n += v.card
	}
	return n
}

func (s *storedSet) has(id uint64) bool {
	i, ok := slices.BinarySearch(s.numbers, id>>chunkBits)
	return ok && s.views[i].has(uint16(id))
}

// idList is a set as a list, ascending.
type idList []uint64

func (l idList) chunks(dst []uint64) []uint64 {
	for i := 0; i < len(l); {
		c := l[i] >> chunkBits
		dst = append(dst, c)
		i += l[i:].below((c + 1) << chunkBits)
	}
	return dst
}

// below is the number of ids at the head that are less than id.
func (l idList) below(id uint64) int {
	n, _ := slices.BinarySearch(l, id)
	return n
}

func (l idList) part(chunk uint64) idList {
	l = l[l.below(chunk<<chunkBits):]
	return l[:l.below((chunk+1)<<chunkBits)]
}

func (l idList) or(chunk uint64, w *words) {
	for _, id := range l.part(chunk) {
		w.set(uint16(id))
	}
}

func (l idList) count() int { return len(l) }

func (l idList) has(id uint64) bool {
	_, ok := slices.BinarySearch(l, id)
	return ok
}

// disjoint is the union of two sets that share no id, all of those of the first being smaller.
type disjoint struct{ a, b setNode }

func (u disjoint) chunks(dst []uint64) []uint64 {
	n := len(dst)
	dst = u.b.chunks(u.a.chunks(dst))
	slices.Sort(dst[n:])
	return dst[:n+len(slices.Compact(dst[n:]))]
}

func (u disjoint) or(chunk uint64, w *words) { u.a.or(chunk, w); u.b.or(chunk, w) }
func (u disjoint) count() int                { return u.a.count() + u.b.count() }
func (u disjoint) has(id uint64) bool        { return u.a.has(id) || u.b.has(id) }

// union is the union of any sets.
type union []setNode

func (u union) chunks(dst []uint64) []uint64 {
	n := len(dst)
	for _, s := range u {
		dst = s.chunks(dst)
	}
	slices.Sort(dst[n:])
	return dst[:n+len(slices.Compact(dst[n:]))]
}

func (u union) or(chunk uint64, w *words) {
	for _, s := range u {
		s.or(chunk, w)
	}
}

func (u union) count() int { return -1 }

func (u union) has(id uint64) bool {
	return slices.ContainsFunc(u, func(s setNode) bool { return s.has(id) })
}

// intersection is what is in all of some sets.
type intersection []setNode

func (x intersection) chunks(dst []uint64) []uint64 {
	n := len(dst)
	dst = x[0].chunks(dst)
	for _, s := range x[1:] {
		other := s.chunks(nil)
		kept := dst[:n]
		for _, c := range dst[n:] {
			if _, ok := slices.BinarySearch(other, c); ok {
				kept = append(kept, c)
			}
		}
		dst = kept
	}
	return dst
}

func (x intersection) or(chunk uint64, w *words) {
	var all words
	x[0].or(chunk, &all)
	for _, s := range x[1:] {
		if stored, ok := s.(*storedSet); ok {
			if i, ok := slices.BinarySearch(stored.numbers, chunk); ok {
				stored.views[i].andInto(&all)
			} else {
				clear(all[:])
			}
			continue
		}
		var one words
		s.or(chunk, &one)
		all.and(&one)
	}
	w.or(&all)
}

func (x intersection) count() int { return -1 }

func (x intersection) has(id uint64) bool {
	return !slices.ContainsFunc(x, func(s setNode) bool { return !s.has(id) })
}

// difference is what is in a and not in b.
type difference struct{ a, b setNode }

func (d difference) chunks(dst []uint64) []uint64 { return d.a.chunks(dst) }

func (d difference) or(chunk uint64, w *words) {
	var a, b words
	d.a.or(chunk, &a)
	d.b.or(chunk, &b)
	a.andNot(&b)
	w.or(&a)
}

func (d difference) count() int         { return -1 }
func (d difference) has(id uint64) bool { return d.a.has(id) && !d.b.has(id) }

// Or is the union of sets.
func Or(sets ...Set) Set {
	var u union
	for _, s := range sets {
		if s.err != nil {
			return s
		}
		if s.node != nil {
			u = append(u, s.node)
		}
	}
	switch len(u) {
	case 0:
		return Set{}
	case 1:
		return Set{node: u[0]}
	}
	return Set{node: u}
}

// And is the intersection of sets, of at least one.
func And(sets ...Set) Set {
	var x intersection
	empty := false
	for _, s := range sets {
		if s.err != nil {
			return s
		}
		empty = empty || s.node == nil
		x = append(x, s.node)
	}
	switch {
	case empty:
		return Set{}
	case len(x) == 1:
		return Set{node: x[0]}
	}
	return Set{node: x}
}

// AndNot is what is in a and not in b.
func AndNot(a, b Set) Set {
	switch {
	case a.err != nil || a.node == nil || b.err == nil && b.node == nil:
		return a
	case b.err != nil:
		return b
	}
	return Set{node: difference{a.node, b.node}}
}

// IDs is the set of some ids, which must ascend and not be changed afterwards.
func IDs(ids []uint64) Set {
	if len(ids) == 0 {
		return Set{}
	}
	return Set{node: idList(ids)}
}

// Has says whether an id is in the set.
func (s Set) Has(id uint64) (bool, error) {
	return s.err == nil && s.node != nil && s.node.has(id), s.err
}

// Count is the number of ids.
func (s Set) Count() (int, error) {
	if s.err != nil || s.node == nil {
		return 0, s.err
	}
	if n := s.node.count(); n >= 0 {
		return n, nil
	}
	n := 0
	var w words
	for _, c := range s.node.chunks(nil) {
		clear(w[:])
		s.node.or(c, &w)
		n += w.count()
	}
	return n, nil
}

// Rank is the number of ids in the set that are less than id.
func (s Set) Rank(id uint64) (int, error) {
	if s.err != nil || s.node == nil {
		return 0, s.err
	}
	if l, ok := s.node.(idList); ok {
		return l.below(id), nil
	}
	n := 0
	var w words
	for _, c := range s.node.chunks(nil) {
		if c > id>>chunkBits {
			break
		}
		clear(w[:])
		s.node.or(c, &w)
		if c < id>>chunkBits {
			n += w.count()
			continue
		}
		low := id & (1<<chunkBits - 1)
		for _, x := range w[:low>>6] {
			n += bits.OnesCount64(x)
		}
		n += bits.OnesCount64(w[low>>6] & (1<<(low&63) - 1))
	}
	return n, nil
}

// A Page asks for a part of a set in the order of ids.
type Page struct {
	Offset, Limit int
	Descending    bool
}

// Page returns the ids of a page, and the number of ids of the whole set. What it costs depends on the size of the set and
// not on the offset.
func (s Set) Page(p Page) (ids []uint64, count int, err error) {
	if s.err != nil || s.node == nil {
		return nil, 0, s.err
	}
	if l, ok := s.node.(idList); ok {
		return l.page(p), len(l), nil
	}
	chunks := s.node.chunks(nil)
	if p.Descending {
		slices.Reverse(chunks)
	}
	known := s.node.count()
	var w words
	for _, c := range chunks {
		if known >= 0 && len(ids) >= p.Limit {
			break // nothing that follows changes the answer
		}
		clear(w[:])
		s.node.or(c, &w)
		n := w.count()
		if skip := p.Offset - count; skip < n && len(ids) < p.Limit {
			ids = w.selectIDs(ids, c<<chunkBits, max(skip, 0), n, p)
		}
		count += n
	}
	if known >= 0 {
		count = known
	}
	return ids, count, nil
}

func (l idList) page(p Page) []uint64 {
	first, last := min(p.Offset, len(l)), min(p.Offset+p.Limit, len(l))
	if p.Offset+p.Limit < p.Offset { // overflow
		last = len(l)
	}
	if !p.Descending {
		return l[first:last:last]
	}
	out := slices.Clone(l[len(l)-last : len(l)-first])
	slices.Reverse(out)
	return out
}

// selectIDs appends the ids of w from rank skip on, counted from the top when the page descends, until the page is full.
func (w *words) selectIDs(ids []uint64, base uint64, skip, count int, p Page) []uint64 {
	take := min(p.Limit-len(ids), count-skip)
	low := skip // rank, from below, of the lowest id to take
	if p.Descending {
		low = count - skip - take
	}
	at := len(ids)
	for i, x := range w {
		n := bits.OnesCount64(x)
		if low >= n {
			low -= n
			continue
		}
		for ; x != 0 && take > 0; x &= x - 1 {
			if low > 0 {
				low--
				continue
			}
			ids = append(ids, base|uint64(i<<6|bits.TrailingZeros64(x)))
			take--
		}
		if take == 0 {
			break
		}
	}
	if p.Descending {
		slices.Reverse(ids[at:])
	}
	return ids
}

// Each yields the ids in ascending order. The error, if there is one, comes once, with id 0, and ends it.
func (s Set) Each() iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		if s.err != nil {
			yield(0, s.err)
			return
		}
		if s.node == nil {
			return
		}
		var w words
		for _, c := range s.node.chunks(nil) {
			clear(w[:])
			s.node.or(c, &w)
			more := true
			w.each(func(i uint16) bool {
				more = yield(c<<chunkBits|uint64(i), nil)
				return more
			})
			if !more {
				return
			}
		}
	}
}

// IDs lists the whole set in ascending order.
func (s Set) IDs() ([]uint64, error) {
	if l, ok := s.node.(idList); ok && s.err == nil {
		return slices.Clone(l), nil
	}
	var ids []uint64
	for id, err := range s.Each() {
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}
