package table

import (
	"unicode/utf8"

	"nightjar/internal/problem"
)

// Span is a column of a table whose columns have fixed places on a line: the characters from Start
// up to End, from 0. An End below 0 is the end of the line.
type Span struct{ Start, End int }

// Spans are the columns of such a table, by their places.
type Spans struct {
	Columns []Span
	Names   []string // for messages; one for each column
	// Between are the characters that may lie between columns, besides blanks.
	Between string
	// Bytes says that the format counts bytes. Some writers count characters, so Cut uses the count
	// that fits a line that is not ASCII, and refuses the line if both fit and give other cells.
	Bytes bool
}

// Cut appends the cells of a line to cells, without surrounding blanks. Cells share the memory of
// the line; cells behind its end are empty. The reason is "" unless something lies outside of the
// columns, so that they do not fit the line.
func (s *Spans) Cut(line []byte, cells [][]byte) (out [][]byte, reason string) {
	first := len(cells)
	ascii, tab := true, false
	for _, c := range line {
		ascii, tab = ascii && c < utf8.RuneSelf, tab || c == '\t'
	}
	if tab {
		return cells, "a tab where columns have fixed places"
	}
	if ascii {
		return s.cut(line, nil, cells)
	}
	places := make([]int, 0, len(line)+1)
	for i := range string(line) {
		places = append(places, i)
	}
	places = append(places, len(line))
	byCharacter, reason := s.cut(line, places, cells)
	if !s.Bytes {
		return byCharacter, reason
	}
	byByte, other := s.cut(line, nil, nil)
	switch {
	case other != "" && reason == "":
		return byCharacter, ""
	case other != "":
		return cells, other
	case reason != "":
		return append(cells[:first], byByte...), ""
	}
	for i, c := range byByte {
		if string(c) != string(byCharacter[first+i]) {
			return cells, "the line is not ASCII: column " + problem.Clip(s.Names[i]) +
				" differs when bytes and when characters are counted"
		}
	}
	return byCharacter, ""
}

// cut cuts a line whose characters begin at the given places; nil if each is a byte.
func (s *Spans) cut(line []byte, places []int, cells [][]byte) (out [][]byte, reason string) {
	place := func(i int) int {
		switch {
		case i < 0:
			return len(line)
		case places == nil:
			return min(i, len(line))
		case i < len(places):
			return places[i]
		}
		return len(line)
	}
	end := 0 // of the columns before
	for i, c := range s.Columns {
		start := place(c.Start)
		if start > end {
			if reason = s.outside(line[end:start], line[start:], i); reason != "" {
				return cells, reason
			}
		}
		stop := max(start, place(c.End))
		cells, end = append(cells, Trim(line[start:stop])), max(end, stop)
	}
	return cells, s.outside(line[end:], nil, len(s.Columns))
}

// outside says what lies in the gap before column i, "" for nothing. next is the rest of the line
// behind the gap: a sign before a number is part of it.
func (s *Spans) outside(gap, next []byte, i int) string {
	for at, c := range gap {
		number := at+1 == len(gap) && len(next) > 0 && !blank(next[0]) && (c == '-' || c == '+' || c == '.')
		allowed := blank(c)
		for j := range len(s.Between) {
			allowed = allowed || c == s.Between[j] && !number
		}
		if allowed {
			continue
		}
		where := "before the first column"
		if i == len(s.Columns) && i > 0 {
			where = "behind the last column"
		} else if i > 0 {
			where = "between the columns " + problem.Clip(s.Names[i-1]) + " and " + problem.Clip(s.Names[i])
		}
		return problem.Quoted(Trim(gap)) + " lies " + where
	}
	return ""
}
