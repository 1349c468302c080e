package ingest

import (
	"strconv"
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

// chooseTime finds the one column that gives the time: an MJD before a JD, before text in ISO 8601,
// before a column whose name does not tell. A column of days without hours comes last, so that no
// precision is lost. Others stay ordinary columns. It returns -1, and a problem, when there is
// none.
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
		n.problem(bounded.Problem{Line: l.Line, Column: problem.Clip(name),
			Reason: "a time of day without a date is no time"})
		return -1
	case rankDay:
		for i, r := range ranks {
			if columns[i].role == roleTime && r == rankClock {
				n.problem(bounded.Problem{Line: l.Line, Column: problem.Clip(name),
					Reason: "the day stands in " + problem.Quoted(name) +
						" and the hour in " + problem.Quoted(columns[i].name) +
						"; write both in one column, as 2020-01-31T10:20:30"})
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
		n.warn("the time is taken from column %s; kept as ordinary columns: %s", problem.Clip(name),
			problem.QuotedList(others))
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
			return "no time column (as time, mjd, jd or date); the columns are " + problem.QuotedList(l.First) +
				"; say which with time_column"
		}
	}
	reason := "no header line: the first line holds only numbers"
	if len(strings.Fields(l.Above)) > 1 || strings.Contains(l.Above, ",") {
		reason += "; if the comment above it names the columns, take its # away"
	}
	return reason + "; an upload can name them in columns, as col1, col2 and so on"
}

// describe is how a report names the way of counting, as "BJD, TDB".
func describe(n instant.Clock, form string) string {
	if n.Ref != "" {
		form = n.Ref + " " + form
	}
	if n.Scale != instant.ScaleUTC {
		form += ", " + n.Scale.String()
	}
	return form
}

// timeFormatNamed reads what a column's name, its unit or the upload's time_format says of the
// numbers: mjd, jd, hjd, bjd, btjd, bkjd, unix or iso; with a scale behind it, as bjd_tdb and
// jd(tcb); or with what was taken off, as jd-2450000. ok is false for anything else.
func timeFormatNamed(text string) (n instant.Clock, ok bool) {
	text = fold(text)
	if base, scale, found := strings.Cut(text, "("); found && strings.HasSuffix(scale, ")") {
		text = strings.TrimRight(base, "_") + "_" + strings.TrimSuffix(scale, ")")
	}
	text, offset, shifted, ok := cutOffset(text)
	if !ok {
		return n, false
	}
	scaled := false
	if i := strings.LastIndexByte(text, '_'); i > 0 {
		if s, known := instant.ScaleOf(text[i+1:]); known && text[i+1:] != "" {
			n.Scale, n.Told, scaled, text = s, true, true, text[:i]
		}
	}
	switch text {
	case "mjd", "modified_julian_date":
		n.Kind = instant.KindMJD
	case "jd", "julian_date":
		n.Kind = instant.KindJD
	case "hjd", "helio_jd", "heliocentric_julian_date", "hmjd", "mhjd":
		n.Kind, n.Ref = instant.KindJD, "heliocentric"
		if strings.Contains(text, "m") && len(text) == 4 {
			n.Kind = instant.KindMJD
		}
		if !scaled {
			n.Assumed = "heliocentric dates: the scale UTC is assumed"
		}
	case "bjd", "barycentric_julian_date", "bmjd", "mbjd":
		n.Kind, n.Ref = instant.KindJD, "barycentric"
		if strings.Contains(text, "m") && len(text) == 4 {
			n.Kind = instant.KindMJD
		}
		if !scaled {
			n.Scale, n.Assumed = instant.ScaleTDB, "barycentric dates: the scale TDB is assumed"
		}
	case "btjd", "bkjd":
		if shifted || scaled && n.Scale != instant.ScaleTDB {
			return n, false
		}
		n.Ref, n.Scale, shifted, offset = "barycentric", instant.ScaleTDB, true, "2457000"
		if text == "bkjd" {
			offset = "2454833"
		}
		n.Kind = instant.KindJD
	case "unix", "unixtime", "unix_time":
		if shifted {
			return n, false
		}
		n.Kind = instant.KindUnix
	case "iso", "isot", "iso_8601", "iso8601", "fits":
		if shifted {
			return n, false
		}
		n.Kind = instant.KindUntold
	default:
		return n, false
	}
	if shifted {
		d, ok := instant.ParseDecimal([]byte(offset))
		zero, fits := d.Micros(instant.DayMicros)
		if !ok || !fits {
			return n, false
		}
		if n.Kind == instant.KindJD {
			zero -= instant.JDOfUnixHalves * (instant.DayMicros / 2)
		} else {
			zero -= instant.MJDOfUnix * instant.DayMicros
		}
		n.Kind, n.Zero, n.Unit = instant.KindCount, zero, instant.DayMicros
	}
	return n, true
}

// cutOffset takes a number of days that were subtracted off the end of a name, as in jd_2450000 and
// "bjd - 2457000, days". A number that is none of days since long ago is no offset and refuses the
// name.
func cutOffset(text string) (base, offset string, found, ok bool) {
	text = strings.NewReplacer("−", "-", "–", "-").Replace(text)
	for _, tail := range []string{"days", "day", "d"} {
		text = strings.TrimRight(strings.TrimSuffix(text, ",_"+tail), "_, ")
	}
	i := strings.LastIndexAny(text, "_-")
	if i <= 0 || i+1 == len(text) || text[i+1] < '0' || text[i+1] > '9' {
		return text, "", false, true
	}
	offset = text[i+1:]
	days, err := strconv.ParseFloat(offset, 64)
	if err != nil || days < 1000 || days > 2_600_000 {
		return text, "", false, false
	}
	return strings.TrimRight(text[:i], "_-"), offset, true, true
}
