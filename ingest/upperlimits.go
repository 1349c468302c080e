package ingest

import (
	"bytes"

	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// isLimit tells whether the row's magnitude is a limit: it is written >19.2 or, as AAVSO does,
// <19.2 (both mean fainter than), or a flag column says so. A limit column with another limit in
// the same row is a problem, as one would be lost.
func (p *photometry) isLimit(cells [][]byte, line int) bool {
	if p.magnitude < 0 || missing(cells[p.magnitude]) {
		return false
	}
	magnitude := cells[p.magnitude]
	if !table.Signed(magnitude) && !p.flag(cells, line) {
		return false
	}
	if d, ok := instant.ParseDecimal(table.WithoutSign(magnitude)); !ok || sentinel(d) {
		return true // no limit to lose; number says what it is
	}
	if p.limit < 0 {
		return true
	}
	other, ok := instant.ParseDecimal(table.WithoutSign(cells[p.limit]))
	if !ok || sentinel(other) {
		return true
	}
	if !bytes.Equal(table.WithoutSign(magnitude), other.Text) {
		p.problemAt(line, problem.Clip(p.columns[p.magnitude].name), problem.Quoted(magnitude)+
			" is a limit, and column "+problem.Clip(p.columns[p.limit].name)+" gives another one")
	}
	cells[p.magnitude] = nil // the limit column holds it already
	return true
}

// flag reads the row's flags of a limit; unreadable ones are problems.
func (p *photometry) flag(cells [][]byte, line int) bool {
	set := false
	for _, i := range p.flags {
		switch text := string(bytes.ToLower(cells[i])); text {
		case "1", "true", "t", "yes", "y", ">", "<", "1.0", "non-detection", "nondetection",
			"non detection", "upper limit":
			set = true
		// Lasair's words are the last
		case "0", "false", "f", "no", "n", "0.0", "detection", "detected", "positive diff", "negative diff":
		default:
			if !missing(cells[i]) {
				p.problemAt(line, problem.Clip(p.columns[i].name), problem.Quoted(text)+" is neither yes nor no")
			}
		}
	}
	return set
}

// oddError counts errors of a magnitude that deserve a look.
func (p *photometry) oddError(d instant.Decimal) {
	if !d.Marker && !d.Neg && len(d.Whole) == 1 && d.Whole[0] == '0' {
		return // most are below 1
	}
	switch v, _ := d.Float(); {
	case v < 0:
		p.negative++
	case v > 1:
		p.large++
	}
}

// timeForms says how the times were written.
func (p *photometry) timeForms() string {
	text := ""
	for f, seen := range p.forms {
		if !seen {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += instant.Form(f).String()
	}
	return text
}

// finish turns what was counted into warnings.
func (p *photometry) finish() {
	name := problem.Clip(p.columns[p.timeColumn].name)
	if p.converted > 0 {
		p.warn("column %s: %s between 2,400,000 and 2,500,000 taken for a Julian date and converted", name,
			problem.Plural(p.converted, "value"))
	}
	if p.early > 0 {
		p.warn("column %s: %s below 10,000 taken for a modified Julian date; if days are counted from elsewhere, say so with time_format", name, problem.Plural(p.early, "value"))
	}
	if p.dayOnly > 0 {
		p.warn("column %s: %s without a time of day, 00:00 UTC is taken", name, problem.Plural(p.dayOnly, "date"))
	}
	if p.leaps > 0 {
		p.warn("column %s: %s of 23:59:60 became 00:00:00 of the next day", name, problem.Plural(p.leaps, "time"))
	}
	if p.leapDay > 0 {
		p.warn("column %s: %s on a day that ended with a leap second, which had 86,401 seconds; times are kept in days of 86,400", name, problem.Plural(p.leapDay, "time"))
	}
	if clock := p.columns[p.timeColumn].time; p.shifts > 0 {
		scale := clock.Scale.String()
		if clock.Scale == instant.ScaleUTC {
			scale = "another scale"
		}
		text := secondsText(p.leastShift)
		if p.mostShift != p.leastShift {
			text += " to " + secondsText(p.mostShift)
		}
		p.warn("column %s: %s of %s converted to UTC, %s were subtracted", name,
			problem.Plural(p.shifts, "time"), scale, text)
	}
	if p.ref != "" {
		p.warn("column %s: the times are %s, up to 8.3 minutes from those at the Earth; they are not corrected, and time_ref says so", name, p.ref)
	}
	if p.computed > 0 {
		p.warn("%s computed from flux and zero point", problem.Plural(p.computed, "magnitude"))
	}
	if p.computedLimits > 0 {
		p.warn("%s with a flux of at most %g times its error: the limit is that of %g errors",
			problem.Plural(p.computedLimits, "row"), p.rule.detection, p.rule.sigmas)
	}
	if p.signs > 0 {
		p.warn("column %s: %s with < or > in front stored as limit (fainter than)",
			problem.Clip(p.columns[p.magnitude].name), problem.Plural(p.signs, "magnitude"))
	}
	if p.flagged > 0 {
		p.warn("column %s: %s flagged as not detected stored as limit", problem.Clip(p.columns[p.magnitude].name),
			problem.Plural(p.flagged, "magnitude"))
	}
	if p.large > 0 {
		p.warn("%s above 1 mag", problem.Plural(p.large, "error"))
	}
	if p.negative > 0 {
		p.warn("%s below 0", problem.Plural(p.negative, "error"))
	}
}
