package fits

import (
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"slices"

	"nightjar/ingest/bounded"
)

// MaxPreview is the longest side of a preview in pixels.
const MaxPreview = 512

// ErrNoPreview is returned for a file that has no two-dimensional image.
var ErrNoPreview = errors.New("ingest: no image to preview")

// Preview makes a grey picture of the first two-dimensional image of a FITS file, which may be
// compressed as .gz or .fz. The picture has at most MaxPreview pixels a side and the last row of
// the array on top. Each pixel is the mean of those that it covers, stretched as IRAF's zscale does
// with contrast 0.25; pixels without a value are black. A cube shows its first plane, and of a
// large image some rows are left out. Memory and time are bounded: see [bounded.Bounds].
//
// The error is [ErrNoPreview], a [*bounded.Error] for a file that cannot be read within the limits,
// or that of the context.
func Preview(ctx context.Context, f bounded.File) (*image.Gray, error) {
	f, cancel := f.Metered(ctx, "a preview")
	defer cancel()
	picture, err := preview(f.Budget.Ctx, f)
	if err != nil && f.Budget.Err() != nil {
		err = f.Budget.Err() // the true cause, whatever error it led to
	}
	return picture, bounded.FileError(f, err)
}

// unpackedFITS returns the file inside a compressed one, or the file itself, which must be FITS.
func unpackedFITS(f bounded.File) (bounded.File, error) {
	head, err := bounded.ReadHead(f)
	if err == nil && bounded.IsGzip(head) {
		if f, err = bounded.GunzipLazily(f); err == nil {
			head, err = bounded.ReadHead(f)
		}
	}
	if err == nil && !IsFITS(head) {
		err = ErrNoPreview
	}
	return f, err
}

func preview(ctx context.Context, f bounded.File) (*image.Gray, error) {
	f, err := unpackedFITS(f)
	if err != nil {
		return nil, err
	}
	in := Reader{File: f}
	var packed error
	for {
		h, err := in.Next()
		if err != nil {
			return nil, err
		}
		if h == nil {
			break
		}
		if packed == nil {
			packed = h.Packed
		}
		if h.Kind != "IMAGE" || h.Size == 0 || len(h.Axes) < 2 || h.Axes[0] < 2 || h.Axes[1] < 2 ||
			slices.Contains(h.Axes, 0) {
			continue
		}
		return h.preview(ctx, f)
	}
	if packed != nil {
		return nil, packed
	}
	return nil, ErrNoPreview
}

// mean averages pixels.
type mean struct {
	sum   float64
	count int
}

func (m mean) value() float64 {
	if m.count == 0 {
		return math.NaN()
	}
	return m.sum / float64(m.count)
}

func (h *HDU) preview(ctx context.Context, f bounded.File) (*image.Gray, error) {
	im, err := h.Image(f)
	if err != nil {
		return nil, err
	}
	width, height := h.Axes[0], h.Axes[1]
	step := (max(width, height) + MaxPreview - 1) / MaxPreview
	columns, rows := (width+step-1)/step, (height+step-1)/step
	sums := make([]mean, columns*rows)
	add := func(x, y int64, run []Pixel) { // a run of pixels of one row
		line := sums[y/step*columns:][:columns]
		at, left := x/step, step-x%step
		for _, p := range run {
			if left == 0 {
				at, left = at+1, step
			}
			left--
			if v := p.Value; v-v == 0 { // neither infinite nor NaN
				m := &line[at]
				m.sum, m.count = m.sum+v, m.count+1
			}
		}
	}
	if h.tiles != nil {
		err = h.tiles.plane(ctx, &im, step, add)
	} else {
		err = im.plane(ctx, f.Budget, step, add)
	}
	if err != nil {
		return nil, err
	}
	values := make([]float64, len(sums))
	for i, m := range sums {
		values[i] = m.value()
	}
	low, high, ok := zscale(values)
	if !ok {
		return nil, h.Refuse("", "no pixel of the image has a value")
	}
	out := image.NewGray(image.Rect(0, 0, int(columns), int(rows)))
	for i, v := range values {
		x, y := i%int(columns), int(rows)-1-i/int(columns)
		grey := (v - low) / (high - low) * 255
		switch {
		case v != v || grey < 0:
			grey = 0
		case grey > 255:
			grey = 255
		case grey != grey: // all pixels are equal
			grey = 127
		}
		out.SetGray(x, y, color.Gray{Y: uint8(grey)})
	}
	return out, nil
}

// rowStep decides how much of a large image is decoded: of every so many rows of tiles, one. rows
// is the height of a tile, and every step rows of pixels must include a decoded one. It returns 0
// if the image costs too much in any case.
func rowStep(width, height, rows, step int64) int64 {
	every := (width*height + bounded.PreviewPixels - 1) / bounded.PreviewPixels
	if every > 1 && every*rows > step {
		return 0
	}
	return every
}

