package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
	"slices"
)

// A chunk holds the ids of a set that share id>>16, by their low 16 bits. It is stored in the form that is smallest,
// except that runs are used only when there are at most maxRuns: a chunk in runs must be spread out before it can be
// combined, which pays only when the runs are few.
//
//	form 'a' (array)   card-1 uint16, then card uint16, ascending
//	form 'b' (bitmap)  card-1 uint16, then 1,024 uint64
//	form 'r' (runs)    card-1 uint16, then pairs of uint16, first and last id of each run
//	form 'v' (varints) a whole small set: count and differences as uvarints, see smallset.go
//
// All numbers are little-endian; a CRC-32C of key and value ends each.
const (
	chunkBits  = 16
	chunkIDs   = 1 << chunkBits
	chunkWords = chunkIDs / 64
	maxArray   = 4096
	maxRuns    = 16

	formArray  = 'a'
	formBitmap = 'b'
	formRuns   = 'r'
	formSmall  = 'v'
)

// words is a chunk spread out: bit i%64 of word i/64 stands for id i.
type words [chunkWords]uint64

func (w *words) set(i uint16)      { w[i>>6] |= 1 << (i & 63) }
func (w *words) unset(i uint16)    { w[i>>6] &^= 1 << (i & 63) }
func (w *words) has(i uint16) bool { return w[i>>6]&(1<<(i&63)) != 0 }

func (w *words) count() int {
	n := 0
	for _, x := range w {
		n += bits.OnesCount64(x)
	}
	return n
}

func (w *words) or(o *words) {
	for i, x := range o {
		w[i] |= x
	}
}

func (w *words) and(o *words) {
	for i, x := range o {
		w[i] &= x
	}
}

func (w *words) andNot(o *words) {
	for i, x := range o {
		w[i] &^= x
	}
}

// setRange sets the ids first to last, both included.
func (w *words) setRange(first, last uint16) {
	a, b := int(first>>6), int(last>>6)
	low, high := ^uint64(0)<<(first&63), ^uint64(0)>>(63-last&63)
	if a == b {
		w[a] |= low & high
		return
	}
	w[a] |= low
	for i := a + 1; i < b; i++ {
		w[i] = ^uint64(0)
	}
	w[b] |= high
}

// each calls fn for the ids that are set, ascending, until it returns false.
func (w *words) each(fn func(uint16) bool) {
	for i, x := range w {
		for x != 0 {
			if !fn(uint16(i<<6 | bits.TrailingZeros64(x))) {
				return
			}
			x &= x - 1
		}
	}
}

// runs is the number of runs of consecutive ids.
func (w *words) runs() int {
	n, carry := 0, uint64(0)
	for _, x := range w {
		n += bits.OnesCount64(x &^ (x<<1 | carry)) // a run begins where the bit before is clear
		carry = x >> 63
	}
	return n
}

// appendChunk appends the stored form of w, which must not be empty, without its CRC.
func appendChunk(dst []byte, w *words) []byte {
	card := w.count()
	if card == 0 {
		panic("kv: an empty chunk is not stored")
	}
	runs := w.runs()
	form, size := byte(formBitmap), chunkWords*8
	if card <= maxArray {
		form, size = formArray, 2*card
	}
	if runs <= maxRuns && 4*runs < size {
		form = formRuns
	}
	dst = append(dst, form)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(card-1))
	switch form {
	case formBitmap:
		for _, x := range w {
			dst = binary.LittleEndian.AppendUint64(dst, x)
		}
	case formArray:
		w.each(func(i uint16) bool { dst = binary.LittleEndian.AppendUint16(dst, i); return true })
	case formRuns:
		open, last := false, uint16(0)
		w.each(func(i uint16) bool {
			if !open || i != last+1 {
				if open {
					dst = binary.LittleEndian.AppendUint16(dst, last)
				}
				dst = binary.LittleEndian.AppendUint16(dst, i)
			}
			open, last = true, i
			return true
		})
		dst = binary.LittleEndian.AppendUint16(dst, last)
	}
	return dst
}

// grown is the stored form of an array with ids added that come after all others, as those of new rows do; nil when they do not, or the form would be another.
func (v chunkView) grown(changes []idChange) []byte {
	card := v.card + len(changes)
	if v.form != formArray || card > maxArray {
		return nil
	}
	dst := make([]byte, 0, 3+2*card+crcLen)
	dst = append(dst, formArray)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(card-1))
	dst = append(dst, v.data...)
	last := binary.LittleEndian.Uint16(v.data[len(v.data)-2:])
	for _, c := range changes {
		i := uint16(c.id)
		if c.remove || i <= last {
			return nil
		}
		dst, last = binary.LittleEndian.AppendUint16(dst, i), i
	}
	runs, before := 0, -2
	for d := dst[3:]; len(d) > 0; d = d[2:] {
		i := int(binary.LittleEndian.Uint16(d))
		if i != before+1 {
			runs++
		}
		before = i
	}
	if runs <= maxRuns && 4*runs < 2*card {
		return nil
	}
	return dst
}

// A chunkView reads a stored chunk where it lies. It is valid as long as its bytes are.
type chunkView struct {
	form byte
	card int
	data []byte
}

