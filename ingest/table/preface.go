package table

import (
	"errors"
	"io"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
)

// FindHeader returns the number of the first line that holds the names of a table, below a preface
// of other lines: one that splits at a delimiter into names that isHeader accepts, above a line
// with as many fields. It returns 0 if there is none among the first lines, or a line of two or
// more numbers comes before it, because that is a row of another table.
func FindHeader(f bounded.File, isHeader func(names []string) bool) (line int, err error) {
	in := NewLines(f)
	in.Lenient = true
	candidate, fields, by := 0, 0, Blanks // the header, if the next line fits it
	var cells [][]byte
	for seen := 0; seen <= bounded.MaxComments; {
		text, err := in.Next()
		var r *bounded.Refusal
		if err == io.EOF || errors.As(err, &r) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		if _, comment := commentText(text); comment || len(Trim(text)) == 0 || ruler(string(text)) {
			continue
		}
		seen++
		line := string(text) // splitting changes the line
		if candidate > 0 {
			if cells, reason := by.Split([]byte(line), cells[:0]); reason == "" && len(cells) == fields {
				return candidate, nil
			}
		}
		candidate = 0
		for _, d := range delimiters {
			var reason string
			if cells, reason = d.Split([]byte(line), cells[:0]); reason != "" || len(cells) < 2 {
				continue
			}
			if row(cells) {
				return 0, nil
			}
			names := Texts(cells)
			if d == Blanks {
				names = JoinUnits(names)
			}
			if isHeader(names) {
				candidate, fields, by = in.Number, len(names), d
				break
			}
		}
	}
	return 0, nil
}

// row reports whether at least two cells are numbers, and no more are texts.
func row(cells [][]byte) bool {
	numbers := 0
	for _, c := range cells {
		if _, ok := instant.ParseDecimal(c); ok {
			numbers++
		}
	}
	return numbers >= 2 && 2*numbers >= len(cells)
}
