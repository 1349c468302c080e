package fixed

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
)

// description begins the part that describes the columns.
const description = "byte-by-byte description"

// IsMRT reports whether a file begins as a machine-readable table of the AAS journals
// (journals.aas.org/mrt-standards) or of CDS (vizier.cds.unistra.fr/vizier/doc/catstd.htx).
func IsMRT(head []byte) bool {
	for line := range bytes.Lines(head) {
		if isDescription(line) {
			return true
		}
	}
	return false
}

func isDescription(line []byte) bool {
	line = table.Trim(line)
	return len(line) >= len(description) && strings.EqualFold(string(line[:len(description)]), description)
}

// separator reports whether a line of dashes or equals signs ends a part of the description.
func separator(line []byte) bool {
	line = table.Trim(line)
	return len(line) >= 40 && len(bytes.Trim(line, "-")) == 0 || len(line) >= 40 && len(bytes.Trim(line, "=")) == 0
}

// mrtColumn is a line of the description: bytes, format, unit, label and explanation.
type mrtColumn struct {
	span                     table.Span
	text                     bool
	unit, label, explanation string
}

var (
	mrtLine = regexp.MustCompile(`^\s*(?:(\d{1,7})\s*-\s*)?(\d{1,7})\s+(\S+)\s+(\S+)\s+(\S+)(?:\s+(.*))?$`)
	// a format of Fortran
	mrtFormat = regexp.MustCompile(`^\d*[AIFEDGaifedg]\d+(\.\d+)?$`)
	// limits in brackets, then a question mark, an order, and the null if an equals sign is there
	mrtNull = regexp.MustCompile(`^\s*(?:[\[\]][^\[\]]*[\[\]])?\s*\?[-+]?(?:=(\S*))?`)
	// a unit that says how a date is written, such as "YYYY-MM-DD"
	mrtDate = regexp.MustCompile(`^[YMDhms:/.T-]*[YM][YMDhms:/.T-]*$`)
)

// ReadMRT returns the table of a machine-readable table. Columns are those of the byte-by-byte
// description, and nulls are those of the explanations (?=-9.9). A description of several tables,
// or of tables in other files, is refused.
func ReadMRT(f bounded.File) (*table.Table, error) {
	columns, first, after, err := readDescription(f)
	if err != nil {
		return nil, err
	}
	t := &table.Table{Format: "MRT (CDS, AAS)", Keys: table.Keywords{}}
	t.Line = first
	spans := &table.Spans{Between: ",;|:/&()", Bytes: true}
	nulls := make([]null, len(columns))
	for i, c := range columns {
		field := table.Field{Name: c.label, Unit: c.unit, Text: c.text}
		if strings.Trim(c.label, "-") == "" {
			field.Name = ""
		}
		if strings.Trim(c.unit, "-") == "" || strings.HasPrefix(c.unit, `"`) || c.text && mrtDate.MatchString(c.unit) {
			field.Unit = ""
		}
		if m := mrtNull.FindStringSubmatch(c.explanation); m != nil {
			nulls[i] = newNull(strings.Trim(m[1], `"';,`))
		}
		t.First, t.Fields = append(t.First, field.Name), append(t.Fields, field)
		spans.Columns, spans.Names = append(spans.Columns, c.span), append(spans.Names, c.label)
	}
	t.Open = func(comment func([]byte)) (bounded.Rows, error) {
		lines := table.NewLines(f)
		lines.Lenient = true
		return &rows{lines: lines, spans: spans, nulls: nulls, after: after, comment: comment}, nil
	}
	return t, nil
}

