package table

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
	SampleRows  = 50      // data lines that are read to find the delimiter and what a column holds
	SampleBytes = 1 << 20 // bytes of these lines
)

// Layout is what the beginning of a delimited text shows.
type Layout struct {
	Delimiter Delimiter
	First     []string   // fields of the first line that is not a comment: a header, or numbers if there is no header
	Line      int        // its number; 0 if the file has no such line
	Sample    [][]string // fields of the first data lines after it
	Sampled   []int      // numbers of these lines
	Above     string     // the last comment line above, without the #
	Others    []string   // earlier comment lines, at most MaxComments
	Skip      []int      // numbers of lines below the header that are not rows, such as rulers
	Comma     bool       // numbers have a decimal comma
	Spans     *Spans     // columns have the places of the ruler below the header; nil for a delimited text
	Ruler     string     // that ruler, or another around the header; lines like it are not rows; "" for none
	Preface   int        // lines above the header that are neither comments nor blank
}

// FindLayout reads the first line that is neither a comment nor blank, and some lines after it.
// Comment lines begin with # and may be anywhere; onComment, unless it is nil, is called with those
// above, and with the keywords of sncosmo (@key value), as key: value.
func FindLayout(f bounded.File, onComment func(comment []byte)) (Layout, error) {
	return FindLayoutAt(f, 1, onComment)
}

// FindLayoutAt is FindLayout for a table that begins at a line. The lines above it, except
// comments, are a preface: onComment is called with them.
func FindLayoutAt(f bounded.File, begin int, onComment func(comment []byte)) (Layout, error) {
	in := NewLines(f)
	in.Lenient = true
	var l Layout
	var text []string
	var numbers []int
	comments := 0 // bytes of l.Others
	for size := 0; len(text) <= SampleRows && size < SampleBytes; {
		line, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			var r *bounded.Refusal
			if len(text) > 0 && errors.As(err, &r) {
				break // TextRows will report it, after the rows before it
			}
			return l, err
		}
		if comment, ok := commentText(line); ok {
			if len(text) == 0 {
				if l.Above != "" && len(l.Others) < bounded.MaxComments && comments+len(l.Above) <= bounded.MaxComment {
					l.Others = append(l.Others, l.Above)
					comments += len(l.Above)
				}
				l.Above = string(comment)
				if onComment != nil {
					onComment(comment)
				}
			}
			continue
		}
		if len(Trim(line)) == 0 {
			continue
		}
		if key, ok := sncosmoKey(line); ok && len(text) == 0 || in.Number < begin {
			if !ok {
				key = line
				l.Preface++
			}
			if onComment != nil {
				onComment(key)
			}
			continue
		}
		if len(text) == 0 && ruler(string(line)) { // above the header
			l.Ruler = strings.TrimSpace(string(line))
			continue
		}
		if len(text) == 0 {
			// a line for spreadsheets
			if sep := Trim(line); len(sep) <= len("sep=;") && bytes.HasPrefix(bytes.ToLower(sep), []byte("sep=")) {
				l.Skip = append(l.Skip, in.Number)
				continue
			}
			l.Line = in.Number
		}
		text, numbers = append(text, string(line)), append(numbers, in.Number)
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
		if l.Ruler == "" || i == 1 {
			l.Spans, l.Ruler = columnsUnder(text[i], slices.Delete(slices.Clone(text), i, i+1)),
				strings.TrimSpace(text[i])
		}
		l.Skip = append(l.Skip, numbers[i])
		text, numbers = slices.Delete(text, i, i+1), slices.Delete(numbers, i, i+1)
	}
	if l.Ruler != "" {
		l.withoutRulers(&text, &numbers)
	}
	l.Delimiter = findDelimiter(text)
	if l.Spans != nil {
		l.Delimiter = Blanks
	}
	cells, reason := l.split([]byte(text[0]), nil)
	if reason != "" {
		return l, bounded.Refuse(bounded.Problem{Line: l.Line, Reason: reason})
	}
	l.First = Texts(cells)
	if l.Spans != nil {
		l.Spans.Names = l.First
	}
	if l.Delimiter == Blanks && l.Spans == nil { // ZTF writes a header with commas above rows without them
		commas := len(l.First) > 1
		for _, name := range l.First[:len(l.First)-1] {
			commas = commas && strings.HasSuffix(name, ",")
		}
		for i := range l.First {
			if commas {
				l.First[i] = strings.TrimSuffix(l.First[i], ",")
			}
		}
	}
	for i, line := range text[1:] {
		if cells, reason := l.split([]byte(line), cells[:0]); reason == "" &&
			!l.Delimiter.empty([]byte(line)) {
			l.Sample, l.Sampled = append(l.Sample, Texts(cells)), append(l.Sampled, numbers[i+1])
		}
	}
	if l.Delimiter == Blanks && l.Spans == nil {
		l.First = JoinUnits(l.First)
	}
	l.Comma = decimalComma(l)
	if l.Comma {
		for _, row := range l.Sample {
			for i, cell := range row {
				row[i] = string(WithPoint([]byte(cell)))
			}
		}
	}
	return l, nil
}

