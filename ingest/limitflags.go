package ingest

import (
	"bytes"
	"slices"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// flagSense says how a column tells limits from detections.
type flagSense uint8

const (
	flagNone      flagSense = iota
	flagLimit               // yes means that the measurement is a limit
	flagDetection           // yes means that the object was detected
	flagWords               // words such as upperlim tell, yes and no do not
)

// flagWord is what a cell of a flag says.
type flagWord uint8

const (
	wordNone      flagWord = iota // nothing that is understood
	wordYes                       // yes, true, 1
	wordNo                        // no, false, 0
	wordLimit                     // it is a limit, whatever the column asks
	wordDetection                 // it is a detection, whatever the column asks
	wordKinds
)

// flagWordOf reads a cell of a flag. < and > both mean fainter than. Some of the words are those of
// Lasair, Fink and the Open Catalogs.
func flagWordOf(cell []byte) flagWord {
	var low [16]byte
	n := 0
	for i, c := range cell {
		switch {
		case i > 0 && (c == '-' || c == '_' || c == ' '):
			continue
		case n == len(low):
			return wordNone
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		low[n] = c
		n++
	}
	switch string(low[:n]) {
	case "1", "1.0", "true", "t", "yes", "y":
		return wordYes
	case "0", "0.0", "false", "f", "no", "n":
		return wordNo
	case ">", "<", ">=", "<=", "upperlim", "upperlimit", "upper", "uplim", "ul", "limit", "lim", "nondet",
		"nondetection", "nondetected", "notdetected", "undetected", "fainter", "fainterthan":
		return wordLimit
	case "=", "det", "detection", "detected", "positivediff", "negativediff", "valid", "badquality":
		return wordDetection
	}
	return wordNone
}

// flagNamed returns how a column tells limits by its folded name. The names are those of sncosmo,
// lightcurve_fitting, AAVSO, the Open Catalogs and VizieR, whose l_mag is the limit flag of mag.
func flagNamed(base string) flagSense {
	if rest, ok := strings.CutPrefix(base, "l_"); ok && (strings.HasSuffix(rest, "mag") || rest == "magnitude") {
		return flagLimit
	}
	for _, head := range []string{"ul_", "uplim_", "nondet_", "is_limit_"} {
		if rest, ok := strings.CutPrefix(base, head); ok && (strings.HasSuffix(rest, "mag") || rest == "magnitude") {
			return flagLimit // ul_mag
		}
	}
	for _, tail := range []string{"_ul", "_uplim", "_upperlim", "_upper_limit", "_upperlimit", "_is_limit", "_nondet"} {
		if strings.HasSuffix(base, tail) { // flux_ul, mag_is_limit
			return flagLimit
		}
	}
	key := strings.ReplaceAll(base, "_", "")
	short := key
	for _, part := range []string{"is", "flag", "mag"} {
		short = strings.TrimPrefix(short, part)
	}
	switch short = strings.TrimSuffix(short, "flag"); short {
	case "nondet", "nondetect", "nondetection", "nondetected", "notdetected", "undetected", "ul", "upperlim",
		"upperlimit", "upperlimits", "uplim", "upplim", "uplims", "ulim", "ulimit", "fainter", "fainterthan",
		"limitsign", "limsign", "censored", "cens":
		return flagLimit
	case "limit", "lim", "upper": // limit itself is a limiting magnitude
		if short != key {
			return flagLimit
		}
	case "det", "detect", "detected", "detection":
		return flagDetection
	}
	return flagNone
}

// looksLikeFlag reports whether the folded name of a column suggests that it tells limits from
// detections.
func looksLikeFlag(base string) bool {
	base = strings.ReplaceAll(base, "detector", "")
	if base == "" || base[0] == 'n' && !strings.HasPrefix(base, "non") {
		return false // a number of detections
	}
	for _, part := range []string{"limit", "uplim", "upper", "faint", "nondet", "non_det", "detect"} {
		if strings.Contains(base, part) {
			return true
		}
	}
	return strings.Contains(base, "flag") && (strings.Contains(base, "lim") || strings.Contains(base, "det"))
}

// tellsInWords reports whether a column with a folded name may say among other things that a row is
// a limit.
func tellsInWords(base string) bool {
	switch base {
	case "note", "notes", "comment", "comments", "remark", "remarks", "qualifier", "prefix":
		return true
	}
	return tellsKind(base) || strings.HasSuffix(base, "type") || strings.HasSuffix(base, "_status")
}

// tellsKind reports whether a column with a folded name may divide all rows into detections and
// limits.
func tellsKind(base string) bool {
	switch base {
	case "tag", "flag", "flags", "sign", "status", "kind", "type", "symbol", "mag_flag", "flag_mag", "magflag":
		return true
	}
	return false
}

// findFlags finds the columns that tell limits from detections, by their names and by what they
// hold. assigned reports whether the origin of the table gives a column its role.
func findFlags(l table.Layout, columns []column, assigned func(base string) bool, n *notes) {
	magnitudes := slices.ContainsFunc(columns, func(c column) bool { return c.role == roleMagnitude })
	for i := range columns {
		c := &columns[i]
		base, _ := cutUnit(c.name)
		base = strings.Trim(fold(base), "?!._")
		switch {
		case c.role == roleLimitFlag: // by the user, or by the origin
			if c.sense = flagNamed(base); c.sense == flagNone {
				c.sense = flagLimit
			}
			continue
		case c.byUser || assigned(base) || c.role != roleOther && c.role != roleLimit:
			continue
		}
		held := wordsOf(l, i)
		named := flagNamed(base)
		switch {
		case c.role == roleLimit && held.empty && magnitudes:
			c.sense = flagWords // a later row may hold only the sign >
		case c.role == roleLimit && held.words == 0 && (held.numbers || !magnitudes):
		case c.role == roleLimit && len(held.other) == 0 && !held.empty:
			c.role, c.sense, c.weak, c.unit = roleLimitFlag, flagLimit, false, ""
		case c.role == roleLimit:
		case named == flagLimit && held.numbers && held.words == 0 && strings.Contains(base, "lim"):
			c.role, c.weak = roleLimit, true // upperlim holds limiting magnitudes
		case held.empty && named == flagNone, named == flagNone && !held.limit &&
			(held.detection || tellsInWords(base)) && !(looksLikeFlag(base) && held.other != ""):
			c.sense = flagWords // the rows beyond the first may say so
		case named != flagNone && len(held.other) == 0:
			c.role, c.sense, c.weak = roleLimitFlag, named, false
		case held.limit && len(held.other) == 0:
			c.role, c.sense, c.weak = roleLimitFlag, flagWords, false
		case held.limit:
			n.warn("column %s: %s marks a limit; other words, such as %s, are taken for detections",
				problem.Clip(c.name), problem.Quoted(held.first), problem.Quoted(held.other))
			c.role, c.sense, c.weak = roleLimitFlag, flagWords, false
		case named != flagNone || looksLikeFlag(base) && !held.numbers:
			n.warn("column %s looks like a flag for limits but is not understood (%s): all its rows are taken for "+
				"detections; if it is one, name it as limit_flag in columns", problem.Clip(c.name),
				problem.Quoted(held.example))
		}
	}
}

// refuseDroppedFlags refuses a table with a flag for limits that is not read: its limits would be
// taken for detections.
func refuseDroppedFlags(g *grid, n *notes) {
	for _, name := range g.dropped {
		base, _ := cutUnit(name)
		if flagNamed(strings.Trim(fold(base), "?!._")) != flagNone {
			n.problem(bounded.Problem{Line: g.Line, HDU: g.hdu, Column: problem.Clip(name),
				Reason: "the column tells limits from detections, but its arrays, bits or complex numbers are not " +
					"read; write it as numbers, 0 and 1"})
		}
	}
}

// held is what the first rows of a column hold.
type held struct {
	empty     bool   // no values
	numbers   bool   // numbers that are neither 0 nor 1
	words     int    // words that a flag may hold and that are no numbers
	limit     bool   // one of them says that there is a limit
	detection bool   // one of them says that there is none
	first     string // the first that says limit
	other     string // the first text that is no word of a flag; "" for none
	example   string // the first value that is not understood, or the first value
}

func wordsOf(l table.Layout, i int) held {
	h := held{empty: true}
	for _, row := range l.Sample {
		if i >= len(row) || missing([]byte(row[i])) {
			continue
		}
		cell := row[i]
		if h.empty = false; h.example == "" {
			h.example = cell
		}
		_, number := instant.ParseDecimal([]byte(cell))
		switch word := flagWordOf([]byte(cell)); {
		case word == wordNone:
			if h.other == "" {
				h.other, h.example = cell, cell
			}
			h.numbers = h.numbers || number
		case word == wordLimit:
			if !h.limit {
				h.limit, h.first = true, cell
			}
			h.words++
		case word == wordDetection:
			h.detection = true
			h.words++
		case !number:
			h.words++
		}
	}
	return h
}

// isLimit reports whether the magnitude of a row is a limit: it is written >19.2 or, in the style
// of AAVSO, <19.2 (both mean fainter than), or a flag says so. A different limit in the limit
// column is a problem, because one of them would be lost.
func (p *photometry) isLimit(cells [][]byte, line int) bool {
	if p.magnitude < 0 || missing(cells[p.magnitude]) {
		return false
	}
	magnitude := cells[p.magnitude]
	if !table.Signed(magnitude) && !p.isFlagged(cells, line) {
		return false
	}
	if d, ok := instant.ParseDecimal(table.WithoutSign(magnitude)); !ok || sentinel(d) {
		return true // no limit is lost; number reports what is wrong
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
	cells[p.magnitude] = nil // the limit column already holds it
	return true
}

// isFlagged reports whether a flag says that the row is a limit. Unreadable flags are problems.
func (p *photometry) isFlagged(cells [][]byte, line int) bool {
	set := false
	for _, i := range p.flags {
		if missing(cells[i]) {
			continue
		}
		c := &p.columns[i]
		word := flagWordOf(cells[i])
		c.held[word] = true
		switch {
		case word == wordLimit, word == wordYes && c.sense == flagLimit, word == wordNo && c.sense == flagDetection:
			set = true
		case word == wordNone && c.sense != flagWords:
			p.problemAt(line, problem.Clip(c.name), problem.Quoted(bytes.ToLower(cells[i]))+" is neither yes nor no")
		}
	}
	return set
}

// isLimitOfFlux reports whether the flux of a row is a limit: a flag says so, and there is neither
// a magnitude nor an error of the flux. (With an error, the flux is a measurement that is not
// significant.)
func (p *photometry) isLimitOfFlux(cells [][]byte, line int) bool {
	return p.magnitude < 0 && p.flux >= 0 && len(p.flags) > 0 && !missing(cells[p.flux]) &&
		(p.fluxError < 0 || missing(cells[p.fluxError])) && p.isFlagged(cells, line)
}

// warnKinds names the columns of which all rows hold yes or no, and which may tell limits from
// detections, though their names do not say so. It is silent if another column tells them.
func (p *photometry) warnKinds() {
	if slices.ContainsFunc(p.columns, func(c column) bool { return c.role == roleLimitFlag }) {
		return
	}
	for _, i := range p.flags {
		c := &p.columns[i]
		base, _ := cutUnit(c.name)
		if c.role == roleOther && tellsKind(strings.Trim(fold(base), "?!._")) &&
			c.held == [wordKinds]bool{wordYes: true, wordNo: true} {
			p.warn("column %s may be a flag for limits, but neither its name nor its values say so: all its rows are "+
				"taken for detections; if it is one, name it as limit_flag in columns", problem.Clip(c.name))
		}
	}
}
