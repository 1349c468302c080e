package ingest

import (
	"fmt"
	"math"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits"
	"nightjar/ingest/table"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// spectroscopyFormats lists the formats of spectra, the most particular first.
func spectroscopyFormats() []format {
	return []format{
		{about: aboutFITSSpectrum(), name: "FITS image", recognise: fits.IsFITS, read: readFITSSpectrum},
		{about: aboutVOSpectrum(), name: "VOTable", recognise: table.IsVOTable, read: readVOSpectrum},
		{about: aboutECSVSpectrum(), name: "ECSV", recognise: table.IsECSV, read: spectrumOf(ecsvGrid)},
		{about: aboutJSONSpectrum(), name: "Open Supernova Catalog", recognise: isJSON, read: readJSONSpectra},
		{about: aboutTextSpectrum(), name: "spectrum text", recognise: isText, read: readTextSpectrum},
	}
}

// spectrum builds the value of one: three lists, put together at the end.
type spectrum struct {
	flux, wavelength, errors []byte // JSON arrays without the closing bracket
	pixels                   int    // wavelengths added
	none                     int    // fluxes that are null
	discard                  bool   // nobody wants the lists: they are counted and not held
	discarded                int    // bytes of them

	medium   string // air or vacuum, where the file says in which the wavelengths are
	previous float64
	rising   bool
	falling  bool
}

func (j *job) newSpectrum() *spectrum {
	return &spectrum{discard: j.options.Discard, flux: []byte(`{"flux":[`), wavelength: []byte(`[`),
		errors: []byte(`[`)}
}

// Next begins an element of a list.
func next(list []byte) []byte {
	if list[len(list)-1] != '[' {
		return append(list, ',')
	}
	return list
}

// addWavelength notes the next pixel's wavelength; the caller writes its digits. reason is not ""
// when it cannot be one.
func (s *spectrum) addWavelength(v float64) (reason string) {
	if !(v > 0) || math.IsInf(v, 1) {
		return "a wavelength must be a finite number above 0"
	}
	if s.pixels > 0 {
		s.rising = s.rising || v > s.previous
		s.falling = s.falling || v < s.previous
		if v == s.previous {
			s.rising, s.falling = true, true
		}
	}
	s.previous = v
	s.pixels++
	return ""
}

// shorten counts a list in place of holding it, when nobody wants it. A list of some bytes is left,
// which is not an empty one.
func (s *spectrum) shorten(list []byte) []byte {
	const some, few = 64 << 10, 16
	if s.discard && len(list) > some {
		s.discarded += len(list) - few
		return list[:few]
	}
	return list
}

// check refuses a spectrum that grows too large.
func (s *spectrum) check(pixels int64) error {
	if pixels > bounded.MaxPixels {
		return bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("a spectrum of more than %d pixels",
			bounded.MaxPixels)})
	}
	if s.discarded+len(s.flux)+len(s.wavelength)+len(s.errors) > bounded.MaxSpectrum {
		return bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("the spectrum takes more than %d bytes",
			bounded.MaxSpectrum)})
	}
	s.flux, s.wavelength, s.errors = s.shorten(s.flux), s.shorten(s.wavelength), s.shorten(s.errors)
	return nil
}

// Value is the finished JSON object, keys in a TOM's order; flux_error is last and only there when
// the file has errors.
func (s *spectrum) value(fluxUnits, wavelengthUnits string) []byte {
	if s.discard {
		return nil
	}
	// in one piece, as it may be large
	v := make([]byte, 0, len(s.flux)+len(s.wavelength)+len(s.errors)+len(fluxUnits)+len(wavelengthUnits)+200)
	v = append(append(v, s.flux...), ']')
	v = jsontext.AppendString(jsontext.AppendKey(v, "flux_units"), fluxUnits)
	v = append(append(jsontext.AppendKey(v, "wavelength"), s.wavelength...), ']')
	v = jsontext.AppendString(jsontext.AppendKey(v, "wavelength_units"), wavelengthUnits)
	if len(s.errors) > 1 {
		v = append(append(jsontext.AppendKey(v, "flux_error"), s.errors...), ']')
	}
	if s.medium != "" {
		v = jsontext.AppendString(jsontext.AppendKey(v, "wavelength_medium"), s.medium)
	}
	return append(v, '}')
}

// mediumOf is air or vacuum as keywords say: AIRORVAC, VACUUM, or an axis of the type AWAV. WAVE is
// also written where nobody knows, and says nothing.
func mediumOf(get func(string) (string, bool)) string {
	if text, ok := get("AIRORVAC"); ok {
		switch text = strings.ToLower(strings.TrimSpace(text)); {
		case strings.HasPrefix(text, "air"):
			return "air"
		case strings.HasPrefix(text, "vac"):
			return "vacuum"
		}
	}
	if text, ok := get("VACUUM"); ok {
		switch strings.ToUpper(strings.TrimSpace(text)) {
		case "T", "TRUE", "1":
			return "vacuum"
		case "F", "FALSE", "0":
			return "air"
		}
	}
	if ctype, _ := get("CTYPE1"); strings.HasPrefix(strings.ToUpper(ctype), "AWAV") {
		return "air"
	}
	return ""
}

// emitSpectrum checks what was read and hands out the point.
func (j *job) emitSpectrum(s *spectrum, d specDate, source, fluxUnits, wavelengthUnits string) error {
	switch {
	case j.refused():
		return nil
	case s.pixels == 0:
		return bounded.Refuse(bounded.Problem{Reason: "no rows"})
	case s.none == s.pixels:
		return bounded.Refuse(bounded.Problem{Reason: "no pixel has a flux"})
	}
	if err := s.check(int64(s.pixels)); err != nil {
		return err
	}
	if s.none > 0 {
		j.warn("%s without a flux (NaN or missing) stored as null", problem.Plural(s.none, "pixel"))
	}
	if s.rising && s.falling {
		j.warn("the wavelengths neither rise nor fall throughout; they are kept in the file's order")
	}
	if j.scaled() {
		j.warn("fluxes and their errors were multiplied by %g, as the upload asked", j.options.FluxScale)
	}
	return j.emit(Point{Time: d.micros, Timed: d.timed, Source: source, Value: s.value(fluxUnits, wavelengthUnits)})
}
