package ingest

import (
	"errors"
	"io"
	"strings"
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
	above  string     // the last comment line above it, without the comment sign
}

// findLayout reads until it has seen the first line that is neither comment nor blank and some after it. Comment lines
// begin with # and may stand anywhere.
func findLayout(f File) (layout, error) {
	in := newLines(f)
	var l layout
	var text []string
	for size := 0; len(text) <= sampleRows && size < sampleBytes; {
		line, err := in.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			var r *refusal
			if len(text) > 0 && errors.As(err, &r) {
				break // the rows' reader will find it, after what stands before
			}
			return l, err
		}
		if comment, ok := commentText(line); ok {
			if len(text) == 0 {
				l.above = string(comment)
			}
			continue
		}
		if len(trim(line)) == 0 {
			continue
		}
		if len(text) == 0 {
			l.line = in.number
		}
		text = append(text, string(line))
		size += len(line)
	}
	if len(text) == 0 {
		return l, nil
	}
	l.delim = findDelimiter(text)
	cells, reason := l.delim.split([]byte(text[0]), nil)
	if reason != "" {
		return l, refuse(Problem{Line: l.line, Reason: reason})
	}
	l.first = texts(cells)
	for _, line := range text[1:] {
		if cells, reason := l.delim.split([]byte(line), cells[:0]); reason == "" && !l.delim.empty([]byte(line)) {
			l.sample = append(l.sample, texts(cells))
		}
	}
	if l.delim == blanks {
		l.first = joinUnits(l.first)
	}
	return l, nil
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
	skip    int               // number of the header line, which is no row; 0 when there is none
	comment func(text []byte) // called for comment lines, wherever they stand; nil for nobody
	cells   [][]byte          // fields of the row that next read, without blanks around; valid until the next call
	line    int               // its line's number
}

// openTable starts at the beginning of the file. header tells whether the layout's first line is one.
func openTable(f File, l layout, header bool, comment func(text []byte)) *table {
	t := &table{lines: newLines(f), delim: l.delim, comment: comment}
	if header {
		t.skip = l.line
	}
	return t
}

// next reads the next row; io.EOF after the last. A row that cannot be split gives a reason in place of its cells, and
// reading may go on; a refusal or another error ends it.
func (t *table) next() (reason string, err error) {
	for {
		line, err := t.lines.next()
		if err != nil {
			return "", err
		}
		t.line = t.lines.number
		if len(line) == 0 || t.line == t.skip {
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
		t.cells, reason = t.delim.split(line, t.cells[:0])
		return reason, nil
	}
}
