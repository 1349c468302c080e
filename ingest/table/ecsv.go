package table

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/problem"
)

// IsECSV reports whether a file is in Enhanced Character-Separated Values, versions 0.9 and 1.0
// (astropy's APE 6).
func IsECSV(head []byte) bool {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	rest, ok := bytes.CutPrefix(head, []byte("#"))
	return ok && bytes.HasPrefix(bytes.TrimLeft(rest, " "), []byte("%ECSV "))
}

// ecsvHeader is what the YAML in the comments of an ECSV file says.
type ecsvHeader struct {
	delim      Delimiter
	fields     []ecsvField
	keys       Keywords
	serialized []serialized
}

type ecsvField struct{ name, unit, datatype, subtype string }

// ReadECSV returns the table of an ECSV file. Columns must be those of the header. Times of
// astropy, also in two numbers, and masks are read; lists, objects and complex numbers are left
// out.
func ReadECSV(f bounded.File) (*Table, error) {
	header, err := readECSVHeader(f)
	if err != nil {
		return nil, err
	}
	l, err := FindLayout(f, nil)
	if err != nil {
		return nil, err
	}
	if l.Line == 0 {
		return nil, bounded.Refuse(bounded.Problem{Reason: "an ECSV file without the line of column names"})
	}
	l.Delimiter, l.Skip, l.Comma = header.delim, nil, false
	in := NewLines(f) // split the header line as the file says
	var text []byte
	for in.Number < l.Line {
		if text, err = in.Next(); err != nil {
			return nil, err
		}
	}
	cells, reason := l.Delimiter.Split(text, nil)
	if reason != "" {
		return nil, bounded.Refuse(bounded.Problem{Line: l.Line, Reason: reason})
	}
	l.First = Texts(cells)
	l.Sample = nil
	t := &Table{Layout: l, Format: "ECSV (" + l.Delimiter.String() + ")", Keys: header.keys}
	if len(header.fields) != len(l.First) {
		return nil, bounded.Refuse(bounded.Problem{Line: l.Line,
			Reason: problem.Plural(len(l.First), "column") + " where the header above describes " +
				problem.Plural(len(header.fields), "column")})
	}
	for i, c := range header.fields {
		if c.name != l.First[i] {
			return nil, bounded.Refuse(bounded.Problem{Line: l.Line, Column: problem.Clip(l.First[i]),
				Reason: "the header above calls this column " + problem.Quoted(c.name)})
		}
		info := Field{Name: c.name, Unit: c.unit, Text: c.datatype == "string"}
		if c.subtype != "" && c.datatype == "string" {
			info.LeftOut = "it holds " + problem.Clip(c.subtype)
		}
		if strings.HasPrefix(c.datatype, "complex") {
			info.LeftOut = "it holds complex numbers"
		}
		t.Fields = append(t.Fields, info)
	}
	t.Open = func(comment func([]byte)) (bounded.Rows, error) { return TextRows(f, t.Layout, true, comment), nil }
	t.serialize(header.serialized)
	return t, nil
}

// readECSVHeader reads the YAML: delimiter, datatype, and the plain members of meta. It ignores the
// rest.
func readECSVHeader(f bounded.File) (h ecsvHeader, err error) {
	h.delim, h.keys = Blanks, Keywords{}
	text, lines, err := ecsvYAML(f)
	if err != nil {
		return h, err
	}
	document, err := parseYAML(text, lines)
	if err != nil {
		return h, err
	}
	lineOf := func(n yamlNode) int {
		if i := n.line() - 1; i >= 0 && i < len(lines) {
			return lines[i]
		}
		return 0
	}
	if delimiter := document.member("delimiter"); delimiter.node != nil {
		switch delimiter.name() {
		case ",":
			h.delim = ','
		case " ", "":
		default:
			return h, bounded.Refuse(bounded.Problem{Line: lineOf(delimiter),
				Reason: "the delimiter of an ECSV file is a blank or a comma, not " +
					problem.Quoted(delimiter.name())})
		}
	}
	document.member("datatype").items(func(column yamlNode) {
		if len(h.fields) == bounded.MaxColumns {
			err = bounded.Refuse(bounded.Problem{Line: lineOf(column),
				Reason: fmt.Sprintf("more than %d columns", bounded.MaxColumns)})
			return
		}
		c := ecsvField{name: column.member("name").name(), datatype: column.member("datatype").scalar(),
			subtype: column.member("subtype").scalar()}
		unit := column.member("unit")
		if c.unit = unit.scalar(); c.unit == "" {
			c.unit = unit.member("unit").scalar() // an object of astropy
		}
		h.fields = append(h.fields, c)
	})
	if err != nil {
		return h, err
	}
	if len(h.fields) == 0 && !document.exhausted() {
		return h, bounded.Refuse(bounded.Problem{Reason: "the header of the ECSV file describes no columns"})
	}
	document.member("meta").members(func(key string, value yamlNode) {
		if key == "__serialized_columns__" {
			value.members(func(name string, of yamlNode) {
				if len(h.serialized) < bounded.MaxColumns {
					h.serialized = append(h.serialized, serializedColumn(name, of))
				}
			})
			return
		}
		h.keys.Set(key, value.scalar())
	})
	if document.exhausted() {
		return h, bounded.Refuse(bounded.Problem{
			Reason: "aliases and merge keys make the header of the ECSV file too long to read"})
	}
	return h, nil
}

// ecsvYAML returns the YAML in the comments at the beginning of the file, and the number of each of
// its lines.
func ecsvYAML(f bounded.File) (text []byte, lines []int, err error) {
	in := NewLines(f)
	for {
		line, err := in.Next()
		if err == io.EOF {
			return text, lines, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if len(Trim(line)) == 0 {
			continue
		}
		if line[0] != '#' {
			return text, lines, nil
		}
		if len(text)+len(line) > bounded.MaxECSV {
			return nil, nil, bounded.Refuse(bounded.Problem{Line: in.Number,
				Reason: fmt.Sprintf("the header of the ECSV file takes more than %d bytes", bounded.MaxECSV)})
		}
		line = bytes.TrimPrefix(line[1:], []byte(" "))
		if bytes.HasPrefix(line, []byte("%ECSV ")) || string(Trim(line)) == "---" {
			continue
		}
		text, lines = append(append(text, line...), '\n'), append(lines, in.Number)
	}
}
