package fits

import (
	"context"
	"encoding/binary"
	"errors"
	"math/bits"

	"nightjar/ingest/bounded"
)

var errTile = errors.New("a damaged tile")

// rice decodes the Rice algorithm (Rice, Yeh and Miller 1993; White and Becker 1998): the first
// value, then differences in blocks, each with its own number of bits after a unary part. The tile
// is open in t.in.
func (t *tiles) rice(ctx context.Context, n int64, each func([]int64) error) error {
	bits, codeBits, most := uint(32), uint(5), 25
	switch t.bytePix {
	case 1:
		bits, codeBits, most = 8, 3, 6
	case 2:
		bits, codeBits, most = 16, 4, 14
	}
	in := &t.in
	last, ok := in.take(bits)
	// a block takes at least codeBits bits, so the size of the tile bounds n
	if !ok || n > (in.size*8/int64(codeBits)+1)*int64(t.block) {
		return in.failed()
	}
	out := t.raw64[:0]
	mask := uint64(1)<<bits - 1
	sign := 64 - bits
	if t.bytePix == 1 {
		sign = 0 // bytes are unsigned
	}
	for n > 0 {
		code, ok := in.take(codeBits)
		if !ok {
			return in.failed()
		}
		some := min(int64(t.block), n)
		n -= some
		fs := int(code) - 1
		for range some {
			var d uint64
			switch {
			case fs < 0:
			case fs == most:
				if d, ok = in.take(bits); !ok {
					return in.failed()
				}
			default:
				high, ok := in.zeros()
				if !ok {
					return in.failed()
				}
				low, ok := in.take(uint(fs))
				if !ok {
					return in.failed()
				}
				d = high<<fs | low
			}
			d = d>>1 ^ -(d & 1)
			last = (last + d) & mask
			out = append(out, int64(last<<sign)>>sign)
		}
		if len(out) >= stripPixels || n == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := t.file.Budget.Err(); err != nil {
				return err
			}
			if err := each(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	return nil
}

// tileInput takes bits off the front of a tile, the highest first, and reads the tile as needed.
type tileInput struct {
	file         bounded.File
	offset, left int64 // of the unread bytes
	size         int64 // of the tile
	err          error // of reading the file
	chunk        []byte
	data         []byte // the rest of chunk
	bits         uint64 // the next bits on top; below them those that follow in data, or zeros
	have         uint   // number of bits that are valid
}

func (in *tileInput) open(f bounded.File, offset, size int64) {
	if in.chunk == nil {
		in.chunk = make([]byte, 64<<10)
	}
	*in = tileInput{file: f, offset: offset, left: size, size: size, chunk: in.chunk}
}

// failed says why there are no more bits.
func (in *tileInput) failed() error {
	if in.err != nil {
		return in.err
	}
	return errTile
}

// fill adds bits, up to at least 57 unless the tile ends.
func (in *tileInput) fill() {
	if len(in.data) >= 8 {
		in.bits |= binary.BigEndian.Uint64(in.data) >> in.have
		n := (63 - in.have) >> 3
		in.data, in.have = in.data[n:], in.have+n*8
		return
	}
	for in.have <= 56 {
		if len(in.data) == 0 {
			n := min(in.left, int64(len(in.chunk)))
			if n == 0 || in.err != nil {
				return
			}
			if in.err = bounded.ReadFull(in.file, in.chunk[:n], in.offset); in.err != nil {
				return
			}
			in.data, in.offset, in.left = in.chunk[:n], in.offset+n, in.left-n
		}
		in.bits |= uint64(in.data[0]) << (56 - in.have)
		in.data, in.have = in.data[1:], in.have+8
	}
}

// take takes n bits, at most 32.
func (in *tileInput) take(n uint) (v uint64, ok bool) {
	if in.have < n {
		if in.fill(); in.have < n {
			return 0, false
		}
	}
	v = in.bits >> (64 - n)
	in.bits <<= n
	in.have -= n
	return v, true
}

// zeros counts the zeros before the next one, and takes them and the one.
func (in *tileInput) zeros() (n uint64, ok bool) {
	for {
		if z := uint(bits.LeadingZeros64(in.bits)); z < in.have {
			in.bits <<= z + 1
			in.have -= z + 1
			return n + uint64(z), true
		}
		n += uint64(in.have)
		in.bits <<= in.have
		in.have = 0
		if in.fill(); in.have == 0 {
			return 0, false
		}
	}
}