// viewChunk checks the shape of a stored chunk, its CRC being checked already.
func viewChunk(b []byte) (chunkView, error) {
	if len(b) < 3 {
		return chunkView{}, errShort
	}
	v := chunkView{form: b[0], card: int(binary.LittleEndian.Uint16(b[1:])) + 1, data: b[3:]}
	ok := false
	switch v.form {
	case formArray:
		ok = len(v.data) == 2*v.card
	case formBitmap:
		ok = len(v.data) == 8*chunkWords
	case formRuns:
		ok = len(v.data) > 0 && len(v.data)%4 == 0
	}
	if !ok {
		return chunkView{}, fmt.Errorf("chunk of form %q has %d bytes", v.form, len(v.data))
	}
	return v, nil
}

func (v chunkView) has(i uint16) bool {
	switch v.form {
	case formBitmap:
		return v.data[i>>3]&(1<<(i&7)) != 0
	case formArray:
		lo, hi := 0, v.card
		for lo < hi {
			mid := (lo + hi) / 2
			if x := binary.LittleEndian.Uint16(v.data[2*mid:]); x == i {
				return true
			} else if x < i {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		return false
	default:
		for d := v.data; len(d) > 0; d = d[4:] {
			if i >= binary.LittleEndian.Uint16(d) && i <= binary.LittleEndian.Uint16(d[2:]) {
				return true
			}
		}
		return false
	}
}

// orInto adds the chunk to w.
func (v chunkView) orInto(w *words) {
	switch v.form {
	case formBitmap:
		d := v.data[: 8*chunkWords : 8*chunkWords]
		for i := range w {
			w[i] |= binary.LittleEndian.Uint64(d[8*i:])
		}
	case formArray:
		for d := v.data; len(d) > 0; d = d[2:] {
			w.set(binary.LittleEndian.Uint16(d))
		}
	default:
		for d := v.data; len(d) > 0; d = d[4:] {
			w.setRange(binary.LittleEndian.Uint16(d), binary.LittleEndian.Uint16(d[2:]))
		}
	}
}

// andInto keeps in w what is in the chunk.
func (v chunkView) andInto(w *words) {
	if v.form == formBitmap {
		d := v.data[: 8*chunkWords : 8*chunkWords]
		for i := range w {
			w[i] &= binary.LittleEndian.Uint64(d[8*i:])
		}
		return
	}
	var mask words
	v.orInto(&mask)
	w.and(&mask)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const crcLen = 4

// seal appends the CRC-32C of key and value to the value; unseal checks it and takes it off.
func seal(key, value []byte) []byte {
	return binary.LittleEndian.AppendUint32(value, sum(key, value))
}

func sum(key, value []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, key), castagnoli, value)
}

func unseal(key, stored []byte) ([]byte, error) {
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

// maxSmall is the most ids that a set keeps as one value.
const maxSmall = 1024

// appendSmall appends a whole set, ids ascending, as count and differences.
func appendSmall(dst []byte, ids []uint64) []byte {
	dst = append(dst, formSmall)
	dst = binary.AppendUvarint(dst, uint64(len(ids)))
	last := uint64(0)
	for _, id := range ids {
		dst = binary.AppendUvarint(dst, id-last)
		last = id
	}
	return dst
}

// growSmall is the stored form of a small set with ids added that come after all others, as those of new rows do; nil when they do not, or are too many, or the
// stored form is not as it should be.
func growSmall(b []byte, changes []idChange) []byte {
	if len(b) < 2 || b[0] != formSmall {
		return nil
	}
	n, l := binary.Uvarint(b[1:])
	if l <= 0 || n+uint64(len(changes)) > maxSmall {
		return nil
	}
	b = b[1+l:]
	last, count := uint64(0), uint64(0)
	for rest := b; len(rest) > 0; count++ {
		d, l := binary.Uvarint(rest)
		if l <= 0 {
			return nil
		}
		rest, last = rest[l:], last+d
	}
	if count != n {
		return nil
	}
	dst := make([]byte, 0, 4+len(b)+6*len(changes)+crcLen)
	dst = binary.AppendUvarint(append(dst, formSmall), n+uint64(len(changes)))
	dst = append(dst, b...)
	for _, c := range changes {
		if c.remove || c.id <= last {
			return nil
		}
		dst, last = binary.AppendUvarint(dst, c.id-last), c.id
	}
	return dst
}

// readSmall appends the ids of a small set to dst.
func readSmall(dst []uint64, b []byte) ([]uint64, error) {
	if len(b) < 2 || b[0] != formSmall {
		return nil, errShort
	}
	n, l := binary.Uvarint(b[1:])
	if l <= 0 || n > maxSmall {
		return nil, errShort
	}
	b = b[1+l:]
	dst = slices.Grow(dst, int(n))
	last := uint64(0)
	for range n {
		d, l := binary.Uvarint(b)
		if l <= 0 {
			return nil, errShort
		}
		b, last = b[l:], last+d
		dst = append(dst, last)
	}
	if len(b) != 0 {
		return nil, fmt.Errorf("%d bytes too many", len(b))
	}
	return dst, nil
}
