package ingest

import (
	"maps"
	"math"

	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
)

// fink is the light curve of an object of ZTF that the broker Fink returns. Its names have a
// prefix: i: for the fields of the alert, d: and v: for what Fink adds. Source:
// doc.ztf.fink-broker.org, objects.
var fink = func() dialect {
	d := ztfAlerts("ZTF alert light curve (Fink)", []string{"i:jd", "i:fid"}, "i:jd",
		"i:magpsf: magnitude; i:sigmapsf: error; i:diffmaglim: limit; i:fid: filter g, r, i; difference")
	d.prefix, d.roles = "i:", maps.Clone(alertRoles)
	d.roles["d:tag"] = roleOther // rows that it calls upperlim have no magnitude
	d.notes = append(d.notes, "d:tag tells which rows Fink calls valid, of bad quality or upper limits")
	return d
}()

// antares is the light curve of an object that the broker ANTARES returns: alerts of ZTF. Source:
// nsf-noirlab.gitlab.io/csdc/antares, locus properties.
var antares = dialect{
	about: about{
		roles: "ant_mag: magnitude; ant_magerr: error; ant_maglim: limit; ant_passband: filter; difference",
		units: "mag", time: "ant_mjd, MJD", refused: asItsFormat},
	name:  "ANTARES light curve",
	needs: []string{"ant_mjd", "ant_passband"},
	roles: map[string]role{"mjd": roleTime, "mag": roleMagnitude, "magerr": roleError, "maglim": roleLimit,
		"passband": roleFilter, "survey": roleOther},
	prefix: "ant_", source: "ZTF", constant: difference,
	notes: []string{alertNote},
}

// rubin makes the dialect of a table of the Rubin Observatory: fluxes of the point source in nJy,
// at midpointMjdTai. Source: sdm-schemas.lsst.io, tables DiaSource, DiaForcedSource and
// ForcedSource.
func rubin(name string, needs []string, flux, constant string, notes ...string) dialect {
	return dialect{
		about: about{roles: needs[len(needs)-1] + ": flux, and magnitude (AB, zero point 31.4) above 3 errors, else " +
			"limit of 3 errors; band: filter; snr", units: "nJy", time: "MJD in TAI, middle of the exposure, converted",
			refused: asItsFormat},
		name:  name,
		needs: needs,
		roles: map[string]role{flux: roleFlux, flux + "err": roleFluxError, "band": roleFilter,
			"filtername": roleFilter, "psfdiffflux": roleOther, "psfdifffluxerr": roleOther},
		source: "LSST", fluxUnit: "nJy",
		constant: `,"telescope":"Rubin","zero_point":31.4,"magsys":"AB"` + constant,
		rule:     &fluxRule{detection: 3, sigmas: 3, zeroPoint: 31.4, snr: true},
		notes:    append([]string{"fluxes of Rubin are in nJy, with the zero point 31.4 of the AB system"}, notes...),
	}
}

const rubinDifference = "the fluxes are those of difference images: value.difference says so"

var (
	rubinForced = rubin("Rubin forced sources", []string{"band", "psfdiffflux", "psfflux"}, "psfflux", "",
		"psfFlux is the flux in the exposure itself; psfDiffFlux, that in the difference image, is kept")
	rubinSources = rubin("Rubin DIA sources", []string{"midpointmjdtai", "psfflux"}, "psfflux", difference,
		rubinDifference)
	rubinOlderSources = rubin("Rubin DIA sources (before 2023)", []string{"midpointtai", "psflux"},
		"psflux", difference, rubinDifference)
	finkRubin = func() dialect {
		d := rubin("Rubin DIA sources (Fink)", []string{"r:midpointmjdtai", "r:psfflux"}, "psfflux",
			difference, rubinDifference)
		d.prefix = "r:"
		return d
	}()
)

