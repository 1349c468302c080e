package ingest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/ingest/units"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// photometryColumns decides what each column is, by the first of these that tells: the user, the
// format, the name, the first rows. timeColumn is -1 if there is none. Whatever is wrong is a
// problem of the header line.
func photometryColumns(g *grid, o *Options, n *notes) (columns []column, timeColumn int) {
	l := g.Layout
	if g.wrong != "" {
		n.problem(bounded.Problem{Line: l.Line, HDU: g.hdu, Reason: g.wrong})
	}
	for i, name := range l.First {
		c := nameColumn(g, i, name)
		if c.role == roleNone {
			n.warn("column %d has no name and is left out", i+1)
		}
		if why := g.field(i).leftOut; why != "" && name != "" {
			n.warn("column %s is left out: %s", problem.Clip(name), why)
			c.role = roleNone
		}
		if len(name) > maxName {
			n.problem(bounded.Problem{Line: l.Line, Column: problem.Clip(name),
				Reason: fmt.Sprintf("the name of a column is longer than %d bytes", maxName)})
		}
		columns = append(columns, c)
	}
	refuseDroppedFlags(g, n)
	userTime := applyUserColumns(l, columns, o, n)
	if g.dialect != nil {
		g.dialect.assign(columns, userTime)
	}
	brightnessUnit(g, columns, n)
	magnitudeUnits(g, columns, n)
	tom := g.isTOM()
	if tom {
		preferTOM(columns, n)
	}
	findFlags(l, columns, g.assigned, n)
	objectIDs(g, columns)
	resolveRoles(l, columns, n)
	assignErrors(columns, n)
	if timeColumn = userTime; g.dialect == &exported && userTime < 0 {
		timeColumn = 0
		columns[0].hidden, columns[1].hidden = true, true
		columns[0].time = instant.Clock{Kind: instant.KindUnknown}
	}
	if timeColumn < 0 && tom {
		timeColumn = tomTime(l, columns, n)
		tom = timeColumn >= 0
	}
	if timeColumn < 0 {
		timeColumn = chooseTime(l, columns, n)
	}
	if timeColumn >= 0 {
		c := &columns[timeColumn]
		if g.timeSystem(c, n); c.time.Kind == instant.KindTime && !(tom && c.name == "time") {
			c.time.Kind = instant.KindUnknown // the name does not say from which day it is counted
			g.countedFrom(c, n)
		}
	}
	applyTimeFormat(l, columns, timeColumn, o, n)
	fluxColumns(g, columns, o, n)
	setKeys(l, columns, timeColumn, n)
	if !slices.ContainsFunc(columns, func(c column) bool {
		return c.role == roleMagnitude || c.role == roleLimit || c.role == roleFlux || c.role == roleDifferential
	}) {
		hint := g.rowForHeader()
		if hint == "" && timeColumn >= 0 {
			hint = "; say which with columns, such as magnitude or flux"
		}
		n.problem(bounded.Problem{Line: l.Line,
			Reason: "no column of magnitudes, limits or fluxes; the columns are " + problem.QuotedList(l.First) +
				hint})
	}
	refuseUnnamedMagnitudes(g, columns, n)
	return columns, timeColumn
}

// applyUserColumns gives roles to the columns that the user named. timeColumn is -1 if the user did
// not name it.
func applyUserColumns(l table.Layout, columns []column, o *Options, n *notes) (timeColumn int) {
	timeColumn = -1
	named := maps.Clone(o.Columns)
	if o.TimeColumn != "" {
		if other, twice := named["time"]; twice && other != o.TimeColumn {
			n.problem(bounded.Problem{Column: "time_column",
				Reason: "the upload gives two columns for the time: " + problem.Quoted(o.TimeColumn) + " and " +
					problem.Quoted(other)})
		}
		if named == nil {
			named = map[string]string{}
		}
		named["time"] = o.TimeColumn
	}
	for _, key := range slices.Sorted(maps.Keys(named)) {
		place := bounded.Problem{Column: "columns"}
		if key == "time" && o.TimeColumn != "" {
			place.Column = "time_column"
		}
		r, ok := roleNamed(key)
		if !ok {
			place.Reason = problem.Quoted(key) + " is not a role of a column of photometry"
			n.problem(place)
			continue
		}
		at := slices.Index(l.First, named[key])
		if at < 0 {
			at = slices.IndexFunc(l.First, func(name string) bool { return fold(name) == fold(named[key]) })
		}
		if at < 0 || columns[at].role == roleNone {
			place.Reason = "there is no column " + problem.Quoted(named[key]) + "; the columns are " +
				problem.QuotedList(l.First)
			n.problem(place)
			continue
		}
		for i := range columns { // a column that had the role by its name loses it
			if columns[i].role == r && i != at && r != roleTime && !columns[i].byUser {
				columns[i].role, columns[i].unit = roleOther, ""
			}
		}
		c := &columns[at]
		if c.role != r {
			c.role = r
			inName, unit := cutUnit(c.name)
			if r == roleFlux || r == roleFluxError {
				if _, suffix, _ := cutUnitInName(inName); unit == "" {
					unit = suffix
				}
				unit, _ = units.Spell(unit)
			}
			if c.unit = unit; r == roleTime {
				c.time = withUnit(instant.Clock{Kind: instant.KindTime}, unit)
			}
		}
		c.byUser, c.weak = true, false
		if r == roleTime {
			timeColumn = at
		}
	}
	return timeColumn
}

