package ingest

import (
	"context"
	"fmt"
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
	if n := len(images.others); n > 0 {
		j.warn("the image of HDU %d is read, and %s not", h.Number, problem.Plural(n, "other image"))
	}
	rows, err := spectrumRows(h, images.wavelength != nil, j.notes)
	if err != nil {
		return err
	}
	return j.readImage(ctx, images, rows, h.Getter(primary))
}

// readImage reads the spectra of an image.
func (j *job) readImage(ctx context.Context, images imageSet, rows imageRows, get func(string) (string, bool)) error {
	h := images.flux
	scales, wavelengthUnits, err := j.scales(images, rows)
	if err != nil {
		return err
	}
	bunit, _ := get("BUNIT")
	for _, key := range yUnitKeys {
		if bunit == "" {
			bunit, _ = get(key)
		}
	}
	if images.errors != nil && rows.errors == 0 {
		images.scaleErrors(bunit, j.notes)
	}
	fluxUnits := ""
	var date specDate
	var orders []wavelengthOrder
	key := "order"
	if images.wavelength != nil {
		key = "row"
	}
	j.report.guess = "its image has a wavelength for each pixel"
	for i, d := range scales {
		s, err := j.readPixels(ctx, images, d, rows, int64(i))
		if err != nil {
			return err
		}
		if i == 0 {
			fluxUnits = fluxUnit(bunit, j.notes)
			j.report.Columns = []Column{{Name: "flux", Role: "flux", Unit: fluxUnits},
				{Name: "wavelength", Role: "wavelength", Unit: wavelengthUnits}}
			if len(s.errors) > 1 {
				name := rows.name
				if rows.errors == 0 {
					name, _ = images.errors.Text("EXTNAME")
				}
				j.report.Columns = append(j.report.Columns, Column{Name: name, Role: "flux_error", Unit: fluxUnits})
			}
			date = j.spectrumDate(get, bounded.Problem{HDU: h.Number})
		}
		if len(scales) > 1 {
			s.label = strconv.AppendInt(jsontext.AppendKey(nil, key), d.Order, 10)
			// orders differ; fibres and apertures are of other objects
			for k, o := range orders {
				if d.Order == scales[k].Order ||
					math.Abs(s.order.first-o.first) < math.Abs(s.order.previous-s.order.first)/100 {
					return h.Refuse("NAXIS2", fmt.Sprintf("several of the %d rows of the image have the same "+
						"order or the same wavelengths: these are spectra of several objects, or of the sky; copy the "+
						"spectrum of the target into a file of its own", rows.orders))
				}
			}
			orders = append(orders, s.order)
		}
		s.medium = mediumOf(get)
		if err := j.emitSpectrum(s, date, fitsSource(get), fluxUnits, wavelengthUnits); err != nil {
			return err
		}
	}
	return nil
}

// scales returns the dispersions of the spectra of an image and their unit. If the wavelengths are
// pixels themselves, only the numbers of the orders are set.
func (j *job) scales(images imageSet, rows imageRows) (list []fits.Dispersion, unit string, err error) {
	h := images.flux
	if rows.orders > 1 {
		j.warn("the image has %d orders: each is a spectrum of its own", rows.orders)
	}
	switch {
	case images.wavelength != nil || rows.wavelengths:
		for i := range rows.orders {
			list = append(list, fits.Dispersion{Order: i + 1})
		}
		unit, err = images.wavelengthUnit(h, j.notes)
		return list, unit, err
	case fits.IsMultispec(h):
		list, err = fits.ReadMultispec(h, rows.orders, j.warn)
	default:
		var d fits.Dispersion
		d, err = fits.ReadDispersion(h, j.warn)
		list = []fits.Dispersion{d}
	}
	if err == nil {
		a, b := list[0].Wavelength(0), list[0].Wavelength(rows.pixels-1)
		unit, err = dispersionUnit(h, list[0], max(a, b), j.notes)
	}
	if err == nil && unit == defaultWavelengthUnit {
		d := list[0]
		if a, b := d.Wavelength(0), d.Wavelength(rows.pixels-1); min(a, b) > 3 && max(a, b) < 4.7 {
			return nil, "", h.Refuse("CRVAL1", fmt.Sprintf("wavelengths from %g to %g angstroms look like the "+
				"logarithms of wavelengths; in a header DC-FLAG = 1 or CTYPE1 = WAVE-LOG would say so", a, b))
		}
	}
	return list, unit, err
}

