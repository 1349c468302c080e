package ingest

import (
	"slices"

	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// isTOM reports whether a table has the header that a TOM writes and reads: columns named time and
// magnitude, spelt exactly so. Its time is an MJD of any year, and its columns keep their names.
func (g *grid) isTOM() bool {
	return g.dialect == nil && slices.Contains(g.First, "time") && slices.Contains(g.First, "magnitude")
}

// preferTOM gives a TOM's own columns their roles alone. Others that mean the same are kept under
// their own names, and so are the observers, which in a TOM are not the source.
func preferTOM(columns []column, n *notes) {
	var kept []string
	for i := range columns {
		own := &columns[i]
		if r := own.role; r.String() != own.name || r <= roleTime {
			continue
		}
		for k := range columns {
			c := &columns[k]
			if k == i || c.role != own.role || c.byUser {
				continue
			}
			if !c.weak {
				kept = append(kept, c.name)
			}
			c.role, c.unit, c.weak = roleOther, "", false
		}
	}
	for i := range columns {
		if c := &columns[i]; c.role == roleSource && c.weak && !c.byUser {
			c.role, c.weak = roleOther, false
		}
	}
	if len(kept) > 0 {
		n.warn("the columns of a TOM are used; kept as ordinary columns: %s", problem.QuotedList(kept))
	}
}

// tomTime returns the column time of a TOM's table if it holds numbers, otherwise -1.
func tomTime(l table.Layout, columns []column, n *notes) int {
	i := slices.IndexFunc(columns, func(c column) bool { return c.name == "time" && c.role == roleTime })
	if i < 0 {
		return -1
	}
	for _, row := range l.Sample {
		if i >= len(row) || missing([]byte(row[i])) {
			continue
		}
		if _, ok := instant.ParseDecimal([]byte(row[i])); !ok {
			return -1
		}
		break
	}
	switch fold(columns[i].unit) {
	case "d", "day", "days":
		columns[i].time = instant.Clock{Kind: instant.KindTime}
	}
	warnOtherTimes(columns, i, n)
	return i
}

// warnOtherTimes names the columns of times that are not used.
func warnOtherTimes(columns []column, timeColumn int, n *notes) {
	var others []string
	for i, c := range columns {
		if c.role == roleTime && i != timeColumn {
			others = append(others, c.name)
		}
	}
	if len(others) > 0 {
		n.warn("the time is taken from column %s; kept as ordinary columns: %s",
			problem.Clip(columns[timeColumn].name), problem.QuotedList(others))
	}
}

// otherTime counts the times of a TOM's row that differ from its time by more than half a second.
type otherTime struct {
	column int
	differ int
	most   int64 // microseconds
}

// compareTimes compares the time of a row with the others in it.
func (p *photometry) compareTimes(cells [][]byte, micros int64) {
	for i := range p.otherTimes {
		o := &p.otherTimes[i]
		t, reason := p.columns[o.column].time.Parse(cells[o.column])
		if reason != "" || t.DateOnly {
			continue
		}
		if d := max(t.Micros-micros, micros-t.Micros); d > instant.SecondMicros/2 {
			o.differ++
			o.most = max(o.most, d)
		}
	}
}

// warnTimes reports the times that differ.
func (p *photometry) warnTimes() {
	for _, o := range p.otherTimes {
		if o.differ > 0 {
			p.warn("column %s: %s more than 0.5 s away from column %s, which is used; the largest difference is %s",
				problem.Clip(p.columns[o.column].name), problem.Plural(o.differ, "time"),
				problem.Clip(p.columns[p.timeColumn].name), secondsText(o.most))
		}
	}
}
