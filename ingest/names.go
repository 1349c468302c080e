package ingest

import "strings"

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
	roleLimitFlag // says that the row's magnitude is a limit; kept under its own name
)

// String is the key under which the role's column is stored; "" when that is its own name.
func (r role) String() string {
	return [...]string{"", "", "time", "magnitude", "error", "limit", "filter", "flux", "flux_error", "flux_unit",
		"zero_point", "magsys", "telescope", "instrument", "source", "limit_flag"}[r]
}

// numeric tells whether the role's cells must be numbers or missing.
func (r role) numeric() bool {
	switch r {
	case roleMagnitude, roleError, roleLimit, roleFlux, roleFluxError, roleZeroPoint:
		return true
	}
	return false
}

// sentinels tells whether -999, 99 and their like are missing values in the role's cells; a flux of -999 is one.
func (r role) sentinels() bool {
	return r == roleMagnitude || r == roleError || r == roleLimit
}

// fold makes a column's name comparable: case, blanks around it and the choice of dash, underscore or blank do not
// matter.
func fold(name string) string {
	return strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(strings.TrimSpace(name)))
}

// cutUnit separates the unit in brackets behind a column's name, as in "flux (mJy)" and "time [MJD]".
func cutUnit(name string) (base, unit string) {
	name = strings.TrimSpace(name)
	for _, pair := range []string{"()", "[]"} {
		if i := strings.IndexByte(name, pair[0]); i > 0 && name[len(name)-1] == pair[1] {
			return strings.TrimSpace(name[:i]), strings.TrimSpace(name[i+1 : len(name)-1])
		}
	}
	return name, ""
}

// roleOf finds a column's role by its folded name. weak names mean the role only when no other column does: one letter
// says little, and an observatory is a telescope when there is no column for that. The names are those of sncosmo,
// lightcurve_fitting, SkyPortal, AAVSO, ZTF and TOMs.
func roleOf(name string) (r role, weak bool) {
	switch name {
	case "mag", "magnitude", "brightness", "ab_mag", "psfmag", "magpsf", "omag", "apparent_mag", "mag_corr", "averagemag":
		return roleMagnitude, false
	case "m":
		return roleMagnitude, true
	case "error", "err", "dmag", "dm", "mag_err", "magerr", "e_mag", "e_magnitude", "mag_error", "magnitude_error",
		"brightness_error", "sigmapsf", "psferr", "uncertainty", "merr", "emag":
		return roleError, false
	case "e":
		return roleError, true
	case "limit", "limiting_mag", "lim_mag", "maglim", "diffmaglim", "mag5sig", "upper_limit", "limiting_brightness",
		"limiting_magnitude":
		return roleLimit, false
	case "nondet", "is_limit", "ul", "l_omag", "upperlimit":
		return roleLimitFlag, false
	case "filter", "filt", "flt", "band", "bandpass", "fid":
		return roleFilter, false
	case "flux", "ujy", "fluxcal", "forcediffimflux":
		return roleFlux, false
	case "fluxerr", "flux_err", "flux_error", "fluxerror", "dflux", "fe", "dujy", "fluxcalerr", "e_flux",
		"forcediffimfluxunc":
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
	case "source":
		return roleSource, false
	case "origin", "observer", "obscode":
		return roleSource, true
	}
	return roleOther, false
}

// fluxUnitOf is the unit that a flux column's folded name tells by itself.
func fluxUnitOf(name string) string {
	if name == "ujy" {
		return "uJy"
	}
	return ""
}

// timeName is what the name of a time column tells.
type timeName struct {
	kind    scaleKind
	refused string // why the column cannot be the time; "" when it can
}

// timeOf tells whether a column may hold the time, by its folded name without the unit, and the unit.
func timeOf(base, unit string) (t timeName, ok bool) {
	switch base {
	case "mjd", "mjdobs", "mjd_obs", "mjd_utc":
		t.kind = kindMJD
	case "jd", "jd_utc":
		t.kind = kindJD
	case "time":
		t.kind = kindTime
	case "date", "obsdate", "obs_date", "date_obs", "dateobs", "timestamp", "datetime", "isot", "ut", "utc", "epoch":
		t.kind = kindUntold
	case "unix", "unixtime":
		t.kind = kindUnix
	case "hjd", "bjd", "bjd_tdb", "btjd", "bkjd", "tbjd":
		t.refused = "heliocentric and barycentric dates are not read"
	case "phase":
		t.refused = "a phase is no time"
	default:
		return t, false
	}
	if t.refused != "" {
		return t, true
	}
	switch fold(unit) {
	case "", "utc", "ut":
	case "mjd":
		t.kind = kindMJD
	case "jd":
		t.kind = kindJD
	case "d", "day", "days":
		if t.kind != kindMJD && t.kind != kindJD {
			t.refused = "days since when is not told; name the column mjd or jd"
		}
	case "iso", "iso_8601", "iso8601", "isot":
	case "tcb", "tdb", "tt", "tai", "gps", "bjd", "bjd_tdb", "hjd", "btjd", "bkjd":
		t.refused = "times of the scale " + unit + " are not read"
	default:
		t.refused = "the unit " + quoted(unit) + " is not understood"
	}
	return t, true
}
