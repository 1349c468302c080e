package ingest

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits"
	"nightjar/ingest/units"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// readFITSSpectrum reads the spectra in the tables of a file, one point for each row of arrays. If
// no table has wavelengths and fluxes, it reads the first image that is not the error or the mask
// of another.
func readFITSSpectrum(ctx context.Context, j *job) error {
	tables, primary, bad, err := fits.Tables(j.file, bounded.MaxFITSTables)
	if err != nil {
		return err
	}
	if done, err := j.readSpectrumTables(ctx, tables, primary); done || err != nil {
		return err
	}
	images, err := spectrumImages(j.file)
	if err != nil {
		return err
	}
	h := images.flux
	switch {
	case h == nil && images.packed != nil:
		return images.packed
	case h == nil && bad != nil:
		return bad
	case h == nil && len(tables) > 0:
		return bounded.Refuse(bounded.Problem{Reason: "no image with data, and no table with columns wavelength " +
			"and flux"})
	case h == nil:
		return bounded.Refuse(bounded.Problem{Reason: "no image with data"})
	}
	rows, err := spectrumRows(h, j.notes)
	if err != nil {
		return err
	}
	get := h.Getter(primary)
	var d fits.Dispersion
	wavelengthUnits := ""
	if images.wavelength == nil && !rows.wavelengths {
		if d, err = fits.ReadDispersion(h, j.warn); err == nil {
			wavelengthUnits, err = dispersionUnit(h, j.notes)
		}
	} else {
		wavelengthUnits, err = images.wavelengthUnit(h, j.notes)
	}
	if err != nil {
		return err
	}
	s, err := j.readPixels(ctx, images, d, rows)
	if err != nil {
		return err
	}
	bunit, _ := get("BUNIT")
	fluxUnits := fluxUnit(bunit, j.notes)
	j.report.Columns = []Column{{Name: "flux", Role: "flux", Unit: fluxUnits},
		{Name: "wavelength", Role: "wavelength", Unit: wavelengthUnits}}
	if len(s.errors) > 1 {
		name := rows.name
		if rows.errors == 0 {
			name, _ = images.errors.Text("EXTNAME")
		}
		j.report.Columns = append(j.report.Columns, Column{Name: name, Role: "flux_error", Unit: fluxUnits})
	}
	s.medium = mediumOf(get)
	return j.emitSpectrum(s, j.spectrumDate(get, bounded.Problem{HDU: h.Number}), fitsSource(get),
		fluxUnits, wavelengthUnits)
}

// readSpectrumTables reads the first table that has wavelengths and fluxes. done is false if there
// is none.
func (j *job) readSpectrumTables(ctx context.Context, tables []*fits.Table, primary *fits.HDU) (done bool, err error) {
	for _, t := range tables {
		get := t.Getter(primary)
		spectra, spectrum, err := fitsSpectra(t, j.file, get)
		if err != nil {
			return false, err
		}
		if len(spectra) == 0 {
			continue
		}
		first, err := spectrum(spectra[0])
		if err != nil {
			return false, err
		}
		if _, err := spectrumColumns(first, &j.options, newNotes("", 1)); err != nil {
			if len(j.options.Columns) > 0 {
				return false, err
			}
			continue
		}
		if len(spectra) > 1 {
			j.warn("the table of HDU %d has %d rows of arrays: each is a spectrum of its own", t.Number, len(spectra))
		}
		for _, row := range spectra {
			g, err := spectrum(row)
			if err == nil {
				err = j.readSpectrum(ctx, g)
			}
			if err != nil {
				return true, err
			}
		}
		return true, nil
	}
	return false, nil
}

// imageSet is the images of a spectrum: the flux, and the error and the wavelengths if these are in
// HDUs of their own.
type imageSet struct {
	file               bounded.File
	flux               *fits.HDU
	errors, wavelength *fits.HDU // nil for none
	spread             errorKind
	packed             error // why a compressed image was skipped; nil if none was
}

