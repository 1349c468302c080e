package api

import (
	"strconv"
	"strings"
)

// A spreadsheet takes a cell that begins with one of these for a formula, and runs what it says (owasp.org, CSV injection).
const formulaStarts = "=+-@\t\r\n＝＋－＠"

func startsFormula(s string) bool {
	return strings.IndexAny(s, formulaStarts) == 0
}

// guarded is a cell of a CSV as a spreadsheet may open it: a text that it would run gets an apostrophe before it, which makes it a text. Numbers stay what they are, and so do
// signs, digits, points, colons and blanks, such as a declination in sexagesimals. A text that would look like one that was guarded gets one more apostrophe, so that
// unguarded gives back what there was.
func guarded(s string) string {
	bare := strings.TrimLeft(s, "'")
	if !startsFormula(bare) || bare == s && isHarmless(s) {
		return s
	}
	return "'" + s
}

func isHarmless(s string) bool {
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		return true
	}
	return strings.Trim(s, "+-.: 0123456789") == ""
}

// unguarded is what stood in a cell of a CSV before it was written into an export.
func unguarded(cell string) string {
	if strings.HasPrefix(cell, "'") && startsFormula(strings.TrimLeft(cell, "'")) {
		return cell[1:]
	}
	return cell
}
