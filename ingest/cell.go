package ingest

import (
	"strings"

	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// missing reports whether a cell holds no value, in any of the ways in which tables say so.
func missing(cell []byte) bool {
	if len(cell) > 9 {
		return false
	}
	if len(cell) > 0 && cell[0] >= '0' && cell[0] <= '9' {
		return false // most cells are numbers
	}
	var low [9]byte
	for i, c := range cell {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		low[i] = c
	}
	switch string(low[:len(cell)]) {
	case "", "nan", "+nan", "-nan", "null", "none", "-", "--", "---", "–", "—", "...", "…", "n/a", "#n/a", "<na>", `\n`,
		"indef", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity":
		return true
	}
	return false
}

// notAvailable reports whether a cell says "na". That is a missing value only where a number
// belongs: as text it may be a name (Na is a filter).
func notAvailable(cell []byte) bool {
	return len(cell) == 2 && cell[0]|0x20 == 'n' && cell[1]|0x20 == 'a'
}

// sentinel reports whether a number in a column of magnitudes or limits means "missing", such as
// -999, 99 and 99.99: any that no magnitude can be.
func sentinel(d instant.Decimal) bool { return !roleMagnitude.holds(d) }

// plainNumber reports whether a cell of a column without a known role is kept as a number. It is,
// if it is a decimal number of at most 17 digits, which a float64 can tell apart, and has no
// leading zeros, as ids have.
func plainNumber(cell []byte) (instant.Decimal, bool) {
	d, ok := instant.ParseDecimal(cell)
	if !ok || d.Digits() > 17 || len(d.Whole) > 1 && d.Whole[0] == '0' || !d.Finite() {
		return d, false
	}
	if d.Marker && !d.Strict {
		for _, c := range cell {
			if c|0x20 == 'd' {
				return d, false // 12d3 is a name
			}
		}
	}
	return d, true
}

// appendAny writes a cell of a column without a known role, as a number or as text.
func appendAny(dst, cell []byte) []byte {
	if d, ok := plainNumber(cell); ok {
		return d.AppendJSON(dst)
	}
	return jsontext.AppendString(dst, cell)
}

// notNumber says why a cell that must be a number is refused.
func notNumber(cell []byte) string {
	reason := problem.Quoted(cell) + " is not a number"
	if i := table.IndexComma(cell); i >= 0 {
		reason += "; write a point for the decimal comma"
	}
	return reason
}

// fold makes names of columns comparable: it ignores case and surrounding blanks, and treats
// dashes, underscores and blanks alike.
func fold(name string) string {
	return strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(strings.TrimSpace(name)))
}

// cutUnit splits off the unit in brackets at the end of a column's name, as in "flux (mJy)" and
// "time [MJD]".
func cutUnit(name string) (base, unit string) {
	name = strings.TrimSpace(name)
	for _, pair := range []string{"()", "[]"} {
		if i := strings.IndexByte(name, pair[0]); i > 0 && name[len(name)-1] == pair[1] {
			return strings.TrimSpace(name[:i]), strings.TrimSpace(name[i+1 : len(name)-1])
		}
	}
	return name, ""
}

// withoutBrackets removes the brackets around a unit.
func withoutBrackets(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 1 && (text[0] == '(' && text[len(text)-1] == ')' || text[0] == '[' && text[len(text)-1] == ']') {
		return strings.TrimSpace(text[1 : len(text)-1])
	}
	return text
}
