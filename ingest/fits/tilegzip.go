package fits

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"nightjar/ingest/bounded"
	"nightjar/internal/problem"
)

// numbers calls each with the bytes of n numbers of a tile, which are compressed with gzip or not.
func (t *tiles) numbers(ctx context.Context, tile int64, kind string, offset, size, n int64, width int,
	each func(b []byte, width int) error) error {
	if kind == "NOCOMPRESS" {
		if size != n*int64(width) {
			return t.table.Refuse("COMPRESSED_DATA",
				"tile "+strconv.FormatInt(tile+1, 10)+" has the wrong size")
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

// shuffled restores the bytes of numbers: GZIP_2 stores all first bytes, then all second bytes, and
// so on. A large tile is unpacked at each of these places at the same time, so that only a strip is
// held.
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

// gunzip begins to unpack a tile with the i-th reader.
func (t *tiles) gunzip(i int, offset, size int64) (*gzip.Reader, error) {
	for len(t.gzip) <= i {
		t.gzip, t.inputs = append(t.gzip, new(gzip.Reader)), append(t.inputs, bufio.NewReaderSize(nil, 16<<10))
	}
	t.inputs[i].Reset(io.NewSectionReader(t.file.Content, offset, size))
	if err := t.gzip[i].Reset(t.inputs[i]); err != nil {
		if err := t.file.Budget.Err(); err != nil {
			return nil, err
		}
		return nil, t.table.Refuse("COMPRESSED_DATA", "a tile is not gzip")
	}
	return t.gzip[i], nil
}

// unpack reads unpacked bytes of a tile.
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

// ended checks that the tile has no more bytes.
func (t *tiles) ended(in *gzip.Reader, tile int64) error {
	var b [1]byte
	if n, err := in.Read(b[:]); n > 0 || err != io.EOF {
		return t.unpacking(err, tile)
	}
	return nil
}

// unpacking tells a damaged tile from a file that cannot be read, or may not be read any further.
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
