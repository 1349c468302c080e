package table

import (
	"bytes"
	"fmt"
	"slices"

	"nightjar/ingest/bounded"
)

// Delimiter is what separates the fields of a line. Blanks is any run of spaces and tabs.
type Delimiter byte

// Blanks separates fields by any run of spaces and tabs.
const Blanks Delimiter = ' '

// delimiters are in order of preference if several fit the content.
var delimiters = []Delimiter{',', '\t', ';', '|', Blanks}

// String names the delimiter in a report.
func (d Delimiter) String() string {
	switch d {
	case ',':
		return "comma"
	case '\t':
		return "tab"
	case ';':
		return "semicolon"
	case '|':
		return "pipe"
	}
	return "blanks"
}

// Split appends the fields of a line to cells, without surrounding blanks. As in RFC 4180, a field
// in double quotes may contain the delimiter and doubled quotes, but no line break; quotes are
// removed in place, which changes the line. A line that breaks these rules is split again with \"
// as a quote within a quoted field, as MySQL writes it, if it has that. Cells share the memory of
// the line. The reason is "" unless the line breaks the rules; cells are then those before the
// fault.
func (d Delimiter) Split(line []byte, cells [][]byte) ([][]byte, string) {
	switch {
	case bytes.IndexByte(line, '"') < 0:
	case bytes.Contains(line, []byte(`\"`)):
		again := bytes.Clone(line)
		out, reason := d.splitQuoted(line, cells, false)
		if reason == "" {
			return out, ""
		}
		if escaped, bad := d.splitQuoted(again, slices.Clone(cells), true); bad == "" {
			return escaped, ""
		}
		return out, reason
	default:
		return d.splitQuoted(line, cells, false)
	}
	if d == Blanks {
		return SplitBlanks(line, cells)
	}
	for {
		if len(cells) == bounded.MaxColumns {
			return cells, fmt.Sprintf("more than %d fields", bounded.MaxColumns)
		}
		i := bytes.IndexByte(line, byte(d))
		if i < 0 {
			return append(cells, Trim(line)), ""
		}
		cells = append(cells, Trim(line[:i]))
		line = line[i+1:]
	}
}

// SplitBlanks splits a line at blanks, as [Delimiter.Split] does, and treats quotes as ordinary
// characters.
func SplitBlanks(line []byte, cells [][]byte) ([][]byte, string) {
	for line = Trim(line); len(line) > 0; line = Trim(line) {
		if len(cells) == bounded.MaxColumns {
			return cells, fmt.Sprintf("more than %d fields", bounded.MaxColumns)
		}
		i := 0
		for i < len(line) && !blank(line[i]) {
			i++
		}
		cells = append(cells, line[:i])
		line = line[i:]
	}
	return cells, ""
}

// splitQuoted splits a line that contains a double quote. A quote in a field that does not begin
// with one is an ordinary character. backslash says that \ makes the next character an ordinary one
// in a quoted field.
func (d Delimiter) splitQuoted(line []byte, cells [][]byte, backslash bool) ([][]byte, string) {
	rest := Trim(line)
	if d != Blanks {
		rest = line
	}
	for more := true; more; {
		if len(cells) == bounded.MaxColumns {
			return cells, fmt.Sprintf("more than %d fields", bounded.MaxColumns)
		}
		for len(rest) > 0 && blank(rest[0]) && rest[0] != byte(d) {
			rest = rest[1:]
		}
		var cell []byte
		if len(rest) > 0 && rest[0] == '"' {
			n := closingQuote(rest, backslash)
			if n < 0 {
				return cells, "a quoted field is not closed on its line"
			}
			cell, rest = unquote(rest[1:n], backslash), rest[n+1:]
			if end := d.index(rest); len(Trim(rest[:end])) > 0 {
				return cells, "text follows a quoted field"
			}
		} else {
			cell = rest[:d.index(rest)]
		}
		rest = rest[d.index(rest):]
		cells = append(cells, Trim(cell))
		if d == Blanks {
			rest = Trim(rest)
			more = len(rest) > 0
		} else if more = len(rest) > 0; more {
			rest = rest[1:]
		}
	}
	return cells, ""
}

// index returns the end of the field.
func (d Delimiter) index(b []byte) int {
	i := bytes.IndexByte(b, byte(d))
	if d == Blanks {
		i = bytes.IndexAny(b, " \t")
	}
	if i < 0 {
		return len(b)
	}
	return i
}

// closingQuote returns the index of the quote that closes the quoted field at the head of b; -1 for
// none.
func closingQuote(b []byte, backslash bool) int {
	for i := 1; i < len(b); i++ {
		if backslash && b[i] == '\\' {
			i++
			continue
		}
		if b[i] != '"' {
			continue
		}
		if i+1 == len(b) || b[i+1] != '"' {
			return i
		}
		i++
	}
	return -1
}

// unquote replaces doubled quotes by single ones, in place, and removes backslashes before quotes
// and backslashes.
func unquote(b []byte, backslash bool) []byte {
	if bytes.IndexByte(b, '"') < 0 {
		return b
	}
	out := b[:0]
	for i := 0; i < len(b); i++ {
		if backslash && b[i] == '\\' && i+1 < len(b) && (b[i+1] == '"' || b[i+1] == '\\') {
			out = append(out, b[i+1])
			i++
			continue
		}
		out = append(out, b[i])
		if b[i] == '"' {
			i++
		}
	}
	return out
}

// empty reports whether a line is only blanks and delimiters, as spreadsheets write below a table.
func (d Delimiter) empty(line []byte) bool {
	for _, c := range line {
		if !blank(c) && c != byte(d) {
			return false
		}
	}
	return true
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// Trim removes the blanks at both ends.
func Trim(b []byte) []byte {
	for len(b) > 0 && blank(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && blank(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}