// readSpectrumTables reads the first table that has wavelengths and fluxes. done is false if there
// is none.
func (j *job) readSpectrumTables(ctx context.Context, tables []*fits.Table, primary *fits.HDU) (done bool, err error) {
	for i, t := range tables {
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
		j.warnTables(tables[i+1:], primary)
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

// warnTables warns if some of the tables behind the one that is read have wavelengths and fluxes,
// too.
func (j *job) warnTables(tables []*fits.Table, primary *fits.HDU) {
	others := 0
	for _, t := range tables {
		spectra, spectrum, err := fitsSpectra(t, j.file, t.Getter(primary))
		if err != nil || len(spectra) == 0 {
			continue
		}
		if g, err := spectrum(spectra[0]); err == nil {
			if _, err = spectrumColumns(g, &j.options, newNotes("", 1)); err == nil {
				others++
			}
		}
	}
	if others > 0 {
		j.warn("%s of the file with wavelengths and fluxes not read", problem.Plural(others, "other table"))
	}
}

// imageSet is the images of a spectrum: the flux, and the error and the wavelengths if these are in
// HDUs of their own.
type imageSet struct {
	file               bounded.File
	flux               *fits.HDU
	errors, wavelength *fits.HDU // nil for none
	spread             errorKind
	factor             float64 // on these errors, as sigmas, to be in the unit of the flux
	packed             error   // why a compressed image was skipped; nil if none was
	others             []int   // HDUs of images that are neither of these nor accompany the flux
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
			} else {
				set.others = append(set.others, h.Number)
			}
		default:
			if accompaniesFlux(h) || isWavelengthImage(name) {
				others = append(others, h)
			} else if set.others = append(set.others, h.Number); first == nil {
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
	set.others = slices.DeleteFunc(set.others, func(n int) bool { return n == set.flux.Number })
	for _, h := range others {
		name, _ := h.Text("EXTNAME")
		if !slices.Equal(h.Axes, set.flux.Axes) || h.Bitpix == 0 {
			if isWavelengthImage(name) && !hasScale(set.flux) {
				return set, h.Refuse("NAXIS", "the wavelengths are an image of "+axesText(h.Axes)+", and the fluxes "+
					"one of "+axesText(set.flux.Axes)+": which belong together is not known")
			}
			continue
		}
		if isWavelengthImage(name) {
			set.wavelength = h
			continue
		}
		switch strings.ToUpper(name) {
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

// scaleErrors finds the factor of the errors by the unit of their image and that of the fluxes.
// Errors that are none of these fluxes are not kept.
func (set *imageSet) scaleErrors(fluxUnit string, n *notes) {
	kept := false
	unit, _ := set.errors.Text("BUNIT")
	name, _ := set.errors.Text("EXTNAME")
	if fluxUnit == "" {
		fluxUnit = defaultFluxUnit
	}
	if set.factor, kept = errorFactor(name, unit, fluxUnit, set.spread, n); !kept {
		set.errors = nil
	}
}

// isWavelengthImage reports whether the name of an image says that its pixels are wavelengths.
func isWavelengthImage(name string) bool {
	return slices.Contains([]string{"WAVE", "WAVELENGTH", "WAVELENGTHS", "LAMBDA"}, strings.ToUpper(name))
}

// wavelengthUnit is the unit of wavelengths that are stored as pixels.
func (set imageSet) wavelengthUnit(h *fits.HDU, n *notes) (string, error) {
	if set.wavelength != nil {
		h = set.wavelength
		if text, ok := h.Text("BUNIT"); ok {
			return wavelengthUnit(text, n, bounded.Problem{HDU: h.Number, Column: "BUNIT"})
		}
	}
	for _, key := range append([]string{"CUNIT1"}, xUnitKeys...) {
		if text, ok := h.Text(key); ok && set.wavelength == nil && strings.TrimSpace(text) != "" {
			return wavelengthUnit(text, n, bounded.Problem{HDU: h.Number, Column: key})
		}
	}
	n.warn("the file gives no unit of wavelength: %s is assumed", defaultWavelengthUnit)
	return defaultWavelengthUnit, nil
}

// Keywords of units that are no part of the FITS standard, as of SpeX: they count if those of the
// standard are missing.
var (
	xUnitKeys = []string{"XUNITS", "XUNIT", "WUNIT", "WAVEUNIT", "WAVEUNITS"}
	yUnitKeys = []string{"YUNITS", "YUNIT", "FUNIT", "FLUXUNIT", "FLUXUNITS"}
)

// accompaniesFlux reports whether an image is only an error, a mask or the like.
func accompaniesFlux(h *fits.HDU) bool {
	name, _ := h.Text("EXTNAME")
	switch strings.ToUpper(name) {
	case "ERR", "ERROR", "ERRS", "STD", "STDDEV", "SIGMA", "UNCERT", "VAR", "IVAR", "MASK", "DQ", "QUALITY", "SKY":
		return true
	}
	return false
}

// imageRows says which rows of an image belong to a spectrum. The image has a band for the flux,
// and maybe others, and in each a row for each of its orders.
type imageRows struct {
	pixels      int64 // length of a row
	orders      int64 // spectra in the image, 1 or more
	errors      int64 // band of the error of the flux; 0 for none
	spread      errorKind
	name        string // what the header calls that band
	wavelengths bool   // row 0 is the wavelengths and row 1 the flux
}

// spectrumRows finds the rows of a spectrum by the axes of its image. One row is a spectrum. Of two
// rows, or of the bands that IRAF keeps along a third axis, the first is the flux. Only BANDIDn of
// IRAF can explain three or more rows, unless each row has its own wavelengths: in WAT2, or, with
// wavelengths, in another image.
func spectrumRows(h *fits.HDU, wavelengths bool, n *notes) (r imageRows, err error) {
	axes := h.Axes
	for len(axes) > 1 && axes[len(axes)-1] == 1 {
		axes = axes[:len(axes)-1]
	}
	r.pixels, r.orders = axes[0], 1
	shape := axesText(h.Axes)
	bands := int64(1)
	_, named := h.Text("BANDID1")
	named = named && !h.Has("APNUM2") // IRAF numbers apertures or orders
	switch {
	case len(axes) == 1:
	case (len(axes) == 2 || len(axes) == 3) && axes[1] > 1 && fits.IsMultispec(h) && fits.Multispecs(h) > 1:
		if r.orders = axes[1]; len(axes) == 3 {
			bands = axes[2]
		}
	case len(axes) == 2 && axes[1] > 1 && wavelengths:
		r.orders = axes[1]
	case len(axes) == 2 && h.Has("APNUM2"):
		return r, h.Refuse("NAXIS2", "an image of "+shape+" with several apertures (APNUM2): these are spectra of "+
			"several objects, or of the sky; copy the spectrum of the target into a file of its own")
	case len(axes) == 2 && axes[1] == 2 && !named && !hasScale(h):
		r.wavelengths = true
		n.warn("the image has 2 rows and no wavelength scale: the first is taken for the wavelengths, the second " +
			"for the flux")
		return r, checkPixels(h, r.pixels, 2, shape)
	case len(axes) == 2 && (axes[1] == 2 || named):
		bands = axes[1]
	case len(axes) == 2 && axes[1] == 5 && h.Has("COEFF0") && h.Has("COEFF1") && isLAMOST(h):
		r.errors, r.name, r.spread = 1, "inverse variance", asInverse
		n.warn("a LAMOST image of 5 rows: the first is the flux, the second its inverse variance, others are not kept")
		return r, checkPixels(h, r.pixels, 5, shape)
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
	if r.orders > bounded.MaxSpectra {
		return r, h.Refuse("NAXIS2", "an image of more than a thousand spectra")
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

// isLAMOST reports whether the header is of the telescope LAMOST.
func isLAMOST(h *fits.HDU) bool {
	telescope, _ := h.Text("TELESCOP")
	return strings.Contains(strings.ToUpper(telescope), "LAMOST")
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

// readPixels reads the fluxes and errors of an order, counted from 0, and reads or computes its
// wavelengths.
func (j *job) readPixels(ctx context.Context, set imageSet, d fits.Dispersion, rows imageRows,
	order int64) (*spectrum, error) {
	h := set.flux
	im, err := h.Image(j.file)
	if err != nil {
		return nil, err
	}
	s := j.newSpectrum()
	pixels := rows.pixels
	if d.Pixels > 0 && d.Pixels < pixels { // the others fill up the line of a shorter order
		pixels = d.Pixels
	}
	j.report.Rows += int(pixels)
	var masked []bool // pixels without a wavelength
	if set.wavelength != nil || rows.wavelengths {
		from := im
		if set.wavelength != nil {
			if from, err = set.wavelength.Image(j.file); err != nil {
				return nil, err
			}
		}
		masked = make([]bool, 0, pixels)
		err = from.Read(ctx, order*rows.pixels, pixels, func(p fits.Pixel) error {
			masked = append(masked, p.Value == 0 || math.IsNaN(p.Value))
			if masked[len(masked)-1] {
				j.leaveOut(s)
				return nil
			}
			if reason := s.addWavelength(p.Value, len(masked)); reason != "" {
				return from.HDU.Refuse("", "pixel "+strconv.Itoa(len(masked))+": "+reason)
			}
			s.wavelength = jsontext.AppendFloat(withComma(s.shorten(s.wavelength)), p.Value)
			return nil
		})
	} else {
		for i := range pixels {
			w := d.Wavelength(i)
			if reason := s.addWavelength(w, int(i)+1); reason != "" {
				return nil, h.Refuse("CRVAL1", "pixel "+strconv.FormatInt(i+1, 10)+": "+reason)
			}
			s.wavelength = jsontext.AppendFloat(withComma(s.shorten(s.wavelength)), w)
		}
	}
	if err != nil {
		return nil, err
	}
	row := order
	if rows.wavelengths {
		row = 1
	}
	if rows.wavelengths && !s.order.monotonic() {
		return nil, h.Refuse("NAXIS2", "the image has 2 rows and no wavelength scale, and the first row neither rises "+
			"nor falls throughout, as wavelengths do")
	}
	first := row * rows.pixels
	if s.flux, s.none, err = j.readRow(ctx, s, im, first, pixels, masked, asSigma, 1, s.flux); err != nil {
		return nil, err
	}
	switch {
	case rows.errors > 0:
		first = (rows.errors*rows.orders + order) * rows.pixels
		s.errors, _, err = j.readRow(ctx, s, im, first, pixels, masked, rows.spread, 1, s.errors)
	case set.errors != nil:
		var errors fits.Image
		if errors, err = set.errors.Image(j.file); err == nil {
			s.errors, _, err = j.readRow(ctx, s, errors, order*rows.pixels, pixels, masked, set.spread, set.factor,
				s.errors)
		}
	}
	return s, err
}

// readRow writes pixels of an image from first: numbers, and null for a pixel without a value.
// Those that are masked, unless that is nil, are left out.
func (j *job) readRow(ctx context.Context, s *spectrum, im fits.Image, first, pixels int64, masked []bool, as errorKind,
	factor float64, list []byte) (out []byte, none int, err error) {
	at := -1
	err = im.Read(ctx, first, pixels, func(p fits.Pixel) error {
		if at++; masked != nil && masked[at] {
			return nil
		}
		list = withComma(s.shorten(list))
		v := times(as.sigma(p.Value), factor)
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
		case p.Exact && !j.scaled() && as == asSigma && factor == 1:
			list = strconv.AppendInt(list, p.Whole, 10)
		default:
			list = jsontext.AppendFloat(list, v)
		}
		return nil
	})
	return list, none, err
}

// dispersionUnit is the unit of the axis: CUNIT1, or, if it is missing, WAT1_nnn of IRAF or that in
// the words of CTYPE1, or XUNITS and the like. deg counts as missing: many IRAF files keep it from
// the image that the spectrum was extracted from. Without any unit it is the angstrom, or, if the
// longest wavelength, most, says so, the metre, which is the default of the FITS standard. On a
// logarithmic axis log(Angstrom) is the angstrom.
func dispersionUnit(h *fits.HDU, d fits.Dispersion, most float64, n *notes) (string, error) {
	cunit, _ := h.Text("CUNIT1")
	iraf, inWords := fits.IRAFUnits(h), d.Unit
	for _, text := range []*string{&cunit, &iraf} {
		if d.Logarithmic() && isLogarithm(*text) {
			*text = logUnit(*text, n)
		}
	}
	for _, text := range []string{iraf, cunit} {
		other, ok := WavelengthUnit(text)
		if unit, there := WavelengthUnit(inWords); ok && there && unit != other {
			return "", h.Refuse("CTYPE1", "the unit "+unit+" in CTYPE1 and the unit "+other+" of the axis contradict "+
				"each other")
		}
	}
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
	case inWords != "":
		return wavelengthUnit(inWords, n, bounded.Problem{HDU: h.Number, Column: "CTYPE1"})
	}
	for _, key := range xUnitKeys {
		if text, ok := h.Text(key); ok && strings.TrimSpace(text) != "" {
			return wavelengthUnit(text, n, bounded.Problem{HDU: h.Number, Column: key})
		}
	}
	switch unusual := unusualEnd(most); {
	case degrees:
		n.warn("CUNIT1 = deg is not a wavelength: %s is assumed%s", defaultWavelengthUnit, unusual)
	case most < 1e-4:
		n.warn("the file gives no unit of wavelength: m is assumed, as the FITS standard says, because the " +
			"wavelengths are small")
		return "m", nil
	default:
		n.warn("the file gives no unit of wavelength: %s is assumed%s", defaultWavelengthUnit, unusual)
	}
	return defaultWavelengthUnit, nil
}

// unusualEnd is what to add to a warning that wavelengths are taken for angstroms, if the longest
// is too short to be one of visible light; "" otherwise.
func unusualEnd(most float64) string {
	if most >= 500 {
		return ""
	}
	return fmt.Sprintf(", although they end with %g; if they are in another unit, CUNIT1 can name it, as nm", most)
}
