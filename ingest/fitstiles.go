package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"sync"
)

const (
	maxTile   = 16 << 20  // pixels of a tile
	maxPacked = 400 << 20 // pixels of a tile-compressed image
)

// tiles reads an image that is compressed tile by tile in a binary table, as .fz files have it (FITS standard 4.0, section
// 10.1), with RICE_1, GZIP_1, GZIP_2 or NOCOMPRESS.
type tiles struct {
	table             *fitsTable
	file              File
	kind              string
	size              []int64 // of a tile
	count             []int64 // of tiles along every axis
	data, packed, raw int     // columns COMPRESSED_DATA, GZIP_COMPRESSED_DATA, UNCOMPRESSED_DATA; -1 for none
	scale, zero       int     // columns ZSCALE, ZZERO; -1 for none
	scaleValue        float64 // keywords of these names
	zeroValue         float64
	hasScale          bool
	blank             int64
	blankColumn       int
	hasBlank          bool
	block, bytePix    int
	dither            int // 0 none, 1 or 2
	seed              int64
	decoded           int64 // the tile in values; -1 for none
	values            []pixel
	buf               []byte
}

// unzip turns a compressed image's HDU into that of the image itself. Others stay as they are.
func (h *fitsHDU) unzip(f File) error {
	if image, _ := h.text("ZIMAGE"); h.kind != "BINTABLE" || image != "T" {
		return nil
	}
	table, err := h.table()
	if err != nil {
		return err
	}
	copied := *h
	table.fitsHDU = &copied
	t := &tiles{table: table, file: f, data: -1, packed: -1, raw: -1, scale: -1, zero: -1, blankColumn: -1, decoded: -1}
	t.kind, _ = h.text("ZCMPTYPE")
	bitpix, _, err := h.integer("ZBITPIX")
	if err != nil {
		return err
	}
	naxis, _, err := h.integer("ZNAXIS")
	if err != nil {
		return err
	}
	switch bitpix {
	case 8, 16, 32, 64, -32, -64:
	default:
		return h.refuse("ZBITPIX", "must be 8, 16, 32, 64, -32 or -64")
	}
	if naxis < 1 || naxis > 6 {
		return h.refuse("ZNAXIS", "must be from 1 to 6")
	}
	pixels, number, all := int64(1), int64(1), int64(1)
	var axes []int64
	for i := int64(1); i <= naxis; i++ {
		n := strconv.FormatInt(i, 10)
		length, _, err := h.integer("ZNAXIS" + n)
		if err != nil {
			return err
		}
		tile, there, err := h.integer("ZTILE" + n)
		if err != nil {
			return err
		}
		if !there {
			if tile = 1; i == 1 {
				tile = length
			}
		}
		if length < 1 || tile < 1 {
			return h.refuse("ZNAXIS"+n, "must be 1 or more, and so must the tiles'")
		}
		tile = min(tile, length)
		axes, t.size = append(axes, length), append(t.size, tile)
		t.count = append(t.count, (length+tile-1)/tile)
		pixels, number, all = multiply(pixels, tile), multiply(number, t.count[i-1]), multiply(all, length)
	}
	switch {
	case pixels < 0 || pixels > maxTile:
		return h.refuse("ZTILE1", "a tile of more than "+strconv.Itoa(maxTile)+" pixels")
	case all < 0 || all > maxPacked:
		return h.refuse("ZNAXIS1", "a compressed image of more than "+strconv.Itoa(maxPacked)+" pixels")
	case number != table.rows:
		return h.refuse("NAXIS2", "the table has "+strconv.FormatInt(table.rows, 10)+" rows for "+strconv.FormatInt(number, 10)+" tiles")
	}
	if err := t.describe(); err != nil {
		return err
	}
	h.kind, h.bitpix, h.axes, h.tiles = "IMAGE", int(bitpix), axes, t
	return nil
}

