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
	of   *reading
}

// reading is what the sets of a table that were asked for in one View have in common: the state of the table's stored sets. Sets of several tables,
// and sets in a transaction that writes, have none.
type reading struct {
	tx   *Tx
	tail *tail
}

// setNode yields a set's chunks.
type setNode interface {
	// chunks appends the numbers of the chunks that may hold ids, ascending, from first on.
	chunks(dst []uint64, first uint64) []uint64
	// or adds the ids of a chunk to w.
	or(chunk uint64, w *words)
	// has says whether an id is in the set.
	has(id uint64) bool
	// name appends what tells the set from all others of the same state of the file; ok is false when it has no name.
	name(dst []byte) (name []byte, ok bool)
}

// set returns the stored set of (dim, value), the tail's part included.
func (tx *Tx) set(d *tableDef, dim byte, v Value) Set {
	if err := tx.foldPending(d); err != nil {
		return Set{err: err}
	}
	key := setKey(d, dim, v)
	var recent []uint64
	of, err := tx.reading(d)
	if err != nil {
		return Set{err: err}
	}
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
		return Set{node: listedSet{recent, key}, of: of}
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
		return Set{node: listedSet{append(ids, recent...), key}, of: of}
	}
	s := &storedSet{tx: tx, key: key}
	if len(recent) == 0 {
		return Set{node: s, of: of}
	}
	return Set{node: tailedSet{s, recent}, of: of}
}

// reading is the state of the stored sets of a table, nil when they may change.
func (tx *Tx) reading(d *tableDef) (*reading, error) {
	if !d.bulk || tx.batch != nil {
		return nil, nil
	}
	if r := tx.readings[d.no]; r != nil {
		return r, nil
	}
	t, err := tx.tail(d)
	if err != nil {
		return nil, err
	}
	if tx.readings == nil {
		tx.readings = map[byte]*reading{}
	}
	r := &reading{tx, t}
	tx.readings[d.no] = r
	return r, nil
}

// storedSet is a set in chunks, which are read when they are needed. A damaged one ends the transaction with an error.
type storedSet struct {
	tx  *Tx
	key string

	number uint64 // of the chunk that was read last
	view   chunkView
	loaded bool
}

func (s *storedSet) chunks(dst []uint64, first uint64) []uint64 {
	c := s.tx.bucket(bucketSet).Cursor()
	n := len(s.key)
	for k, _ := c.Seek(chunkKey(nil, s.key, first)); k != nil && len(k) >= n && string(k[:n]) == s.key; k, _ = c.Next() {
		if len(k) != n+4 {
			s.tx.fail(damaged("set key", errShort))
			break
		}
		dst = append(dst, uint64(binary.BigEndian.Uint32(k[n:])))
	}
	return dst
}

// chunk reads a chunk; it has no ids when the set has none there.
func (s *storedSet) chunk(number uint64) chunkView {
	if s.loaded && s.number == number {
		return s.view
	}
	s.number, s.view, s.loaded = number, chunkView{}, true
	var buf [64]byte
	key := chunkKey(buf[:0], s.key, number)
	if stored := s.tx.bucket(bucketSet).Get(key); stored != nil {
		view, err := openChunk(key, stored)
		if err != nil {
			s.tx.fail(err)
		}
		s.view = view
	}
	return s.view
}

func (s *storedSet) or(chunk uint64, w *words) {
	if v := s.chunk(chunk); v.card > 0 {
		v.orInto(w)
	}
}

func (s *storedSet) has(id uint64) bool {
	v := s.chunk(id >> chunkBits)
	return v.card > 0 && v.has(uint16(id))
}

func (s *storedSet) name(dst []byte) ([]byte, bool) { return nameStored(dst, s.key), true }

// nameStored names a stored set; its key delimits itself.
func nameStored(dst []byte, key string) []byte { return append(append(dst, 's'), key...) }

// listedSet is a stored set that was read as a whole.
type listedSet struct {
	idList
	key string
}

func (s listedSet) name(dst []byte) ([]byte, bool) { return nameStored(dst, s.key), true }

