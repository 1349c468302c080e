package ingest

import (
	"regexp"
	"strings"

	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// role is what a column of photometry holds.
type role uint8

const (
	roleOther role = iota // kept under its own name
	roleNone              // a column without a name: left out
	roleTime
	roleMagnitude
	roleError
	roleLimit
	roleFilter
	roleFlux
	roleFluxError
	roleFluxUnit
	roleZeroPoint
	roleMagsys
	roleTelescope
	roleInstrument
	roleSource
	roleDifferential // relative to a comparison star, and so not a magnitude of the object
	roleObject       // the name of the object; kept under its own name
	roleLimitFlag    // whether the magnitude is a limit; kept under its own name
)

// String is the key under which the column is stored; "" if that is its own name.
func (r role) String() string {
	return [...]string{"", "", "time", "magnitude", "error", "limit", "filter", "flux", "flux_error", "flux_unit",
		"zero_point", "magsys", "telescope", "instrument", "source",
		"differential_magnitude", "object", "limit_flag"}[r]
}

// numeric reports whether each cell must be a number or missing.
func (r role) numeric() bool {
	switch r {
	case roleMagnitude, roleError, roleLimit, roleFlux, roleFluxError, roleZeroPoint, roleDifferential:
		return true
	}
	return false
}

// inMagnitudes reports whether a column holds magnitudes, or errors of magnitudes.
func (r role) inMagnitudes() bool {
	return r == roleMagnitude || r == roleError || r == roleLimit || r == roleDifferential
}

// bounds returns the physical range of the numbers of a role. A number outside it, such as -999 and
// 99.99, means that there is no value. ok is false for roles without bounds: a flux can be -999.
func (r role) bounds() (least, most float64, ok bool) {
	switch r {
	case roleMagnitude, roleLimit, roleDifferential:
		return -30, 40, true
	case roleError:
		return 0, 5, true
	case roleZeroPoint:
		return 0, 60, true
	}
	return 0, 0, false
}

// Zero points of fluxes in erg / (Hz s cm2) are near -48.6 (Oke and Gunn 1983).
const leastZeroCGS, mostZeroCGS = -49.5, -47.5

// holds reports whether a number is within the bounds of a role, or is a zero point near -48.6.
func (r role) holds(d instant.Decimal) bool {
	least, most, ok := r.bounds()
	if !ok {
		return true
	}
	if n := len(d.Whole); !d.Marker && (n == 1 || n == 2) { // nearly all numbers
		whole, bound := float64(d.Whole[n-1]-'0'), most
		if n == 2 {
			whole += 10 * float64(d.Whole[0]-'0')
		}
		if d.Neg {
			bound = -least
		}
		if whole < bound { // with any fraction
			return true
		}
	}
	v, _ := d.Float()
	return v >= least && v <= most || r == roleZeroPoint && v >= leastZeroCGS && v <= mostZeroCGS
}

// roleOf finds the role of a column by its folded name. A weak name means the role only if no other
// column has it: one letter says little, and an observatory is the telescope if there is no column
// for that. The names are those of sncosmo, lightcurve_fitting, SkyPortal, AAVSO, ZTF and TOMs.
func roleOf(name string) (r role, weak bool) {
	switch name {
	case "mag", "magnitude", "brightness", "ab_mag", "psfmag", "magpsf", "omag", "apparent_mag", "mag_corr",
		"averagemag", "unforced_mag":
		return roleMagnitude, false
	case "m":
		return roleMagnitude, true
	case "error", "err", "dmag", "dm", "mag_err", "magerr", "e_mag", "e_magnitude", "mag_error", "magnitude_error",
		"brightness_error", "sigmapsf", "psferr", "psfmagerr",
		"uncertainty", "merr", "emag", "mag._err", "unforced_mag_error":
		return roleError, false
	case "e":
		return roleError, true
	case "limit", "limiting_mag", "lim_mag", "maglim", "diffmaglim", "mag5sig", "upper_limit", "limiting_brightness",
		"limiting_magnitude", "limmag", "limitmag", "lim._mag":
		return roleLimit, false
	case "mag_lim", "mag_limit", "limit_mag", "detection_limit", "det_limit", "det_lim", "detlim", "lim":
		return roleLimit, true
	case "filter", "filt", "flt", "band", "bandpass", "fid":
		return roleFilter, false
	case "flux", "ujy", "fluxcal", "forcediffimflux", "psfflux", "forced_ujy":
		return roleFlux, false
	case "fluxerr", "flux_err", "flux_error", "fluxerror", "dflux", "fe", "dujy", "fluxcalerr", "e_flux",
		"forcediffimfluxunc", "psffluxerr", "forced_ujy_error":
		return roleFluxError, false
	case "flux_unit", "flux_units", "fluxunit", "fluxunits":
		return roleFluxUnit, false
	case "zp", "zpt", "zeropt", "zeropoint", "zero_point", "zpdiff":
		return roleZeroPoint, false
	case "magsys", "zpsys", "zpmagsys", "system", "phot_system":
		return roleMagsys, false
	case "telescope", "tel":
		return roleTelescope, false
	case "tel+inst", "telescope_name", "telescopename", "facility", "observatory", "obs":
		return roleTelescope, true
	case "instrument":
		return roleInstrument, false
	case "instrument_name":
		return roleInstrument, true
	case "pdcsap_flux": // Kepler and TESS: corrected and as measured
		return roleFlux, false
	case "pdcsap_flux_err":
		return roleFluxError, false
	case "sap_flux":
		return roleFlux, true
	case "sap_flux_err":
		return roleFluxError, true
	case "source":
		return roleSource, false
	case "origin", "observer", "obscode", "observer_code":
		return roleSource, true
	case "object", "object_name", "objectname", "star_name", "target", "target_name", "iauname", "iau_name",
		"snname", "sn_name":
		return roleObject, true
	}
	if isFilterName(name) {
		return roleFilter, true
	}
	if limitName.MatchString(name) {
		return roleLimit, true
	}
	return roleOther, false
}

// limitName matches the folded names of limiting magnitudes of three or five errors, such as
// limit_5sigma, lim_mag_3sig and 5sigma_limit.
var limitName = regexp.MustCompile(
	`^(lim(it(ing)?)?(_?mag(nitude)?)?|mag_?lim(it)?|ul|upper_?lim(it)?)_?[35]_?sig(ma)?$|` +
		`^[35]_?sig(ma)?_?(upper_?)?lim(it(ing)?)?(_?mag(nitude)?)?$`)

// roleOfUCD finds the role of a column by its Unified Content Descriptor (IVOA UCD1+).
func roleOfUCD(ucd string) (r role, ok bool) {
	words := strings.Split(strings.ToLower(strings.ReplaceAll(ucd, " ", "")), ";")
	spread, primary := false, ""
	for _, w := range words {
		switch {
		case w == "stat.error" || w == "stat.stdev":
			spread = true
		case primary == "" && w != "meta.main":
			primary = w
		}
	}
	switch {
	case primary == "time.epoch" && !spread:
		return roleTime, true
	case strings.HasPrefix(primary, "phot.mag") && spread:
		return roleError, true
	case strings.HasPrefix(primary, "phot.mag"):
		return roleMagnitude, true
	case strings.HasPrefix(primary, "phot.flux") && spread:
		return roleFluxError, true
	case strings.HasPrefix(primary, "phot.flux"):
		return roleFlux, true
	case primary == "instr.filter" || primary == "instr.bandpass" || primary == "meta.id" && len(words) > 1 &&
		(words[1] == "instr.filter" || words[1] == "instr.bandpass"):
		return roleFilter, true
	}
	return roleOther, false
}

// roleNamed finds a role of photometry by its name in Options.Columns.
func roleNamed(name string) (role, bool) {
	for r := roleTime; r <= roleLimitFlag; r++ {
		if r.String() == name {
			return r, true
		}
	}
	return roleOther, false
}

// maxName is the longest name of a column in bytes. Names are keys of every point, so that a long
// one would make a small file large.
const maxName = 200

// column is one column of photometry.
type column struct {
	name   string // as the file spells it
	role   role
	weak   bool
	byUser bool            // the user gave it its role
	sense  flagSense       // of a flag for limits
	held   [wordKinds]bool // what it has said in the rows that were read
	hidden bool            // not stored in the value
	unit   string          // from the name or the format
	time   instant.Clock
	key    []byte // the JSON key with quotes and colon
	unitKind
}

// reportName is the name of a column as the file spells it. A name that is too long is refused, and
// is clipped here.
func reportName(name string) string {
	if len(name) > maxName {
		return problem.Clip(name)
	}
	return name
}

// dialect describes a table of known origin: what its columns mean, whatever their names suggest.
type dialect struct {
	about    about // by is appended to the list of columns
	name     string
	needs    []string          // folded names of columns that must all exist
	roles    map[string]role   // by folded name
	filters  map[string]string // name of the filter by what the column holds
	source   string            // of points whose row names none
	constant string            // members of every value, each with a comma before it
	rule     *fluxRule         // nil for none
	notes    []string          // for the report
	reduced  []string          // notes if the images are reduced ones; nil if they always are difference images
	clean    func(columns []column, cells [][]byte)
	wide     string // bands that have columns of their own, such as grizy; "" if each row is a point
	prefix   string // of the names of its columns, such as i:; roles and names are without it
	fluxUnit string // of its fluxes; a table that gives another unit is not of this dialect
	// adapt, if not nil, returns the dialect for one table, with what its columns add; nil if the
	// table is not of this dialect.
	adapt func(d dialect, g *grid) *dialect
}

// fluxRule tells detections from limits by the flux, and computes magnitudes from fluxes and a zero
// point.
type fluxRule struct {
	detection float64 // signal-to-noise ratio above which there is a magnitude
	sigmas    float64 // errors of the flux that make a limit
	zeroPoint float64 // used if there is no column; NaN for none
	snr       bool    // the signal-to-noise ratio is stored

	flux, fluxError, zero int  // columns; -1 for none
	own                   bool // the table has its own magnitudes of detections
}

// assign gives columns the roles that they have in the dialect, unless the user said otherwise.
// userTime is the time column that the user named, -1 for none.
func (d *dialect) assign(columns []column, userTime int) {
	for i := range columns {
		c := &columns[i]
		r, ok := d.roles[fold(strings.TrimPrefix(c.name, d.prefix))]
		if !ok || c.byUser || c.role == roleNone {
			continue
		}
		if r != c.role {
			c.unit = ""
		}
		if r == roleFlux || r == roleFluxError {
			if d.fluxUnit != "" {
				c.unit = d.fluxUnit
			}
		}
		if c.role == roleTime && r != roleTime {
			c.time = instant.Clock{}
		}
		c.role, c.weak = r, false
	}
	for i := range columns {
		for j := range columns { // the user's roles override those of the dialect
			if columns[i].byUser && i != j && columns[j].role == columns[i].role && !columns[j].byUser &&
				columns[i].role != roleTime {
				columns[j].role = roleOther
			}
		}
	}
}

// filter returns the name of a filter; ZTF numbers its filters.
func (d *dialect) filter(cell []byte) string {
	if name, ok := d.filters[string(cell)]; ok {
		return name
	}
	return string(cell)
}
