package ingest

import (
	"context"
	"encoding/binary"
	"math"

	"nightjar/ingest/bounded"
)

// fitsImage reads the pixels of an image HDU.
type fitsImage struct {
	hdu         *fitsHDU
	file        bounded.File
	scale, zero float64 // a pixel is worth BZERO + BSCALE * stored
	scaled      bool
	blank       int64 // the stored integer that means no value
	hasBlank    bool
}

// pixel is what one holds. exact is set when it is an integer that stands in the file as it is.
type pixel struct {
	value float64 // NaN for none
	whole int64
	exact bool
}

// image prepares to read. It refuses an HDU whose BSCALE, BZERO or BLANK cannot be read.
func (h *fitsHDU) image(f bounded.File) (im fitsImage, err error) {
	im = fitsImage{hdu: h, file: f, scale: 1}
	scale, there, err := h.number("BSCALE")
	if err != nil {
		return im, err
	}
	if there {
		im.scale = scale
	}
	if im.zero, _, err = h.number("BZERO"); err != nil {
		return im, err
	}
	im.scaled = im.scale != 1 || im.zero != 0
	if h.bitpix > 0 { // the standard gives BLANK no meaning for floating point
		im.blank, im.hasBlank, err = h.integer("BLANK")
	}
	return im, err
}

// read hands n pixels from the first-th on to each, in the order of the file. The caller has checked them against the axes.
func (im fitsImage) read(ctx context.Context, first, n int64, each func(pixel) error) error {
	if im.hdu.tiles != nil {
		return im.hdu.tiles.read(ctx, &im, first, n, each)
	}
	return im.strips(ctx, first, n, func(strip []pixel) error {
		for _, p := range strip {
			if err := each(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// strips hands n pixels of an image that is not compressed to each, some at a time. They are valid
// until each returns.
func (im fitsImage) strips(ctx context.Context, first, n int64, each func([]pixel) error) error {
	width := int64(max(im.hdu.bitpix, -im.hdu.bitpix) / 8)
	chunk := make([]byte, min(n*width, 64<<10)) // a multiple of every width
	strip := make([]pixel, 0, min(n, stripPixels))
	for offset, left := im.hdu.data+first*width, n*width; left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := chunk[:min(left, int64(len(chunk)))]
		if err := bounded.ReadFull(im.file, b, offset); err != nil {
			return err
		}
		offset, left = offset+int64(len(b)), left-int64(len(b))
		for len(b) > 0 {
			strip = strip[:0]
			for ; len(b) > 0 && len(strip) < cap(strip); b = b[width:] {
				strip = append(strip, im.decode(b))
			}
			if err := each(strip); err != nil {
				return err
			}
		}
	}
	return nil
}

// Decode reads one big-endian pixel.
func (im fitsImage) decode(b []byte) pixel {
	var whole int64
	switch im.hdu.bitpix {
	case 8:
		whole = int64(b[0])
	case 16:
		whole = int64(int16(binary.BigEndian.Uint16(b)))
	case 32:
		whole = int64(int32(binary.BigEndian.Uint32(b)))
	case 64:
		whole = int64(binary.BigEndian.Uint64(b))
	case -32:
		return im.worth(float64(math.Float32frombits(binary.BigEndian.Uint32(b))))
	default:
		return im.worth(math.Float64frombits(binary.BigEndian.Uint64(b)))
	}
	return im.whole(whole)
}

// Whole is the pixel that a stored integer stands for.
func (im fitsImage) whole(whole int64) pixel {
	switch {
	case im.hasBlank && whole == im.blank:
		return pixel{value: math.NaN()}
	case im.scaled:
		return im.worth(float64(whole))
	}
	return pixel{value: float64(whole), whole: whole, exact: true}
}

func (im fitsImage) worth(v float64) pixel {
	if im.scaled {
		v = im.zero + im.scale*v
	}
	return pixel{value: v}
}