// spectrumImages finds the images of a spectrum by their names.
func spectrumImages(f bounded.File) (set imageSet, err error) {
	set.file = f
	in := fits.Reader{File: f}
	var first *fits.HDU
	var others []*fits.HDU
	for {
		h, err := in.Next()
		if err != nil {
			return set, err
		}
		if h == nil {
			break
		}
		if set.packed == nil {
			set.packed = h.Packed
		}
		if h.Kind != "IMAGE" || h.Size == 0 {
			continue
		}
		name, _ := h.Text("EXTNAME")
		switch strings.ToUpper(name) {
		case "FLUX", "SCI", "DATA", "SPECTRUM":
			if set.flux == nil {
				set.flux = h
			}
		case "WAVE", "WAVELENGTH", "LAMBDA":
			others = append(others, h)
		default:
			if accompaniesFlux(h) {
				others = append(others, h)
			} else if first == nil {
				first = h
			}
		}
	}
	if set.flux == nil {
		set.flux = first
	}
	if set.flux == nil {
		return set, nil
	}
	for _, h := range others {
		if !slices.Equal(h.Axes, set.flux.Axes) || h.Bitpix == 0 {
			continue
		}
		name, _ := h.Text("EXTNAME")
		switch strings.ToUpper(name) {
		case "WAVE", "WAVELENGTH", "LAMBDA":
			set.wavelength = h
		case "ERR", "ERROR", "ERRS", "STD", "STDDEV", "SIGMA", "UNCERT":
			set.errors, set.spread = h, asSigma
		case "VAR", "IVAR":
			if set.errors == nil {
				set.errors, set.spread = h, asVariance
				if strings.EqualFold(name, "IVAR") {
					set.spread = asInverse
				}
			}
		}
	}
	return set, nil
}

// wavelengthUnit is the unit of wavelengths that are stored as pixels.
func (set imageSet) wavelengthUnit(h *fits.HDU, n *notes) (string, error) {
	if set.wavelength != nil {
		h = set.wavelength
		if text, ok := h.Text("BUNIT"); ok {
			return wavelengthUnit(text, n, bounded.Problem{HDU: h.Number, Column: "BUNIT"})
		}
	}
	if text, ok := h.Text("CUNIT1"); ok && set.wavelength == nil {
		return wavelengthUnit(text, n, bounded.Problem{HDU: h.Number, Column: "CUNIT1"})
	}
	n.warn("the file gives no unit of wavelength: %s is assumed", defaultWavelengthUnit)
	return defaultWavelengthUnit, nil
}

// accompaniesFlux reports whether an image is only an error, a mask or the like.
func accompaniesFlux(h *fits.HDU) bool {
	name, _ := h.Text("EXTNAME")
	switch strings.ToUpper(name) {
	case "ERR", "ERROR", "ERRS", "STD", "STDDEV", "SIGMA", "UNCERT", "VAR", "IVAR", "MASK", "DQ", "QUALITY", "SKY":
		return true
	}
	return false
}

// imageRows says which rows of an image belong to the spectrum. The flux is row 0.
type imageRows struct {
	pixels      int64  // length of a row
	errors      int64  // row of the error of the flux; 0 for none
	name        string // what the header calls that row
	wavelengths bool   // row 0 is the wavelengths and row 1 the flux
}