// split splits a line as the layout says.
func (l Layout) split(line []byte, cells [][]byte) ([][]byte, string) {
	if l.Spans != nil {
		return l.Spans.Cut(line, cells)
	}
	return l.Delimiter.Split(line, cells)
}

// Separation says how columns are told apart.
func (l Layout) Separation() string {
	if l.Spans != nil {
		return "columns under a ruler"
	}
	return l.Delimiter.String()
}

// withoutRulers removes lines like the ruler from the first lines.
func (l Layout) withoutRulers(text *[]string, numbers *[]int) {
	lines, at := (*text)[:1], (*numbers)[:1]
	for i, line := range *text {
		if i > 0 && strings.TrimSpace(line) != l.Ruler {
			lines, at = append(lines, line), append(at, (*numbers)[i])
		}
	}
	*text, *numbers = lines, at
}

// sncosmoKey returns a line `@key value` as `key: value`.
func sncosmoKey(line []byte) (comment []byte, ok bool) {
	line = Trim(line)
	if len(line) < 2 || line[0] != '@' || !(line[1]|0x20 >= 'a' && line[1]|0x20 <= 'z') {
		return nil, false
	}
	key, value, _ := bytes.Cut(line[1:], []byte(" "))
	return append(append(bytes.Clone(key), ": "...), Trim(value)...), true
}

// columnsUnder returns the columns whose places a ruler of at least two groups of dashes shows. It
// returns nil if the header or one of the first rows, which are the lines, has something outside of
// them, or if blanks always give as many other cells: then the ruler only decorates a table that
// blanks separate.
func columnsUnder(ruler string, lines []string) *Spans {
	s := &Spans{}
	for i := range len(ruler) {
		switch c := ruler[i]; {
		case c == ' ':
			continue
		case c != '-' && c != '=':
			return nil
		case i == 0 || ruler[i-1] == ' ':
			s.Columns = append(s.Columns, Span{Start: i})
		}
		s.Columns[len(s.Columns)-1].End = i + 1
	}
	if len(s.Columns) < 2 || len(s.Columns) > bounded.MaxColumns {
		return nil
	}
	s.Columns[len(s.Columns)-1].End = -1 // texts may be longer
	s.Names = make([]string, len(s.Columns))
	same, split := true, true // whether blanks give as many cells on each line, and everywhere the same
	for _, line := range lines {
		if strings.TrimSpace(line) == strings.TrimSpace(ruler) {
			continue
		}
		cells, reason := s.Cut([]byte(line), nil)
		if reason != "" {
			return nil
		}
		words, _ := SplitBlanks([]byte(line), nil)
		split = split && len(words) == len(cells)
		same = same && slices.EqualFunc(cells, words, bytes.Equal)
	}
	if split && !same {
		return nil
	}
	return s
}

// Empty reports whether a column is empty in the first rows.
func (l Layout) Empty(column int) bool {
	for _, row := range append([][]string{l.First}, l.Sample...) {
		if column < len(row) && row[column] != "" {
			return false
		}
	}
	return true
}

// ruler reports whether a line only separates a header from rows, such as ---- ---- and |===|===|.
func ruler(line string) bool {
	return strings.Count(line, "-")+strings.Count(line, "=") >= 3 && strings.Trim(line, "-=+|:;, \t") == "" &&
		(strings.Contains(line, "--") || strings.Contains(line, "=="))
}

// decimalComma reports whether the numbers of the first rows have a decimal comma: some have a
// comma and none a point.
func decimalComma(l Layout) bool {
	if l.Delimiter == ',' {
		return false
	}
	commas := 0
	for _, row := range l.Sample {
		for _, cell := range row {
			if d, ok := instant.ParseDecimal([]byte(cell)); ok && d.Point {
				return false
			}
			if IndexComma([]byte(cell)) >= 0 {
				commas++
			}
		}
	}
	return commas > 0
}

