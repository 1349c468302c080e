package ingest

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// sky is the side x side pixels of an image of int16: noise about a level, as most images are.
func sky(side int) []int16 {
	random := rand.New(rand.NewPCG(1, 2))
	out := make([]int16, side*side)
	for i := range out {
		out[i] = int16(1000 + 30*random.NormFloat64())
	}
	return out
}

// bitWriter puts bits behind each other, highest first.
type bitWriter struct {
	out  []byte
	free int // bits of the last byte
}

func (w *bitWriter) put(v uint64, n int) {
	for n > 0 {
		if w.free == 0 {
			w.out, w.free = append(w.out, 0), 8
		}
		some := min(n, w.free)
		w.out[len(w.out)-1] |= byte(v>>(n-some)&(1<<some-1)) << (w.free - some)
		n, w.free = n-some, w.free-some
	}
}

// riceEncode compresses 16-bit pixels as RICE_1 in blocks of 32.
func riceEncode(pixels []int16) []byte {
	var w bitWriter
	last := pixels[0]
	w.put(uint64(uint16(last)), 16)
	for len(pixels) > 0 {
		n := min(32, len(pixels))
		var mapped [32]uint64
		sum := uint64(0)
		for i, v := range pixels[:n] {
			d := int64(v) - int64(last)
			last = v
			mapped[i] = uint64(d) << 1
			if d < 0 {
				mapped[i] = ^mapped[i] & 0x1ffff
			}
			sum += mapped[i]
		}
		fs := 0
		for mean := sum / uint64(n) / 2; mean > 0; mean >>= 1 {
			fs++
		}
		w.put(uint64(fs+1), 4)
		for _, m := range mapped[:n] {
			for range m >> fs {
				w.put(0, 1)
			}
			w.put(1, 1)
			w.put(m&(1<<fs-1), fs)
		}
		pixels = pixels[n:]
	}
	return w.out
}

// tiledFile is a file with one tile-compressed image of width x height pixels in tiles of so many
// rows, each of the given bytes.
func tiledFile(kind string, bitpix, width, height, tileHeight int, tiles [][]byte, cards ...string) []byte {
	var table, heap bytes.Buffer
	for _, tile := range tiles {
		_ = binary.Write(&table, binary.BigEndian, []int32{int32(len(tile)), int32(heap.Len())})
		heap.Write(tile)
	}
	rows := len(tiles)
	out := append(fitsCards(fitsShape(8)...),
		fitsCards(with([]string{"XTENSION= 'BINTABLE'", "BITPIX  =                    8",
			"NAXIS   =                    2", "NAXIS1  =                    8",
			fmt.Sprintf("NAXIS2  = %20d", rows), fmt.Sprintf("PCOUNT  = %20d",
				heap.Len()), "GCOUNT  =                    1", "TFIELDS =                    1",
			"TTYPE1  = 'COMPRESSED_DATA'", "TFORM1  = '1PB'", "ZIMAGE  =                    T", "ZCMPTYPE= '" + kind +
				"'", fmt.Sprintf("ZBITPIX = %20d", bitpix), "ZNAXIS  =                    2",
			fmt.Sprintf("ZNAXIS1 = %20d", width), fmt.Sprintf("ZNAXIS2 = %20d", height), fmt.Sprintf("ZTILE1  = %20d",
				width), fmt.Sprintf("ZTILE2  = %20d", tileHeight)}, cards...)...)...)
	return append(out, padBlock(append(table.Bytes(), heap.Bytes()...), 0)...)
}

// packed compresses with gzip.
func packed(data []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// shuffled puts all first bytes of numbers before all second ones, as GZIP_2 has them.
func shuffled(data []byte, width int) []byte {
	out := make([]byte, 0, len(data))
	for b := range width {
		for i := b; i < len(data); i += width {
			out = append(out, data[i])
		}
	}
	return out
}

func bigEndian(pixels []int16) []byte {
	out := make([]byte, 0, 2*len(pixels))
	for _, v := range pixels {
		out = binary.BigEndian.AppendUint16(out, uint16(v))
	}
	return out
}

// ordinaryImages are images of 2048 x 2048 int16 as observatories write them.
func ordinaryImages() map[string][]byte {
	const side = 2048
	pixels := sky(side)
	rice := [][]byte{}
	gzip1, gzip2 := [][]byte{}, [][]byte{}
	for y := range side {
		row := pixels[y*side : (y+1)*side]
		rice = append(rice, riceEncode(row))
		gzip1 = append(gzip1, packed(bigEndian(row)))
		gzip2 = append(gzip2, packed(shuffled(bigEndian(row), 2)))
	}
	plain := append(fitsCards(fitsShape(16, side, side)...), padBlock(bigEndian(pixels), 0)...)
	parameters := []string{"ZNAME1  = 'BLOCKSIZE'", "ZVAL1   = 32", "ZNAME2  = 'BYTEPIX'", "ZVAL2   = 2"}
	return map[string][]byte{
		"plain":  plain,
		"gz":     packed(plain),
		"rice":   tiledFile("RICE_1", 16, side, side, 1, rice, parameters...),
		"gzip1":  tiledFile("GZIP_1", 16, side, side, 1, gzip1),
		"gzip2":  tiledFile("GZIP_2", 16, side, side, 1, gzip2),
		"whole1": tiledFile("GZIP_1", 16, side, side, side, [][]byte{packed(bigEndian(pixels))}),
		"whole2": tiledFile("GZIP_2", 16, side, side, side, [][]byte{packed(shuffled(bigEndian(pixels), 2))}),
	}
}

// BenchmarkPreview makes the preview of an ordinary image, whichever way it is stored.
func BenchmarkPreview(b *testing.B) {
	for name, data := range ordinaryImages() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Preview(b.Context(), fileOf(data)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
