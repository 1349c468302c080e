package fits

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

const (
	stripPixels = 4096 // decoded at a time
	// bytes of a shuffled tile that are held; larger tiles are unpacked at several places at the
	// same time
	tileBuffer = 4 << 20
	rowBuffer  = 64 << 10
)

// tiles reads an image that is compressed tile by tile in a binary table, as in .fz files (FITS
// standard 4.0, section 10.1), with RICE_1, GZIP_1, GZIP_2 or NOCOMPRESS. Tiles are decoded in
// strips, so that memory grows neither with the image nor with its tiles.
type tiles struct {
	table             *Table
	file              bounded.File
	kind              string
	size              []int64 // of a tile
	count             []int64 // of tiles along each axis
	data, packed, raw int     // columns COMPRESSED_DATA, GZIP_COMPRESSED_DATA, UNCOMPRESSED_DATA; -1 for none
	scale, zero       int     // columns ZSCALE, ZZERO; -1 for none
	scaleValue        float64 // keywords of these names
	zeroValue         float64
	hasScale          bool
	blank             int64
	blankColumn       int
	hasBlank          bool
	block, bytePix    int
	dither            int // 0 for none, 1 or 2
	seed              int64

	rows       []byte // some rows of the table
	firstRow   int64  // the first of these rows
	in         tileInput
	gzip       []*gzip.Reader // reused from tile to tile: one for each place at which a tile is unpacked
	inputs     []*bufio.Reader
	unshuffled []byte // a tile of GZIP_2
	planes     [][]byte
	raw64      []int64 // a strip of stored integers
	bytes      []byte  // a strip of bytes
	strip      []Pixel
}

// unzip turns the HDU of a compressed image into that of the image. It leaves other HDUs as they
// are.
func (h *HDU) unzip(f bounded.File) error {
	if image, _ := h.Text("ZIMAGE"); h.Kind != "BINTABLE" || image != "T" {
		return nil
	}
	table, err := h.table()
	if err != nil {
		return err
	}
	copied := *h
	table.HDU = &copied
	t := &tiles{table: table, file: f, data: -1, packed: -1, raw: -1, scale: -1, zero: -1, blankColumn: -1}
	t.kind, _ = h.Text("ZCMPTYPE")
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
		return h.Refuse("ZBITPIX", "must be 8, 16, 32, 64, -32 or -64")
	}
	if naxis < 1 || naxis > 6 {
		return h.Refuse("ZNAXIS", "must be from 1 to 6")
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
			return h.Refuse("ZNAXIS"+n, "must be 1 or more, and so must the tiles'")
		}
		tile = min(tile, length)
		axes, t.size = append(axes, length), append(t.size, tile)
		t.count = append(t.count, (length+tile-1)/tile)
		number, all = bounded.Multiply(number, t.count[i-1]), bounded.Multiply(all, length)
	}
	switch {
	case all < 0 || all > bounded.MaxPacked:
		return h.Refuse("ZNAXIS1", "a compressed image of more than "+strconv.Itoa(bounded.MaxPacked)+" pixels")
	case number != table.Rows:
		return h.Refuse("NAXIS2",
			"the table has "+strconv.FormatInt(table.Rows, 10)+" rows for "+strconv.FormatInt(number, 10)+" tiles")
	}
	if err := t.describe(); err != nil {
		return err
	}
	h.Kind, h.Bitpix, h.Axes, h.tiles = "IMAGE", int(bitpix), axes, t
	return nil
}

