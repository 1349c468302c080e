package ingest

import (
	"math"
	"slices"
	"strings"

	"nightjar/internal/instant"
)

const difference = `,"difference":true`

// dialects lists the known tables in the order in which they are tried. Sources:
// fallingstar-data.com/forcedphot (ATLAS), arXiv:2305.16279 (ZTF),
// outerspace.stsci.edu/display/PANSTARRS, api.alerce.online, lasair.roe.ac.uk, aavso.org.
var dialects = []dialect{
	{
		about: about{
			roles: "m: magnitude, dm: error, where uJy is above 3 duJy, else limit at 3 duJy; uJy, duJy: " +
				"flux, flux_error; F: filter; snr; difference",
			units: "uJy", time: "MJD, start of the exposure",
			refused: "as the format that holds it"},
		name:  "ATLAS forced photometry",
		needs: []string{"mjd", "m", "dm", "ujy", "dujy", "f"},
		roles: map[string]role{"mjd": roleTime, "m": roleMagnitude, "dm": roleError, "ujy": roleFlux,
			"dujy": roleFluxError, "f": roleFilter,
			"err": roleOther, "mag5sig": roleOther, "obs": roleOther, "maj": roleOther, "min": roleOther},
		source:   "ATLAS",
		constant: `,"telescope":"ATLAS"` + difference,
		rule:     &fluxRule{detection: 3, sigmas: 3, zeroPoint: 23.9, snr: true},
		notes: []string{"ATLAS forced photometry is difference flux: value.difference says so; the times are the " +
			"starts of the exposures"},
	},
	{
		about: about{
			roles: "forcediffimflux: flux, and magnitude or limit (5 errors) by zpdiff where above 3 " +
				"errors or not; filter; snr; difference",
			units: "DN", time: "JD, start of the exposure",
			refused: "as the format that holds it"},
		name:  "ZTF forced photometry",
		needs: []string{"jd", "filter", "zpdiff", "forcediffimflux", "forcediffimfluxunc"},
		roles: map[string]role{"jd": roleTime, "filter": roleFilter, "zpdiff": roleZeroPoint,
			"forcediffimflux": roleFlux, "forcediffimfluxunc": roleFluxError,
			"diffmaglim": roleOther, "field": roleOther},
		source:   "ZTF",
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
			refused: "as the format that holds it"},
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
			refused: "as the format that holds it"},
		name:  "Lasair light curve",
		needs: []string{"mjd", "filter", "unforced_mag"},
		roles: map[string]role{"mjd": roleTime, "unforced_mag": roleMagnitude, "unforced_mag_error": roleError,
			"unforced_mag_status": roleLimitFlag,
			"forced_ujy":          roleFlux, "forced_ujy_error": roleFluxError},
		source:   "ZTF",
		constant: difference,
		notes:    []string{alertNote},
	},
	{
		about: about{
			roles: "one point for each of grizy with a MeanPSFMag: magnitude, MeanPSFMagErr: error",
			units: "mag, AB", time: "epochMean, MJD",
			refused: "as the format that holds it"},
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
			refused: "as the format that holds it"},
		name:  "AAVSO download",
		needs: []string{"jd", "magnitude", "band", "observer_code"},
		roles: map[string]role{"jd": roleTime, "magnitude": roleMagnitude, "uncertainty": roleError, "band": roleFilter,
			"observer_code": roleSource, "star_name": roleObject},
	},
	openCatalog,
	snana,
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
		about:    about{roles: roles, units: "mag", time: time, refused: "as the format that holds it"},
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
			for _, name := range g.First {
				if fold(name) == want {
					found++
					break
				}
			}
		}
		if found == len(d.needs) {
			g.dialect = d
			g.format = d.name + ", " + g.format
			if d.wide != "" {
				g.widen(d.wide)
			}
			return
		}
	}
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

// resolve finds the table's header and its dialect.
func (g *grid) resolve(o *Options) {
	if !g.resolved {
		g.resolved = true
		g.commentHeader(o)
		g.findDialect()
	}
}

// wideRows splits each row of a table that has columns for each band into one row for each band.
type wideRows struct {
	rows
	bands   string
	common  []int   // columns that belong to no band
	byBand  [][]int // for each band its columns, -1 for one that it lacks
	need    int     // index into byBand[i] of the magnitude; a band without a magnitude gives no row
	current row
	band    int // the next band of current
	out     [][]byte
}

// widen turns a table whose columns begin with the letter of a band (gMeanPSFMag, rMeanPSFMag, ...)
// into one that has a column filter.
func (g *grid) widen(bands string) {
	kinds := map[string]int{} // what follows the letter, and for how many bands
	for _, name := range g.First {
		if len(name) > 2 && strings.Contains(bands, strings.ToLower(name[:1])) {
			kinds[fold(name[1:])]++
		}
	}
	w := wideRows{bands: bands, byBand: make([][]int, len(bands)), need: -1}
	var common, names []string
	for i, name := range g.First {
		if len(name) < 3 || kinds[fold(name[1:])] < 2 || !strings.Contains(bands, strings.ToLower(name[:1])) {
			w.common, common = append(w.common, i), append(common, name)
			continue
		}
		at := slices.IndexFunc(names, func(n string) bool { return fold(n) == fold(name[1:]) })
		if at < 0 {
			at, names = len(names), append(names, name[1:])
			for b := range w.byBand {
				w.byBand[b] = append(w.byBand[b], -1)
			}
			if fold(name[1:]) == "meanpsfmag" {
				w.need = at
			}
		}
		w.byBand[strings.Index(bands, strings.ToLower(name[:1]))][at] = i
	}
	if w.need < 0 {
		return
	}
	open := g.open
	g.open = func(comment func([]byte)) (rows, error) {
		in, err := open(comment)
		if err != nil {
			return nil, err
		}
		out := w
		out.rows, out.band = in, len(bands)
		return &out, nil
	}
	g.First = append(append(common, "filter"), names...)
	g.fields, g.Sample = nil, nil
}

func (w *wideRows) next(r *row) error {
	for {
		if w.band == len(w.bands) {
			w.band = 0
			if err := w.rows.next(&w.current); err != nil {
				return err
			}
			if w.current.Reason != "" {
				w.band = len(w.bands)
				*r = w.current
				return nil
			}
		}
		columns := w.byBand[w.band]
		letter := w.bands[w.band : w.band+1]
		w.band++
		at := columns[w.need]
		if at < 0 || at >= len(w.current.Cells) {
			continue
		}
		if d, ok := instant.ParseDecimal(w.current.Cells[at]); missing(w.current.Cells[at]) || ok && sentinel(d) {
			continue
		}
		*r = w.current
		w.out = w.out[:0]
		for _, i := range w.common {
			w.out = append(w.out, w.cell(i))
		}
		w.out = append(w.out, []byte(letter))
		for _, i := range columns {
			w.out = append(w.out, w.cell(i))
		}
		r.Cells = w.out
		return nil
	}
}

// cell returns a cell of the current row, nil if the row is too short.
func (w *wideRows) cell(i int) []byte {
	if i < 0 || i >= len(w.current.Cells) {
		return nil
	}
	return w.current.Cells[i]
}
