package ingest

import (
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// How good a column is as the time; less is better.
const (
	rankMJD = iota
	rankJD
	rankCount // days since a stated date
	rankISO   // ISO 8601 text
	rankTime  // numbers under "time" or another name that does not tell
	rankUnix
	rankFar // heliocentric and barycentric dates
	rankDay // dates without a time of day
	rankRefused
	rankClock // times of day without a date
)

// chooseTime finds the one column that gives the time: an MJD before a JD, before text in ISO 8601, before a column whose
// name does not tell. A column of days without hours comes last, so that no precision is lost. Others stay ordinary
// columns. It returns -1, and a problem, when there is none.
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
		return best // tellTime says why, unless the upload answers it
	case rankClock:
		n.problem(bounded.Problem{Line: l.Line, Column: problem.Clip(name), Reason: "a time of day without a date is no time"})
		return -1
	case rankDay:
		for i, r := range ranks {
			if columns[i].role == roleTime && r == rankClock {
				n.problem(bounded.Problem{Line: l.Line, Column: problem.Clip(name), Reason: "the day stands in " + problem.Quoted(name) +
					" and the hour in " + problem.Quoted(columns[i].name) + "; write both in one column, as 2020-01-31T10:20:30"})
				return -1
			}
		}
	}
	var others []string
	for i, c := range columns {
		if c.role == roleTime && i != best {
			others = append(others, c.name)
		}
	}
	if len(others) > 0 {
		n.warn("the time is taken from column %s; kept as ordinary columns: %s", problem.Clip(name), problem.QuotedList(others))
	}
	return best
}

// rankTimeColumn judges a column by its name and by its first cell that is not missing.
func rankTimeColumn(l table.Layout, i int, c column) int {
	if c.time.Refused != "" {
		return rankRefused
	}
	if c.time.Ref != "" {
		return rankFar
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

// noTimeReason says that there is no time column, and what may be the matter.
func noTimeReason(l table.Layout) string {
	for _, name := range l.First {
		if _, ok := instant.ParseDecimal([]byte(name)); !ok {
			return "no time column (as time, mjd, jd or date); the columns are " + problem.QuotedList(l.First) + "; say which with time_column"
		}
	}
	reason := "no header line: the first line holds only numbers"
	if len(strings.Fields(l.Above)) > 1 || strings.Contains(l.Above, ",") {
		reason += "; if the comment above it names the columns, take its # away"
	}
	return reason + "; an upload can name them in columns, as col1, col2 and so on"
}