// describe reads columns and parameters.
func (t *tiles) describe() error {
	h := t.table
	for i, c := range h.columns {
		switch strings.ToUpper(c.name) {
		case "COMPRESSED_DATA":
			t.data = i
		case "GZIP_COMPRESSED_DATA":
			t.packed = i
		case "UNCOMPRESSED_DATA":
			t.raw = i
		case "ZSCALE":
			t.scale = i
		case "ZZERO":
			t.zero = i
		case "ZBLANK":
			t.blankColumn = i
		}
	}
	switch t.kind {
	case "RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "NOCOMPRESS":
	default:
		return h.refuse("ZCMPTYPE", "images compressed with "+quoted(t.kind)+" are not read")
	}
	if t.data < 0 {
		return h.refuse("TTYPE1", "there is no column COMPRESSED_DATA")
	}
	t.block, t.bytePix = 32, 4
	for i := 1; i <= 20; i++ {
		n := strconv.Itoa(i)
		name, there := h.text("ZNAME" + n)
		if !there {
			break
		}
		v, _, err := h.integer("ZVAL" + n)
		if err != nil {
			continue // parameters of no interest may be anything
		}
		switch strings.ToUpper(name) {
		case "BLOCKSIZE":
			t.block = int(v)
		case "BYTEPIX":
			t.bytePix = int(v)
		}
	}
	if t.block < 1 || t.block > 4096 || t.bytePix != 1 && t.bytePix != 2 && t.bytePix != 4 {
		return h.refuse("ZVAL1", "the parameters of the compression make no sense")
	}
	var err error
	if t.scaleValue, t.hasScale, err = h.number("ZSCALE"); err != nil {
		return err
	}
	if t.zeroValue, _, err = h.number("ZZERO"); err != nil {
		return err
	}
	if t.blank, t.hasBlank, err = h.integer("ZBLANK"); err != nil {
		return err
	}
	switch quantize, _ := h.text("ZQUANTIZ"); strings.ToUpper(quantize) {
	case "SUBTRACTIVE_DITHER_1":
		t.dither = 1
	case "SUBTRACTIVE_DITHER_2":
		t.dither = 2
	}
	t.seed, _, err = h.integer("ZDITHER0")
	return err
}

// cell reads a variable array of a row; empty when it has none there.
func (t *tiles) cell(column int, row int64) ([]byte, error) {
	if column < 0 {
		return nil, nil
	}
	c := &t.table.columns[column]
	a := array{column: c, offset: t.table.data + row*t.table.width + c.start, size: elementSize(c.kind())}
	n := c.repeat
	if c.form == 'P' || c.form == 'Q' {
		var err error
		if n, err = t.table.descriptor(t.file, &a); err != nil {
			return nil, err
		}
	}
	size := n * a.size
	if size > maxTile*8+1024 {
		return nil, t.table.refuse(c.name, "a tile of more bytes than it may have")
	}
	if int64(cap(t.buf)) < size {
		t.buf = make([]byte, size)
	}
	return t.buf[:size], readFull(t.file, t.buf[:size], a.offset)
}

// scalar reads a number of a row.
func (t *tiles) scalar(column int, row int64, otherwise float64) (float64, error) {
	if column < 0 {
		return otherwise, nil
	}
	c := &t.table.columns[column]
	if c.width < 1 || c.width > 16 || !c.scalar() {
		return 0, t.table.refuse(c.name, "not one number for each tile")
	}
	var b [16]byte
	if err := readFull(t.file, b[:c.width], t.table.data+row*t.table.width+c.start); err != nil {
		return 0, err
	}
	d, ok := parseDecimal(c.appendElement(nil, b[:c.width]))
	if !ok {
		return math.NaN(), nil
	}
	v, _ := d.float()
	return v, nil
}

// place is the first pixel and the size of a tile along every axis.
func (t *tiles) place(tile int64, axes []int64) (start, size []int64) {
	for i, n := range t.count {
		at := (tile % n) * t.size[i]
		tile /= n
		start, size = append(start, at), append(size, min(t.size[i], axes[i]-at))
	}
	return start, size
}

