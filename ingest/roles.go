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

// fold makes a column's name comparable: case, blanks around it and the choice of dash, underscore
// or blank do not matter.
func fold(name string) string {
	return strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(strings.TrimSpace(name)))
}

// cutUnit separates the unit in brackets behind a column's name, as in "flux (mJy)" and "time
// [MJD]".
func cutUnit(name string) (base, unit string) {
	name = strings.TrimSpace(name)
	for _, pair := range []string{"()", "[]"} {
		if i := strings.IndexByte(name, pair[0]); i > 0 && name[len(name)-1] == pair[1] {
			return strings.TrimSpace(name[:i]), strings.TrimSpace(name[i+1 : len(name)-1])
		}
	}
	return name, ""
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

// timeOf tells whether a column may hold the time, by its folded name without the unit, and the
// unit.
func timeOf(base, unit string) (t instant.Clock, ok bool) {
	switch base {
	case "mjdobs", "mjd_obs", "obs_mjd", "obsmjd", "mjd_start", "mjd_mid", "midpoint_mjd", "epochmean":
		t.Kind = instant.KindMJD
	case "midpointmjdtai", "expmidptmjd": // Rubin Observatory
		t.Kind, t.Scale = instant.KindMJD, instant.ScaleTAI
	case "time":
		t.Kind = instant.KindTime
	case "date", "obsdate", "obs_date", "date_obs", "dateobs", "timestamp", "datetime", "obstime", "obs_time",
		"ut", "utc", "epoch":
		t.Kind = instant.KindUntold
	case "phase":
		t.Refused = "a phase is no time"
		return t, true
	case "tbjd":
		t.Refused = "truncated dates are counted from several days; say from which, as bjd-2457000"
		return t, true
	default:
		if t, ok = timeFormatNamed(base); !ok {
			return t, false
		}
	}
	return withUnit(t, unit), true
}

// withUnit adds what the unit of a time column says.
func withUnit(t instant.Clock, unit string) instant.Clock {
	days := t.Kind == instant.KindMJD || t.Kind == instant.KindJD || t.Kind == instant.KindCount
	switch fold(unit) {
	case "":
		return t
	case "d", "day", "days":
		if !days {
			t.Refused = "days since when is not told; name the column mjd or jd"
		}
		return t
	case "s", "sec", "seconds":
		if t.Kind == instant.KindUnix {
			return t
		}
	}
	if scale, ok := instant.ScaleOf(unit); ok {
		if t.Scale != instant.ScaleUTC && scale != t.Scale && t.Assumed == "" {
			t.Refused = "the name says " + t.Scale.String() + " and the unit " + scale.String()
		}
		t.Scale, t.Told, t.Assumed = scale, true, ""
		return t
	}
	told, ok := timeFormatNamed(unit)
	switch {
	case !ok:
		t.Refused = "the unit " + problem.Quoted(unit) + " is not understood"
	case days && t.Kind != told.Kind && told.Kind != instant.KindCount:
		t.Refused = "the name and the unit " + problem.Quoted(unit) + " contradict each other"
	default:
		if told.Scale == instant.ScaleUTC {
			told.Scale, told.Told = t.Scale, told.Told || t.Told
		}
		if told.Ref == "" {
			told.Ref = t.Ref
		}
		return told
	}
	return t
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