// plasticc is the table of the classification challenge PLAsTiCC, which numbers the filters of
// Rubin. Source: arXiv:1810.00001.
var plasticc = dialect{
	about: about{
		roles: "flux: flux; flux_err: flux_error; passband: filter u, g, r, i, z, y for 0 to 5; object_id: object",
		units: "none", time: "MJD", refused: asItsFormat},
	name:  "PLAsTiCC",
	needs: []string{"object_id", "mjd", "passband", "flux", "flux_err"},
	roles: map[string]role{"object_id": roleObject, "passband": roleFilter,
		"detected": roleOther, "detected_bool": roleOther}, // by the survey; the flux is one anyway
	filters: map[string]string{"0": "u", "1": "g", "2": "r", "3": "i", "4": "z", "5": "y"},
	source:  "PLAsTiCC",
}

// sousa is a light curve of the Swift Optical/Ultraviolet Supernova Archive. NULL is a missing
// magnitude; the limit then says what would have been seen. Source: arXiv:1407.3808.
var sousa = dialect{
	about: about{
		roles: "Mag: magnitude; MagErr: error; 3SigMagLim: limit, the only value of rows without a magnitude; " +
			"Filter: filter; count rates are kept",
		units: "mag, Vega", time: "MJD", refused: asItsFormat},
	name:  "Swift UVOT (SOUSA)",
	needs: []string{"filter", "mag", "3sigmaglim"},
	roles: map[string]role{"filter": roleFilter, "mag": roleMagnitude, "magerr": roleError, "3sigmaglim": roleLimit,
		"0.98satlim": roleOther, "0.98satlim[mag]": roleOther},
	source:   "Swift",
	constant: `,"telescope":"Swift","instrument":"UVOT","magsys":"Vega"`,
	notes:    []string{"limits are those of 3 errors in the frame, as 3SigMagLim gives them"},
}

// skyPatrol is a light curve of ASAS-SN's Sky Patrol, version 2: fluxes in mJy. The error of a
// magnitude that is only a limit is 99.99. Source: asas-sn.osu.edu/skypatrol.
var skyPatrol = dialect{
	about: about{
		roles: "mag: magnitude, or limit where its error is 99.99 and it is not below Limit; flux, flux_error; " +
			"limit; filter",
		units: "mag; mJy", time: "JD", refused: asItsFormat},
	name:  "ASAS-SN Sky Patrol",
	needs: []string{"jd", "flux", "mag", "limit", "fwhm", "camera", "quality"},
	roles: map[string]role{"flux": roleFlux, "flux_error": roleFluxError, "flux_err": roleFluxError,
		"mag": roleMagnitude, "mag_error": roleError, "mag_err": roleError, "limit": roleLimit},
	source: "ASAS-SN", fluxUnit: "mJy", constant: `,"telescope":"ASAS-SN"`,
	clean: func(columns []column, cells [][]byte) {
		magnitude, limit, unmeasured := -1, math.NaN(), false
		for i, c := range columns {
			d, ok := instant.ParseDecimal(cells[i])
			v, _ := d.Float()
			switch {
			case c.role == roleMagnitude:
				magnitude = i
			case ok && c.role == roleLimit:
				limit = v
			case ok && c.role == roleError:
				unmeasured = v > 99
			}
		}
		if magnitude < 0 || !unmeasured {
			return
		}
		if d, ok := instant.ParseDecimal(cells[magnitude]); ok {
			if v, _ := d.Float(); v >= limit {
				cells[magnitude] = nil
			}
		}
	},
}

// panstarrsDetections are rows of Pan-STARRS's tables of single exposures: fluxes in Jy. Source:
// outerspace.stsci.edu/display/PANSTARRS, Detection table fields.
var panstarrsDetections = dialect{
	about: about{
		roles: "psfFlux: flux, and magnitude (AB, zero point 8.9) above 3 errors, else limit of 3 errors; filterID: " +
			"filter g, r, i, z, y for 1 to 5; snr",
		units: "Jy", time: "obsTime, MJD", refused: asItsFormat},
	name:  "Pan-STARRS detections",
	needs: []string{"objid", "detectid", "filterid", "obstime", "psfflux"},
	roles: map[string]role{"psfflux": roleFlux, "psffluxerr": roleFluxError, "filterid": roleFilter,
		"zp": roleOther, "telluricext": roleOther},
	filters: map[string]string{"1": "g", "2": "r", "3": "i", "4": "z", "5": "y"},
	source:  "Pan-STARRS", fluxUnit: "Jy",
	constant: `,"telescope":"Pan-STARRS","zero_point":8.9,"magsys":"AB"`,
	rule:     &fluxRule{detection: 3, sigmas: 3, zeroPoint: 8.9, snr: true},
}

