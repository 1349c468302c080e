package ingest

import (
	"slices"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/units"
	"nightjar/internal/problem"
)

// magnitudeUnits looks at the units of columns that are magnitudes, their errors or limits by name.
// Those in units of flux are fluxes. Millimagnitudes and percent would look like magnitudes: a
// column of magnitudes is then refused, and errors and limits are kept under their own names. Any
// other text in brackets may say how a magnitude was measured.
func magnitudeUnits(g *grid, columns []column, n *notes) {
	for i := range columns {
		c := &columns[i]
		if !c.role.inMagnitudes() || c.unit == "" || isMagnitude(c.unit) {
			continue
		}
		switch u, ok := units.Parse(c.unit); {
		case isPart(c.unit) && !c.byUser && (c.role == roleError || c.role == roleLimit):
			n.warn("column %s: numbers in %s are no magnitudes; kept under its own name, not as %s",
				problem.Clip(c.name), problem.Clip(c.unit), c.role)
			c.role, c.unit = roleOther, ""
		case isPart(c.unit):
			n.problem(bounded.Problem{Line: g.Line, HDU: g.hdu, Column: problem.Clip(c.name),
				Reason: "numbers in " + problem.Quoted(c.unit) + " are no magnitudes; write them as magnitudes"})
		case !ok || !u.IsFlux() && !isCount(c.unit):
		case c.role == roleError && !slices.ContainsFunc(columns, otherMagnitude):
			// assignErrors makes it that of the flux
		case c.byUser || g.dialect != nil:
			n.problem(bounded.Problem{Line: g.Line, HDU: g.hdu, Column: problem.Clip(c.name),
				Reason: "fluxes in " + problem.Quoted(c.unit) + " are no magnitudes"})
		default:
			was := strings.ReplaceAll(c.role.String(), "_", " ")
			switch c.role {
			case roleMagnitude:
				c.role, c.weak = roleFlux, true
			case roleError:
				c.role, c.weak = roleFluxError, true
			default:
				c.role = roleOther
			}
			if c.unit, _ = units.Spell(c.unit); c.role == roleOther {
				n.warn("column %s: the limits are fluxes and kept under their own name, not as limiting magnitudes",
					problem.Clip(c.name))
				c.unit = ""
				continue
			}
			n.warn("column %s: its unit %s says that it is no %s, but a %s", problem.Clip(c.name), problem.Clip(c.unit),
				was, strings.ReplaceAll(c.role.String(), "_", " "))
		}
	}
}

// otherMagnitude reports whether a column holds magnitudes.
func otherMagnitude(c column) bool {
	u, _ := units.Parse(c.unit)
	return c.role == roleMagnitude && !u.IsFlux() && !isCount(c.unit)
}

// isPart reports whether a unit is a part of a magnitude or of a flux.
func isPart(unit string) bool {
	switch strings.ToLower(strings.TrimSpace(unit)) {
	case "mmag", "mmags", "millimag", "millimags", "millimagnitude", "millimagnitudes", "milli-mag", "umag", "micromag",
		"10^-3 mag", "1e-3 mag", "0.001 mag", "0.001mag", "%", "percent", "per cent", "ppm", "ppt":
		return true
	}
	return false
}

// isCount reports whether a unit is one of counts on a detector, in any time.
func isCount(unit string) bool {
	name, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(unit)), "/")
	return slices.Contains([]string{"adu", "dn", "ct", "cts", "count", "counts", "electron", "electrons", "e-"},
		strings.TrimSpace(name))
}
