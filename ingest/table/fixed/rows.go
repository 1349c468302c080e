package fixed

import (
	"bytes"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
)

// rows reads the lines after the description of a table.
type rows struct {
	lines *table.Lines
	spans *table.Spans
	nulls []null
	after int // the last line of the description
	// comment is called for the text of each comment, and for each line of the description; nil for
	// no call
	comment func(text []byte)
	// special says whether a line is a comment, with its text, or why it is not a row; nil for none
	special func(line []byte) (text []byte, comment bool, reason string)
	cells   [][]byte
}

// Next reads the next row.
func (in *rows) Next(r *bounded.Row) error {
	for {
		line, err := in.lines.Next()
		if err != nil {
			return err
		}
		if in.lines.Number <= in.after {
			if in.comment != nil {
				in.comment(bytes.TrimLeft(line, "\\ "))
			}
			continue
		}
		if len(table.Trim(line)) == 0 {
			continue
		}
		*r = bounded.Row{Line: in.lines.Number}
		if in.special != nil {
			text, comment, reason := in.special(line)
			if comment {
				if in.comment != nil {
					in.comment(text)
				}
				continue
			}
			if r.Reason = reason; reason != "" {
				return nil
			}
		}
		if in.cells, r.Reason = in.spans.Cut(line, in.cells[:0]); r.Reason != "" {
			return nil
		}
		for i := range in.cells {
			if in.nulls[i].is(in.cells[i]) {
				in.cells[i] = nil
			}
		}
		r.Cells = in.cells
		return nil
	}
}

// null is how a column writes a missing value.
type null struct {
	text   string // "" for none
	value  float64
	number bool
}

func newNull(text string) null {
	n := null{text: text}
	if d, ok := instant.ParseDecimal([]byte(text)); ok {
		n.value, n.number = d.Float()
	}
	return n
}

// is reports whether a cell is the null, as text or as a number of the same value: -9.9 is -9.90.
func (n null) is(cell []byte) bool {
	if n.text == "" || len(cell) == 0 {
		return false
	}
	if string(cell) == n.text {
		return true
	}
	if !n.number || cell[0] != n.text[0] {
		return false
	}
	d, ok := instant.ParseDecimal(cell)
	if !ok {
		return false
	}
	v, ok := d.Float()
	return ok && v == n.value
}
