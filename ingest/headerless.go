package ingest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/ingest/units"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// Words by which a comment or the name of a file says that numbers without a header are a spectrum,
// or that they may be a light curve.
var (
	spectrumWords   = []string{"lambda", "λ", "wiserep", "flux"} // flux is the weakest
	spectrumEndings = []string{".flm", ".spc", ".sp"}
	spectrumKeys    = []string{"GRATING", "GRISM", "DISPERSER", "SLIT", "SLITWID", "CRVAL1", "CDELT1", "DC-FLAG"}
	curveWords      = []string{"phot", "lightcurve", "light curve", "light_curve", "light-curve"}
	// words that are not parts of longer ones
	curveNames = []string{"lc", "lcs", "mag", "mags", "magnitude", "magnitudes", "jd", "hjd", "bjd", "mjd", "btjd",
		"bkjd", "rvs"}
	wordsOfTime = []string{"time", "times", "day", "days", "date", "dates", "epoch", "epochs", "phase"} // beside flux
)

// spectrumWord returns that part of a word, in lower case, which says that numbers are a spectrum:
// spec in spec1d, myspec and spectra, but not in special or inspect, and wave in wave and
// wavelength, but not in microwave. It is "" for none.
func spectrumWord(word string) string {
	for _, name := range spectrumWords {
		if strings.Contains(word, name) {
			return name
		}
	}
	spec := strings.Contains(word, "spectr") || strings.HasSuffix(word, "spec") ||
		strings.HasPrefix(word, "spec") && !strings.HasPrefix(word, "speci")
	switch {
	case spec:
		return "spec"
	case word == "wave" || word == "waves" || strings.HasPrefix(word, "wavelen"):
		return "wave"
	}
	return ""
}

const askForType = "; name the columns in a header line, or give the data type of the file (data_product_type), or " +
	"name them in columns, as col1, col2 and so on"

// sayingSpectrum looks for what says that a table without a header, whose data type the user did
// not give, is a spectrum: the name of its file, or a comment. because says what it was; weak says
// that it was only the word flux, which a light curve may have. A table of which nothing says so,
// or which may be a light curve, is refused.
func (g *grid) sayingSpectrum(file string) (because string, weak bool, err error) {
	refuse := func(reason string) (string, bool, error) {
		return "", false, bounded.Refuse(bounded.Problem{Line: g.Line,
			Reason: "no header line, and " + reason + askForType})
	}
	if datesFirst(g.Layout) {
		return refuse("the first column may hold dates as well as wavelengths")
	}
	timed := false // a word of times
	comments := slices.Concat(g.Others, []string{g.Above})
	for i, text := range slices.Concat([]string{file}, comments) {
		text = strings.NewReplacer("spectrophot", "spectro", "photon", "").Replace(strings.ToLower(text))
		of := "a comment"
		if i == 0 {
			of = "the file's name"
		}
		words := strings.FieldsFunc(text, func(r rune) bool { return !(r >= 'a' && r <= 'z') })
		for _, word := range curveWords {
			if strings.Contains(text, word) {
				return refuse(of + " says " + problem.Quoted(word) + ", so that it may be a light curve")
			}
		}
		for _, word := range curveNames {
			if slices.Contains(words, word) && (i == 0 || !strings.ContainsAny(text, ":=0123456789")) {
				return refuse(of + " says " + problem.Quoted(word) + ", so that it may be a light curve")
			}
		}
		if i > 0 && namesJulianDates(text) {
			return refuse("a comment names Julian dates, so that it may be a time series")
		}
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) }) {
			timed = timed || slices.Contains(wordsOfTime, word) &&
				(i == 0 || !strings.ContainsAny(text, ":=0123456789"))
			if name := spectrumWord(word); name != "" && (because == "" || weak && name != "flux") {
				because, weak = of+" says "+problem.Quoted(name), name == "flux"
			}
		}
		if because == "" && slices.Contains(words, "tns") {
			because = of + " says 'TNS'"
		}
	}
	lower := strings.ToLower(file)
	for _, ending := range spectrumEndings {
		if because == "" && strings.HasSuffix(lower, ending) {
			because = "the file's name ends with " + ending
		}
	}
	if _, dated := dateInName(file); because == "" && dated {
		because = "the file's name has a date as WISeREP and TNS write it"
	}
	for _, key := range spectrumKeys {
		if _, there := g.keys[key]; because == "" && there {
			because = "a comment has the keyword " + key
		}
	}
	if weak && timed {
		return refuse("besides 'flux' a comment or the file's name speaks of times, so that it may be a light curve")
	}
	if because == "" {
		return refuse("neither a comment nor the file's name says that it is a spectrum")
	}
	return because, weak, nil
}