// tile decodes one tile, its pixels in the order of the image. They are valid until the next call.
func (t *tiles) tile(im *fitsImage, tile int64) ([]pixel, error) {
	if t.decoded == tile {
		return t.values, nil
	}
	t.decoded = -1
	_, size := t.place(tile, im.hdu.axes)
	n := int64(1)
	for _, s := range size {
		n *= s
	}
	bitpix := im.hdu.bitpix
	scale, err := t.scalar(t.scale, tile, t.scaleValue)
	if err != nil {
		return nil, err
	}
	zero, err := t.scalar(t.zero, tile, t.zeroValue)
	if err != nil {
		return nil, err
	}
	quantized := bitpix < 0 && (t.scale >= 0 || t.hasScale)
	data, err := t.cell(t.data, tile)
	if err != nil {
		return nil, err
	}
	t.values = t.values[:0]
	if len(data) == 0 { // a tile of floating-point numbers that could not be quantized
		if data, err = t.cell(t.packed, tile); err == nil && len(data) > 0 {
			data, err = t.gunzip(data, n*int64(max(bitpix, -bitpix)/8))
		} else if err == nil {
			data, err = t.cell(t.raw, tile)
		}
		if err != nil {
			return nil, err
		}
		return t.plain(im, data, n, bitpix, tile)
	}
	width := int64(max(bitpix, -bitpix) / 8)
	if quantized {
		width = 4
	}
	var whole []int64
	switch t.kind {
	case "RICE_1", "RICE_ONE":
		whole, err = riceDecode(data, int(n), t.bytePix, t.block)
		if err == nil && !quantized && bitpix < 0 {
			err = errTile
		}
	case "NOCOMPRESS":
		return t.plain(im, data, n, bitpix, tile)
	default:
		if data, err = t.gunzip(data, n*width); err == nil {
			if t.kind == "GZIP_2" {
				data = unshuffle(data, int(width))
			}
			if !quantized {
				return t.plain(im, data, n, bitpix, tile)
			}
			for ; len(data) >= 4; data = data[4:] {
				whole = append(whole, int64(int32(binary.BigEndian.Uint32(data))))
			}
		}
	}
	if err != nil || int64(len(whole)) != n {
		return nil, im.hdu.refuse("COMPRESSED_DATA", "tile "+strconv.FormatInt(tile+1, 10)+" is damaged")
	}
	blank, hasBlank := t.blank, t.hasBlank
	if t.blankColumn >= 0 {
		v, err := t.scalar(t.blankColumn, tile, math.NaN())
		if err != nil {
			return nil, err
		}
		blank, hasBlank = int64(v), v == v
	}
	if !quantized {
		for _, v := range whole {
			t.values = append(t.values, im.whole(v))
		}
	} else {
		dither := newDither(t.dither, t.seed, tile)
		for _, v := range whole {
			offset := dither.next()
			switch {
			case hasBlank && v == blank || !hasBlank && v == math.MinInt32:
				t.values = append(t.values, pixel{value: math.NaN()})
			case t.dither == 2 && v == math.MinInt32+2:
				t.values = append(t.values, im.worth(0))
			case bitpix == -32:
				t.values = append(t.values, im.worth(float64(float32((float64(v)-offset)*scale+zero))))
			default:
				t.values = append(t.values, im.worth((float64(v)-offset)*scale+zero))
			}
		}
	}
	t.decoded = tile
	return t.values, nil
}

// plain decodes pixels as an image has them.
func (t *tiles) plain(im *fitsImage, data []byte, n int64, bitpix int, tile int64) ([]pixel, error) {
	width := int64(max(bitpix, -bitpix) / 8)
	if int64(len(data)) != n*width {
		return nil, im.hdu.refuse("COMPRESSED_DATA", "tile "+strconv.FormatInt(tile+1, 10)+" has another size than it should")
	}
	for ; len(data) > 0; data = data[width:] {
		t.values = append(t.values, im.decode(data))
	}
	t.decoded = tile
	return t.values, nil
}

var errTile = errors.New("a damaged tile")

// gunzip unpacks a tile of a known size.
func (t *tiles) gunzip(data []byte, size int64) ([]byte, error) {
	in, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, t.table.refuse("COMPRESSED_DATA", "a tile is not gzip")
	}
	out, err := io.ReadAll(io.LimitReader(in, size+1))
	if err != nil || int64(len(out)) != size {
		return nil, t.table.refuse("COMPRESSED_DATA", "a tile is damaged")
	}
	return out, nil
}

// unshuffle puts the bytes of numbers together again: GZIP_2 stores all first bytes, then all second bytes, and so on.
func unshuffle(data []byte, width int) []byte {
	out := make([]byte, len(data))
	n := len(data) / width
	for i := range n {
		for b := range width {
			out[i*width+b] = data[b*n+i]
		}
	}
	return out
}

// dither gives the offsets that were subtracted from quantized pixels (FITS standard 4.0, section 10.2 and appendix I).
type dither struct {
	on    bool
	row   int
	index int
}

var ditherNumbers = sync.OnceValue(func() []float64 {
	out := make([]float64, 10_000)
	seed := int64(1)
	for i := range out {
		seed = seed * 16807 % 2147483647
		out[i] = float64(float32(float64(seed) / 2147483647))
	}
	return out
})

func newDither(kind int, seed, tile int64) *dither {
	if kind == 0 {
		return &dither{}
	}
	row := int(((tile+seed-1)%10_000 + 10_000) % 10_000)
	return &dither{on: true, row: row, index: int(ditherNumbers()[row] * 500)}
}