// timeSystem takes the scale from the keyword TIMESYS of the file, if neither the column nor its
// format gives it.
func (g *grid) timeSystem(c *column, n *notes) {
	for i, name := range g.First {
		if name == c.name && g.field(i).time != nil {
			return
		}
	}
	system, there := g.keys.Get("TIMESYS")
	if !there || c.time.ScaleKnown || c.time.Kind == instant.KindUnix {
		return
	}
	scale, ok := instant.ScaleOf(system)
	if !ok {
		c.time.Refused = "times of the scale TIMESYS = " + problem.Clip(system) + " are not read"
		return
	}
	if c.time.Scale, c.time.Assumed = scale, ""; scale != instant.ScaleUTC {
		n.warn("column %s: the scale is taken from TIMESYS = %s", problem.Clip(c.name), problem.Clip(system))
	}
}

// zeroKeys are keywords that give the day from which times are counted, beside those of the FITS
// standard.
var zeroKeys = []string{"TIME-ZERO", "TIMEZERO", "TIME-ORIGIN", "TIMEORIGIN", "TIME-REFERENCE"}

// countedFrom makes a column count from the day that a keyword of the file gives, if one does.
func (g *grid) countedFrom(c *column, n *notes) {
	unit := instant.DayMicros
	switch fold(c.unit) {
	case "", "d", "day", "days":
	case "s", "sec", "seconds":
		unit = instant.SecondMicros
	default:
		return
	}
	key, zero, found := "MJDREF", int64(0), false
	if zero, found = fitsZero(g.keys.Get); !found {
		for _, key = range zeroKeys {
			text, there := g.keys.Get(key)
			t, reason := instant.Parse([]byte(strings.TrimSpace(text)), instant.KindUnknown)
			if zero, found = t.Micros, there && reason == ""; found {
				break
			}
		}
	}
	if found {
		c.time.Kind, c.time.Zero, c.time.Unit, c.time.Refused = instant.KindCount, zero, unit, ""
		n.warn("column %s: counted from %s, as %s in the file says", problem.Clip(c.name), instant.Text(zero), key)
	}
}

// applyTimeFormat counts the time as the user says.
func applyTimeFormat(l table.Layout, columns []column, timeColumn int, o *Options, n *notes) {
	if timeColumn < 0 {
		return
	}
	c := &columns[timeColumn]
	if o.TimeFormat != "" {
		c.time, _ = timeFormatNamed(o.TimeFormat) // Options.Problems has checked it
		n.warn("column %s is read as %s, as the upload asked", problem.Clip(c.name), problem.Clip(o.TimeFormat))
	}
	if c.time.Refused != "" {
		n.problem(bounded.Problem{Line: l.Line, Column: problem.Clip(c.name), Reason: c.time.Refused})
	}
	if c.time.Assumed != "" {
		n.warn("column %s: %s", problem.Clip(c.name), c.time.Assumed)
	}
	if c.time.Kind == instant.KindUnknown && o.TimeFormat == "" && timesOfSpace(l, columns, timeColumn) {
		n.problem(bounded.Problem{Line: l.Line, Column: problem.Clip(c.name),
			Reason: "Kepler and TESS count days from 2454833 and 2457000: choose one with time_format bkjd or " +
				"btjd"})
	}
}

// timesOfSpace reports whether the columns are those of a light curve of Kepler or TESS and its
// times are small numbers.
func timesOfSpace(l table.Layout, columns []column, timeColumn int) bool {
	if !slices.ContainsFunc(columns,
		func(c column) bool { name := fold(c.name); return name == "pdcsap_flux" || name == "sap_flux" }) {
		return false
	}
	for _, row := range l.Sample {
		if d, ok := instant.ParseDecimal([]byte(row[timeColumn])); ok {
			v, _ := d.Float()
			return v < 10_000
		}
	}
	return false
}

