package api

import (
	"bytes"
	"encoding/xml"
	"strings"
)

// tableColumn is a column of an export.
type tableColumn struct {
	name   string
	unit   string // as astropy.units spells it
	help   string
	number bool // its cells are numbers, or empty
	whole  bool // whole ones
}

// cell is a cell of a row; "" stands for nothing.
type cell struct{ text string }

// table writes a table in one of the forms of an export.
type table interface {
	head(columns []tableColumn)
	row(cells []cell)
	foot()
}

func newTable(format string, s *stream) table {
	switch format {
	case "ecsv":
		return &ecsvTable{csvTable{s: s}}
	case "votable":
		return &voTable{s: s}
	}
	return &csvTable{s: s, guard: true}
}

// csvTable writes comma-separated values as RFC 4180 has them, with lines that end in LF.
type csvTable struct {
	s     *stream
	guard bool // for spreadsheets
}

func (t *csvTable) head(columns []tableColumn) {
	cells := make([]cell, len(columns))
	for i, c := range columns {
		cells[i].text = c.name
	}
	t.row(cells)
}

func (t *csvTable) row(cells []cell) {
	for i, c := range cells {
		if i > 0 {
			t.s.buf = append(t.s.buf, ',')
		}
		text := c.text
		if t.guard {
			text = guarded(text)
		}
		t.s.buf = appendCSV(t.s.buf, text)
	}
	t.s.buf = append(t.s.buf, '\n')
}

func (t *csvTable) foot() {}

func appendCSV(dst []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\r\n") && strings.TrimSpace(s) == s && !strings.HasPrefix(s, "#") {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	dst = append(dst, strings.ReplaceAll(s, `"`, `""`)...)
	return append(dst, '"')
}

// ecsvTable writes enhanced character-separated values, version 1.0 (github.com/astropy/astropy-APEs, APE 6).
type ecsvTable struct{ csvTable }

func (t *ecsvTable) head(columns []tableColumn) {
	var b bytes.Buffer
	b.WriteString("# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n")
	for _, c := range columns {
		b.WriteString("# - {name: ")
		b.WriteString(yamlText(c.name))
		if c.unit != "" {
			b.WriteString(", unit: " + yamlText(c.unit))
		}
		kind := "string"
		switch {
		case c.whole:
			kind = "int64"
		case c.number:
			kind = "float64"
		}
		b.WriteString(", datatype: " + kind)
		if c.help != "" {
			b.WriteString(", description: " + yamlText(c.help))
		}
		b.WriteString("}\n")
	}
	b.WriteString("# schema: astropy-2.0\n")
	t.s.buf = append(t.s.buf, b.Bytes()...)
	t.csvTable.head(columns)
}

// yamlText is a text of YAML in double quotes, whose escapes are those of JSON.
func yamlText(s string) string { return string(appendText(nil, s)) }

// voTable writes a VOTable, version 1.4, with TABLEDATA (ivoa.net/documents/VOTable).
type voTable struct {
	s *stream
	b bytes.Buffer
}

func (t *voTable) head(columns []tableColumn) {
	t.b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
<RESOURCE type="results">
<TIMESYS ID="time" timescale="UTC" refposition="UNKNOWN" timeorigin="MJD-origin"/>
<TABLE>
`)
	for _, c := range columns {
		t.b.WriteString(`<FIELD name="`)
		t.escape(c.name)
		switch {
		case c.whole:
			t.b.WriteString(`" datatype="long"`)
		case c.number:
			t.b.WriteString(`" datatype="double"`)
		default:
			t.b.WriteString(`" datatype="unicodeChar" arraysize="*"`)
		}
		if c.unit != "" {
			t.b.WriteString(` unit="`)
			t.escape(c.unit)
			t.b.WriteByte('"')
		}
		if c.name == "mjd" {
			t.b.WriteString(` ucd="time.epoch" ref="time"`)
		}
		if c.help == "" {
			t.b.WriteString("/>\n")
			continue
		}
		t.b.WriteString("><DESCRIPTION>")
		t.escape(c.help)
		t.b.WriteString("</DESCRIPTION></FIELD>\n")
	}
	t.b.WriteString("<DATA><TABLEDATA>\n")
	t.give()
}

func (t *voTable) row(cells []cell) {
	t.b.WriteString("<TR>")
	for _, c := range cells {
		t.b.WriteString("<TD>")
		t.escape(c.text)
		t.b.WriteString("</TD>")
	}
	t.b.WriteString("</TR>\n")
	t.give()
}

func (t *voTable) foot() {
	t.b.WriteString("</TABLEDATA></DATA>\n</TABLE>\n</RESOURCE>\n</VOTABLE>\n")
	t.give()
}

// escape writes a text of XML; characters that XML has no place for become the replacement character.
func (t *voTable) escape(s string) { xml.EscapeText(&t.b, []byte(s)) }

func (t *voTable) give() {
	t.s.buf = append(t.s.buf, t.b.Bytes()...)
	t.b.Reset()
}