func (d *dither) next() float64 {
	if !d.on {
		return 0
	}
	v := ditherNumbers()[d.index] - 0.5
	if d.index++; d.index == len(ditherNumbers()) {
		if d.row++; d.row == len(ditherNumbers()) {
			d.row = 0
		}
		d.index = int(ditherNumbers()[d.row] * 500)
	}
	return v
}

// riceDecode undoes the Rice algorithm (Rice, Yeh and Miller 1993; White and Becker 1998): the first value whole, then
// differences in blocks that each have their number of bits behind a unary part.
func riceDecode(data []byte, n, bytePix, block int) ([]int64, error) {
	bits, codeBits, most := 32, 5, 25
	switch bytePix {
	case 1:
		bits, codeBits, most = 8, 3, 6
	case 2:
		bits, codeBits, most = 16, 4, 14
	}
	in := bitReader{data: data}
	last, ok := in.take(bits)
	// a pixel takes at least codeBits/block bits, so that n is bounded by what is there
	if !ok || n > (len(data)*8/codeBits+1)*block {
		return nil, errTile
	}
	out := make([]int64, 0, n)
	mask := uint64(1)<<bits - 1
	for len(out) < n {
		code, ok := in.take(codeBits)
		if !ok {
			return nil, errTile
		}
		for range min(block, n-len(out)) {
			var d uint64
			switch fs := int(code) - 1; {
			case fs < 0:
			case fs == most:
				if d, ok = in.take(bits); !ok {
					return nil, errTile
				}
			default:
				high, ok := in.zeros()
				if !ok {
					return nil, errTile
				}
				low, ok := in.take(fs)
				if !ok {
					return nil, errTile
				}
				d = high<<fs | low
			}
			if d&1 == 0 {
				d >>= 1
			} else {
				d = ^(d >> 1)
			}
			last = (last + d) & mask
			switch bytePix {
			case 1:
				out = append(out, int64(last))
			case 2:
				out = append(out, int64(int16(last)))
			default:
				out = append(out, int64(int32(last)))
			}
		}
	}
	return out, nil
}

// bitReader takes bits off the front of bytes, highest first.
type bitReader struct {
	data []byte
	at   int // bit
}

func (b *bitReader) take(n int) (v uint64, ok bool) {
	if b.at+n > len(b.data)*8 {
		return 0, false
	}
	for n > 0 {
		room := 8 - b.at&7
		some := min(room, n)
		part := uint64(b.data[b.at>>3]) >> (room - some) & (1<<some - 1)
		v = v<<some | part
		b.at, n = b.at+some, n-some
	}
	return v, true
}

// zeros counts the zeros before the next one, and takes that too.
func (b *bitReader) zeros() (n uint64, ok bool) {
	for b.at < len(b.data)*8 {
		rest := b.data[b.at>>3] << (b.at & 7)
		if rest != 0 {
			for rest&0x80 == 0 {
				rest <<= 1
				n++
				b.at++
			}
			b.at++
			return n, true
		}
		skipped := 8 - b.at&7
		n += uint64(skipped)
		b.at += skipped
	}
	return 0, false
}

// read hands n pixels from the first-th on to each, when the tiles are whole rows.
func (t *tiles) read(ctx context.Context, im *fitsImage, first, n int64, each func(pixel) error) error {
	axes := im.hdu.axes
	pixels := int64(1)
	for i, s := range t.size {
		whole := s == axes[i]
		pixels *= s
		if !whole { // all axes behind must be cut into single rows
			for _, other := range t.size[i+1:] {
				if other != 1 {
					return im.hdu.refuse("ZTILE1", "the tiles of the compressed image are no whole rows")
				}
			}
			if i == 0 && len(axes) > 1 && axes[1] > 1 && s < axes[0] && n > axes[0] {
				return im.hdu.refuse("ZTILE1", "the tiles of the compressed image are no whole rows")
			}
			break
		}
	}
	for at := first; at < first+n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		tile, offset := at/pixels, at%pixels
		if t.size[0] < axes[0] { // a row of several tiles, the last of which may be shorter
			row, column := at/axes[0], at%axes[0]
			tile, offset = row*t.count[0]+column/t.size[0], column%t.size[0]
		}
		values, err := t.tile(im, tile)
		if err != nil {
			return err
		}
		if offset >= int64(len(values)) {
			return im.hdu.refuse("ZTILE1", "the tiles of the compressed image do not cover it")
		}
		for _, p := range values[offset:] {
			if at == first+n {
				break
			}
			if err := each(p); err != nil {
				return err
			}
			at++
		}
	}
	return nil
}
