package ingest

import (
	"regexp"
	"slices"
	"strings"

	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// bandKind is what a column that belongs to one band holds.
type bandKind uint8

const (
	bandMagnitude bandKind = iota
	bandError
	bandFlux
	bandFluxError
	bandLimit
	bandFlag     // whether the magnitude is a limit
	bandDetected // whether it is not
	bandKinds
)

// String is the name of the column that such columns of all bands become.
func (k bandKind) String() string {
	return [...]string{"magnitude", "error", "flux", "flux_error", "limit", "is_limit",
		"detected"}[k]
}

// bandWords say what a column holds. They may be joined to each other and to the band: magerr_g,
// e_gmag, g_flux_err, w1sigmpro. Longer words come first.
var bandWords = []struct {
	word string
	of   bandKind
}{
	{"nondetection", bandFlag}, {"uncertainty", bandError}, {"upperlimit", bandFlag},
	{"magnitude", bandMagnitude}, {"detection", bandDetected}, {"detected", bandDetected},
	{"upperlim", bandFlag}, {"nondet", bandFlag}, {"uplim", bandFlag}, {"sigma", bandError},
	{"error", bandError}, {"limit", bandLimit}, {"flux", bandFlux}, {"mpro", bandMagnitude},
	{"mag", bandMagnitude}, {"err", bandError}, {"unc", bandError}, {"sig", bandError}, {"std", bandError},
	{"lim", bandLimit},
}

// bandLetters are words of one or two letters. Of these only e, d and s may be joined to a band.
var bandLetters = map[string]bandKind{"e": bandError, "d": bandError, "s": bandError, "m": bandMagnitude, "l": bandFlag,
	"ul": bandFlag}

// bandSurveys may precede or follow the name of a band, as in sdss_g and V_bessell.
var bandSurveys = []string{"sdss", "ps1", "ps", "panstarrs", "ztf", "atlas", "bessell", "johnson", "cousins", "2mass",
	"twomass", "gaia", "swift", "uvot", "lsst", "des", "decam", "skymapper", "landolt", "wise", "lco", "kait", "ab",
	"vega"}

var (
	// bands that a column may be called without any other word and without an error
	plainBand = regexp.MustCompile(`^([ugriz]'?|[UBVRIJHK]|Ks|[RI]c)$`)
	// others, and those of the Hubble Space Telescope; X and x are not among them: they are places
	otherBand = regexp.MustCompile(`^([yYZGLwco]|[ugri]p|zs|K'|BP|RP|bp|rp|[wW][1-4]|(?i:uvw1|uvw2|uvm2|[nf]uv|` +
		`clear|unfiltered|white)|[Ff]\d{3,4}[A-Za-z]{1,2})$`)
)

// isBand reports whether a text names a band, with or without the survey.
func isBand(text string) bool {
	name := ""
	for _, part := range strings.Split(text, "_") {
		if slices.Contains(bandSurveys, strings.ToLower(part)) {
			continue
		}
		if name != "" {
			return false
		}
		name = part
	}
	if plainBand.MatchString(name) || otherBand.MatchString(name) {
		return true
	}
	for _, survey := range bandSurveys { // sdssg
		if n := len(survey); len(name) > n && strings.EqualFold(name[:n], survey) && plainBand.MatchString(name[n:]) {
			return true
		}
	}
	return false
}

// bandColumn is a column that belongs to a band.
type bandColumn struct {
	band  string // as the file spells it
	kind  bandKind
	plain bool // the name is that of the band alone
	wise  bool // the name is one of WISE, such as w1mpro
}

// bandColumnOf reads the name of a column, without its unit, as that of a band with words.
func bandColumnOf(name string) (c bandColumn, ok bool) {
	var found [bandKinds]bool
	var band []string
	parts := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("_-. ", r) })
	for _, part := range joinFlags(parts) {
		for part != "" {
			if isBand(part) || slices.Contains(bandSurveys, strings.ToLower(part)) {
				band = append(band, part)
				break
			}
			if k, letter := bandLetters[strings.ToLower(part)]; letter {
				found[k] = true
				break
			}
			rest, k, cut := cutBandWord(part)
			if !cut {
				return c, false
			}
			part, found[k] = rest, true
		}
	}
	c.band = strings.Join(band, "_")
	if !isBand(c.band) {
		return c, false
	}
	switch {
	case found[bandFlag]:
		c.kind = bandFlag
	case found[bandError] && found[bandFlux]:
		c.kind = bandFluxError
	case found[bandError]:
		c.kind = bandError
	case found[bandLimit]:
		c.kind = bandLimit
	case found[bandDetected]:
		c.kind = bandDetected
	case found[bandFlux]:
		c.kind = bandFlux
	}
	c.plain = c.kind == bandMagnitude && !found[bandMagnitude]
	c.wise = c.kind == bandMagnitude && strings.HasSuffix(strings.ToLower(name), "mpro")
	return c, true
}

