package kv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"iter"
	"maps"
	"math/bits"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
)

// A chunk holds the ids of a set that share id>>16, by their low 16 bits. It is stored as a Roaring
// bitmap in the public serialised form (github.com/RoaringBitmap/RoaringFormatSpec), and read where
// it lies in the file's map. The bitmap has one container, with key 0. It holds runs when there are
// at most maxRuns of them and they are the smallest form, since many runs are slow to combine; else
// an array of up to 4,096 ids, or the bits of more.
const (
	chunkBits = 16
	chunkIDs  = 1 << chunkBits
	maxRuns   = 16
	maxChunk  = 16 + chunkIDs/8 // bytes of a stored chunk without its CRC
)

// The first bytes of a Roaring bitmap of one container with key 0: without runs, and with runs.
const (
	chunkHead     = "\x3a\x30\x00\x00\x01\x00\x00\x00\x00\x00"
	chunkHeadRuns = "\x3b\x30\x00\x00\x01\x00\x00"
)

var errChunk = errors.New("not a Roaring bitmap of one container")

// viewChunk makes v a view of a stored chunk whose CRC has been checked. The view must not be
// changed and is valid as long as the bytes are. A CRC says that the bytes are as they were
// written, not that the writer knew the format. Roaring's behaviour is undefined for invalid bytes,
// so viewChunk validates them, too.
func viewChunk(v *roaring.Bitmap, b []byte) error {
	if len(b) > maxChunk || !bytes.HasPrefix(b, []byte(chunkHead)) && !bytes.HasPrefix(b, []byte(chunkHeadRuns)) {
		return errChunk
	}
	n, err := v.FromBuffer(b)
	if err == nil && n != int64(len(b)) {
		err = errChunk
	}
	if err == nil {
		err = v.Validate()
	}
	return err
}

// A bitmap is a chunk in memory, to which ids are added in any order: bit i%64 of word i/64 is id
// i.
type bitmap [chunkIDs / 64]uint64

func (b *bitmap) set(i uint16)      { b[i>>6] |= 1 << (i & 63) }
func (b *bitmap) unset(i uint16)    { b[i>>6] &^= 1 << (i & 63) }
func (b *bitmap) has(i uint16) bool { return b[i>>6]&(1<<(i&63)) != 0 }

func (b *bitmap) count() int {
	n := 0
	for _, x := range b {
		n += bits.OnesCount64(x)
	}
	return n
}

func (b *bitmap) setAll(ids []uint64) {
	for _, id := range ids {
		b.set(uint16(id))
	}
}

// or adds the ids of a chunk.
func (b *bitmap) or(v *roaring.Bitmap) {
	if v.GetCardinality() <= 256 {
		v.Iterate(func(i uint32) bool { b.set(uint16(i)); return true })
		return
	}
	for i, x := range v.ToDense() {
		b[i] |= x
	}
}

const (
	or     = '|'
	and    = '&'
	andNot = '-' // what is in the first and in none of the others
)

// combine sets b to the result of an operation on b and x. Four words a step take half the time of
// one.
func (b *bitmap) combine(op byte, x *bitmap) {
	switch op {
	case or:
		for i := 0; i < len(b); i += 4 {
			b[i], b[i+1], b[i+2], b[i+3] = b[i]|x[i], b[i+1]|x[i+1], b[i+2]|x[i+2], b[i+3]|x[i+3]
		}
	case and:
		for i := 0; i < len(b); i += 4 {
			b[i], b[i+1], b[i+2], b[i+3] = b[i]&x[i], b[i+1]&x[i+1], b[i+2]&x[i+2], b[i+3]&x[i+3]
		}
	case andNot:
		for i := 0; i < len(b); i += 4 {
			b[i], b[i+1], b[i+2], b[i+3] = b[i]&^x[i], b[i+1]&^x[i+1], b[i+2]&^x[i+2], b[i+3]&^x[i+3]
		}
	}
}

// runs is the number of runs of consecutive ids.
func (b *bitmap) runs() int {
	n, carry := 0, uint64(0)
	for _, x := range b {
		n += bits.OnesCount64(x &^ (x<<1 | carry)) // a run begins where the bit before is clear
		carry = x >> 63
	}
	return n
}

// roaring returns b as a Roaring bitmap, which takes over the bits.
func (b *bitmap) roaring() *roaring.Bitmap { return roaring.FromDense(b[:], false) }

