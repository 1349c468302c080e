package ingest

import (
	"math"

	"nightjar/internal/instant"
)

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

const difference = `,"difference":true`

// dialects in the order in which they are tried. Sources: fallingstar-data.com/forcedphot (ATLAS),
// arXiv:2305.16279 (ZTF), outerspace.stsci.edu/display/PANSTARRS, api.alerce.online,
// lasair.roe.ac.uk, aavso.org.
var dialects = []dialect{
	{
		about: about{roles: "m: magnitude, dm: error, where uJy is above 3 duJy, else limit at 3 duJy; uJy, duJy: flux, flux_error; F: filter; snr; difference", units: "uJy", time: "MJD, start of the exposure", refused: "as the format that holds it"},
		name:  "ATLAS forced photometry", needs: []string{"mjd", "m", "dm", "ujy", "dujy", "f"},
		roles: map[string]role{"mjd": roleTime, "m": roleMagnitude, "dm": roleError, "ujy": roleFlux,
			"dujy": roleFluxError, "f": roleFilter,
			"err": roleOther, "mag5sig": roleOther, "obs": roleOther, "maj": roleOther, "min": roleOther},
		source: "ATLAS", constant: `,"telescope":"ATLAS"` +
			difference, rule: &fluxRule{detection: 3, sigmas: 3, zeroPoint: 23.9, snr: true},
		notes: []string{"ATLAS forced photometry is difference flux: value.difference says so; the times are the starts of the exposures"},
	},
	{
		about: about{roles: "forcediffimflux: flux, and magnitude or limit (5 errors) by zpdiff where above 3 errors or not; filter; snr; difference", units: "DN", time: "JD, start of the exposure", refused: "as the format that holds it"},
		name:  "ZTF forced photometry", needs: []string{"jd", "filter", "zpdiff", "forcediffimflux",
			"forcediffimfluxunc"},
		roles: map[string]role{"jd": roleTime, "filter": roleFilter, "zpdiff": roleZeroPoint,
			"forcediffimflux": roleFlux, "forcediffimfluxunc": roleFluxError,
			"diffmaglim": roleOther, "field": roleOther},
		source: "ZTF", constant: `,"telescope":"ZTF"` +
			difference, rule: &fluxRule{detection: 3, sigmas: 5, zeroPoint: math.NaN(), snr: true},
		notes: []string{"ZTF forced photometry is difference flux: value.difference says so; no baseline was subtracted; the times are the starts of the exposures"},
	},
	{
		about: about{roles: "magpsf: magnitude; sigmapsf: error; diffmaglim: limit; fid: filter g, r, i; difference",
			units: "mag", time: "mjd or jd", refused: "as the format that holds it"},
		name: "ZTF alert light curve (ALeRCE, Lasair)", needs: []string{"fid",
			"magpsf"}, roles: alertRoles, filters: ztfFilters,
		source: "ZTF", constant: difference, notes: []string{alertNote},
	},
	{
		about: about{roles: "mag: magnitude; e_mag: error; diffmaglim: limit; fid: filter g, r, i; difference",
			units: "mag", time: "mjd", refused: "as the format that holds it"},
		name: "ZTF alert light curve (ALeRCE)", needs: []string{"fid", "mjd", "mag",
			"e_mag"}, roles: alertRoles, filters: ztfFilters,
		source: "ZTF", constant: difference, notes: []string{alertNote},
	},
	{
		about: about{roles: "diffmaglim: limit; fid: filter g, r, i", units: "mag", time: "mjd",
			refused: "as the format that holds it"},
		name: "ZTF non-detections (ALeRCE)", needs: []string{"fid", "mjd",
			"diffmaglim"}, roles: alertRoles, filters: ztfFilters,
		source: "ZTF", constant: difference,
	},
	{
		about: about{roles: "unforced_mag: magnitude, or limit where unforced_mag_status is a non-detection; forced_ujy: flux; difference", units: "mag, uJy", time: "MJD", refused: "as the format that holds it"},
		name:  "Lasair light curve", needs: []string{"mjd", "filter", "unforced_mag"},
		roles: map[string]role{"mjd": roleTime, "unforced_mag": roleMagnitude, "unforced_mag_error": roleError,
			"unforced_mag_status": roleLimitFlag,
			"forced_ujy":          roleFlux, "forced_ujy_error": roleFluxError},
		source: "ZTF", constant: difference, notes: []string{alertNote},
	},
	{
		about: about{roles: "one point for each of grizy with a MeanPSFMag: magnitude, MeanPSFMagErr: error",
			units: "mag, AB", time: "epochMean, MJD", refused: "as the format that holds it"},
		name: "Pan-STARRS mean object", needs: []string{"epochmean", "gmeanpsfmag"}, wide: "grizy",
		roles: map[string]role{"epochmean": roleTime, "filter": roleFilter, "meanpsfmag": roleMagnitude,
			"meanpsfmagerr": roleError},
		source: "Pan-STARRS", constant: `,"telescope":"Pan-STARRS","magsys":"AB"`,
		notes: []string{"each row of means gives one point for each band that has a magnitude, at epochMean"},
	},
	{
		about: about{roles: "Magnitude: magnitude, with < limit, with Measurement Method DIF differential_magnitude; Uncertainty: error; Band: filter; Observer Code: source; Star Name: object", units: "mag", time: "JD", refused: "as the format that holds it"},
		name:  "AAVSO download", needs: []string{"jd", "magnitude", "band", "observer_code"},
		roles: map[string]role{"jd": roleTime, "magnitude": roleMagnitude, "uncertainty": roleError, "band": roleFilter,
			"observer_code": roleSource, "star_name": roleObject},
	},
	openCatalog,
}

const alertNote = "alerts of ZTF give magnitudes of difference fluxes: value.difference says so; isdiffpos is their sign"

var ztfFilters = map[string]string{"1": "g", "2": "r", "3": "i", "1.0": "g", "2.0": "r", "3.0": "i"}

var alertRoles = map[string]role{"fid": roleFilter, "magpsf": roleMagnitude, "mag": roleMagnitude,
	"sigmapsf": roleError, "e_mag": roleError, "diffmaglim": roleLimit,
	"mag_corr": roleOther, "magpsf_corr": roleOther, "sigmapsf_corr": roleOther, "e_mag_corr": roleOther, "field": roleOther, "filter": roleOther, "band": roleOther}

// findDialect recognises a table's origin by its columns.
func (g *grid) findDialect() {
	if g.dialect != nil || g.unexport() {
		return
	}
	for i := range dialects {
		d := &dialects[i]
		there := 0
		for _, want := range d.needs {
			for _, name := range g.First {
				if fold(name) == want {
					there++
					break
				}
			}
		}
		if there == len(d.needs) {
			g.dialect = d
			g.format = d.name + ", " + g.format
			if d.wide != "" {
				g.widen(d.wide)
			}
			return
		}
	}
}

// assign gives columns the roles that they have in the dialect, unless the uploader said otherwise.
// told is the time column that was named, -1 for none.
func (d *dialect) assign(columns []column, told int) {
	for i := range columns {
		c := &columns[i]
		r, ok := d.roles[fold(c.name)]
		if !ok || c.told || c.role == roleNone {
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
			if columns[i].told && i != j && columns[j].role == columns[i].role && !columns[j].told &&
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