// joinFlags joins parts of a name that say together that it is a flag for limits: upper and limit,
// is and limit, non and detection, limit and flag.
func joinFlags(parts []string) []string {
	out := make([]string, 0, len(parts))
	for i := 0; i < len(parts); i++ {
		pair := ""
		if i+1 < len(parts) {
			pair = strings.ToLower(parts[i] + parts[i+1])
		}
		switch pair {
		case "isupper", "isul", "isuplim", "isupperlim", "isupperlimit", "isnon", "isnondet", "isnondetection":
		case "upperlim", "upperlimit", "upperlimits", "islim", "islimit", "limflag", "limitflag", "ulflag", "uplimflag",
			"upperlimitflag", "upperlimflag", "nondet", "nondetection", "nondetected", "nondetect", "fainterthan":
			out = append(out, "upperlimit")
			i++
		default:
			out = append(out, parts[i])
		}
	}
	return out
}

// cutBandWord cuts a word from the beginning or the end of a part of a name.
func cutBandWord(part string) (rest string, of bandKind, ok bool) {
	for _, w := range bandWords {
		n := len(w.word)
		if len(part) >= n && strings.EqualFold(part[:n], w.word) {
			return part[n:], w.of, true
		}
		if len(part) > n && strings.EqualFold(part[len(part)-n:], w.word) {
			return part[:len(part)-n], w.of, true
		}
	}
	if strings.IndexByte("edsEDS", part[0]) >= 0 && len(part) > 1 && isBand(part[1:]) {
		return part[1:], bandError, true
	}
	return "", 0, false
}

// wideBands finds the columns of bands in a table that has a time, several magnitudes or fluxes and
// no column filter. It returns nil if there is any doubt: each band needs a column of errors or a
// word such as mag in its name, or else at least two columns are named by well-known bands alone.
func (g *grid) wideBands(o *Options) *wide {
	if o.Columns["magnitude"] != "" || o.Columns["flux"] != "" || o.Columns["filter"] != "" {
		return nil
	}
	timed := o.TimeColumn != "" || o.Columns["time"] != ""
	columns := make([]*bandColumn, len(g.First))
	for i, name := range g.First {
		base, unit := cutUnit(name)
		if _, ok := timeOf(fold(base), unit); ok {
			timed = true
			continue
		}
		if c, ok := bandColumnOf(base); ok {
			if held := wordsOf(g.Layout, i); c.kind == bandFlag && held.numbers && held.words == 0 {
				c.kind = bandLimit // g_upper_limit holds limiting magnitudes
			}
			columns[i] = &c
		}
	}
	g.errorsBehind(columns)
	g.shortK(columns)
	b := newBands(columns)
	if !timed || !b.complete(g) {
		return nil
	}
	w := &wide{bands: b.names, flux: -1, fluxError: -1}
	for i, name := range g.First {
		if columns[i] != nil {
			continue
		}
		base, _ := cutUnit(name)
		switch r, weak := roleOf(fold(base)); {
		case r == roleFilter && !weak, r == roleMagnitude && !weak, r == roleFlux, r == roleError, r == roleFluxError,
			r == roleLimitFlag:
			return nil // nothing says which band it belongs to
		case r == roleOther && doubtful(base):
			return nil
		}
		w.common = append(w.common, i)
	}
	wise := b.has(bandError) &&
		slices.ContainsFunc(columns, func(c *bandColumn) bool { return c != nil && c.wise })
	for k := range bandKinds {
		if !b.has(k) && !(k == bandLimit && wise) {
			continue
		}
		if k == bandLimit && wise {
			w.limit = len(w.names)
		}
		if k == bandMagnitude || k == bandFlux || k == bandLimit {
			w.need = append(w.need, len(w.names))
		}
		switch k {
		case bandFlux:
			w.flux = len(w.names)
		case bandFluxError:
			w.fluxError = len(w.names)
		}
		w.names = append(w.names, k.String())
		for at := range b.names {
			if len(w.byBand) <= at {
				w.byBand = append(w.byBand, nil)
			}
			w.byBand[at] = append(w.byBand[at], b.columns[at][k])
		}
	}
	return w
}

