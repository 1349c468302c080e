package ingest

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
)

// readFITSSpectrum reads the spectrum of the first image with data that is not the error or mask of another.
func readFITSSpectrum(ctx context.Context, j *job) error {
	in := fitsFile{file: j.file}
	var primary, h *fitsHDU
	tables := false
	for {
		var err error
		if h, err = in.next(); err != nil {
			return err
		}
		if h == nil {
			break
		}
		if primary == nil {
			primary = h
		}
		if h.kind == "IMAGE" && h.size > 0 && !besides(h) {
			break
		}
		tables = tables || strings.HasSuffix(h.kind, "TABLE")
	}
	switch {
	case h == nil && tables:
		return refuse(Problem{Reason: "no image with data, only tables: spectra in FITS tables are not read"})
	case h == nil:
		return refuse(Problem{Reason: "no image with data"})
	}
	rows, err := spectrumRows(h, j.notes)
	if err != nil {
		return err
	}
	d, err := readDispersion(h, j.notes)
	if err != nil {
		return err
	}
	s, err := j.readPixels(ctx, h, d, rows)
	if err != nil {
		return err
	}
	bunit, _ := h.text("BUNIT")
	fluxUnits := fluxUnit(bunit, j.notes)
	j.report.Columns = []Column{{Name: "flux", Role: "flux", Unit: fluxUnits}, {Name: "wavelength", Role: "wavelength", Unit: d.unit}}
	if rows.errors > 0 {
		j.report.Columns = append(j.report.Columns, Column{Name: rows.name, Role: "flux_error", Unit: fluxUnits})
	}
	get := func(key string) (string, bool) {
		for _, header := range []*fitsHDU{h, primary} {
			for _, spelling := range []string{key, strings.ReplaceAll(key, "-", "_")} {
				if text, ok := header.text(spelling); ok {
					return text, true
				}
			}
		}
		return "", false
	}
	return j.emitSpectrum(s, j.spectrumDate(get, Problem{HDU: h.hdu}), fitsSource(get), fluxUnits, d.unit)
}

// besides tells whether an image only accompanies a spectrum.
func besides(h *fitsHDU) bool {
	name, _ := h.text("EXTNAME")
	switch strings.ToUpper(name) {
	case "ERR", "ERROR", "ERRS", "STD", "STDDEV", "SIGMA", "UNCERT", "VAR", "IVAR", "MASK", "DQ", "QUALITY", "SKY":
		return true
	}
	return false
}

// fitsSource is the facility that took the spectrum, as far as a TOM tells it by a header: Las Cumbres Observatory's. ""
// for all others.
func fitsSource(get func(string) (string, bool)) string {
	if origin, _ := get("ORIGIN"); origin == "LCOGT" {
		return "LCO"
	}
	return ""
}

// imageRows says which rows of an image are a spectrum's. The flux is row 0.
type imageRows struct {
	pixels int64  // length of a row
	errors int64  // row of the flux's error; 0 when there is none
	name   string // and what the header calls it
}

// spectrumRows looks at an image's axes. One row is a spectrum. Of two rows, and of the bands that IRAF keeps along a third
// axis, the first is the flux. What three or more rows are, only IRAF's BANDIDn can tell.
func spectrumRows(h *fitsHDU, n *notes) (r imageRows, err error) {
	axes := h.axes
	for len(axes) > 1 && axes[len(axes)-1] == 1 {
		axes = axes[:len(axes)-1]
	}
	r.pixels = axes[0]
	shape := axesText(h.axes)
	bands := int64(1)
	_, named := h.text("BANDID1")
	switch {
	case len(axes) == 1:
	case len(axes) == 2 && (axes[1] == 2 || named):
		bands = axes[1]
	case len(axes) == 2:
		return r, h.refuse("NAXIS2", "an image of "+shape+": what its "+strconv.FormatInt(axes[1], 10)+" rows are is not told")
	case len(axes) == 3 && axes[1] == 1:
		bands = axes[2]
	default:
		return r, h.refuse("NAXIS", "an image of "+shape+" is not one spectrum")
	}
	if r.pixels < bands {
		return r, h.refuse("NAXIS1", "an image of "+shape+": the wavelength must be along the first axis")
	}
	if r.pixels > maxPixels {
		return r, h.refuse("NAXIS1", "a spectrum of more than "+strconv.Itoa(maxPixels)+" pixels")
	}
	for i := int64(2); i <= min(bands, 99); i++ {
		name, _ := h.text("BANDID" + strconv.FormatInt(i, 10))
		if strings.HasPrefix(strings.ToLower(name), "sigma") {
			r.errors, r.name = i-1, name
		}
	}
	if others := bands - 1; others > 1 || others == 1 && r.errors == 0 {
		kept := "the first is the flux"
		if r.errors > 0 {
			kept += ", " + strconv.FormatInt(r.errors+1, 10) + " its error"
		}
		n.warn("the image has %d rows: %s, others are not kept", bands, kept)
	}
	return r, nil
}

// axesText is the shape of an image in a message.
func axesText(axes []int64) string {
	var text []string
	for _, n := range axes[:min(len(axes), 8)] {
		text = append(text, strconv.FormatInt(n, 10))
	}
	return strings.Join(text, " x ")
}

// readPixels reads flux and errors and computes the wavelengths.
func (j *job) readPixels(ctx context.Context, h *fitsHDU, d dispersion, rows imageRows) (*spectrum, error) {
	im, err := h.image(j.file)
	if err != nil {
		return nil, err
	}
	s := newSpectrum()
	s.flux = slices.Grow(s.flux, int(rows.pixels)*16)
	if s.flux, s.none, err = j.readRow(ctx, im, 0, rows.pixels, s.flux); err != nil {
		return nil, err
	}
	if rows.errors > 0 {
		if s.errors, _, err = j.readRow(ctx, im, rows.errors, rows.pixels, s.errors); err != nil {
			return nil, err
		}
	}
	j.report.Rows = int(rows.pixels)
	for i := range rows.pixels {
		w := d.wavelength(i)
		if reason := s.addWavelength(w); reason != "" {
			return nil, h.refuse("CRVAL1", "pixel "+strconv.FormatInt(i+1, 10)+": "+reason)
		}
		s.wavelength = appendFloat(next(s.wavelength), w)
	}
	return s, nil
}

// readRow writes a row of an image: numbers, and null where a pixel has none.
func (j *job) readRow(ctx context.Context, im fitsImage, row, pixels int64, list []byte) (out []byte, none int, err error) {
	err = im.read(ctx, row*pixels, pixels, func(p pixel) error {
		list = next(list)
		v := p.value
		if j.scaled() {
			v *= j.options.FluxScale
			if math.IsInf(v, 0) && !math.IsInf(p.value, 0) {
				return im.hdu.refuse("", "a flux is out of range when multiplied")
			}
		}
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			none++
			list = append(list, "null"...)
		case p.exact && !j.scaled():
			list = strconv.AppendInt(list, p.whole, 10)
		default:
			list = appendFloat(list, v)
		}
		return nil
	})
	return list, none, err
}
