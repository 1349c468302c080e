package ingest

import (
	"math"
	"strings"

	"nightjar/ingest/units"
)

const difference = `,"difference":true`

// asItsFormat says that a dialect refuses what the format of its file refuses.
const asItsFormat = "as the format that holds it"

// dialects lists the known tables in the order in which they are tried. Sources:
// fallingstar-data.com/forcedphot (ATLAS), arXiv:2305.16279 (ZTF),
// outerspace.stsci.edu/display/PANSTARRS, api.alerce.online, lasair.roe.ac.uk, aavso.org.
var dialects = []dialect{
	{
		about: about{
			roles: "m: magnitude, dm: error, where uJy is above 3 duJy, else limit at 3 duJy; uJy, duJy: " +
				"flux, flux_error; F: filter; snr; difference",
			units: "uJy", time: "MJD, start of the exposure",
			refused: asItsFormat},
		name:  "ATLAS forced photometry",
		needs: []string{"mjd", "m", "dm", "ujy", "dujy", "f"},
		roles: map[string]role{"mjd": roleTime, "m": roleMagnitude, "dm": roleError, "ujy": roleFlux,
			"dujy": roleFluxError, "f": roleFilter,
			"err": roleOther, "mag5sig": roleOther, "obs": roleOther, "maj": roleOther, "min": roleOther},
		source: "ATLAS", fluxUnit: "uJy",
		constant: `,"telescope":"ATLAS"` + difference,
		rule:     &fluxRule{detection: 3, sigmas: 3, zeroPoint: 23.9, snr: true},
		reduced: []string{"ATLAS forced photometry of reduced images, as the upload says: the fluxes are no " +
			"differences; the times are the starts of the exposures"},
		notes: []string{"ATLAS forced photometry is difference flux: value.difference says so; the times are the " +
			"starts of the exposures"},
	},
	{
		about: about{
			roles: "forcediffimflux: flux, and magnitude or limit (5 errors) by zpdiff where above 3 " +
				"errors or not; filter; snr; difference",
			units: "DN", time: "JD, start of the exposure",
			refused: asItsFormat},
		name:  "ZTF forced photometry",
		needs: []string{"jd", "filter", "zpdiff", "forcediffimflux", "forcediffimfluxunc"},
		roles: map[string]role{"jd": roleTime, "filter": roleFilter, "zpdiff": roleZeroPoint,
			"forcediffimflux": roleFlux, "forcediffimfluxunc": roleFluxError,
			"diffmaglim": roleOther, "field": roleOther},
		source: "ZTF", fluxUnit: "DN",
		constant: `,"telescope":"ZTF"` + difference,
		rule:     &fluxRule{detection: 3, sigmas: 5, zeroPoint: math.NaN(), snr: true},
		notes: []string{"ZTF forced photometry is difference flux: value.difference says so; no baseline was " +
			"subtracted; the times are the starts of the exposures"},
	},
	ztfAlerts("ZTF alert light curve (ALeRCE, Lasair)", []string{"fid", "magpsf"}, "mjd or jd",
		"magpsf: magnitude; sigmapsf: error; diffmaglim: limit; fid: filter g, r, i; difference"),
	ztfAlerts("ZTF alert light curve (ALeRCE)", []string{"fid", "mjd", "mag", "e_mag"}, "mjd",
		"mag: magnitude; e_mag: error; diffmaglim: limit; fid: filter g, r, i; difference"),
	{
		about: about{
			roles: "diffmaglim: limit; fid: filter g, r, i",
			units: "mag", time: "mjd",
			refused: asItsFormat},
		name:  "ZTF non-detections (ALeRCE)",
		needs: []string{"fid", "mjd", "diffmaglim"},
		roles: alertRoles, filters: ztfFilters,
		source:   "ZTF",
		constant: difference,
	},
	{
		about: about{
			roles: "unforced_mag: magnitude, or limit where unforced_mag_status is a non-detection; " +
				"forced_ujy: flux; difference",
			units: "mag, uJy", time: "MJD",
			refused: asItsFormat},
		name:  "Lasair light curve",
		needs: []string{"mjd", "filter", "unforced_mag"},
		roles: map[string]role{"mjd": roleTime, "unforced_mag": roleMagnitude, "unforced_mag_error": roleError,
			"unforced_mag_status": roleLimitFlag,
			"forced_ujy":          roleFlux, "forced_ujy_error": roleFluxError},
		source: "ZTF", fluxUnit: "uJy",
		constant: difference,
		notes:    []string{alertNote},
	},
	{
		about: about{
			roles: "one point for each of grizy with a MeanPSFMag: magnitude, MeanPSFMagErr: error",
			units: "mag, AB", time: "epochMean, MJD",
			refused: asItsFormat},
		name:  "Pan-STARRS mean object",
		needs: []string{"epochmean", "gmeanpsfmag"}, wide: "grizy",
		roles: map[string]role{"epochmean": roleTime, "filter": roleFilter, "meanpsfmag": roleMagnitude,
			"meanpsfmagerr": roleError},
		source:   "Pan-STARRS",
		constant: `,"telescope":"Pan-STARRS","magsys":"AB"`,
		notes:    []string{"each row of means gives one point for each band that has a magnitude, at epochMean"},
	},
	{
		about: about{
			roles: "Magnitude: magnitude, with < limit, with Measurement Method DIF " +
				"differential_magnitude; Uncertainty: error; Band: filter; Observer Code: source; Star Name: object",
			units: "mag", time: "JD",
			refused: asItsFormat},
		name:  "AAVSO download",
		needs: []string{"jd", "magnitude", "band", "observer_code"},
		roles: map[string]role{"jd": roleTime, "magnitude": roleMagnitude, "uncertainty": roleError, "band": roleFilter,
			"observer_code": roleSource, "star_name": roleObject},
	},
	openCatalog, fink, finkRubin, antares, rubinForced, rubinSources, rubinOlderSources, plasticc, sousa,
	binnedSeries, tns, skyPatrol, panstarrsDetections, ptf, snana,
	astroImageJ("", "source_amag_t1"), astroImageJ("", ""), astroImageJ("_n", ""), astroImageJ("_dfn", ""),
}

