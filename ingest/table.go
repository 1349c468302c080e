package ingest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
)

const (
	sampleRows  = 50      // data lines that are looked at to find the delimiter and what a column holds
	sampleBytes = 1 << 20 // and how much text they may be
)

// layout is what a look at the beginning of a delimited text told.
type layout struct {
	delim  delimiter
	first  []string   // fields of the first line that is no comment: a header, or numbers where there is none
	line   int        // its number; 0 when the file has no such line
	sample [][]string // fields of the first data lines after it
	keys   textKeys   // keywords in the comment lines above it
	above  string     // the last comment line above it, without the comment sign
	others []string   // comment lines before that one, at most MaxComments
	units  []string   // fields of a line of units below the header; nil when there is none
	skip   []int      // numbers of lines below the header that are no rows: units and rulers
	comma  bool       // numbers have a decimal comma
}

// findLayout reads until it has seen the first line that is neither comment nor blank and some after it. Comment lines
// begin with # and may stand anywhere.
func findLayout(f bounded.File) (layout, error) {
	in := newLines(f)
	in.lenient = true
	var l layout
	var text []string
	var numbers []int
	comments := 0 // bytes of l.others
	for size := 0; len(text) <= sampleRows && size < sampleBytes; {
		line, err := in.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			var r *bounded.Refusal
			if len(text) > 0 && errors.As(err, &r) {
				break // the rows' reader will find it, after what stands before
			}
			return l, err
		}
		if comment, ok := commentText(line); ok {
			if len(text) == 0 {
				if l.above != "" && len(l.others) < bounded.MaxComments && comments+len(l.above) <= bounded.MaxComment {
					l.others = append(l.others, l.above)
					comments += len(l.above)
				}
				l.above = string(comment)
				if l.keys == nil {
					l.keys = textKeys{}
				}
				l.keys.add(comment)
			}
			continue
		}
		if len(trim(line)) == 0 {
			continue
		}
		if len(text) == 0 {
			if sep := trim(line); len(sep) <= len("sep=;") && bytes.HasPrefix(bytes.ToLower(sep), []byte("sep=")) { // for a spreadsheet
				l.skip = append(l.skip, in.number)
				continue
			}
			l.line = in.number
		}
		text, numbers = append(text, string(line)), append(numbers, in.number)
		size += len(line)
	}
	if len(text) == 0 {
		return l, nil
	}
	for i := 1; i < len(text) && i <= 3; {
		if !ruler(text[i]) {
			i++
			continue
		}
		l.skip = append(l.skip, numbers[i])
		text, numbers = slices.Delete(text, i, i+1), slices.Delete(numbers, i, i+1)
	}
	l.delim = findDelimiter(text)
	cells, reason := l.delim.split([]byte(text[0]), nil)
	if reason != "" {
		return l, bounded.Refuse(bounded.Problem{Line: l.line, Reason: reason})
	}
	l.first = texts(cells)
	if l.delim == blanks { // a header with commas above rows without them, as ZTF writes it
		commas := len(l.first) > 1
		for _, name := range l.first[:len(l.first)-1] {
			commas = commas && strings.HasSuffix(name, ",")
		}
		for i := range l.first {
			if commas {
				l.first[i] = strings.TrimSuffix(l.first[i], ",")
			}
		}
	}
	var sampled []int
	for i, line := range text[1:] {
		if cells, reason := l.delim.split([]byte(line), cells[:0]); reason == "" && !l.delim.empty([]byte(line)) {
			l.sample, sampled = append(l.sample, texts(cells)), append(sampled, numbers[i+1])
		}
	}
	if l.delim == blanks {
		l.first = joinUnits(l.first)
	}
	if unitsRow(l) {
		l.units, l.skip = l.sample[0], append(l.skip, sampled[0])
		l.sample = l.sample[1:]
	}
	l.comma = decimalComma(l)
	if l.comma {
		for _, row := range l.sample {
			for i, cell := range row {
				row[i] = string(withPoint([]byte(cell)))
			}
		}
	}
	return l, nil
}

// empty tells whether a column has nothing in the first rows.
func (l layout) empty(column int) bool {
	for _, row := range append([][]string{l.first}, l.sample...) {
		if column < len(row) && row[column] != "" {
			return false
		}
	}
	return true
}

// ruler tells whether a line only separates a header from rows, as ---- ---- and |===|===|.
func ruler(line string) bool {
	return strings.Count(line, "-")+strings.Count(line, "=") >= 3 && strings.Trim(line, "-=+|:;, \t") == "" &&
		(strings.Contains(line, "--") || strings.Contains(line, "=="))
}