// nameColumn decides what a column is by its name and by what the format says about it.
func nameColumn(g *grid, i int, name string) column {
	c := column{name: name}
	if name == "" {
		c.role = roleNone
		return c
	}
	if g.dialect != nil {
		name = strings.TrimPrefix(name, g.dialect.prefix)
	}
	base, unit := cutUnit(name)
	info := g.field(i)
	if unit == "" {
		unit = info.unit
	}
	base = fold(base)
	byUCD, hasUCD := roleOfUCD(info.ucd)
	if t, ok := timeOf(base, unit); (ok || info.time != nil) && (!hasUCD || byUCD == roleTime) || hasUCD &&
		byUCD == roleTime {
		if !ok {
			t = withUnit(instant.Clock{Kind: instant.KindUnknown}, unit)
		}
		if info.time != nil {
			t = *info.time
		}
		c.role, c.time, c.unit = roleTime, t, unit
		return c
	}
	c.role, c.weak = roleOf(base)
	inName, _ := cutUnit(name)
	if c.role == roleOther {
		c.role = fluxNamed(inName)
		c.weak = c.role != roleOther
	}
	if base == "f" {
		c.role, c.weak = fluxOrFilter(g.Layout, i), true
	}
	if hasUCD && byUCD != c.role && !(c.role == roleLimit && byUCD == roleMagnitude) {
		c.role, c.weak = byUCD, true
	}
	if c.role != roleOther {
		c.unit = unit
	}
	if c.role == roleFlux || c.role == roleFluxError {
		if c.unit, _ = units.Spell(unit); unit == "" {
			_, c.unit, _ = cutUnitInName(inName)
		}
	}
	return c
}

// fluxOrFilter decides what a column named f holds: a flux in sncosmo, a filter in ATLAS and TOMs.
// Text is a filter.
func fluxOrFilter(l table.Layout, i int) role {
	for _, row := range l.Sample {
		if i >= len(row) || missing([]byte(row[i])) {
			continue
		}
		if _, ok := instant.ParseDecimal([]byte(row[i])); !ok {
			return roleFilter
		}
	}
	return roleFlux
}

// resolveRoles leaves one column for each role. Weak names give way; two strong names are a
// problem.
func resolveRoles(l table.Layout, columns []column, n *notes) {
	named := func(c column) bool { return c.name == "filter" && c.role == roleFilter }
	if i := slices.IndexFunc(columns, named); i >= 0 {
		for k := range columns { // a band beside a filter is that of a standard system, or its number
			if c := &columns[k]; k != i && c.role == roleFilter && !c.byUser && !c.weak {
				n.warn("the filter is taken from column filter; kept as an ordinary column: %s", problem.Quoted(c.name))
				c.role = roleOther
			}
		}
	}
	for r := roleMagnitude; r <= roleObject; r++ {
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
			n.problem(bounded.Problem{Line: l.Line, Column: problem.Clip(columns[strong[1]].name), Reason: "both " +
				problem.Quoted(columns[strong[0]].name) + " and " + problem.Quoted(columns[strong[1]].name) +
				" mean " + r.String()})
		}
		if len(strong) == 0 && len(weak) > 0 {
			weak = weak[1:]
		}
		for _, i := range weak {
			columns[i].role, columns[i].unit = roleOther, ""
		}
	}
}

// assignErrors takes a column of errors for that of the flux if there are no magnitudes.
func assignErrors(columns []column, n *notes) {
	find := func(r role) int {
		return slices.IndexFunc(columns, func(c column) bool { return c.role == r })
	}
	e := find(roleError)
	if e >= 0 && find(roleMagnitude) < 0 && find(roleFlux) >= 0 && find(roleFluxError) < 0 {
		columns[e].role = roleFluxError
		n.warn("column %s is taken for the error of the flux, as there are no magnitudes",
			problem.Clip(columns[e].name))
	}
}

// setKeys gives each column its key. The time keeps its own name, in lower case.
func setKeys(l table.Layout, columns []column, timeColumn int, n *notes) {
	seen := map[string]string{}
	for i := range columns {
		c := &columns[i]
		key, own := c.name, true
		switch {
		case c.role == roleNone:
			continue
		case i == timeColumn:
			key = strings.ToLower(c.name)
		case c.role.String() != "" && c.role != roleTime && c.role != roleLimitFlag && c.role != roleObject &&
			!(c.role == roleSource && c.weak):
			key, own = c.role.String(), false
		}
		if other, twice := seen[key]; twice && own { // resolveRoles has checked the other keys
			n.problem(bounded.Problem{Line: l.Line, Column: problem.Clip(c.name),
				Reason: "the columns " + problem.Quoted(other) + " and " + problem.Quoted(c.name) +
					" have the same name"})
		}
		seen[key] = c.name
		c.key = append(jsontext.AppendString(nil, key), ':')
	}
}