// WithPoint replaces the decimal comma of a number in place. It leaves other text unchanged.
func WithPoint(cell []byte) []byte {
	number := WithoutSign(cell)
	if i := IndexComma(number); i >= 0 {
		number[i] = '.'
	}
	return cell
}

// findDelimiter chooses the delimiter that splits the first line and gives most of the following
// lines as many fields.
func findDelimiter(text []string) Delimiter {
	best, most := delimiters[0], -1
	var cells [][]byte
	for _, d := range delimiters {
		var reason string
		cells, reason = d.Split([]byte(text[0]), cells[:0])
		if reason != "" || len(cells) < 2 {
			continue
		}
		n := len(cells)
		if d == Blanks {
			n = len(JoinUnits(Texts(cells)))
		}
		same := 0
		for _, line := range text[1:] {
			cells, reason = d.Split([]byte(line), cells[:0])
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

// JoinUnits joins a unit in brackets to the name of its column, as in "wavelength (A) flux
// (erg/s/cm2/A)" split at blanks.
func JoinUnits(names []string) []string {
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

// Texts copies cells out of the memory of a line.
func Texts(cells [][]byte) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = string(c)
	}
	return out
}

// commentText returns the text of a comment line after the #.
func commentText(line []byte) ([]byte, bool) {
	line = Trim(line)
	if len(line) == 0 || line[0] != '#' {
		return nil, false
	}
	for len(line) > 0 && line[0] == '#' {
		line = line[1:]
	}
	return Trim(line), true
}

// textRows reads the rows of a delimited text one after the other.
type textRows struct {
	lines   *Lines
	delim   Delimiter
	spans   *Spans
	begin   int               // the first line of the table
	ruler   string            // a line that is not a row
	skip    []int             // numbers of the lines that are not rows: the header, units
	comma   bool              // numbers have a decimal comma
	comment func(text []byte) // called for each comment line; may be nil
	cells   [][]byte
}

// TextRows reads the rows from the beginning of the file. header says whether the layout's first
// line is a header.
func TextRows(f bounded.File, l Layout, header bool, comment func(text []byte)) bounded.Rows {
	t := &textRows{lines: NewLines(f), delim: l.Delimiter, spans: l.Spans, begin: l.Line, ruler: l.Ruler,
		comment: comment, skip: l.Skip, comma: l.Comma}
	t.lines.Lenient = true
	if header {
		t.skip = append(slices.Clone(l.Skip), l.Line)
	}
	return t
}

// Next reads the next row. Cells have no surrounding blanks.
func (t *textRows) Next(r *bounded.Row) error {
	for {
		line, err := t.lines.Next()
		if err != nil {
			return err
		}
		*r = bounded.Row{Line: t.lines.Number}
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
		if r.Line < t.begin || t.delim.empty(line) ||
			t.ruler != "" && (line[0] == t.ruler[0] || blank(line[0])) && string(Trim(line)) == t.ruler {
			continue
		}
		if t.spans != nil {
			t.cells, r.Reason = t.spans.Cut(line, t.cells[:0])
		} else {
			if t.cells, r.Reason = t.delim.Split(line, t.cells[:0]); r.Reason != "" {
				r.Whole = len(t.cells)
			}
		}
		if t.comma {
			for i := range t.cells {
				t.cells[i] = WithPoint(t.cells[i])
			}
		}
		r.Cells = t.cells
		return nil
	}
}

// Signed reports whether a cell begins with < or >.
func Signed(cell []byte) bool { return len(cell) > 0 && (cell[0] == '>' || cell[0] == '<') }

// WithoutSign removes the < or > in front of a cell.
func WithoutSign(cell []byte) []byte {
	if Signed(cell) {
		return Trim(cell[1:])
	}
	return cell
}

// IndexComma returns the index of the decimal comma of a number; -1 for any other text.
func IndexComma(cell []byte) int {
	for i, c := range cell {
		if c != ',' || len(cell) > instant.MaxNumber {
			continue
		}
		text := append(append(append([]byte{}, cell[:i]...), '.'), cell[i+1:]...)
		if _, ok := instant.ParseDecimal(text); ok {
			return i
		}
		return -1
	}
	return -1
}
