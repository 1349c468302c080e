package ingest

import (
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
	roleDifferential // magnitude against a comparison star: never one of the object
	roleObject       // names the object; kept under its own name
	roleLimitFlag    // says that the row's magnitude is a limit; kept under its own name
)

// String is the key under which the role's column is stored; "" when that is its own name.
func (r role) String() string {
	return [...]string{"", "", "time", "magnitude", "error", "limit", "filter", "flux", "flux_error", "flux_unit",
		"zero_point", "magsys", "telescope", "instrument", "source",
		"differential_magnitude", "object", "limit_flag"}[r]
}

// numeric tells whether the role's cells must be numbers or missing.
func (r role) numeric() bool {
	switch r {
	case roleMagnitude, roleError, roleLimit, roleFlux, roleFluxError, roleZeroPoint, roleDifferential:
		return true
	}
	return false
}

// sentinels tells whether -999, 99 and their like are missing values in the role's cells; a flux of
// -999 is one.
func (r role) sentinels() bool {
	return r == roleMagnitude || r == roleError || r == roleLimit
}

// roleOf finds a column's role by its folded name. weak names mean the role only when no other
// column does: one letter says little, and an observatory is a telescope when there is no column
// for that. The names are those of sncosmo, lightcurve_fitting, SkyPortal, AAVSO, ZTF and TOMs.
func roleOf(name string) (r role, weak bool) {
	switch name {
	case "mag", "magnitude", "brightness", "ab_mag", "psfmag", "magpsf", "omag", "apparent_mag", "mag_corr",
		"averagemag", "unforced_mag":
		return roleMagnitude, false
	case "m":
		return roleMagnitude, true
	case "error", "err", "dmag", "dm", "mag_err", "magerr", "e_mag", "e_magnitude", "mag_error", "magnitude_error",
		"brightness_error", "sigmapsf", "psferr", "uncertainty", "merr", "emag", "mag._err", "unforced_mag_error":
		return roleError, false
	case "e":
		return roleError, true
	case "limit", "limiting_mag", "lim_mag", "maglim", "diffmaglim", "mag5sig", "upper_limit", "limiting_brightness",
		"limiting_magnitude", "limmag", "limitmag", "lim._mag":
		return roleLimit, false
	case "nondet", "is_limit", "ul", "l_omag", "upperlimit":
		return roleLimitFlag, false
	case "filter", "filt", "flt", "band", "bandpass", "fid":
		return roleFilter, false
	case "filtercode", "filter_name", "phot_filter", "passband":
		return roleFilter, true
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
	case "tel+inst", "facility", "observatory", "obs":
		return roleTelescope, true
	case "instrument":
		return roleInstrument, false
	case "instrument_name":
		return roleInstrument, true
	case "pdcsap_flux": // Kepler and TESS: corrected, and as it was measured
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
	return roleOther, false
}

// fluxUnitOf is the unit that a flux column's folded name tells by itself.
func fluxUnitOf(name string) string {
	if name == "ujy" || name == "forced_ujy" {
		return "uJy"
	}
	return ""
}

// roleOfUCD is what a column holds by its Unified Content Descriptor (IVOA UCD1+).
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

// roleNamed is a role of photometry by the name that Options.Columns uses.
func roleNamed(name string) (role, bool) {
	for r := roleTime; r <= roleObject; r++ {
		if r.String() == name {
			return r, true
		}
	}
	return roleOther, false
}

// maxName is the longest name of a column in bytes. Names are keys of every point: a long one would
// blow a small file up.
const maxName = 200

// Column is one column of photometry.
type column struct {
	name   string // as the file spells it
	role   role
	weak   bool
	byUser bool   // the uploader gave it its role
	hidden bool   // not stored in the value
	unit   string // given in the name
	time   instant.Clock
	key    []byte // the JSON key with its quotes and colon
}

// reportName is a column's name as the file spells it; one that is too long, and refused for it, is
// cut.
func reportName(name string) string {
	if len(name) > maxName {
		return problem.Clip(name)
	}
	return name
}

// dialect is a table of a known origin: its columns mean what that origin says, whatever their
// names suggest.
type dialect struct {
	about    about // by follows the list of columns
	name     string
	needs    []string          // folded names of columns that must all be there
	roles    map[string]role   // by folded name
	filters  map[string]string // names of filters by what the column holds
	source   string            // of points whose row names none
	constant string            // members of every value, with a comma before each
	rule     *fluxRule         // nil for none
	notes    []string          // for the report
	clean    func(columns []column, cells [][]byte)
	wide     string // bands with columns of their own, as grizy of Pan-STARRS; "" for one row a point
}

// fluxRule says when a flux is a detection, and makes magnitudes of fluxes that have a zero point.
type fluxRule struct {
	detection float64 // signal to noise above which there is a magnitude
	sigmas    float64 // errors of the flux that make a limit
	zeroPoint float64 // where there is no column for it; NaN for none
	snr       bool    // the signal to noise is stored

	flux, fluxError, zero int  // columns; -1 for none
	own                   bool // the table has magnitudes of its own for detections
}

// assign gives columns the roles that they have in the dialect, unless the uploader said otherwise.
// told is the time column that was named, -1 for none.
func (d *dialect) assign(columns []column, told int) {
	for i := range columns {
		c := &columns[i]
		r, ok := d.roles[fold(c.name)]
		if !ok || c.byUser || c.role == roleNone {
			continue
		}
		if r != c.role {
			c.unit = ""
		}
		if r == roleFlux || r == roleFluxError {
			switch fold(c.name) {
			case "ujy", "dujy", "forced_ujy", "forced_ujy_error":
				c.unit = "uJy"
			case "forcediffimflux", "forcediffimfluxunc":
				c.unit = "DN"
			}
		}
		if c.role == roleTime && r != roleTime {
			c.time = instant.Clock{}
		}
		c.role, c.weak = r, false
	}
	for i := range columns {
		for j := range columns { // what the uploader said takes the place of the dialect's
			if columns[i].byUser && i != j && columns[j].role == columns[i].role && !columns[j].byUser &&
				columns[i].role != roleTime {
				columns[j].role = roleOther
			}
		}
	}
}

// filter is a filter's name; that of ZTF's numbers.
func (d *dialect) filter(cell []byte) string {
	if name, ok := d.filters[string(cell)]; ok {
		return name
	}
	return string(cell)
}