// reportColumns describes the columns for the report.
func reportColumns(columns []column, timeColumn int, timeForm string) []Column {
	out := make([]Column, 0, len(columns))
	for i, c := range columns {
		r := Column{Name: reportName(c.name), Role: c.role.String(), Unit: problem.Clip(c.unit)}
		switch {
		case c.role == roleTime && i == timeColumn:
			r.Unit = timeForm
		case c.role == roleTime:
			r.Role, r.Unit = "", ""
		case c.role.inMagnitudes() && c.unit == "":
			r.Unit = "mag"
		}
		out = append(out, r)
	}
	return out
}

// How well a column serves as the time; less is better.
const (
	rankMJD = iota
	rankJD
	rankCount // days since a given date
	rankISO   // ISO 8601 text
	rankTime  // numbers in a column named "time", or another name that does not tell
	rankUnix
	rankOffEarth // heliocentric and barycentric dates
	rankDay      // dates without a time of day
	rankRefused
	rankClock // times of day without a date
)

// chooseTime finds the column that gives the time: an MJD before a JD, before ISO 8601, before a
// column whose name does not tell. A column of days without a time of day comes last, so that no
// precision is lost. Other columns of times are kept as ordinary ones. It returns -1 and adds a
// problem if there is none.
func chooseTime(l table.Layout, columns []column, n *notes) int {
	best, rank := -1, rankClock+1
	ranks := make([]int, len(columns))
	for i, c := range columns {
		if c.role != roleTime {
			continue
		}
		ranks[i] = rankTimeColumn(l, i, c)
		if ranks[i] < rank {
			best, rank = i, ranks[i]
		}
	}
	if best < 0 {
		n.problem(bounded.Problem{Line: l.Line, Reason: noTimeReason(l)})
		return -1
	}
	name := columns[best].name
	switch rank {
	case rankRefused:
		return best // applyTimeFormat says why, unless the user gave a format
	case rankClock:
		n.problem(bounded.Problem{Line: l.Line, Column: problem.Clip(name),
			Reason: "a time of day without a date is not a time"})
		return -1
	case rankDay:
		for i, r := range ranks {
			if columns[i].role == roleTime && r == rankClock {
				n.problem(bounded.Problem{Line: l.Line, Column: problem.Clip(name),
					Reason: "the day is in " + problem.Quoted(name) +
						" and the hour in " + problem.Quoted(columns[i].name) +
						"; write both in one column, as 2020-01-31T10:20:30"})
				return -1
			}
		}
	}
	warnOtherTimes(columns, best, n)
	return best
}

// rankTimeColumn ranks a column by its name and its first cell that is not missing.
func rankTimeColumn(l table.Layout, i int, c column) int {
	if c.time.Refused != "" {
		return rankRefused
	}
	if c.time.Ref != "" {
		return rankOffEarth
	}
	switch c.time.Kind {
	case instant.KindCount:
		return rankCount
	case instant.KindMJD:
		return rankMJD
	case instant.KindJD:
		return rankJD
	case instant.KindUnix:
		return rankUnix
	}
	for _, row := range l.Sample {
		if i >= len(row) || missing([]byte(row[i])) {
			continue
		}
		cell := []byte(row[i])
		if instant.IsClock(cell) {
			return rankClock
		}
		if t, reason := c.time.Parse(cell); reason == "" && t.Form == instant.FormISO {
			if t.DateOnly {
				return rankDay
			}
			return rankISO
		}
		break
	}
	return rankTime
}

// noTimeReason says that there is no time column, and why that may be.
func noTimeReason(l table.Layout) string {
	for _, name := range l.First {
		if _, ok := instant.ParseDecimal([]byte(name)); !ok {
			return "no time column (as time, mjd, jd or date); the columns are " + problem.QuotedList(l.First) +
				"; say which with time_column"
		}
	}
	reason := "no header line: the first line holds only numbers"
	if len(strings.Fields(l.Above)) > 1 || strings.Contains(l.Above, ",") {
		reason += "; if the comment above it names the columns, remove its #"
	}
	return reason + "; an upload can name them in columns, as col1, col2 and so on"
}
