package table

import (
	"bytes"
	"encoding/xml"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/jsontext"
)

// csvForm writes comma-separated values (RFC 4180) with LF line ends.
type csvForm struct{}

func (csvForm) head(dst []byte, h Head) ([]byte, error) {
	for _, k := range h.Keywords {
		dst = append(append(append(append(dst, "# "...), k.Name...), ": "...), bounded.ASCII(k.Value)...)
		dst = append(dst, '\n')
	}
	for i, c := range h.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCSV(dst, c.Name)
	}
	return append(dst, '\n'), nil
}

func (csvForm) row(dst []byte, _ []Column, cells []string) ([]byte, error) {
	for i, c := range cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCSV(dst, c)
	}
	return append(dst, '\n'), nil
}

func (csvForm) foot(dst []byte, _ int64) ([]byte, error) { return dst, nil }

func appendCSV(dst []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\r\n") && strings.TrimSpace(s) == s && !strings.HasPrefix(s, "#") {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	dst = append(dst, strings.ReplaceAll(s, `"`, `""`)...)
	return append(dst, '"')
}

// ecsvForm writes enhanced character-separated values, version 1.0 (astropy's APE 6).
type ecsvForm struct{ csvForm }

func (f ecsvForm) head(dst []byte, h Head) ([]byte, error) {
	dst = append(dst, "# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n"...)
	for _, c := range h.Columns {
		dst = append(dst, "# - {name: "...)
		dst = jsontext.AppendString(dst, c.Name) // YAML's double quotes have the escapes of JSON
		if c.Unit != "" {
			dst = jsontext.AppendString(append(dst, ", unit: "...), c.Unit)
		}
		dst = append(append(dst, ", datatype: "...), [...]string{"string", "float64", "int64"}[c.Kind]...)
		if c.Description != "" {
			dst = jsontext.AppendString(append(dst, ", description: "...), c.Description)
		}
		dst = append(dst, "}\n"...)
	}
	if len(h.Keywords) > 0 {
		dst = append(dst, "# meta: !!omap\n"...)
	}
	for _, k := range h.Keywords {
		dst = append(append(append(dst, "# - {"...), k.Name...), ": "...)
		dst = append(jsontext.AppendString(dst, k.Value), "}\n"...)
	}
	return f.csvForm.head(append(dst, "# schema: astropy-2.0\n"...), Head{Columns: h.Columns})
}

// voForm writes a VOTable, version 1.4, with TABLEDATA.
type voForm struct{}

func (voForm) head(dst []byte, h Head) ([]byte, error) {
	dst = append(dst, `<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
<RESOURCE type="results">
<TIMESYS ID="time" timescale="UTC" refposition="UNKNOWN" timeorigin="MJD-origin"/>
<TABLE>
`...)
	for _, k := range h.Keywords {
		dst = appendXML(append(appendXML(append(dst, `<PARAM name="`...), k.Name),
			`" datatype="unicodeChar" arraysize="*" value="`...), k.Value)
		dst = append(dst, "\"/>\n"...)
	}
	for _, c := range h.Columns {
		dst = append(appendXML(append(dst, `<FIELD name="`...), c.Name), '"')
		dst = append(dst, [...]string{` datatype="unicodeChar" arraysize="*"`, ` datatype="double"`,
			` datatype="long"`}[c.Kind]...)
		for _, a := range [...][2]string{{"unit", c.Unit}, {"ucd", c.UCD}} {
			if a[1] != "" {
				dst = append(appendXML(append(append(append(dst, ' '), a[0]...), `="`...), a[1]), '"')
			}
		}
		if c.Time {
			dst = append(dst, ` ref="time"`...)
		}
		if c.Description == "" {
			dst = append(dst, "/>\n"...)
			continue
		}
		dst = append(appendXML(append(dst, "><DESCRIPTION>"...), c.Description), "</DESCRIPTION></FIELD>\n"...)
	}
	return append(dst, "<DATA><TABLEDATA>\n"...), nil
}

func (voForm) row(dst []byte, _ []Column, cells []string) ([]byte, error) {
	dst = append(dst, "<TR>"...)
	for _, c := range cells {
		dst = append(appendXML(append(dst, "<TD>"...), c), "</TD>"...)
	}
	return append(dst, "</TR>\n"...), nil
}

func (voForm) foot(dst []byte, _ int64) ([]byte, error) {
	return append(dst, "</TABLEDATA></DATA>\n</TABLE>\n</RESOURCE>\n</VOTABLE>\n"...), nil
}

// appendXML writes text in XML. Characters that XML does not allow become the replacement
// character.
func appendXML(dst []byte, s string) []byte {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune(`&<>"'`, r) }) {
		return append(dst, s...)
	}
	b := bytes.NewBuffer(dst)
	_ = xml.EscapeText(b, []byte(s)) // a bytes.Buffer takes everything
	return b.Bytes()
}