// unitsRow tells whether the first row names units: it has no number, at least one unit that is known, and all others are
// empty or stand above numbers in the row after it.
func unitsRow(l layout) bool {
	if len(l.sample) < 2 || len(l.sample[0]) != len(l.first) || len(l.sample[1]) != len(l.first) || allNumbers(l.first) {
		return false
	}
	known := 0
	for i, cell := range l.sample[0] {
		cell = bare(cell)
		if _, number := instant.ParseDecimal([]byte(cell)); number {
			return false
		}
		_, isUnit := parseUnit(cell)
		if _, ok := timeFormatNamed(cell); ok {
			isUnit = true
		}
		switch strings.ToLower(cell) {
		case "", "-", "--", "---", "none", "nan", "n/a", "d", "days", "day", "mag", "mags", "ab", "string", "str", "bool":
			isUnit = true
		}
		_, number := instant.ParseDecimal(withPoint([]byte(l.sample[1][i])))
		if number && isUnit && cell != "" && !missing([]byte(cell)) {
			known++
		} else if !isUnit {
			return false
		}
	}
	return known > 0
}

// bare takes the brackets off a unit.
func bare(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 1 && (text[0] == '(' && text[len(text)-1] == ')' || text[0] == '[' && text[len(text)-1] == ']') {
		return strings.TrimSpace(text[1 : len(text)-1])
	}
	return text
}

// decimalComma tells whether the numbers of the first rows are written with a comma for the point: some are, and none with
// a point.
func decimalComma(l layout) bool {
	if l.delim == ',' {
		return false
	}
	commas := 0
	for _, row := range l.sample {
		for _, cell := range row {
			if d, ok := instant.ParseDecimal([]byte(cell)); ok && d.Point {
				return false
			}
			if indexComma([]byte(cell)) >= 0 {
				commas++
			}
		}
	}
	return commas > 0
}

// withPoint changes the decimal comma of a number in place; other text stays.
func withPoint(cell []byte) []byte {
	number := withoutSign(cell)
	if i := indexComma(number); i >= 0 {
		number[i] = '.'
	}
	return cell
}

// findDelimiter chooses the one that splits the first line and gives most of the following as many fields.
func findDelimiter(text []string) delimiter {
	best, most := delimiters[0], -1
	var cells [][]byte
	for _, d := range delimiters {
		var reason string
		cells, reason = d.split([]byte(text[0]), cells[:0])
		if reason != "" || len(cells) < 2 {
			continue
		}
		n := len(cells)
		if d == blanks {
			n = len(joinUnits(texts(cells)))
		}
		same := 0
		for _, line := range text[1:] {
			cells, reason = d.split([]byte(line), cells[:0])
			if reason == "" && len(cells) == n {
				same++
			}
		}
		if same > most {
			best, most = d, same
		}
	}
	return best
}

// joinUnits puts a unit in brackets back to its column's name, as in "wavelength (A) flux (erg/s/cm2/A)" split at blanks.
func joinUnits(names []string) []string {
	var out []string
	open := byte(0)
	for _, name := range names {
		begins := strings.HasPrefix(name, "(") || strings.HasPrefix(name, "[")
		if len(out) > 0 && (open != 0 || begins) {
			out[len(out)-1] += " " + name
		} else {
			out = append(out, name)
		}
		if open == 0 && begins {
			open = ')'
			if name[0] == '[' {
				open = ']'
			}
		}
		if open != 0 && strings.HasSuffix(name, string(rune(open))) {
			open = 0
		}
	}
	return out
}

// texts copies cells out of a line's memory.
func texts(cells [][]byte) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = string(c)
	}
	return out
}

// commentText returns what follows the comment sign of a comment line.
func commentText(line []byte) ([]byte, bool) {
	line = trim(line)
	if len(line) == 0 || line[0] != '#' {
		return nil, false
	}
	for len(line) > 0 && line[0] == '#' {
		line = line[1:]
	}
	return trim(line), true
}

// table reads the data rows of a delimited text one after the other.
type table struct {
	lines   *lines
	delim   delimiter
	skip    []int             // numbers of the lines that are no rows: the header, units
	comma   bool              // numbers have a decimal comma
	comment func(text []byte) // called for comment lines, wherever they stand; nil for nobody
	cells   [][]byte
}

// openTable starts at the beginning of the file. header tells whether the layout's first line is one.
func openTable(f bounded.File, l layout, header bool, comment func(text []byte)) *table {
	t := &table{lines: newLines(f), delim: l.delim, comment: comment, skip: l.skip, comma: l.comma}
	t.lines.lenient = true
	if header {
		t.skip = append(slices.Clone(l.skip), l.line)
	}
	return t
}

// Next reads the next row, its cells without blanks around.
func (t *table) Next(r *bounded.Row) error {
	for {
		line, err := t.lines.next()
		if err != nil {
			return err
		}
		*r = bounded.Row{Line: t.lines.number}
		if len(line) == 0 || len(t.skip) > 0 && slices.Contains(t.skip, r.Line) {
			continue
		}
		if line[0] == '#' || blank(line[0]) {
			if text, ok := commentText(line); ok {
				if t.comment != nil {
					t.comment(text)
				}
				continue
			}
		}
		if t.delim.empty(line) {
			continue
		}
		t.cells, r.Reason = t.delim.split(line, t.cells[:0])
		if t.comma {
			for i := range t.cells {
				t.cells[i] = withPoint(t.cells[i])
			}
		}
		r.Cells = t.cells
		return nil
	}
}