// plane calls add for the pixels of the first plane, row by row. It leaves out rows of a large
// image.
func (im Image) plane(ctx context.Context, w *bounded.Budget, step int64, add func(x, y int64, run []Pixel)) error {
	width, height := im.HDU.Axes[0], im.HDU.Axes[1]
	every := rowStep(width, height, 1, step)
	if every == 0 {
		return w.TooMuch(bounded.Count(bounded.PreviewPixels) + " pixels")
	}
	x, y := int64(0), int64(0)
	each := func(strip []Pixel) error {
		if err := w.Decode(int64(len(strip))); err != nil {
			return err
		}
		for len(strip) > 0 {
			n := min(int64(len(strip)), width-x)
			add(x, y, strip[:n])
			strip = strip[n:]
			if x += n; x == width {
				x, y = 0, y+1
			}
		}
		return nil
	}
	if every == 1 {
		return im.strips(ctx, 0, width*height, each) // the axes are within the file
	}
	for row := int64(0); row < height; row += every {
		x, y = 0, row
		if err := im.strips(ctx, row*width, width, each); err != nil {
			return err
		}
	}
	x, y = 0, height-1 // the last row of the preview may have no other row
	return im.strips(ctx, y*width, width, each)
}

// plane calls add for the pixels of the first plane, tile by tile, in pieces of rows. It leaves out
// rows of tiles of a large image.
func (t *tiles) plane(ctx context.Context, im *Image, step int64, add func(x, y int64, run []Pixel)) error {
	across, down := t.count[0], t.count[1]
	every := rowStep(im.HDU.Axes[0], im.HDU.Axes[1], t.size[1], step)
	if every == 0 {
		return t.file.Budget.TooMuch(bounded.Count(bounded.PreviewPixels) + " pixels")
	}
	for tile := range across * down {
		if err := ctx.Err(); err != nil {
			return err
		}
		if row := tile / across; row%every != 0 && row != down-1 {
			continue
		}
		start, size := t.place(tile, im.HDU.Axes)
		x, y := int64(0), int64(0)
		err := t.tile(ctx, im, tile, func(strip []Pixel) error {
			for len(strip) > 0 && y < size[1] {
				n := min(int64(len(strip)), size[0]-x)
				add(start[0]+x, start[1]+y, strip[:n])
				strip = strip[n:]
				if x += n; x == size[0] {
					x, y = 0, y+1
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// zscale finds the range that shows the sky and faint objects well, by the algorithm of IRAF's
// display task (see its help page): the slope of the sorted pixels about their median, without
// outliers, divided by the contrast. ok is false if no pixel has a value.
func zscale(values []float64) (low, high float64, ok bool) {
	const (
		most     = 1000 // pixels in the sample
		contrast = 0.25
		rejected = 2.5 // sigmas
		rounds   = 5
	)
	var sample []float64
	step := max(1, len(values)/most)
	for i := 0; i < len(values); i += step {
		if v := values[i]; v == v {
			sample = append(sample, v)
		}
	}
	if len(sample) == 0 { // the sample missed all pixels that have a value
		for _, v := range values {
			if v == v && len(sample) < most {
				sample = append(sample, v)
			}
		}
	}
	n := len(sample)
	if n == 0 {
		return 0, 0, false
	}
	slices.Sort(sample)
	low, high = sample[0], sample[n-1]
	good := make([]bool, n)
	for i := range good {
		good[i] = true
	}
	slope, kept := 0.0, n
	for range rounds {
		var sx, sy, sxx, sxy, k float64
		for i, v := range sample {
			if good[i] {
				x := float64(i)
				sx, sy, sxx, sxy, k = sx+x, sy+v, sxx+x*x, sxy+x*v, k+1
			}
		}
		d := k*sxx - sx*sx
		if d == 0 {
			break
		}
		slope = (k*sxy - sx*sy) / d
		start := (sy - slope*sx) / k
		var squares float64
		for i, v := range sample {
			if good[i] {
				r := v - start - slope*float64(i)
				squares += r * r
			}
		}
		limit := rejected * math.Sqrt(squares/k)
		left := 0
		for i, v := range sample {
			good[i] = good[i] && math.Abs(v-start-slope*float64(i)) <= limit
			if good[i] {
				left++
			}
		}
		if left == kept {
			break
		}
		kept = left
		if kept < max(5, n/2) { // too few: use the whole range
			return low, high, true
		}
	}
	median := sample[n/2]
	slope /= contrast
	return max(low, median-slope*float64(n/2)), min(high, median+slope*float64(n-1-n/2)), true
}