// namesJulianDates reports whether a comment in lower case names a column of Julian dates, as
// JD-2450000 does; the value of a keyword, as in MJD: 58000 or JD 2458000.5, is none.
func namesJulianDates(comment string) bool {
	if strings.ContainsAny(comment, ":=") {
		return false
	}
	words := strings.FieldsFunc(comment, func(r rune) bool { return strings.ContainsRune(" \t,;|()[]", r) })
	for i, word := range words {
		name, _, _ := strings.Cut(word, "-")
		if !slices.Contains([]string{"jd", "mjd", "hjd", "bjd", "btjd", "bkjd"}, name) {
			continue
		}
		if i+1 < len(words) {
			if _, number := instant.ParseDecimal([]byte(words[i+1])); number {
				continue
			}
		}
		if name != word || len(words) > 1 && i == 0 {
			return true
		}
	}
	return false
}

// plausible refuses a spectrum without names of columns, whose data type the user did not give, if
// its first column cannot be taken for wavelengths. weak is that of sayingSpectrum.
func (j *job) plausible(s *spectrum, unit string, weak bool) error {
	refuse := func(format string, a ...any) error {
		return bounded.Refuse(bounded.Problem{Reason: "no header line, and " + fmt.Sprintf(format, a...) + askForType})
	}
	o := &s.order
	least, most := min(o.first, o.previous), max(o.first, o.previous)
	if s.pixels == 0 || j.refused() {
		return nil
	}
	if !o.monotonic() || s.masked > 0 {
		return refuse("the first column neither rises nor falls throughout, as wavelengths do")
	}
	if text, ok := WavelengthUnit(unit); ok && !plausibleWavelengths(least, most, text) {
		return refuse("the numbers %g to %g in the first column are no plausible wavelengths in %s", least, most, text)
	}
	if weak {
		switch mean := (most - least) / float64(max(s.pixels-1, 1)); {
		case o.most > 20*mean || o.pixels > 10 && 5*o.uneven > o.pixels: // nights apart and hours within them
			return refuse("the steps of the first column are as uneven as those of times")
		case s.pixels > 10 && most < 1.05*least:
			return refuse("the numbers %g to %g in the first column may be days as well as wavelengths", least, most)
		}
	}
	j.report.guess = fmt.Sprintf("%s, and the first of its columns without a header goes from %g to %g %s in one "+
		"direction", j.report.guess, o.first, o.previous, unit)
	return nil
}

// plausibleWavelengths reports whether wavelengths in a unit are from the extreme ultraviolet to
// the far infrared; angstroms, which are also assumed, end with the near infrared.
func plausibleWavelengths(least, most float64, unit string) bool {
	metres := math.Pow10(units.LengthPowers[unit])
	end := 1e-3
	if unit == "Angstrom" {
		end = 6e-6
	}
	return least*metres >= 5e-8 && most*metres <= end
}

// datesFirst reports whether the first column of a table without a header may be Julian dates,
// modified or not.
func datesFirst(l table.Layout) bool {
	for _, row := range append([][]string{l.First}, l.Sample...) {
		d, ok := instant.ParseDecimal([]byte(row[0]))
		if !ok {
			return false
		}
		if v, _ := d.Float(); !(v >= 40_000 && v <= 80_000) && !(v >= 2_400_000 && v <= 2_500_000) {
			return false
		}
	}
	return true
}

// rowForHeader is the end of a message about columns that were not found: it says so if the line
// that was taken for the header has some numbers or dates, as a row has.
func (g *grid) rowForHeader() string {
	if g.numbered || g.dialect != nil || allNumbers(g.First) {
		return ""
	}
	for _, cell := range g.First {
		_, number := instant.ParseDecimal(table.WithoutSign([]byte(cell)))
		_, reason := instant.ParseDateText([]byte(cell))
		if number || reason == "" {
			return "; " + problem.Quoted(cell) + " looks like a part of a row: the file seems to have no header " +
				"line, which names its columns; add one, or name them in columns, as col1, col2 and so on"
		}
	}
	return ""
}