// ptf is a light curve of the Palomar Transient Factory as IRSA gives it. Source:
// irsa.ipac.caltech.edu, table ptf_lightcurves.
var ptf = dialect{
	about: about{
		roles: "mag_autocorr: magnitude; magerr_auto: error; limitmag: limit; fid: filter g, R",
		units: "mag", time: "obsmjd, MJD", refused: asItsFormat},
	name:  "PTF light curve",
	needs: []string{"obsmjd", "mag_autocorr", "fid"},
	roles: map[string]role{"mag_autocorr": roleMagnitude, "magerr_auto": roleError, "fid": roleFilter,
		"limitmag": roleLimit, "filter": roleOther, "band": roleOther},
	filters: map[string]string{"1": "g", "2": "R"},
	source:  "PTF",
}

// binnedSeries is a BinnedTimeSeries of astropy, in any format that astropy writes. Source:
// docs.astropy.org/en/stable/timeseries.
var binnedSeries = dialect{
	about: about{
		roles: "time_bin_start: time; time_bin_size: kept, with time_bin_size_unit; all others " + byNames,
		units: "the format's", time: "the start of the bin; " + anyTime, refused: asItsFormat},
	name:  "BinnedTimeSeries",
	needs: []string{"time_bin_start", "time_bin_size"},
	roles: map[string]role{"time_bin_start": roleTime},
	notes: []string{"the times are the starts of bins, as in astropy's BinnedTimeSeries; time_bin_size is kept"},
	adapt: func(d dialect, g *grid) *dialect {
		for i, name := range g.First {
			if unit := g.field(i).unit; fold(name) == "time_bin_size" && unit != "" {
				d.constant = string(jsontext.AppendString([]byte(`,"time_bin_size_unit":`), unit))
			}
		}
		return &d
	},
}

// astroImageJ makes the dialect of a table of measurements of AstroImageJ, whose target is aperture
// T1. suffix follows T1 in the names of its columns; with is a column that it must have, "" for
// none. Source: astro.louisville.edu/software/astroimagej, the user guide's measurements table.
func astroImageJ(suffix, with string) dialect {
	d := dialect{
		about: about{
			roles: "rel_flux_T1: flux, relative to the comparison stars; rel_flux_err_T1: flux_error; relative_flux; " +
				"other apertures are kept",
			units: "none", time: "JD_UTC, HJD_UTC, BJD_TDB, J.D.-2400000, in the middle of the exposure",
			refused: asItsFormat},
		name:     "AstroImageJ",
		needs:    []string{"rel_flux_t1" + suffix},
		roles:    map[string]role{"rel_flux_t1" + suffix: roleFlux, "rel_flux_err_t1" + suffix: roleFluxError},
		constant: relativeFlux,
		notes:    []string{relativeNote + "; aperture T1 is taken for the target"},
	}
	if suffix != "" {
		d.name += " (rel_flux_T1" + suffix + ")"
	}
	if with != "" {
		d.name += ", calibrated"
		d.needs = append(d.needs, with)
		d.roles["source_amag_t1"], d.roles["source_amag_err_t1"] = roleMagnitude, roleError
		d.about.roles = "Source_AMag_T1: magnitude; Source_AMag_Err_T1: error; " + d.about.roles
	}
	return d
}

// Fluxes relative to comparison stars say nothing about the magnitude of the object.
const (
	relativeFlux = `,"relative_flux":true`
	relativeNote = "fluxes are relative to comparison stars and give no magnitudes: value.relative_flux says so"
)
