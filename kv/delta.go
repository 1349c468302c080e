package kv

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// A delta says how to make a record from another one. The log keeps old records as deltas: where
// one number of a large target has changed, the delta takes some twenty bytes. It is the length of
// the record as uvarint, its CRC-32C (4 bytes, little-endian), and then steps. A step begins with a
// uvarint n:
//
//	n even: the n/2 bytes that follow
//	n odd:  n/2 bytes of the other record, from the offset that follows as uvarint
//
// The same two records always give the same delta.

const (
	deltaBlock = 16      // shortest run of equal bytes that is found away from the ends
	maxDelta   = 1 << 30 // bytes of a record that a delta may make
)

var errDelta = errors.New("a difference that does not fit its record")

// appendDelta appends the delta that makes to from from.
func appendDelta(dst, from, to []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(to)))
	dst = binary.LittleEndian.AppendUint32(dst, sum(nil, to))
	head := commonHead(from, to)
	tail := commonTail(from[head:], to[head:])
	end := len(to) - tail
	if head > 0 {
		dst = appendCopy(dst, head, 0)
	}
	dst = appendMiddle(dst, from, to[:end], head)
	if tail > 0 {
		dst = appendCopy(dst, tail, len(from)-tail)
	}
	return dst
}

// appendMiddle appends the steps for to from offset at on. It looks for blocks of from in it.
func appendMiddle(dst, from, to []byte, at int) []byte {
	fresh := at // the first byte that no step covers yet
	if len(to)-at >= deltaBlock && len(from) >= deltaBlock {
		blocks := newBlocks(from)
		for h := blockHash(to[at:]); at+deltaBlock <= len(to); {
			place, n := blocks.find(from, to[at:], h)
			if n == 0 {
				if at+deltaBlock < len(to) {
					h = rollHash(h, to[at], to[at+deltaBlock])
				}
				at++
				continue
			}
			back := commonTail(from[:place], to[fresh:at])
			dst = appendBytes(dst, to[fresh:at-back])
			dst = appendCopy(dst, back+n, place-back)
			at += n
			fresh = at
			if at+deltaBlock <= len(to) {
				h = blockHash(to[at:])
			}
		}
	}
	return appendBytes(dst, to[fresh:])
}

func appendCopy(dst []byte, n, place int) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(dst, uint64(n)<<1|1), uint64(place))
}

func appendBytes(dst, b []byte) []byte {
	if len(b) == 0 {
		return dst
	}
	return append(binary.AppendUvarint(dst, uint64(len(b))<<1), b...)
}

func commonHead(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func commonTail(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// blockTable finds the blocks of a record by their hash. Of several blocks with the same slot it
// keeps the first.
type blockTable struct {
	slots []int32 // the offset of a block plus 1, 0 for none
	shift uint
}

func newBlocks(from []byte) blockTable {
	n := bits.Len(uint(2 * len(from) / deltaBlock))
	t := blockTable{make([]int32, 1<<n), uint(64 - n)}
	for at := 0; at+deltaBlock <= len(from); at += deltaBlock {
		if p := &t.slots[t.slot(blockHash(from[at:]))]; *p == 0 {
			*p = int32(at) + 1
		}
	}
	return t
}

func (t blockTable) slot(h uint64) uint64 { return h * 0x9e3779b97f4a7c15 >> t.shift }

// find returns the offset in from of a block with which to begins, and how many bytes are equal
// from there; 0 when there is none.
func (t blockTable) find(from, to []byte, h uint64) (place, n int) {
	place = int(t.slots[t.slot(h)]) - 1
	if place < 0 {
		return 0, 0
	}
	if n = commonHead(from[place:], to); n < deltaBlock {
		return 0, 0
	}
	return place, n
}

// The hash of a block is a polynomial over its bytes, so that it can be rolled on by one byte.
const hashBase = 0x100000001b3

var hashTop = func() uint64 { // hashBase to the power of deltaBlock-1
	p := uint64(1)
	for range deltaBlock - 1 {
		p *= hashBase
	}
	return p
}()

func blockHash(b []byte) (h uint64) {
	for _, c := range b[:deltaBlock] {
		h = h*hashBase + uint64(c) + 1
	}
	return h
}

func rollHash(h uint64, out, in byte) uint64 {
	return (h-(uint64(out)+1)*hashTop)*hashBase + uint64(in) + 1
}

// applyDelta makes a record from another one and a delta.
func applyDelta(from, delta []byte) ([]byte, error) {
	size, n := binary.Uvarint(delta)
	if n <= 0 || size > maxDelta || len(delta) < n+crcLen {
		return nil, errDelta
	}
	crc, steps := binary.LittleEndian.Uint32(delta[n:]), delta[n+crcLen:]
	if total, err := walkDelta(from, steps, func([]byte) {}); err != nil || total != size {
		return nil, errDelta
	}
	rec := make([]byte, 0, size) // exactly what the steps make
	walkDelta(from, steps, func(b []byte) { rec = append(rec, b...) })
	if sum(nil, rec) != crc {
		return nil, errDelta
	}
	return rec, nil
}

// walkDelta calls give with the bytes that each step makes, and returns their total.
func walkDelta(from, steps []byte, give func([]byte)) (total uint64, err error) {
	for len(steps) > 0 {
		head, n := binary.Uvarint(steps)
		if n <= 0 {
			return 0, errDelta
		}
		steps = steps[n:]
		length, source := head>>1, steps
		if head&1 != 0 {
			place, n := binary.Uvarint(steps)
			if n <= 0 || place > uint64(len(from)) {
				return 0, errDelta
			}
			source, steps = from[place:], steps[n:]
		}
		if length > uint64(len(source)) {
			return 0, errDelta
		}
		if total += length; total > maxDelta {
			return 0, errDelta
		}
		give(source[:length])
		if head&1 == 0 {
			steps = steps[length:]
		}
	}
	return total, nil
}