// namesBands reports whether names of columns include a magnitude or a flux of a band and its
// error.
func namesBands(names []string) bool {
	columns := make([]*bandColumn, len(names))
	for i, name := range names {
		base, _ := cutUnit(name)
		if c, ok := bandColumnOf(base); ok {
			columns[i] = &c
		}
	}
	b := newBands(columns)
	return b.has(bandMagnitude) && b.has(bandError) || b.has(bandFlux) && b.has(bandFluxError)
}

// doubtful reports whether a column is named like those of a band, but with something else for the
// band: an image of a lens (A, B or C, although B is also a band) or an aperture.
func doubtful(name string) bool {
	word := false
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune("_-. ", r) }) {
		for {
			rest, k, cut := cutBandWord(part)
			if !cut || rest == "" {
				word = word || cut && k <= bandFluxError
				break
			}
			word, part = word || k <= bandFluxError && (k != bandError || len(rest) == 1), rest
		}
	}
	return word
}

// errorsBehind gives a column err, error or the like to the band whose magnitude it follows, if
// each band has one: MJD g err r err.
func (g *grid) errorsBehind(columns []*bandColumn) {
	var behind []int
	bands := 0
	for i, name := range g.First {
		if columns[i] != nil {
			if columns[i].kind == bandMagnitude {
				bands++
			}
			continue
		}
		base, _ := cutUnit(name)
		r, _ := roleOf(fold(base))
		if r != roleError && base != "+/-" && base != "±" && fold(base) != "sigma" && fold(base) != "unc" {
			continue
		}
		if i == 0 || columns[i-1] == nil || columns[i-1].kind != bandMagnitude {
			return
		}
		behind = append(behind, i)
	}
	if len(behind) != bands {
		return
	}
	for _, i := range behind {
		columns[i] = &bandColumn{band: columns[i-1].band, kind: bandError}
	}
}

// shortK takes K_s, which looks like the error of K, for the magnitude in Ks if there is no
// magnitude in K, and columns of K for those of K_s.
func (g *grid) shortK(columns []*bandColumn) {
	at := -1
	for i, c := range columns {
		if c == nil || c.band != "K" {
			continue
		}
		if c.kind != bandError && c.kind != bandFlag {
			return
		}
		if base, _ := cutUnit(g.First[i]); base == "K_s" {
			at = i
		}
	}
	if at < 0 {
		return
	}
	for i, c := range columns {
		if c != nil && c.band == "K" {
			if c.band = "K_s"; i == at {
				c.kind, c.plain = bandMagnitude, true
			}
		}
	}
}

// bands are the columns of each band.
type bands struct {
	names   []string
	columns [][bandKinds]int // for each band; -1 for none
	plain   []bool           // the column of magnitudes is named by the band alone
	twice   bool             // a band has two columns of one kind
}

