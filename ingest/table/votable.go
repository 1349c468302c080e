package table

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/problem"
)

// IsVOTable reports whether a file is a VOTable (IVOA VOTable 1.4).
func IsVOTable(head []byte) bool {
	i := bytes.Index(bytes.ToUpper(head), []byte("<VOTABLE"))
	if i < 0 {
		return false
	}
	start := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(start) > 0 && start[0] == '<'
}

// voField is a column of a VOTable.
type voField struct {
	name, unit, ucd string
	ref, id         string
	datatype        string
	arraysize       string
	null            string
	hasNull         bool
}

// VOTable is a TABLE element.
type VOTable struct {
	fields  []voField
	keys    Keywords
	kind    string // TABLEDATA, BINARY or BINARY2
	offset  int64  // of what follows the TABLEDATA or STREAM tag, after conversion to UTF-8
	line    int    // the line of that tag
	systems map[string]*TimeSystem
}

// VOTables returns the tables of a file that have columns and rows.
func VOTables(f bounded.File) ([]*VOTable, error) {
	all, err := allVOTables(f)
	return slices.DeleteFunc(all,
		func(t *VOTable) bool { return t.kind == "" || len(t.fields) == 0 || t.offset == 0 }), err
}

// allVOTables returns all tables of a file, and where their data begins.
func allVOTables(f bounded.File) (tables []*VOTable, err error) {
	v, err := newVOReader(f, 0)
	if err != nil {
		return nil, err
	}
	var t *VOTable
	systems := map[string]*TimeSystem{}
	keys := Keywords{}
	var field *voField
	inData := false
	size := 0 // bytes of all descriptions
	for {
		token, err := v.token()
		if err == io.EOF {
			break
		}
		if err != nil {
			if len(tables) > 0 && tables[len(tables)-1].kind != "" {
				break // the reader of rows will report it
			}
			return nil, err
		}
		switch e := token.(type) {
		case xml.StartElement:
			attr := func(name string) string {
				for _, a := range e.Attr {
					if strings.EqualFold(a.Name.Local, name) {
						return strings.TrimSpace(a.Value)
					}
				}
				return ""
			}
			switch strings.ToUpper(e.Name.Local) {
			case "TIMESYS":
				if id := attr("ID"); id != "" && len(id) < bounded.MaxKeyLine && len(systems) < 100 {
					systems[id] = &TimeSystem{Origin: attr("timeorigin"), Scale: attr("timescale"),
						Position: attr("refposition")}
				}
			case "PARAM", "INFO":
				keys.Set(attr("name"), attr("value"))
			case "TABLE":
				if len(tables) == bounded.MaxVOTables {
					return nil, bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("more than %d tables",
						bounded.MaxVOTables)})
				}
				t = &VOTable{keys: keys, systems: systems}
				tables = append(tables, t)
			case "FIELD":
				if t == nil {
					continue
				}
				if len(t.fields) == bounded.MaxColumns {
					return nil, bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("more than %d columns",
						bounded.MaxColumns)})
				}
				name := attr("name")
				if name == "" {
					name = attr("ID")
				}
				t.fields = append(t.fields,
					voField{name: name, id: attr("ID"), unit: attr("unit"), ucd: attr("ucd"), ref: attr("ref"),
						datatype: attr("datatype"), arraysize: strings.ReplaceAll(attr("arraysize"), " ", "")})
				field = &t.fields[len(t.fields)-1]
				for _, a := range e.Attr {
					size += len(a.Value)
				}
				if size += NameCost; size > bounded.MaxNames {
					return nil, bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf(
						"the descriptions of the columns take more than %d bytes", bounded.MaxNames)})
				}
			case "VALUES":
				if field != nil {
					field.null, field.hasNull = attr("null"), attr("null") != ""
					size += len(field.null)
				}
			case "TABLEDATA":
				if t != nil && t.kind == "" {
					t.kind, t.offset = "TABLEDATA", v.xml.InputOffset()
					t.line, _ = v.xml.InputPos()
				}
			case "BINARY", "BINARY2":
				if t != nil && t.kind == "" {
					t.kind = strings.ToUpper(e.Name.Local)
				}
				inData = true
			case "FITS":
				return nil, bounded.Refuse(bounded.Problem{Reason: "a VOTable with a FITS file inside; upload the " +
					"FITS file itself"})
			case "STREAM":
				if !inData || t == nil {
					continue
				}
				if attr("href") != "" {
					return nil, bounded.Refuse(bounded.Problem{Reason: "the rows of the VOTable are in another " +
						"file: " + problem.Quoted(attr("href"))})
				}
				if coding := attr("encoding"); coding != "" && !strings.EqualFold(coding, "base64") {
					return nil, bounded.Refuse(bounded.Problem{Reason: "rows encoded as " +
						problem.Quoted(coding) + " are not read"})
				}
				t.offset = v.xml.InputOffset()
				t.line, _ = v.xml.InputPos()
				end, err := v.skipStream(t.offset)
				if err != nil {
					return nil, err
				}
				if v, err = newVOReader(f, end); err != nil {
					return nil, err
				}
			}
		case xml.EndElement:
			switch strings.ToUpper(e.Name.Local) {
			case "FIELD":
				field = nil
			case "TABLE":
				t, inData = nil, false
			}
		}
	}
	return tables, nil
}

// Table returns the table as texts.
func (t *VOTable) Table(f bounded.File) (*Table, error) {
	g := &Table{Format: "VOTable (" + t.kind + ")", Numbered: t.kind != "TABLEDATA", Keys: t.keys}
	g.Line = t.line
	var use []int
	for i, c := range t.fields {
		if !c.scalar() {
			g.Notes = append(g.Notes, "column "+problem.Clip(c.name)+" holds arrays or complex numbers and is left out")
			g.Dropped = append(g.Dropped, c.name)
			if t.kind == "TABLEDATA" {
				continue
			}
			if _, ok := c.binarySize(); !ok {
				return nil, bounded.Refuse(bounded.Problem{Column: problem.Clip(c.name),
					Reason: "a column of " + problem.Quoted(c.datatype) + " arrays " +
						problem.Quoted(c.arraysize) + " is not read"})
			}
			continue
		}
		use = append(use, i)
		g.First = append(g.First, c.name)
		g.Fields = append(g.Fields, Field{Name: c.name, Unit: c.unit, UCD: c.ucd, Single: c.datatype == "float",
			Text: c.datatype == "char" || c.datatype == "unicodeChar", Time: t.systems[c.ref]})
	}
	g.Open = func(func([]byte)) (bounded.Rows, error) {
		v, err := newVOReader(f, t.offset)
		if err != nil {
			return nil, err
		}
		if t.kind == "TABLEDATA" {
			return &voTextRows{t: t, v: v, use: use}, nil
		}
		return &voBinaryRows{t: t,
			in: base64.NewDecoder(base64.StdEncoding, &streamText{in: discardBounds{v.in}}), use: use}, nil
	}
	return g, nil
}
