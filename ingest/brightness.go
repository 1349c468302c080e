package ingest

import (
	"slices"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/units"
	"nightjar/internal/problem"
)

// unitKind is the kind of the units in a column of units of a brightness; kindNone for any other
// column.
type unitKind byte

const (
	kindNone unitKind = iota
	kindMagnitude
	kindFlux
)

// kindOf returns the kind of a unit.
func kindOf(unit []byte) unitKind {
	if isMagnitude(string(unit)) {
		return kindMagnitude
	}
	return kindFlux
}

// isMagnitude reports whether a unit is magnitudes. So is a system without a unit, such as AB, and
// "", because TOM Toolkit 3 may leave the unit of magnitudes out.
func isMagnitude(unit string) bool {
	switch strings.ToLower(strings.TrimSpace(unit)) {
	case "", "ab", "st", "vega":
		return true
	}
	_, ok := magnitudeSystem(unit)
	return ok
}

// magnitudeSystem reports whether a unit is magnitudes, and in which system, "" if it does not say.
func magnitudeSystem(unit string) (system string, ok bool) {
	text := strings.NewReplacer("_", "", "(", "", ")", "").Replace(fold(unit))
	for _, word := range []string{"magnitudes", "magnitude", "mags", "mag"} {
		before, after, found := strings.Cut(text, word)
		if !found || before != "" && after != "" {
			continue
		}
		switch before + after {
		case "ab":
			return "AB", true
		case "vega":
			return "Vega", true
		case "st":
			return "ST", true
		case "":
			return "", true
		}
	}
	return "", false
}

// brightnessUnit finds out what a column brightness holds whose unit is in another column, as in
// tables for HERMES and of TOM Toolkit 3: magnitudes, or fluxes with their errors. All rows must
// have the same kind; checkUnit looks at each.
func brightnessUnit(g *grid, columns []column, n *notes) {
	l := g.Layout
	find := func(r role, names ...string) int {
		return slices.IndexFunc(columns, func(c column) bool {
			return c.role == r && !c.byUser && slices.Contains(names, fold(c.name))
		})
	}
	brightness := find(roleMagnitude, "brightness")
	unit := find(roleOther, "brightness_unit", "brightness_units", "unit", "units")
	if brightness < 0 || unit < 0 {
		return
	}
	first := slices.IndexFunc(l.Sample, func(row []string) bool {
		return len(row) == len(columns) && !missing([]byte(row[unit])) && !missing([]byte(row[brightness]))
	})
	if first < 0 {
		return
	}
	text := l.Sample[first][unit]
	kind := kindOf([]byte(text))
	if columns[unit].unitKind = kind; kind != kindFlux {
		return
	}
	if _, known := units.Spell(text); !known {
		n.problem(bounded.Problem{Line: l.Line, Column: problem.Clip(columns[brightness].name),
			Reason: "its unit " + problem.Quoted(text) + " is not known; an upload can say in columns whether " +
				"it is magnitude or flux"})
	}
	columns[brightness].role, columns[brightness].unit = roleFlux, ""
	columns[unit].role = roleFluxUnit
	if i := find(roleError, "brightness_error", "error"); i >= 0 {
		columns[i].role, columns[i].unit = roleFluxError, ""
	}
	if i := find(roleLimit, "limit", "limiting_brightness"); i >= 0 {
		columns[i].role, columns[i].unit = roleOther, ""
		n.warn("column %s: the limits are fluxes and kept under their own name, not as limiting magnitudes",
			problem.Clip(columns[i].name))
	}
}

// checkUnit refuses a row whose brightness has a unit of another kind than the first row.
func (p *photometry) checkUnit(c *column, cell []byte, line int) {
	switch kind := kindOf(cell); {
	case kind == c.unitKind:
	case kind == kindFlux:
		p.problemAt(line, problem.Clip(c.name), problem.Quoted(cell)+" is no unit of magnitudes like that of the rows "+
			"before: split the file")
	default:
		p.problemAt(line, problem.Clip(c.name), problem.Quoted(cell)+" is a unit of magnitudes, and the rows before "+
			"are fluxes: split the file")
	}
}
