package ingest

import (
	"encoding/json"

	"nightjar/internal/problem"
)

// tns is the photometry of the Transient Name Server: its flux is a magnitude if its unit says so.
// Sources: wis-tns.org/content/tns-getting-started, the manual of its API.
var tns = dialect{
	about: about{
		by: ", if flux_unit names magnitudes (ABMag, VegaMag, STMag)",
		roles: "flux: magnitude; fluxerr: error; limflux: limit; flux_unit: magsys AB, Vega or ST; filters: filter; " +
			"of members in JSON that have a name, that name",
		units: "mag", time: "jd, else obsdate",
		refused: "a flux in another unit beside magnitudes"},
	name:  "TNS photometry",
	needs: []string{"flux", "flux_unit"},
	roles: map[string]role{"flux": roleMagnitude, "fluxerr": roleError, "flux_err": roleError, "flux_error": roleError,
		"limflux": roleLimit, "limiting_flux": roleLimit, "flux_unit": roleMagsys, "filters": roleFilter,
		"filter": roleFilter},
	notes: []string{"flux holds magnitudes, as flux_unit says"},
	adapt: func(d dialect, g *grid) *dialect {
		at, magnitudes := g.columnFolded("flux_unit"), false
		for _, row := range g.Sample {
			if at < len(row) {
				_, is := magnitudeSystem(row[at])
				magnitudes = magnitudes || is
			}
		}
		if !magnitudes {
			return nil
		}
		open := g.open
		g.open = func(comment func([]byte)) (rows, error) {
			in, err := open(comment)
			return &tnsRows{rows: in, unit: at, flux: g.columnFolded("flux")}, err
		}
		return &d
	},
}

// columnFolded finds a column by its folded name; -1 for none.
func (g *grid) columnFolded(name string) int {
	for i := range g.First {
		if fold(g.First[i]) == name {
			return i
		}
	}
	return -1
}

// tnsRows replaces the unit by the system of the magnitudes.
type tnsRows struct {
	rows
	unit, flux int
}

func (in *tnsRows) next(r *row) error {
	if err := in.rows.next(r); err != nil || r.Reason != "" || in.unit >= len(r.Cells) {
		return err
	}
	system, ok := magnitudeSystem(string(r.Cells[in.unit]))
	if !ok && in.flux < len(r.Cells) && !missing(r.Cells[in.flux]) {
		r.Reason = "the flux is in " + problem.Quoted(r.Cells[in.unit]) + ", where other rows have magnitudes"
		return nil
	}
	r.Cells[in.unit] = []byte(system)
	return nil
}

// namedMembers are members of records that TNS writes as an object with an id and a name.
var namedMembers = map[string]bool{"flux_unit": true, "filters": true, "filter": true, "telescope": true,
	"instrument": true}

// nameWithin reads the object that Step has entered to its end and returns its member name; ok is
// false if it has none.
func (w jsonWalk) nameWithin() (name string, ok bool, err error) {
	for depth := len(w.Stack); ; {
		t, err := w.Step()
		if err != nil || len(w.Stack) < depth {
			return name, ok, err
		}
		if _, nested := t.(json.Delim); !nested && len(w.Stack) == depth && w.Stack[depth-1].Key == "name" {
			name, ok = jsonText(t), true
		}
	}
}
