package ingest

import (
	"slices"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// refuseUnnamedMagnitudes refuses a table with limits whose magnitudes are in a column that is not
// known: its detections would be stored as limits.
func refuseUnnamedMagnitudes(g *grid, columns []column, n *notes) {
	if g.dialect != nil || !slices.ContainsFunc(columns, func(c column) bool { return c.role == roleLimit }) ||
		slices.ContainsFunc(columns, func(c column) bool {
			return c.role == roleMagnitude || c.role == roleFlux || c.role == roleDifferential
		}) {
		return
	}
	for i, c := range columns {
		if c.role == roleOther && saysMagnitude(c.name) && g.looksLikeMagnitudes(i) {
			n.problem(bounded.Problem{Line: g.Line, Column: problem.Clip(c.name),
				Reason: "the table has limits, and this column may hold its magnitudes; name the column of " +
					"magnitudes with columns, as magnitude=" + problem.Clip(c.name)})
			return
		}
	}
}

// saysMagnitude reports whether the name of a column says that it holds magnitudes, not their
// errors, limits, zero points or those of neighbours.
func saysMagnitude(name string) bool {
	name = fold(name)
	if !strings.Contains(name, "mag") {
		return false
	}
	for _, other := range []string{"err", "sig", "lim", "zp", "zero", "nr", "std", "rms", "ref", "image", "depth",
		"sys", "method", "type", "unc", "count", "sky"} {
		if strings.Contains(name, other) {
			return false
		}
	}
	return true
}

// looksLikeMagnitudes reports whether a column of the sample rows has numbers, all between 2 and
// 30 or missing.
func (g *grid) looksLikeMagnitudes(i int) bool {
	numbers := 0
	for _, row := range g.Sample {
		if i >= len(row) || missing([]byte(row[i])) {
			continue
		}
		d, ok := instant.ParseDecimal([]byte(row[i]))
		v, _ := d.Float()
		if !ok || !sentinel(d) && (v < 2 || v > 30) {
			return false
		}
		numbers++
	}
	return numbers > 0
}