const alertNote = "alerts of ZTF give magnitudes of difference fluxes: value.difference says so; isdiffpos is " +
	"their sign"

var ztfFilters = map[string]string{"1": "g", "2": "r", "3": "i", "1.0": "g", "2.0": "r", "3.0": "i"}

var alertRoles = map[string]role{"fid": roleFilter, "magpsf": roleMagnitude, "mag": roleMagnitude,
	"sigmapsf": roleError, "e_mag": roleError, "diffmaglim": roleLimit,
	"mag_corr": roleOther, "magpsf_corr": roleOther, "sigmapsf_corr": roleOther, "e_mag_corr": roleOther,
	"field": roleOther, "filter": roleOther, "band": roleOther}

// ztfAlerts is a table of the detections in ZTF's alerts, as brokers return it. roles and time are
// for docs/use/formats.md.
func ztfAlerts(name string, needs []string, time, roles string) dialect {
	return dialect{
		about:    about{roles: roles, units: "mag", time: time, refused: asItsFormat},
		name:     name,
		needs:    needs,
		roles:    alertRoles,
		filters:  ztfFilters,
		source:   "ZTF",
		constant: difference,
		notes:    []string{alertNote},
	}
}

// findDialect recognises the origin of a table by its columns.
func (g *grid) findDialect() {
	if g.dialect != nil || g.adaptExport() {
		return
	}
	for i := range dialects {
		d := &dialects[i]
		found := 0
		for _, want := range d.needs {
			for at, name := range g.First {
				if fold(name) == want && g.hasUnitOf(d, at) {
					found++
					break
				}
			}
		}
		if found == len(d.needs) {
			if d.adapt != nil {
				if d = d.adapt(*d, g); d == nil {
					continue
				}
			}
			g.dialect = d
			g.format = d.name + ", " + g.format
			if d.wide != "" {
				g.widenPanSTARRS(d.wide)
			}
			return
		}
	}
}

// hasUnitOf reports whether column i, if it is a flux, has the unit of a dialect's fluxes. Counts
// have many units, which are all alike.
func (g *grid) hasUnitOf(d *dialect, i int) bool {
	r := d.roles[fold(strings.TrimPrefix(g.First[i], d.prefix))]
	unit, known := units.Spell(g.field(i).unit)
	return d.fluxUnit == "" || d.fluxUnit == "DN" || r != roleFlux && r != roleFluxError || !known || unit == d.fluxUnit
}

// openCatalog is a file of the Open Supernova Catalog or one of its siblings: an object for each
// event, which has a list named photometry. Units are members of their own, such as u_time. Source:
// github.com/astrocatalogs/supernovae, SCHEMA.md.
var openCatalog = dialect{
	about: about{
		roles: "magnitude, with upperlimit limit; e_magnitude: error; band: filter; system: magsys; flux, " +
			"u_flux; the event's name: object",
		units: "mag; u_flux", time: "time, by u_time: MJD, JD",
		refused: "invalid times; rows of the host galaxy, of models and of spans of time are left out"},
	name:  "Open Supernova Catalog",
	needs: []string{"time", "u_time", "source"},
	roles: map[string]role{"time": roleTime, "source": roleOther, "magnitude": roleMagnitude, "e_magnitude": roleError,
		"upperlimit": roleLimitFlag, "band": roleFilter, "system": roleMagsys,
		"u_flux": roleFluxUnit, "e_flux": roleFluxError, "flux": roleFlux, "telescope": roleTelescope,
		"instrument": roleInstrument, "observatory": roleOther},
}

// assigned reports whether the origin of the table gives a column, by its folded name, its role.
func (g *grid) assigned(base string) bool {
	if g.dialect == nil {
		return false
	}
	_, ok := g.dialect.roles[base]
	return ok
}

// resolve finds the table's header and its dialect. It sets wrong if the columns contradict each
// other.
func (g *grid) resolve(o *Options) {
	if !g.resolved {
		g.resolved = true
		g.commentHeader(o)
		if g.findDialect(); g.dialect == nil {
			g.widenBands(o)
		}
	}
}
