package fits

import (
	"context"
	"encoding/binary"
	"math"

	"nightjar/ingest/bounded"
)

// Image reads the pixels of an image HDU.
type Image struct {
	HDU         *HDU
	file        bounded.File
	scale, zero float64 // a pixel's value is BZERO + BSCALE * stored
	scaled      bool
	blank       int64 // the stored integer that means no value
	hasBlank    bool
}

// Pixel is the value of a pixel. Exact is set if it is Whole, the integer that is stored in the
// file.
type Pixel struct {
	Value float64 // NaN for none
	Whole int64
	Exact bool
}

// Image prepares to read the pixels. It refuses an HDU whose BSCALE, BZERO or BLANK cannot be read.
func (h *HDU) Image(f bounded.File) (im Image, err error) {
	im = Image{HDU: h, file: f, scale: 1}
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
	if h.Bitpix > 0 { // BLANK has no meaning for floating point
		im.blank, im.hasBlank, err = h.integer("BLANK")
	}
	return im, err
}

// Read calls each for n pixels in the order of the file, beginning with the first-th. The caller
// has checked them against the axes.
func (im Image) Read(ctx context.Context, first, n int64, each func(Pixel) error) error {
	if im.HDU.tiles != nil {
		return im.HDU.tiles.read(ctx, &im, first, n, each)
	}
	return im.strips(ctx, first, n, func(strip []Pixel) error {
		for _, p := range strip {
			if err := each(p); err != nil {
				return err
			}
		}
		return nil
	})
}

// strips calls each with some of n pixels of an uncompressed image at a time. They are valid until
// each returns.
func (im Image) strips(ctx context.Context, first, n int64, each func([]Pixel) error) error {
	width := int64(max(im.HDU.Bitpix, -im.HDU.Bitpix) / 8)
	chunk := make([]byte, min(n*width, 64<<10)) // a multiple of all widths
	strip := make([]Pixel, 0, min(n, stripPixels))
	for offset, left := im.HDU.data+first*width, n*width; left > 0; {
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

// decode reads one big-endian pixel.
func (im Image) decode(b []byte) Pixel {
	var whole int64
	switch im.HDU.Bitpix {
	case 8:
		whole = int64(b[0])
	case 16:
		whole = int64(int16(binary.BigEndian.Uint16(b)))
	case 32:
		whole = int64(int32(binary.BigEndian.Uint32(b)))
	case 64:
		whole = int64(binary.BigEndian.Uint64(b))
	case -32:
		return im.scaledPixel(float64(math.Float32frombits(binary.BigEndian.Uint32(b))))
	default:
		return im.scaledPixel(math.Float64frombits(binary.BigEndian.Uint64(b)))
	}
	return im.integerPixel(whole)
}

// integerPixel returns the pixel of a stored integer.
func (im Image) integerPixel(whole int64) Pixel {
	switch {
	case im.hasBlank && whole == im.blank:
		return Pixel{Value: math.NaN()}
	case im.scaled:
		return im.scaledPixel(float64(whole))
	}
	return Pixel{Value: float64(whole), Whole: whole, Exact: true}
}

func (im Image) scaledPixel(v float64) Pixel {
	if im.scaled {
		v = im.zero + im.scale*v
	}
	return Pixel{Value: v}
}