// describe reads the columns and the parameters.
func (t *tiles) describe() error {
	h := t.table
	for i, c := range h.Columns {
		switch strings.ToUpper(c.Name) {
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
		return h.Refuse("ZCMPTYPE", "images compressed with "+problem.Quoted(t.kind)+" are not read")
	}
	if t.data < 0 {
		return h.Refuse("TTYPE1", "there is no column COMPRESSED_DATA")
	}
	t.block, t.bytePix = 32, 4
	for i := 1; i <= 20; i++ {
		n := strconv.Itoa(i)
		name, there := h.Text("ZNAME" + n)
		if !there {
			break
		}
		v, _, err := h.integer("ZVAL" + n)
		if err != nil {
			continue // other parameters may be anything
		}
		switch strings.ToUpper(name) {
		case "BLOCKSIZE":
			t.block = int(v)
		case "BYTEPIX":
			t.bytePix = int(v)
		}
	}
	if t.block < 1 || t.block > 4096 || t.bytePix != 1 && t.bytePix != 2 && t.bytePix != 4 {
		return h.Refuse("ZVAL1", "the parameters of the compression are invalid")
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
	switch quantize, _ := h.Text("ZQUANTIZ"); strings.ToUpper(quantize) {
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
		n := min(max(1, rowBuffer/max(1, t.table.width)), t.table.Rows-row)
		t.firstRow, at = row, 0
		t.rows = slices.Grow(t.rows[:0], int(n*t.table.width))[:n*t.table.width]
		if err := bounded.ReadFull(t.file, t.rows, t.table.data+row*t.table.width); err != nil {
			t.rows = nil
			return nil, err
		}
	}
	return t.rows[at+start : at+start+width], nil
}

// cell returns the place of an array in a row; size is 0 if there is none.
func (t *tiles) cell(column int, row int64) (offset, size int64, err error) {
	if column < 0 {
		return 0, 0, nil
	}
	c := &t.table.Columns[column]
	a := array{Column: c, offset: t.table.data + row*t.table.width + c.start, size: elementSize(c.kind())}
	n := c.Repeat
	if c.Form == 'P' || c.Form == 'Q' {
		b, err := t.row(row, c.start, c.Width)
		if err != nil {
			return 0, 0, err
		}
		if n, err = t.table.descriptor(b, &a); err != nil {
			return 0, 0, err
		}
	}
	return a.offset, n * a.size, nil
}

// scalar reads a number from a row.
func (t *tiles) scalar(column int, row int64, otherwise float64) (float64, error) {
	if column < 0 {
		return otherwise, nil
	}
	c := &t.table.Columns[column]
	if c.Width < 1 || c.Width > 16 || !c.Scalar() {
		return 0, t.table.Refuse(c.Name, "not one number for each tile")
	}
	b, err := t.row(row, c.start, c.Width)
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

// place returns the first pixel and the size of a tile along each axis.
func (t *tiles) place(tile int64, axes []int64) (start, size []int64) {
	for i, n := range t.count {
		at := (tile % n) * t.size[i]
		tile /= n
		start, size = append(start, at), append(size, min(t.size[i], axes[i]-at))
	}
	return start, size
}

// tile decodes a tile and calls each with strips of its pixels, in the order of the image. They are
// valid until each returns.
func (t *tiles) tile(ctx context.Context, im *Image, tile int64, each func([]Pixel) error) error {
	_, size := t.place(tile, im.HDU.Axes)
	n := int64(1)
	for _, s := range size {
		n *= s
	}
	if err := t.file.Budget.Decode(n + bounded.TilePixels); err != nil {
		return err
	}
	bitpix := im.HDU.Bitpix
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
		t.strip, t.raw64, t.bytes = make([]Pixel, stripPixels), make([]int64, 0, 2*stripPixels),
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
					strip[i] = im.integerPixel(v)
					continue
				}
				offset := dither.next()
				switch {
				case hasBlank && v == blank || !hasBlank && v == math.MinInt32:
					strip[i] = Pixel{Value: math.NaN()}
				case t.dither == 2 && v == math.MinInt32+2:
					strip[i] = im.scaledPixel(0)
				case bitpix == -32:
					strip[i] = im.scaledPixel(float64(float32((float64(v)-offset)*scale + zero)))
				default:
					strip[i] = im.scaledPixel((float64(v)-offset)*scale + zero)
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
	return t.table.Refuse("COMPRESSED_DATA", "tile "+strconv.FormatInt(tile+1, 10)+" is damaged")
}

var errStop = errors.New("enough pixels")

// read calls each for n pixels, beginning with the first-th, if the tiles are whole rows.
func (t *tiles) read(ctx context.Context, im *Image, first, n int64, each func(Pixel) error) error {
	axes := im.HDU.Axes
	pixels := int64(1)
	for i, s := range t.size {
		whole := s == axes[i]
		pixels *= s
		if !whole { // all axes behind must be cut into single rows
			for _, other := range t.size[i+1:] {
				if other != 1 {
					return im.HDU.Refuse("ZTILE1", "the tiles of the compressed image are not whole rows")
				}
			}
			if i == 0 && len(axes) > 1 && axes[1] > 1 && s < axes[0] && n > axes[0] {
				return im.HDU.Refuse("ZTILE1", "the tiles of the compressed image are not whole rows")
			}
			break
		}
	}
	for at := first; at < first+n; {
		if err := ctx.Err(); err != nil {
			return err
		}
		tile, offset := at/pixels, at%pixels
		if t.size[0] < axes[0] { // a row of several tiles, of which the last may be shorter
			row, column := at/axes[0], at%axes[0]
			tile, offset = row*t.count[0]+column/t.size[0], column%t.size[0]
		}
		before := at
		err := t.tile(ctx, im, tile, func(strip []Pixel) error {
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
			return im.HDU.Refuse("ZTILE1", "the tiles of the compressed image do not cover it")
		}
	}
	return nil
}