// stored returns the stored form of b without its CRC, for which it has capacity. b must not be
// empty; its bits are taken over.
func (b *bitmap) stored() []byte {
	v := b.roaring()
	if v.IsEmpty() {
		panic("kv: an empty chunk is not stored")
	}
	if b.runs() <= maxRuns {
		v.RunOptimize()
	}
	buf := bytes.NewBuffer(make([]byte, 0, v.GetSerializedSizeInBytes()+crcLen))
	if _, err := v.WriteTo(buf); err != nil {
		panic(err) // a buffer takes everything
	}
	return buf.Bytes()
}

// bitmaps is a set of ids in memory, to which ids are added in any order: a bitmap for each chunk.
// The zero value is empty.
type bitmaps struct {
	of    map[uint64]*bitmap
	chunk uint64 // the one that was used last
	last  *bitmap
}

func (g *bitmaps) add(id uint64) { g.bitmap(id >> chunkBits).set(uint16(id)) }

func (g *bitmaps) has(id uint64) bool {
	b := g.of[id>>chunkBits]
	return b != nil && b.has(uint16(id))
}

func (g *bitmaps) count() (n int) {
	for _, b := range g.of {
		n += b.count()
	}
	return n
}

// bitmap returns the ids of a chunk.
func (g *bitmaps) bitmap(chunk uint64) *bitmap {
	if g.last == nil || g.chunk != chunk {
		if g.chunk, g.last = chunk, g.of[chunk]; g.last == nil {
			g.last = new(bitmap)
			if g.of == nil {
				g.of = map[uint64]*bitmap{}
			}
			g.of[chunk] = g.last
		}
	}
	return g.last
}

// chunks yields the numbers of the chunks, ascending.
func (g *bitmaps) chunks() iter.Seq[uint64] { return slices.Values(slices.Sorted(maps.Keys(g.of))) }

// ids yields the ids of a chunk, ascending.
func (g *bitmaps) ids(chunk uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		if b := g.of[chunk]; b != nil {
			b.roaring().Iterate(func(i uint32) bool { return yield(chunk<<chunkBits | uint64(i)) })
		}
	}
}

// scratch is memory for the bitmaps of one chunk, 8 KiB each. The next chunk reuses it.
type scratch struct {
	bitmaps []*bitmap
	used    int
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// newScratch returns a scratch; put it back to scratches after use.
func newScratch() *scratch {
	s := scratches.Get().(*scratch)
	s.used = 0
	return s
}

// bitmap returns an empty bitmap, valid until the next chunk.
func (s *scratch) bitmap() *bitmap {
	if s.used == len(s.bitmaps) {
		s.bitmaps = append(s.bitmaps, new(bitmap))
	}
	b := s.bitmaps[s.used]
	clear(b[:])
	s.used++
	return b
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const crcLen = 4

// withCRC appends the CRC-32C of key and value to the value; checkCRC checks it and removes it.
func withCRC(key, value []byte) []byte {
	return binary.LittleEndian.AppendUint32(value, sum(key, value))
}

func sum(key, value []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, key), castagnoli, value)
}

func checkCRC(key, stored []byte) ([]byte, error) {
	n := len(stored) - crcLen
	if n < 0 {
		return nil, errShort
	}
	if sum(key, stored[:n]) != binary.LittleEndian.Uint32(stored[n:]) {
		return nil, errSum
	}
	return stored[:n:n], nil
}

var errSum = errors.New("the CRC does not match")

// maxSmall is the largest number of ids that a set keeps as one value.
const maxSmall = 1024

// appendSmall appends a whole set, ids ascending, as differences.
func appendSmall(dst []byte, ids []uint64) []byte {
	last := uint64(0)
	for _, id := range ids {
		dst = binary.AppendUvarint(dst, id-last)
		last = id
	}
	return dst
}

var errSmall = errors.New("not a list of ascending ids")

// readSmall appends the ids of a small set to dst.
func readSmall(dst []uint64, b []byte) ([]uint64, error) {
	last, most := uint64(0), len(dst)+maxSmall
	for len(b) > 0 {
		d, n := binary.Uvarint(b)
		if n <= 0 || d == 0 || d > MaxID-last || len(dst) == most {
			return nil, errSmall
		}
		b, last = b[n:], last+d
		dst = append(dst, last)
	}
	return dst, nil
}
