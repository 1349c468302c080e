package fixed

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/problem"
)

// IsIPAC reports whether a file begins as an IPAC table
// (irsa.ipac.caltech.edu/applications/DDGEN/Doc/ipac_tbl.html): lines of keywords and comments with
// a backslash, then header lines that begin with a bar. Without keywords the second header line
// must name types, because other tables have bars, too.
func IsIPAC(head []byte) bool {
	keywords, names := 0, false
	for line := range bytes.Lines(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))) {
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case len(table.Trim(line)) == 0:
		case line[0] == '\\' && !names:
			keywords++
		case line[0] != '|':
			return false
		case keywords > 0:
			return true
		case !names:
			names = true
		default:
			for _, cell := range strings.Split(strings.Trim(string(line), "| \t"), "|") {
				if _, ok := ipacType(cell); !ok || cleaned(cell) == "" {
					return false
				}
			}
			return true
		}
	}
	return keywords > 0 && len(head) > 4096 // a long header
}

// ipacTypes are the types of columns; a header may abbreviate them.
var ipacTypes = []string{"double", "float", "real", "integer", "long", "short", "character", "date", "varchar",
	"boolean", "logical"}

// ipacType reports whether a text names a type, and whether that is one of texts.
func ipacType(cell string) (text, ok bool) {
	cell = strings.ToLower(cleaned(cell))
	for _, t := range ipacTypes {
		if strings.HasPrefix(t, cell) {
			return t == "character" || t == "date" || t == "varchar", true
		}
	}
	return false, false
}

// cleaned removes blanks and dashes around a text in a header line.
func cleaned(cell string) string { return strings.Trim(cell, " \t-") }

// ipacHeader is what the lines above the rows say.
type ipacHeader struct {
	bars  []int      // places of the bars of the first header line
	lines [][]string // cells of the header lines: names, types, units, nulls
	at    []int      // their numbers
	keys  table.Keywords
}

// ReadIPAC returns the table of an IPAC file. Columns lie between the bars of the header. A file
// whose header lines differ in their bars, or that names unknown types, is refused.
func ReadIPAC(f bounded.File) (*table.Table, error) {
	h := ipacHeader{keys: table.Keywords{}}
	in := table.NewLines(f)
	in.Lenient = true
	for {
		line, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(table.Trim(line)) == 0 {
			continue
		}
		if line[0] == '\\' {
			h.keyword(string(line[1:]))
			continue
		}
		if line[0] != '|' {
			break
		}
		if reason := h.header(line, in.Number); reason != "" {
			return nil, bounded.Refuse(bounded.Problem{Line: in.Number, Reason: reason})
		}
	}
	if len(h.lines) == 0 {
		return nil, bounded.Refuse(bounded.Problem{Reason: "an IPAC table without a header line that begins with |"})
	}
	t := &table.Table{Format: "IPAC table", Keys: h.keys}
	t.First, t.Line = h.lines[0], h.at[0]
	spans := &table.Spans{Names: t.First, Bytes: true}
	nulls := make([]null, len(t.First))
	for i, name := range t.First {
		span := table.Span{Start: h.bars[i] + 1, End: -1}
		if i+1 < len(h.bars) {
			span.End = h.bars[i+1]
		}
		spans.Columns = append(spans.Columns, span)
		field := table.Field{Name: name}
		if len(h.lines) > 1 {
			text, ok := ipacType(h.lines[1][i])
			if !ok {
				return nil, bounded.Refuse(bounded.Problem{Line: h.at[1], Column: problem.Clip(name),
					Reason: problem.Quoted(h.lines[1][i]) + " is not a type of an IPAC table"})
			}
			field.Text = text
		}
		if len(h.lines) > 2 {
			if field.Unit = h.lines[2][i]; strings.EqualFold(field.Unit, "null") || strings.EqualFold(field.Unit,
				"none") {
				field.Unit = ""
			}
		}
		if nulls[i] = newNull("null"); len(h.lines) > 3 && h.lines[3][i] != "" {
			nulls[i] = newNull(h.lines[3][i])
		}
		t.Fields = append(t.Fields, field)
	}
	after := h.at[len(h.at)-1]
	t.Open = func(comment func([]byte)) (bounded.Rows, error) {
		lines := table.NewLines(f)
		lines.Lenient = true
		return &rows{lines: lines, spans: spans, nulls: nulls, after: after, comment: comment, special: ipacSpecial},
			nil
	}
	return t, nil
}

// ipacSpecial tells comments among the rows.
func ipacSpecial(line []byte) (text []byte, comment bool, reason string) {
	switch line[0] {
	case '\\':
		return line[1:], true, ""
	case '|':
		return nil, false, "a header line among the rows"
	}
	return nil, false, ""
}

// header reads a header line.
func (h *ipacHeader) header(line []byte, number int) (reason string) {
	if len(h.lines) == 4 {
		return "an IPAC table has at most four header lines: names, types, units and nulls"
	}
	var bars []int
	for i, c := range line {
		if c == '|' {
			bars = append(bars, i)
		}
	}
	if len(bars)-1 > bounded.MaxColumns {
		return fmt.Sprintf("more than %d columns", bounded.MaxColumns)
	}
	if len(table.Trim(line[bars[len(bars)-1]+1:])) > 0 {
		bars = append(bars, len(line)) // the last column has no bar behind it
	}
	if len(bars) < 2 {
		return "a header line without columns"
	}
	cells := make([]string, len(bars)-1)
	for i := range cells {
		cells[i] = strings.Trim(string(line[bars[i]+1:bars[i+1]]), " \t")
		if len(h.lines) < 3 || strings.Trim(cells[i], "-") == "" { // a null may begin with a minus sign
			cells[i] = cleaned(cells[i])
		}
	}
	if len(h.lines) == 0 {
		if h.bars = bars; bars[len(bars)-1] == len(line) && line[len(line)-1] != '|' {
			h.bars = bars[:len(bars)-1]
		}
	} else if len(cells) != len(h.lines[0]) {
		return problem.Plural(len(cells), "column") + " where the line of names has " +
			problem.Plural(len(h.lines[0]), "column")
	} else {
		for i, at := range h.bars {
			if at != bars[i] {
				return fmt.Sprintf("the bar before column %d is not below that of the line of names", i+1)
			}
		}
	}
	h.lines, h.at = append(h.lines, cells), append(h.at, number)
	return ""
}

// keyword reads `key = value`, with a type before the key in older files. Other lines with a
// backslash are comments.
func (h *ipacHeader) keyword(text string) {
	key, value, ok := strings.Cut(text, "=")
	if !ok || strings.HasPrefix(text, " ") || strings.HasPrefix(text, "\t") {
		return
	}
	if words := strings.Fields(key); len(words) == 2 {
		if _, typed := ipacType(words[0]); typed {
			key = words[1]
		}
	}
	value = strings.TrimSpace(value)
	if n := len(value); n > 1 && (value[0] == '\'' || value[0] == '"') && value[n-1] == value[0] {
		value = strings.TrimSpace(value[1 : n-1])
	}
	h.keys.Set(key, value)
}
