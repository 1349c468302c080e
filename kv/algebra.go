package kv

import (
	"encoding/binary"
	"iter"
	mathbits "math/bits"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// A Set is a set of ids: a stored one, or the result of [Or], [And] or [AndNot]. It is evaluated
// one chunk at a time, only when it is asked something, and valid until its transaction ends. The
// zero Set is empty.
type Set struct {
	node setNode
	err  error
	of   *snapshot
}

// snapshot is the state of a table's stored sets in one View, which all sets of the table share.
// Sets that combine tables, and sets in a writing transaction, have none.
type snapshot struct {
	tx   *Tx
	tail *tail
}

// setNode yields the chunks of a set.
type setNode interface {
	// chunks appends the numbers of the chunks that may hold ids, ascending, from first on.
	chunks(dst []uint64, first uint64) []uint64
	// part returns the ids of a chunk. It is valid until the node or scr is used for another chunk.
	part(chunk uint64, scr *scratch) part
	// count returns the number of ids of a chunk.
	count(chunk uint64, scr *scratch) int
	// has says whether an id is in the set.
	has(id uint64) bool
	// name appends a name that differs from those of all other sets of the same state of the file;
	// ok is false when the set has none.
	name(dst []byte) (name []byte, ok bool)
}

// A part is the ids of a chunk: as they are stored, which must not be changed, or as bits, which
// may be.
type part struct {
	stored *roaring.Bitmap
	bits   *bitmap
}

// none is a chunk without ids.
var none = part{stored: roaring.New()}

// isNone says whether the part is known to be empty.
func (p part) isNone() bool { return p.stored != nil && p.stored.IsEmpty() }

// isSmall says whether the ids are stored, and few.
func (p part) isSmall() bool { return p.stored != nil && p.stored.GetCardinality() <= 512 }

// spread returns the ids as bits.
func (p part) spread(scr *scratch) *bitmap {
	if p.bits != nil {
		return p.bits
	}
	b := scr.bitmap()
	p.stored.WriteDenseTo(b[:])
	return b
}

// set returns the stored set of (dim, value), the tail's part included.
func (tx *Tx) set(d *tableDef, dim byte, v Value) Set {
	if err := tx.foldPending(d); err != nil {
		return Set{err: err}
	}
	key := setKey(d, dim, v)
	of, err := tx.snapshot(d)
	if err != nil {
		return Set{err: err}
	}
	var recent []uint64
	if d.bulk {
		t, err := tx.tail(d)
		if err != nil {
			return Set{err: err}
		}
		recent = t.ids(key, tx.table(d).Sequence())
	}
	k, val := tx.bucket(bucketSet).Cursor().Seek([]byte(key))
	if k != nil && len(k) > len(key) && string(k[:len(key)]) == key {
		return Set{node: withTail(&storedSet{tx: tx, key: key}, recent), of: of}
	}
	if string(k) == key {
		b, err := checkCRC(k, val)
		var ids []uint64
		if err == nil {
			ids, err = readSmall(make([]uint64, 0, len(b)+len(recent)), b)
		}
		if err != nil {
			return Set{err: damaged("set", err)}
		}
		recent = append(ids, recent...)
	}
	if len(recent) == 0 {
		return Set{}
	}
	return Set{node: idList{recent, nameStored(nil, key)}, of: of}
}

// snapshot returns the state of the stored sets of a table, nil when they may change.
func (tx *Tx) snapshot(d *tableDef) (*snapshot, error) {
	if !d.bulk || tx.batch != nil {
		return nil, nil
	}
	if r := tx.snapshots[d.no]; r != nil {
		return r, nil
	}
	t, err := tx.tail(d)
	if err != nil {
		return nil, err
	}
	if tx.snapshots == nil {
		tx.snapshots = map[byte]*snapshot{}
	}
	r := &snapshot{tx, t}
	tx.snapshots[d.no] = r
	return r, nil
}

// storedSet is a set in chunks, which are read when they are needed. A damaged one ends the
// transaction with an error.
type storedSet struct {
	tx  *Tx
	key string

	number uint64 // of the chunk that was read last
	view   roaring.Bitmap
	loaded bool
}

func (s *storedSet) chunks(dst []uint64, first uint64) []uint64 {
	c := s.tx.bucket(bucketSet).Cursor()
	n := len(s.key)
	for k, _ := c.Seek(chunkKey(nil, s.key, first)); len(k) >= n && string(k[:n]) == s.key; k, _ = c.Next() {
		if len(k) != n+4 {
			s.tx.fail(damaged("set key", errShort))
			break
		}
		dst = append(dst, uint64(binary.BigEndian.Uint32(k[n:])))
	}
	return dst
}

func (s *storedSet) part(chunk uint64, _ *scratch) part { return part{stored: s.chunk(chunk)} }

func (s *storedSet) chunk(number uint64) *roaring.Bitmap {
	if s.loaded && s.number == number {
		return &s.view
	}
	s.number, s.loaded = number, true
	var buf [64]byte
	key := chunkKey(buf[:0], s.key, number)
	stored := s.tx.bucket(bucketSet).Get(key)
	if stored == nil {
		s.view.Clear()
	} else if err := openChunk(&s.view, key, stored); err != nil {
		s.tx.fail(err)
		s.view = roaring.Bitmap{}
	}
	return &s.view
}

func (s *storedSet) count(chunk uint64, _ *scratch) int { return int(s.chunk(chunk).GetCardinality()) }

func (s *storedSet) has(id uint64) bool {
	return s.chunk(id >> chunkBits).Contains(uint32(id % chunkIDs))
}

func (s *storedSet) name(dst []byte) ([]byte, bool) { return nameStored(dst, s.key), true }

// nameStored names a stored set by its key, which delimits itself.
func nameStored(dst []byte, key string) []byte { return append(append(dst, 's'), key...) }

// tailedSet is a set and the ids that the tail adds to it.
type tailedSet struct {
	setNode
	recent idList
}

func withTail(s setNode, recent []uint64) setNode {
	if len(recent) == 0 {
		return s
	}
	return tailedSet{s, idList{ids: recent}}
}

func (t tailedSet) chunks(dst []uint64, first uint64) []uint64 {
	n := len(dst)
	return compactChunks(t.recent.chunks(t.setNode.chunks(dst, first), first), n)
}

func (t tailedSet) part(chunk uint64, scr *scratch) part {
	p, ids := t.setNode.part(chunk, scr), t.recent.of(chunk)
	if len(ids) == 0 {
		return p
	}
	b := p.spread(scr)
	b.setAll(ids)
	return part{bits: b}
}

func (t tailedSet) count(chunk uint64, scr *scratch) int {
	return t.setNode.count(chunk, scr) + t.recent.count(chunk, scr)
}

func (t tailedSet) has(id uint64) bool { return t.setNode.has(id) || t.recent.has(id) }

// compactChunks sorts the numbers in dst from n on and removes duplicates.
func compactChunks(dst []uint64, n int) []uint64 {
	slices.Sort(dst[n:])
	return dst[:n+len(slices.Compact(dst[n:]))]
}

// idList is a set as a list, ascending. It has no name when it is not of the file.
type idList struct {
	ids   []uint64
	named []byte
}

func (l idList) chunks(dst []uint64, first uint64) []uint64 {
	for ids := l.ids[below(l.ids, first<<chunkBits):]; len(ids) > 0; {
		c := ids[0] >> chunkBits
		dst = append(dst, c)
		ids = ids[below(ids, (c+1)<<chunkBits):]
	}
	return dst
}

// below returns how many ids at the head are less than id.
func below(ids []uint64, id uint64) int {
	n, _ := slices.BinarySearch(ids, id)
	return n
}

// of returns the ids of a chunk.
func (l idList) of(chunk uint64) []uint64 {
	ids := l.ids[below(l.ids, chunk<<chunkBits):]
	return ids[:below(ids, (chunk+1)<<chunkBits)]
}

func (l idList) part(chunk uint64, scr *scratch) part {
	ids := l.of(chunk)
	if len(ids) == 0 {
		return none
	}
	b := scr.bitmap()
	b.setAll(ids)
	return part{bits: b}
}

func (l idList) count(chunk uint64, _ *scratch) int { return len(l.of(chunk)) }

func (l idList) has(id uint64) bool {
	_, ok := slices.BinarySearch(l.ids, id)
	return ok
}

func (l idList) name(dst []byte) ([]byte, bool) { return append(dst, l.named...), l.named != nil }

// operation combines sets, at least one.
type operation struct {
	op   byte
	sets []setNode
}

func (o *operation) chunks(dst []uint64, first uint64) []uint64 {
	n := len(dst)
	dst = o.sets[0].chunks(dst, first)
	for _, s := range o.sets[1:] {
		switch o.op {
		case or:
			dst = s.chunks(dst, first)
		case and:
			other := s.chunks(nil, first)
			dst = dst[:n+len(slices.DeleteFunc(dst[n:], func(c uint64) bool { return !idList{ids: other}.has(c) }))]
		}
	}
	if o.op == or {
		dst = compactChunks(dst, n)
	}
	return dst
}

func (o *operation) part(chunk uint64, scr *scratch) part { return o.combine(o.sets, chunk, scr) }

// combine evaluates the operation on some of its sets. Roaring makes a new bitmap for each result,
// so it is used only when the result is small.
func (o *operation) combine(sets []setNode, chunk uint64, scr *scratch) part {
	all := sets[0].part(chunk, scr)
	for _, s := range sets[1:] {
		if o.op != or && all.isNone() {
			break
		}
		used := scr.used
		p := s.part(chunk, scr)
		stored := all.stored != nil && p.stored != nil
		switch {
		case o.op != and && p.isNone():
		case o.op == or && all.isNone():
			all = p
		case o.op == and && stored && (all.isSmall() || p.isSmall()):
			all = part{stored: roaring.And(all.stored, p.stored)}
		case o.op == andNot && stored && all.isSmall():
			all = part{stored: roaring.AndNot(all.stored, p.stored)}
		default:
			if all.bits == nil {
				all.bits, all.stored = all.spread(scr), nil
				used = scr.used
			}
			all.bits.combine(o.op, p.spread(scr))
			scr.used = used
		}
	}
	return all
}

func (o *operation) count(chunk uint64, scr *scratch) int {
	last := len(o.sets) - 1
	a := o.combine(o.sets[:last], chunk, scr)
	if o.op != or && a.isNone() {
		return 0
	}
	b := o.sets[last].part(chunk, scr)
	if a.stored == nil || b.stored == nil {
		bits := a.spread(scr)
		bits.combine(o.op, b.spread(scr))
		return bits.count()
	}
	both := a.stored.AndCardinality(b.stored)
	switch o.op {
	case or:
		return int(a.stored.GetCardinality() + b.stored.GetCardinality() - both)
	case and:
		return int(both)
	default:
		return int(a.stored.GetCardinality() - both)
	}
}

func (o *operation) has(id uint64) bool {
	for i, s := range o.sets {
		// The first set that has the id decides an or; the first that lacks it an and; the first
		// set without it, or another set with it, a difference.
		if has := s.has(id); has == (o.op == or || o.op == andNot && i > 0) {
			return o.op == or
		}
	}
	return o.op != or
}

func (o *operation) name(dst []byte) (name []byte, ok bool) {
	dst = binary.AppendUvarint(append(dst, o.op), uint64(len(o.sets)))
	for _, s := range o.sets {
		if dst, ok = s.name(dst); !ok {
			return dst, false
		}
	}
	return dst, true
}

// Or returns the union of sets.
func Or(sets ...Set) Set { return combine(or, sets) }

// And returns the intersection of sets, of at least one.
func And(sets ...Set) Set { return combine(and, sets) }

// AndNot returns the ids of a that are not in b.
func AndNot(a, b Set) Set { return combine(andNot, []Set{a, b}) }

func combine(op byte, sets []Set) Set {
	o := &operation{op: op}
	var of *snapshot
	empty := false
	for i, s := range sets {
		switch {
		case s.err != nil:
			return s
		case s.node == nil:
			empty = empty || op == and || op == andNot && i == 0
			continue
		case len(o.sets) == 0:
			of = s.of
		case of != s.of:
			of = nil
		}
		o.sets = append(o.sets, s.node)
	}
	switch {
	case empty || len(o.sets) == 0:
		return Set{}
	case len(o.sets) == 1:
		return Set{node: o.sets[0], of: of}
	}
	return Set{node: o, of: of}
}

// IDs makes a set of ids, which must ascend and must not be changed afterwards.
func IDs(ids []uint64) Set {
	if len(ids) == 0 {
		return Set{}
	}
	return Set{node: idList{ids: ids}}
}

// Has says whether an id is in the set.
func (s Set) Has(id uint64) (bool, error) {
	return s.err == nil && s.node != nil && s.node.has(id), s.err
}

// Count returns the number of ids.
func (s Set) Count() (int, error) {
	if s.err != nil || s.node == nil {
		return 0, s.err
	}
	if l, ok := s.node.(idList); ok {
		return len(l.ids), nil
	}
	n := 0
	for _, part := range s.counts() {
		for _, c := range part {
			n += c.n
		}
	}
	return n, nil
}

// Rank returns the number of ids in the set that are less than id.
func (s Set) Rank(id uint64) (int, error) {
	if s.err != nil || s.node == nil {
		return 0, s.err
	}
	if l, ok := s.node.(idList); ok {
		return below(l.ids, id), nil
	}
	n := 0
	for _, part := range s.counts() {
		for _, c := range part {
			if c.chunk < id>>chunkBits {
				n += c.n
			}
		}
	}
	scr := newScratch()
	defer scratches.Put(scr)
	bits, low := s.node.part(id>>chunkBits, scr).spread(scr), id%chunkIDs
	for i := range low >> 6 {
		n += mathbits.OnesCount64(bits[i])
	}
	return n + mathbits.OnesCount64(bits[low>>6]&(1<<(low&63)-1)), nil
}

// A Page asks for a part of a set in the order of ids. Offset counts from the end when the page
// descends.
type Page struct {
	Offset, Limit int
	Descending    bool
}

// Page returns the ids of a page, and the number of ids of the whole set. Its cost does not depend
// on the offset, nor on the size of the set when the set was asked for before in the same state of
// the file.
func (s Set) Page(p Page) (ids []uint64, count int, err error) {
	if s.err != nil || s.node == nil {
		return nil, 0, s.err
	}
	if l, ok := s.node.(idList); ok {
		return l.page(p), len(l.ids), nil
	}
	parts := s.counts()
	scr := newScratch()
	defer scratches.Put(scr)
	some := func(c chunkCount) {
		if skip := p.Offset - count; skip < c.n && len(ids) < p.Limit {
			scr.used = 0
			bits := s.node.part(c.chunk, scr).spread(scr)
			ids = bits.selectIDs(slices.Grow(ids, min(c.n, p.Limit-len(ids))), c, max(skip, 0), p)
		}
		count += c.n
	}
	for i := range parts {
		counts := parts[i]
		if p.Descending {
			counts = parts[len(parts)-1-i]
		}
		for j := range counts {
			if p.Descending {
				some(counts[len(counts)-1-j])
			} else {
				some(counts[j])
			}
		}
	}
	return ids, count, nil
}

func (l idList) page(p Page) []uint64 {
	ids := l.ids
	first, last := min(p.Offset, len(ids)), min(p.Offset+p.Limit, len(ids))
	if p.Offset+p.Limit < p.Offset { // overflow
		last = len(ids)
	}
	if !p.Descending {
		return slices.Clone(ids[first:last]) // all readers may share them
	}
	out := slices.Clone(ids[len(ids)-last : len(ids)-first])
	slices.Reverse(out)
	return out
}

// selectIDs appends the ids of a chunk from rank skip on until the page is full. Ranks count from
// the top when the page descends.
func (b *bitmap) selectIDs(ids []uint64, c chunkCount, skip int, p Page) []uint64 {
	take := min(p.Limit-len(ids), c.n-skip)
	low := skip // rank, from below, of the lowest id to take
	if p.Descending {
		low = c.n - skip - take
	}
	at := len(ids)
	for i, x := range b {
		if n := mathbits.OnesCount64(x); low >= n {
			low -= n
			continue
		}
		for ; low > 0; low-- {
			x &= x - 1
		}
		for ; x != 0 && take > 0; x &= x - 1 {
			ids = append(ids, c.chunk<<chunkBits|uint64(i<<6|mathbits.TrailingZeros64(x)))
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

// Each yields the ids in ascending order. An error comes once, with id 0, as the last pair.
func (s Set) Each() iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		if s.err != nil {
			yield(0, s.err)
			return
		}
		if s.node == nil {
			return
		}
		scr := newScratch()
		defer scratches.Put(scr)
		for _, c := range s.node.chunks(nil, 0) {
			scr.used = 0
			for i, x := range s.node.part(c, scr).spread(scr) {
				for ; x != 0; x &= x - 1 {
					if !yield(c<<chunkBits|uint64(i<<6|mathbits.TrailingZeros64(x)), nil) {
						return
					}
				}
			}
		}
	}
}

// IDs returns the whole set in ascending order.
func (s Set) IDs() ([]uint64, error) {
	if l, ok := s.node.(idList); ok && s.err == nil {
		return slices.Clone(l.ids), nil
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

// chunkCount is the number of ids of a set in a chunk.
type chunkCount struct {
	chunk uint64
	n     int
}

// counts returns how many ids each chunk of the set has, in two parts. The stored sets of a bulk
// table do not change as long as its tail has the same epoch, and the tail adds nothing before its
// fold mark. So the counts of the chunks before the mark are cached by the epoch and the set's
// name, and a list over millions of rows reads a chunk or two.
func (s Set) counts() [2][]chunkCount {
	if s.of == nil {
		return [2][]chunkCount{count(s.node, s.node.chunks(nil, 0))}
	}
	live := s.of.tail.from >> chunkBits
	var buf [256]byte
	name, ok := s.node.name(binary.BigEndian.AppendUint64(buf[:0], s.of.tail.epoch))
	if !ok {
		return [2][]chunkCount{count(s.node, s.node.chunks(nil, 0))}
	}
	cache := s.of.tx.db.counts
	old, ok := cache.Get(string(name))
	if !ok {
		all := s.node.chunks(nil, 0)
		n := below(all, live)
		old = count(s.node, all[:n])
		if s.of.tx.err == nil {
			cache.Put(string(name), old, int64(100+len(name)+16*len(old)))
		}
		return [2][]chunkCount{old, count(s.node, all[n:])}
	}
	return [2][]chunkCount{old, count(s.node, s.node.chunks(nil, live))}
}

// count counts the ids of chunks and leaves out empty chunks.
func count(s setNode, chunks []uint64) []chunkCount {
	out := make([]chunkCount, 0, len(chunks))
	scr := newScratch()
	defer scratches.Put(scr)
	for _, c := range chunks {
		scr.used = 0
		if n := s.count(c, scr); n > 0 {
			out = append(out, chunkCount{c, n})
		}
	}
	return out
}

// maxCounts is how many bytes of counts are kept.
const maxCounts = 8 << 20