// spectrumRows finds the rows of a spectrum by the axes of its image. One row is a spectrum. Of two
// rows, or of the bands that IRAF keeps along a third axis, the first is the flux. Only BANDIDn of
// IRAF can explain three or more rows.
func spectrumRows(h *fits.HDU, n *notes) (r imageRows, err error) {
	axes := h.Axes
	for len(axes) > 1 && axes[len(axes)-1] == 1 {
		axes = axes[:len(axes)-1]
	}
	r.pixels = axes[0]
	shape := axesText(h.Axes)
	bands := int64(1)
	_, named := h.Text("BANDID1")
	switch {
	case len(axes) == 1:
	case len(axes) == 2 && axes[1] == 2 && !named && !hasScale(h):
		r.wavelengths = true
		n.warn("the image has 2 rows and no wavelength scale: the first is taken for the wavelengths, the second " +
			"for the flux")
		return r, checkPixels(h, r.pixels, 2, shape)
	case len(axes) == 2 && (axes[1] == 2 || named):
		bands = axes[1]
	case len(axes) == 2 && axes[1] == 5 && h.Has("COEFF0") && h.Has("COEFF1"): // SDSS before 2013
		r.errors, r.name = 2, "error"
		n.warn("an SDSS image of 5 rows: the first is the flux, the third its error, others are not kept")
		return r, checkPixels(h, r.pixels, 5, shape)
	case len(axes) == 2:
		return r, h.Refuse("NAXIS2",
			"an image of "+shape+": what its "+strconv.FormatInt(axes[1], 10)+" rows are is not known")
	case len(axes) == 3 && axes[1] == 1:
		bands = axes[2]
	default:
		return r, h.Refuse("NAXIS", "an image of "+shape+" is not one spectrum")
	}
	if err := checkPixels(h, r.pixels, bands, shape); err != nil {
		return r, err
	}
	for i := int64(2); i <= min(bands, 99); i++ {
		name, _ := h.Text("BANDID" + strconv.FormatInt(i, 10))
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

// checkPixels refuses an image whose first axis cannot be that of a spectrum.
func checkPixels(h *fits.HDU, pixels, bands int64, shape string) error {
	if pixels < bands {
		return h.Refuse("NAXIS1", "an image of "+shape+": the wavelength must be along the first axis")
	}
	if pixels > bounded.MaxPixels {
		return h.Refuse("NAXIS1", "a spectrum of more than "+strconv.Itoa(bounded.MaxPixels)+" pixels")
	}
	return nil
}

// hasScale reports whether the header describes the wavelengths along the first axis.
func hasScale(h *fits.HDU) bool { return h.Has("CRVAL1") || h.Has("WAT2_001") }

// axesText describes the shape of an image in a message.
func axesText(axes []int64) string {
	var text []string
	for _, n := range axes[:min(len(axes), 8)] {
		text = append(text, strconv.FormatInt(n, 10))
	}
	return strings.Join(text, " x ")
}

// readPixels reads the fluxes and errors, and reads or computes the wavelengths.
func (j *job) readPixels(ctx context.Context, set imageSet, d fits.Dispersion, rows imageRows) (*spectrum, error) {
	h := set.flux
	im, err := h.Image(j.file)
	if err != nil {
		return nil, err
	}
	s := j.newSpectrum()
	row := int64(0)
	if rows.wavelengths {
		row = 1
	}
	if s.flux, s.none, err = j.readRow(ctx, s, im, row, rows.pixels, asSigma, s.flux); err != nil {
		return nil, err
	}
	switch {
	case rows.errors > 0:
		s.errors, _, err = j.readRow(ctx, s, im, rows.errors, rows.pixels, asSigma, s.errors)
	case set.errors != nil:
		var errors fits.Image
		if errors, err = set.errors.Image(j.file); err == nil {
			s.errors, _, err = j.readRow(ctx, s, errors, 0, rows.pixels, set.spread, s.errors)
		}
	}
	if err != nil {
		return nil, err
	}
	j.report.Rows = int(rows.pixels)
	if set.wavelength != nil || rows.wavelengths {
		if set.wavelength != nil {
			if im, err = set.wavelength.Image(j.file); err != nil {
				return nil, err
			}
		}
		i := 0
		return s, im.Read(ctx, 0, rows.pixels, func(p fits.Pixel) error {
			i++
			if reason := s.addWavelength(p.Value); reason != "" {
				return im.HDU.Refuse("", "pixel "+strconv.Itoa(i)+": "+reason)
			}
			s.wavelength = jsontext.AppendFloat(withComma(s.shorten(s.wavelength)), p.Value)
			return nil
		})
	}
	for i := range rows.pixels {
		w := d.Wavelength(i)
		if reason := s.addWavelength(w); reason != "" {
			return nil, h.Refuse("CRVAL1", "pixel "+strconv.FormatInt(i+1, 10)+": "+reason)
		}
		s.wavelength = jsontext.AppendFloat(withComma(s.shorten(s.wavelength)), w)
	}
	return s, nil
}

// readRow writes a row of an image: numbers, and null for a pixel without a value.
func (j *job) readRow(ctx context.Context, s *spectrum, im fits.Image, row, pixels int64, as errorKind,
	list []byte) (out []byte, none int, err error) {
	err = im.Read(ctx, row*pixels, pixels, func(p fits.Pixel) error {
		list = withComma(s.shorten(list))
		v := as.sigma(p.Value)
		if j.scaled() {
			v *= j.options.FluxScale
			if math.IsInf(v, 0) && !math.IsInf(p.Value, 0) && as == asSigma {
				return im.HDU.Refuse("", "a flux is out of range when multiplied")
			}
		}
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			none++
			list = append(list, "null"...)
		case p.Exact && !j.scaled() && as == asSigma:
			list = strconv.AppendInt(list, p.Whole, 10)
		default:
			list = jsontext.AppendFloat(list, v)
		}
		return nil
	})
	return list, none, err
}

// dispersionUnit is the unit of the axis: CUNIT1, or WAT1_nnn of IRAF if CUNIT1 is missing or is
// deg, which many IRAF files keep from the image that the spectrum was extracted from. Without
// either it is the angstrom.
func dispersionUnit(h *fits.HDU, n *notes) (string, error) {
	cunit, _ := h.Text("CUNIT1")
	iraf := fits.IRAFUnits(h)
	u, known := units.Parse(cunit)
	degrees := known && u.String() == "deg"
	switch {
	case cunit != "" && !degrees:
		return wavelengthUnit(cunit, n, bounded.Problem{HDU: h.Number, Column: "CUNIT1"})
	case iraf != "":
		if degrees {
			n.warn("CUNIT1 = deg is not a wavelength: the unit %s is taken from IRAF's WAT1_001", problem.Clip(iraf))
		}
		return wavelengthUnit(iraf, n, bounded.Problem{HDU: h.Number, Column: "WAT1_001"})
	case degrees:
		n.warn("CUNIT1 = deg is not a wavelength: %s is assumed", defaultWavelengthUnit)
	default:
		n.warn("the file gives no unit of wavelength: %s is assumed", defaultWavelengthUnit)
	}
	return defaultWavelengthUnit, nil
}