// tailedSet is a stored set in chunks with what the tail adds, all of it larger.
type tailedSet struct {
	*storedSet
	recent idList
}

func (s tailedSet) chunks(dst []uint64, first uint64) []uint64 {
	n := len(dst)
	dst = s.recent.chunks(s.storedSet.chunks(dst, first), first)
	return compactChunks(dst, n)
}

// compactChunks puts the numbers in dst from n on in order, each once.
func compactChunks(dst []uint64, n int) []uint64 {
	slices.Sort(dst[n:])
	return dst[:n+len(slices.Compact(dst[n:]))]
}

func (s tailedSet) or(chunk uint64, w *words) { s.storedSet.or(chunk, w); s.recent.or(chunk, w) }
func (s tailedSet) has(id uint64) bool        { return s.storedSet.has(id) || s.recent.has(id) }

// idList is a set as a list, ascending.
type idList []uint64

func (l idList) chunks(dst []uint64, first uint64) []uint64 {
	for i := l.below(first << chunkBits); i < len(l); {
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

func (l idList) name(dst []byte) ([]byte, bool) { return dst, false }

func (l idList) has(id uint64) bool {
	_, ok := slices.BinarySearch(l, id)
	return ok
}

// union is the union of any sets.
type union []setNode

func (u union) chunks(dst []uint64, first uint64) []uint64 {
	n := len(dst)
	for _, s := range u {
		dst = s.chunks(dst, first)
	}
	return compactChunks(dst, n)
}

func (u union) or(chunk uint64, w *words) {
	for _, s := range u {
		s.or(chunk, w)
	}
}

func (u union) has(id uint64) bool {
	return slices.ContainsFunc(u, func(s setNode) bool { return s.has(id) })
}

func (u union) name(dst []byte) ([]byte, bool) { return nameAll(dst, '|', u) }

// nameAll names what an operation makes of some sets.
func nameAll(dst []byte, op byte, sets []setNode) (name []byte, ok bool) {
	dst = binary.AppendUvarint(append(dst, op), uint64(len(sets)))
	for _, s := range sets {
		if dst, ok = s.name(dst); !ok {
			return dst, false
		}
	}
	return dst, true
}

// intersection is what is in all of some sets.
type intersection []setNode

func (x intersection) chunks(dst []uint64, first uint64) []uint64 {
	n := len(dst)
	dst = x[0].chunks(dst, first)
	for _, s := range x[1:] {
		other := s.chunks(nil, first)
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
	all, one := newWords(), newWords()
	defer all.free()
	defer one.free()
	x[0].or(chunk, all)
	for _, s := range x[1:] {
		if stored, ok := s.(*storedSet); ok {
			if v := stored.chunk(chunk); v.card > 0 {
				v.andInto(all)
			} else {
				clear(all[:])
			}
			continue
		}
		clear(one[:])
		s.or(chunk, one)
		all.and(one)
	}
	w.or(all)
}

func (x intersection) has(id uint64) bool {
	return !slices.ContainsFunc(x, func(s setNode) bool { return !s.has(id) })
}

func (x intersection) name(dst []byte) ([]byte, bool) { return nameAll(dst, '&', x) }

// difference is what is in a and not in b.
type difference struct{ a, b setNode }

func (d difference) chunks(dst []uint64, first uint64) []uint64 { return d.a.chunks(dst, first) }

func (d difference) or(chunk uint64, w *words) {
	a, b := newWords(), newWords()
	defer a.free()
	defer b.free()
	d.a.or(chunk, a)
	d.b.or(chunk, b)
	a.andNot(b)
	w.or(a)
}

func (d difference) has(id uint64) bool { return d.a.has(id) && !d.b.has(id) }

func (d difference) name(dst []byte) ([]byte, bool) { return nameAll(dst, '-', []setNode{d.a, d.b}) }

// Or is the union of sets.
func Or(sets ...Set) Set {
	var u union
	var of *reading
	for _, s := range sets {
		if s.err != nil {
			return s
		}
		if s.node != nil {
			of = together(of, s.of, len(u) == 0)
			u = append(u, s.node)
		}
	}
	switch len(u) {
	case 0:
		return Set{}
	case 1:
		return Set{node: u[0], of: of}
	}
	return Set{node: u, of: of}
}

// And is the intersection of sets, of at least one.
func And(sets ...Set) Set {
	x := make(intersection, 0, len(sets))
	var of *reading
	empty := false
	for _, s := range sets {
		if s.err != nil {
			return s
		}
		empty = empty || s.node == nil
		of = together(of, s.of, len(x) == 0)
		x = append(x, s.node)
	}
	switch {
	case empty:
		return Set{}
	case len(x) == 1:
		return Set{node: x[0], of: of}
	}
	return Set{node: x, of: of}
}

// AndNot is what is in a and not in b.
func AndNot(a, b Set) Set {
	switch {
	case a.err != nil || a.node == nil || b.err == nil && b.node == nil:
		return a
	case b.err != nil:
		return b
	}
	return Set{node: difference{a.node, b.node}, of: together(a.of, b.of, false)}
}

// together is what two sets have in common.
func together(a, b *reading, first bool) *reading {
	if first || a == b {
		return b
	}
	return nil
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

// list is the set as a list, when it is at hand.
func (s Set) list() (idList, bool) {
	switch n := s.node.(type) {
	case idList:
		return n, true
	case listedSet:
		return n.idList, true
	}
	return nil, false
}

// Count is the number of ids.
func (s Set) Count() (int, error) {
	if s.err != nil || s.node == nil {
		return 0, s.err
	}
	if l, ok := s.list(); ok {
		return len(l), nil
	}
	n := 0
	for _, part := range s.counts() {
		for _, c := range part {
			n += c.n
		}
	}
	return n, nil
}

// Rank is the number of ids in the set that are less than id.
func (s Set) Rank(id uint64) (int, error) {
	if s.err != nil || s.node == nil {
		return 0, s.err
	}
	if l, ok := s.list(); ok {
		return l.below(id), nil
	}
	n := 0
	for _, part := range s.counts() {
		for _, c := range part {
			if c.chunk < id>>chunkBits {
				n += c.n
			}
		}
	}
	w := newWords()
	defer w.free()
	s.node.or(id>>chunkBits, w)
	low := id & (1<<chunkBits - 1)
	for _, x := range w[:low>>6] {
		n += bits.OnesCount64(x)
	}
	return n + bits.OnesCount64(w[low>>6]&(1<<(low&63)-1)), nil
}

// A Page asks for a part of a set in the order of ids.
type Page struct {
	Offset, Limit int
	Descending    bool
}

// Page returns the ids of a page, and the number of ids of the whole set. What it costs depends neither on the offset nor, when the set was
// asked for before in the same state of the file, on its size.
func (s Set) Page(p Page) (ids []uint64, count int, err error) {
	if s.err != nil || s.node == nil {
		return nil, 0, s.err
	}
	if l, ok := s.list(); ok {
		return l.page(p), len(l), nil
	}
	parts := s.counts()
	w := newWords()
	defer w.free()
	some := func(c chunkCount) {
		if skip := p.Offset - count; skip < c.n && len(ids) < p.Limit {
			if ids == nil {
				ids = make([]uint64, 0, min(p.Limit, 1000))
			}
			clear(w[:])
			s.node.or(c.chunk, w)
			ids = w.selectIDs(ids, c.chunk<<chunkBits, max(skip, 0), c.n, p)
		}
		count += c.n
	}
	for i := range parts {
		part := parts[i]
		if p.Descending {
			part = parts[len(parts)-1-i]
		}
		for j := range part {
			if p.Descending {
				some(part[len(part)-1-j])
			} else {
				some(part[j])
			}
		}
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
		w := newWords()
		defer w.free()
		for _, c := range s.node.chunks(nil, 0) {
			clear(w[:])
			s.node.or(c, w)
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
	if l, ok := s.list(); ok && s.err == nil {
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
