package ingest

import (
	"fmt"
	"slices"
	"strings"
)

// maxName is the longest name of a column in bytes. Names are keys of every point: a long one would blow a small file up.
const maxName = 200

// column is one column of photometry.
type column struct {
	name string // as the file spells it
	role role
	weak bool
	unit string // given in the name
	time timeName
	key  []byte // the JSON key with its quotes and colon
}

// photometryColumns decides what every column is, by its name and, where that does not suffice, by the first rows.
// index of the time column is -1 when there is none; everything wrong is a problem of the header line.
func photometryColumns(l layout, n *notes) (columns []column, timeColumn int) {
	for i, name := range l.first {
		columns = append(columns, nameColumn(l, i, name))
		if columns[i].role == roleNone {
			n.warn("column %d has no name and is left out", i+1)
		}
		if len(name) > maxName {
			n.problem(Problem{Line: l.line, Column: clip(name), Reason: fmt.Sprintf("the name of a column is longer than %d bytes", maxName)})
		}
	}
	settleRoles(l, columns, n)
	settleErrors(columns, n)
	timeColumn = chooseTime(l, columns, n)
	setKeys(l, columns, timeColumn, n)
	if !slices.ContainsFunc(columns, func(c column) bool {
		return c.role == roleMagnitude || c.role == roleLimit || c.role == roleFlux
	}) {
		n.problem(Problem{Line: l.line, Reason: "no column of magnitudes, limits or fluxes; the columns are " + quotedList(l.first)})
	}
	return columns, timeColumn
}

// nameColumn reads one column's name.
func nameColumn(l layout, i int, name string) column {
	c := column{name: name}
	if name == "" {
		c.role = roleNone
		return c
	}
	base, unit := cutUnit(name)
	base = fold(base)
	if t, ok := timeOf(base, unit); ok {
		c.role, c.time, c.unit = roleTime, t, unit
		return c
	}
	c.role, c.weak = roleOf(base)
	if base == "f" {
		c.role, c.weak = fluxOrFilter(l, i), true
	}
	if c.role != roleOther {
		c.unit = unit
	}
	if c.role == roleFlux && unit == "" {
		c.unit = fluxUnitOf(base)
	} else if c.role == roleFlux || c.role == roleFluxError {
		c.unit, _ = unitText(unit)
	}
	return c
}

// fluxOrFilter decides what a column f holds: sncosmo means a flux, ATLAS and TOMs a filter. Text is a filter.
func fluxOrFilter(l layout, i int) role {
	for _, row := range l.sample {
		if i >= len(row) || missing([]byte(row[i])) {
			continue
		}
		if _, ok := parseDecimal([]byte(row[i])); !ok {
			return roleFilter
		}
	}
	return roleFlux
}

// settleRoles leaves one column to each role. Weak names give way; two telling names are a problem.
func settleRoles(l layout, columns []column, n *notes) {
	for r := roleMagnitude; r <= roleSource; r++ {
		var strong, weak []int
		for i, c := range columns {
			switch {
			case c.role == r && c.weak:
				weak = append(weak, i)
			case c.role == r:
				strong = append(strong, i)
			}
		}
		if len(strong) > 1 {
			n.problem(Problem{Line: l.line, Column: clip(columns[strong[1]].name), Reason: "both " +
				quoted(columns[strong[0]].name) + " and " + quoted(columns[strong[1]].name) + " mean " + r.String()})
		}
		if len(strong) == 0 && len(weak) > 0 {
			weak = weak[1:]
		}
		for _, i := range weak {
			columns[i].role, columns[i].unit = roleOther, ""
		}
	}
}

// settleErrors gives an error to the flux when there is no magnitude for it to belong to.
func settleErrors(columns []column, n *notes) {
	find := func(r role) int {
		return slices.IndexFunc(columns, func(c column) bool { return c.role == r })
	}
	e := find(roleError)
	if e >= 0 && find(roleMagnitude) < 0 && find(roleFlux) >= 0 && find(roleFluxError) < 0 {
		columns[e].role = roleFluxError
		n.warn("column %s is taken for the error of the flux, as there are no magnitudes", clip(columns[e].name))
	}
}

// setKeys gives every column its key. The time keeps its own name, folded to lower case.
func setKeys(l layout, columns []column, timeColumn int, n *notes) {
	seen := map[string]string{}
	for i := range columns {
		c := &columns[i]
		key, own := c.name, true
		switch {
		case c.role == roleNone:
			continue
		case i == timeColumn:
			key = strings.ToLower(c.name)
		case c.role != roleOther && c.role != roleTime && c.role != roleLimitFlag:
			key, own = c.role.String(), false
		}
		if other, twice := seen[key]; twice && own { // settleRoles has seen to the others
			n.problem(Problem{Line: l.line, Column: clip(c.name),
				Reason: "the columns " + quoted(other) + " and " + quoted(c.name) + " have the same name"})
		}
		seen[key] = c.name
		c.key = append(appendString(nil, key), ':')
	}
}

// reportColumns is what the report says of the columns.
func reportColumns(columns []column, timeColumn int, timeForm string) []Column {
	out := make([]Column, 0, len(columns))
	for i, c := range columns {
		r := Column{Name: reportName(c.name), Role: c.role.String(), Unit: clip(c.unit)}
		switch {
		case c.role == roleTime && i == timeColumn:
			r.Unit = timeForm
		case c.role == roleTime:
			r.Role, r.Unit = "", ""
		case c.role.sentinels() && c.unit == "":
			r.Unit = "mag"
		}
		out = append(out, r)
	}
	return out
}

// reportName is a column's name as the file spells it; one that is too long, and refused for it, is cut.
func reportName(name string) string {
	if len(name) > maxName {
		return clip(name)
	}
	return name
}
