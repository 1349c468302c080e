package ingest

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

const (
	stripPixels = 4096 // that are decoded at a time
	// bytes of a tile whose bytes are shuffled that are held; larger ones are unpacked in several
	// places at once
	tileBuffer = 4 << 20
	rowBuffer  = 64 << 10
)

// tiles reads an image that is compressed tile by tile in a binary table, as .fz files have it
// (FITS standard 4.0, section 10.1), with RICE_1, GZIP_1, GZIP_2 or NOCOMPRESS. Tiles are decoded
// in strips: memory grows neither with the image nor with its tiles.
type tiles struct {
	table             *fitsTable
	file              bounded.File
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

	rows       []byte // some rows of the table
	firstRow   int64  // the first of them
	in         tileInput
	gzip       []*gzip.Reader // used again from tile to tile: one for each place at which a tile is unpacked
	inputs     []*bufio.Reader
	unshuffled []byte // a tile of GZIP_2
	planes     [][]byte
	raw64      []int64 // a strip: stored integers
	bytes      []byte  // or bytes
	strip      []pixel
}

// unzip turns a compressed image's HDU into that of the image itself. Others stay as they are.
func (h *fitsHDU) unzip(f bounded.File) error {
	if image, _ := h.text("ZIMAGE"); h.kind != "BINTABLE" || image != "T" {
		return nil
	}
	table, err := h.table()
	if err != nil {
		return err
	}
	copied := *h
	table.fitsHDU = &copied
	t := &tiles{table: table, file: f, data: -1, packed: -1, raw: -1, scale: -1, zero: -1, blankColumn: -1}
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
	number, all := int64(1), int64(1)
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
		number, all = bounded.Multiply(number, t.count[i-1]), bounded.Multiply(all, length)
	}
	switch {
	case all < 0 || all > bounded.MaxPacked:
		return h.refuse("ZNAXIS1", "a compressed image of more than "+strconv.Itoa(bounded.MaxPacked)+" pixels")
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
		return h.refuse("ZCMPTYPE", "images compressed with "+problem.Quoted(t.kind)+" are not read")
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

// row reads bytes of a row of the table. They are valid until the next call.
func (t *tiles) row(row, start, width int64) ([]byte, error) {
	if t.table.width > rowBuffer {
		if int64(cap(t.rows)) < width {
			t.rows = make([]byte, width)
		}
		return t.rows[:width], bounded.ReadFull(t.file, t.rows[:width], t.table.data+row*t.table.width+start)
	}
	at := (row - t.firstRow) * t.table.width
	if t.rows == nil || at < 0 || at >= int64(len(t.rows)) {
		n := min(max(1, rowBuffer/max(1, t.table.width)), t.table.rows-row)
		t.firstRow, at = row, 0
		t.rows = slices.Grow(t.rows[:0], int(n*t.table.width))[:n*t.table.width]
		if err := bounded.ReadFull(t.file, t.rows, t.table.data+row*t.table.width); err != nil {
			t.rows = nil
			return nil, err
		}
	}
	return t.rows[at+start : at+start+width], nil
}

// cell says where an array of a row stands; of no bytes when there is none.
func (t *tiles) cell(column int, row int64) (offset, size int64, err error) {
	if column < 0 {
		return 0, 0, nil
	}
	c := &t.table.columns[column]
	a := array{column: c, offset: t.table.data + row*t.table.width + c.start, size: elementSize(c.kind())}
	n := c.repeat
	if c.form == 'P' || c.form == 'Q' {
		b, err := t.row(row, c.start, c.width)
		if err != nil {
			return 0, 0, err
		}
		if n, err = t.table.descriptor(b, &a); err != nil {
			return 0, 0, err
		}
	}
	return a.offset, n * a.size, nil
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
	b, err := t.row(row, c.start, c.width)
	if err != nil {
		return 0, err
	}
	d, ok := instant.ParseDecimal(c.appendElement(nil, b))
	if !ok {
		return math.NaN(), nil
	}
	v, _ := d.Float()
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

// tile decodes one tile and hands its pixels, in the order of the image, to each in strips, which
// are valid until each returns.
func (t *tiles) tile(ctx context.Context, im *fitsImage, tile int64, each func([]pixel) error) error {
	_, size := t.place(tile, im.hdu.axes)
	n := int64(1)
	for _, s := range size {
		n *= s
	}
	if err := t.file.Budget.Decode(n + bounded.TilePixels); err != nil {
		return err
	}
	bitpix := im.hdu.bitpix
	scale, err := t.scalar(t.scale, tile, t.scaleValue)
	if err != nil {
		return err
	}
	zero, err := t.scalar(t.zero, tile, t.zeroValue)
	if err != nil {
		return err
	}
	blank, hasBlank := t.blank, t.hasBlank
	if t.blankColumn >= 0 {
		v, err := t.scalar(t.blankColumn, tile, math.NaN())
		if err != nil {
			return err
		}
		blank, hasBlank = int64(v), v == v
	}
	if t.strip == nil {
		t.strip, t.raw64, t.bytes = make([]pixel, stripPixels), make([]int64, 0, 2*stripPixels),
			make([]byte, 8*stripPixels)
	}
	plain := func(b []byte, width int) error {
		strip := t.strip[:len(b)/width]
		for i := range strip {
			strip[i] = im.decode(b[i*width:])
		}
		return each(strip)
	}
	width := max(bitpix, -bitpix) / 8
	offset, bytes, err := t.cell(t.data, tile)
	if err != nil {
		return err
	}
	if bytes == 0 { // a tile of floating-point numbers that could not be quantized
		kind := "GZIP_1"
		if offset, bytes, err = t.cell(t.packed, tile); err == nil && bytes == 0 {
			kind = "NOCOMPRESS"
			offset, bytes, err = t.cell(t.raw, tile)
		}
		if err != nil {
			return err
		}
		return t.numbers(ctx, tile, kind, offset, bytes, n, width, plain)
	}
	quantized := bitpix < 0 && (t.scale >= 0 || t.hasScale)
	if (!quantized || t.kind == "NOCOMPRESS") && t.kind != "RICE_1" && t.kind != "RICE_ONE" {
		return t.numbers(ctx, tile, t.kind, offset, bytes, n, width, plain)
	}
	dither := newDither(t.dither, t.seed, tile)
	whole := func(values []int64) error {
		for len(values) > 0 {
			strip := t.strip[:min(len(values), stripPixels)]
			for i, v := range values[:len(strip)] {
				if !quantized {
					strip[i] = im.whole(v)
					continue
				}
				offset := dither.next()
				switch {
				case hasBlank && v == blank || !hasBlank && v == math.MinInt32:
					strip[i] = pixel{value: math.NaN()}
				case t.dither == 2 && v == math.MinInt32+2:
					strip[i] = im.worth(0)
				case bitpix == -32:
					strip[i] = im.worth(float64(float32((float64(v)-offset)*scale + zero)))
				default:
					strip[i] = im.worth((float64(v)-offset)*scale + zero)
				}
			}
			values = values[len(strip):]
			if err := each(strip); err != nil {
				return err
			}
		}
		return nil
	}
	if t.kind == "RICE_1" || t.kind == "RICE_ONE" {
		if !quantized && bitpix < 0 {
			return t.damaged(tile)
		}
		t.in.open(t.file, offset, bytes)
		err := t.rice(ctx, n, whole)
		if errors.Is(err, errTile) {
			return t.damaged(tile)
		}
		return err
	}
	return t.numbers(ctx, tile, t.kind, offset, bytes, n, 4, func(b []byte, _ int) error {
		t.raw64 = t.raw64[:0]
		for ; len(b) >= 4; b = b[4:] {
			t.raw64 = append(t.raw64, int64(int32(binary.BigEndian.Uint32(b))))
		}
		return whole(t.raw64)
	})
}

func (t *tiles) damaged(tile int64) error {
	return t.table.refuse("COMPRESSED_DATA", "tile "+strconv.FormatInt(tile+1, 10)+" is damaged")
}

// numbers hands the bytes of n numbers of a tile to each, which are packed with gzip or as they
// are.
func (t *tiles) numbers(ctx context.Context, tile int64, kind string, offset, size, n int64, width int,
	each func(b []byte, width int) error) error {
	if kind == "NOCOMPRESS" {
		if size != n*int64(width) {
			return t.table.refuse("COMPRESSED_DATA",
				"tile "+strconv.FormatInt(tile+1, 10)+" has another size than it should")
		}
		for size > 0 {
			b := t.bytes[:min(size, int64(stripPixels*width))]
			if err := bounded.ReadFull(t.file, b, offset); err != nil {
				return err
			}
			offset, size = offset+int64(len(b)), size-int64(len(b))
			if err := each(b, width); err != nil {
				return err
			}
		}
		return nil
	}
	if kind == "GZIP_2" && width > 1 {
		return t.shuffled(ctx, tile, offset, size, n, width, each)
	}
	in, err := t.gunzip(0, offset, size)
	if err != nil {
		return err
	}
	for left := n; left > 0; {
		b := t.bytes[:min(left, stripPixels)*int64(width)]
		if err := t.unpack(ctx, in, b, tile); err != nil {
			return err
		}
		left -= int64(len(b) / width)
		if err := each(b, width); err != nil {
			return err
		}
	}
	return t.ended(in, tile)
}

// shuffled puts the bytes of numbers together again: GZIP_2 stores all first bytes, then all second
// bytes, and so on. A large tile is unpacked at each of these places at once, so that no more than
// a strip is held.
func (t *tiles) shuffled(ctx context.Context, tile, offset, size, n int64, width int,
	each func(b []byte, width int) error) error {
	last, err := t.gunzip(0, offset, size)
	if err != nil {
		return err
	}
	held := n*int64(width) <= tileBuffer
	if held {
		t.unshuffled = slices.Grow(t.unshuffled[:0], int(n)*width)[:n*int64(width)]
		if err := t.unpack(ctx, last, t.unshuffled, tile); err != nil {
			return err
		}
		if err := t.ended(last, tile); err != nil {
			return err
		}
	}
	for b := 0; b < width && !held; b++ {
		if last, err = t.gunzip(b, offset, size); err != nil {
			return err
		}
		for skip := int64(b) * n; skip > 0; {
			some := t.bytes[:min(skip, int64(len(t.bytes)))]
			if err := t.unpack(ctx, last, some, tile); err != nil {
				return err
			}
			skip -= int64(len(some))
		}
	}
	if t.planes = make([][]byte, width); !held {
		for b := range t.planes {
			t.planes[b] = make([]byte, stripPixels)
		}
	}
	for at := int64(0); at < n; {
		some := min(n-at, stripPixels)
		out := t.bytes[:some*int64(width)]
		for b := range width {
			if held {
				t.planes[b] = t.unshuffled[int64(b)*n+at:][:some]
			} else if err := t.unpack(ctx, t.gzip[b], t.planes[b][:some], tile); err != nil {
				return err
			}
			for i, v := range t.planes[b][:some] {
				out[i*width+b] = v
			}
		}
		at += some
		if err := each(out, width); err != nil {
			return err
		}
	}
	if held {
		return nil
	}
	return t.ended(last, tile)
}

// Gunzip begins to unpack a tile with the i-th reader.
func (t *tiles) gunzip(i int, offset, size int64) (*gzip.Reader, error) {
	for len(t.gzip) <= i {
		t.gzip, t.inputs = append(t.gzip, new(gzip.Reader)), append(t.inputs, bufio.NewReaderSize(nil, 16<<10))
	}
	t.inputs[i].Reset(io.NewSectionReader(t.file.Content, offset, size))
	if err := t.gzip[i].Reset(t.inputs[i]); err != nil {
		if err := t.file.Budget.Err(); err != nil {
			return nil, err
		}
		return nil, t.table.refuse("COMPRESSED_DATA", "a tile is not gzip")
	}
	return t.gzip[i], nil
}

// Unpack reads unpacked bytes of a tile.
func (t *tiles) unpack(ctx context.Context, in *gzip.Reader, b []byte, tile int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := t.file.Budget.Unpack(len(b)); err != nil {
		return err
	}
	if _, err := io.ReadFull(in, b); err != nil {
		return t.unpacking(err, tile)
	}
	return nil
}

// ended checks that nothing is left of a tile.
func (t *tiles) ended(in *gzip.Reader, tile int64) error {
	var b [1]byte
	if n, err := in.Read(b[:]); n > 0 || err != io.EOF {
		return t.unpacking(err, tile)
	}
	return nil
}

// unpacking tells a bad tile from a file that cannot be read, or not any further.
func (t *tiles) unpacking(err error, tile int64) error {
	var r *bounded.Refusal
	var corrupt flate.CorruptInputError
	switch {
	case err == nil, errors.As(err, &corrupt), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return t.damaged(tile)
	case errors.As(err, &r):
		return err
	}
	return fmt.Errorf("ingest: unpacking a tile of %s: %w", problem.Clip(t.file.Name), err)
}

var errTile = errors.New("a damaged tile")

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

// rice undoes the Rice algorithm (Rice, Yeh and Miller 1993; White and Becker 1998): the first
// value whole, then differences in blocks that each have their number of bits behind a unary part.
// The tile is open in t.in.
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
	// a block takes at least codeBits bits, so that n is bounded by what is there
	if !ok || n > (in.size*8/int64(codeBits)+1)*int64(t.block) {
		return in.failed()
	}
	out := t.raw64[:0]
	mask := uint64(1)<<bits - 1
	sign := 64 - bits
	if t.bytePix == 1 {
		sign = 0 // bytes have none
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

// tileInput takes bits off the front of a tile's bytes, highest first, and reads these as it needs
// them.
type tileInput struct {
	file         bounded.File
	offset, left int64 // of the bytes that are not read
	size         int64 // of the tile
	err          error // of reading the file
	chunk        []byte
	data         []byte // what is left of chunk
	bits         uint64 // the next ones, on top; below them what follows in data, or zeros
	have         uint   // how many
}

func (in *tileInput) open(f bounded.File, offset, size int64) {
	if in.chunk == nil {
		in.chunk = make([]byte, 64<<10)
	}
	*in = tileInput{file: f, offset: offset, left: size, size: size, chunk: in.chunk}
}

// failed is why there are no more bits.
func (in *tileInput) failed() error {
	if in.err != nil {
		return in.err
	}
	return errTile
}

// fill gets more bits, at least 57 unless the tile ends.
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

// zeros counts the zeros before the next one, and takes that too.
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

var errStop = errors.New("enough pixels")

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
		before := at
		err := t.tile(ctx, im, tile, func(strip []pixel) error {
			skipped := min(offset, int64(len(strip)))
			offset -= skipped
			for _, p := range strip[skipped:] {
				if at == first+n {
					return errStop
				}
				if err := each(p); err != nil {
					return err
				}
				at++
			}
			return nil
		})
		if err != nil && err != errStop {
			return err
		}
		if at == before {
			return im.hdu.refuse("ZTILE1", "the tiles of the compressed image do not cover it")
		}
	}
	return nil
}