// readDescription reads the columns. first is the line of the first of them, and after the last
// line before the rows.
func readDescription(f bounded.File) (columns []mrtColumn, first, after int, err error) {
	in := table.NewLines(f)
	in.Lenient = true
	next := func() ([]byte, error) {
		line, err := in.Next()
		if err == io.EOF {
			err = bounded.Refuse(bounded.Problem{Reason: "the file ends within the description of its columns; " +
				"upload the table with its description in one file"})
		}
		return line, err
	}
	var line []byte
	for !isDescription(line) {
		if line, err = next(); err != nil {
			return nil, 0, 0, err
		}
	}
	titled, margin := false, 8 // whether the titles were read; where the numbers of bytes end at most
	size := 0
	for {
		if line, err = next(); err != nil {
			return nil, 0, 0, err
		}
		text := string(line)
		switch {
		case separator(line) && len(columns) == 0:
			continue
		case separator(line):
			after, err = endOfNotes(in)
			return columns, first, after, err
		case !titled && strings.Contains(text, "Bytes") && strings.Contains(text, "Label"):
			titled, margin = true, strings.Index(text, "Bytes")+len("Bytes")
			continue
		case len(table.Trim(line)) == 0:
			continue
		}
		if size += len(line); size > bounded.MaxNames {
			return nil, 0, 0, bounded.Refuse(bounded.Problem{Line: in.Number, Reason: fmt.Sprintf(
				"the description of the columns takes more than %d bytes", bounded.MaxNames)})
		}
		column, ok, reason := columnLine(text)
		if indent := len(text) - len(strings.TrimLeft(text, " ")); indent > margin {
			ok, reason = false, "" // an explanation may begin with a number
		}
		switch {
		case ok && len(columns) == bounded.MaxColumns:
			reason = fmt.Sprintf("more than %d columns", bounded.MaxColumns)
		case ok:
			if len(columns) == 0 {
				first = in.Number
			}
			columns = append(columns, column)
		case len(columns) > 0 && reason == "" && (line[0] == ' ' || line[0] == '\t'):
			columns[len(columns)-1].explanation += " " + strings.TrimSpace(text)
		case reason == "":
			reason = "not understood: the line does not describe a column by bytes, format, unit and label"
		}
		if reason != "" {
			return nil, 0, 0, bounded.Refuse(bounded.Problem{Line: in.Number, Reason: reason})
		}
	}
}

// columnLine reads the line of a column. ok is false for any other line.
func columnLine(text string) (c mrtColumn, ok bool, reason string) {
	m := mrtLine.FindStringSubmatch(text)
	if m == nil || !mrtFormat.MatchString(m[3]) {
		return c, false, ""
	}
	end, _ := strconv.Atoi(m[2]) // at most seven digits
	start := end
	if m[1] != "" {
		start, _ = strconv.Atoi(m[1])
	}
	if start < 1 || start > end {
		return c, false, fmt.Sprintf("the bytes %d to %d are not a column", start, end)
	}
	c = mrtColumn{span: table.Span{Start: start - 1, End: end}, text: m[3][0]|0x20 == 'a', unit: m[4], label: m[5],
		explanation: strings.TrimSpace(m[6])}
	return c, true, ""
}

// mrtSections begin the parts that may follow the description of the columns.
var mrtSections = []string{"note", "global", "history", "ack", "ref", "see also", "author", "description", "remark",
	"comment", "prepared", "abstract", "keywords"}

// endOfNotes skips notes after the description and returns the number of the last line before the
// rows.
func endOfNotes(in *table.Lines) (after int, err error) {
	after = in.Number
	skipping := false
	for {
		line, err := in.Next()
		if err == io.EOF && !skipping {
			return after, nil
		}
		if err == io.EOF {
			return 0, bounded.Refuse(bounded.Problem{Reason: "no rows below the description of the columns; " +
				"upload the table with its description in one file"})
		}
		if err != nil {
			return 0, err
		}
		text := strings.ToLower(string(table.Trim(line)))
		switch {
		case isDescription(line):
			return 0, bounded.Refuse(bounded.Problem{Line: in.Number,
				Reason: "the file describes several tables; upload each with its description in a file of its own"})
		case strings.HasPrefix(text, "(end)"):
			return 0, bounded.Refuse(bounded.Problem{Line: in.Number,
				Reason: "a ReadMe whose tables are in other files; upload a table with its description above it"})
		case separator(line):
			skipping, after = false, in.Number
		case skipping || text == "":
		default:
			for _, name := range mrtSections {
				skipping = skipping || strings.HasPrefix(text, name)
			}
			if !skipping {
				return after, nil
			}
		}
	}
}