// newBands collects the columns by band. A column of errors whose band differs only in case from
// the only band of magnitudes belongs to that: verr is that of V. Columns of a band without
// magnitudes, fluxes and limits belong to none, and are set to nil.
func newBands(columns []*bandColumn) *bands {
	b := &bands{}
	for _, c := range columns {
		if c != nil && (c.kind == bandMagnitude || c.kind == bandFlux || c.kind == bandLimit) &&
			!slices.Contains(b.names, c.band) {
			b.names, b.plain = append(b.names, c.band), append(b.plain, false)
			none := [bandKinds]int{}
			for k := range none {
				none[k] = -1
			}
			b.columns = append(b.columns, none)
		}
	}
	for i, c := range columns {
		if c == nil {
			continue
		}
		at := slices.Index(b.names, c.band)
		if at < 0 {
			for j, name := range b.names {
				if strings.EqualFold(name, c.band) {
					if at >= 0 {
						at = -1
						break
					}
					at = j
				}
			}
		}
		if at < 0 {
			columns[i] = nil
			continue
		}
		b.twice = b.twice || b.columns[at][c.kind] >= 0
		b.columns[at][c.kind] = i
		b.plain[at] = b.plain[at] || c.plain
	}
	return b
}

// has reports whether some band has a column of a kind.
func (b *bands) has(k bandKind) bool {
	return slices.ContainsFunc(b.columns, func(c [bandKinds]int) bool { return c[k] >= 0 })
}

// complete reports whether the columns are surely those of bands.
func (b *bands) complete(g *grid) bool {
	if b.twice || len(b.names) == 0 {
		return false
	}
	bare := 0 // bands with nothing but a column of their name
	for at, c := range b.columns {
		if b.plain[at] && c[bandError] < 0 {
			if bare++; !plainBand.MatchString(b.names[at]) {
				return false
			}
		}
	}
	if bare == 0 {
		return true
	}
	if bare < 2 || bare < len(b.names) {
		return false
	}
	// i, r and z may also be a number, a radius and a redshift
	fractions := false
	for _, row := range g.Sample {
		for _, c := range b.columns {
			i := c[bandMagnitude]
			if i >= len(row) || missing([]byte(row[i])) {
				continue
			}
			d, ok := instant.ParseDecimal(table.WithoutSign([]byte(row[i])))
			if !ok {
				return false
			}
			if v, _ := d.Float(); !sentinel(d) && !(v >= 0 && v <= 30) {
				return false
			}
			fractions = fractions || len(d.Fraction) > 0
		}
	}
	return fractions
}

// widenBands turns a table that has magnitudes or fluxes of each band in columns of their own, such
// as MJD g gerr r rerr, into one that has a column filter.
func (g *grid) widenBands(o *Options) {
	w := g.wideBands(o)
	if w == nil {
		return
	}
	g.notes = append(g.notes, "each row gives one point for each of these bands that has a value: "+
		problem.QuotedList(w.bands))
	if w.limit > 0 {
		g.notes = append(g.notes, "a magnitude of WISE without an error is a limit")
	}
	w.apply(g)
}

// widenPanSTARRS does the same for a table whose columns begin with the letter of a band
// (gMeanPSFMag, rMeanPSFMag, ...).
func (g *grid) widenPanSTARRS(letters string) {
	letter := func(name string) int {
		if len(name) < 3 {
			return -1
		}
		return strings.Index(letters, strings.ToLower(name[:1]))
	}
	kinds := map[string]int{} // what follows the letter, and for how many bands
	for _, name := range g.First {
		if letter(name) >= 0 {
			kinds[fold(name[1:])]++
		}
	}
	w := &wide{bands: strings.Split(letters, ""), byBand: make([][]int, len(letters)), flux: -1, fluxError: -1}
	for i, name := range g.First {
		at := letter(name)
		if at < 0 || kinds[fold(name[1:])] < 2 {
			w.common = append(w.common, i)
			continue
		}
		kind := slices.IndexFunc(w.names, func(n string) bool { return fold(n) == fold(name[1:]) })
		if kind < 0 {
			kind, w.names = len(w.names), append(w.names, name[1:])
			for b := range w.byBand {
				w.byBand[b] = append(w.byBand[b], -1)
			}
			if fold(name[1:]) == "meanpsfmag" {
				w.need = []int{kind}
			}
		}
		w.byBand[at][kind] = i
	}
	if w.need != nil {
		w.apply(g)
	}
}
