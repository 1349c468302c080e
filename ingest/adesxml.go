package ingest

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/problem"
)

// isADESXML reports whether a file is in the XML form of ADES (github.com/IAU-ADES/ADES-Master).
func isADESXML(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if !bytes.HasPrefix(head, []byte("<?xml")) && !bytes.HasPrefix(head, []byte("<ades")) {
		return false
	}
	i := bytes.Index(head, []byte("<ades"))
	return i >= 0 && i+5 < len(head) && bytes.IndexByte([]byte(" \t\r\n>"), head[i+5]) >= 0
}

// adesRecords are the elements that are one observation each. Their members are elements, too.
var adesRecords = []string{"optical", "offset", "occultation", "radar"}

// adesXMLGrid makes a grid of all observations of a file. The grid has the columns of all.
func adesXMLGrid(f bounded.File) (*grid, error) {
	g := &grid{format: "ADES XML"}
	in, err := newADESXMLRows(f, nil)
	if err != nil {
		return nil, err
	}
	known, size := map[string]bool{}, 0
	for {
		line, err := in.record()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		for _, m := range in.members {
			if !known[m.key] {
				known[m.key], size = true, size+len(m.key)+table.NameCost
				g.First = append(g.First, m.key)
			}
		}
		if len(g.First) > bounded.MaxColumns || size > bounded.MaxNames {
			return nil, bounded.Refuse(bounded.Problem{Line: line, Reason: "more columns than a table may have"})
		}
	}
	if len(g.First) == 0 {
		return nil, bounded.Refuse(bounded.Problem{Reason: "an ADES file without observations"})
	}
	g.dialect = adesDialect(g.First)
	g.open = func(func([]byte)) (rows, error) { return newADESXMLRows(f, g.First) }
	return g, g.readSample()
}

// adesXMLRows reads the observations one after the other.
type adesXMLRows struct {
	tokens  table.XMLTokens
	at      map[string]int // columns by name
	members []jsonMember   // of the record
	twice   string         // a member that the record has twice
	cells   [][]byte
	path    int // number of open elements
}

func newADESXMLRows(f bounded.File, names []string) (*adesXMLRows, error) {
	tokens, err := table.NewXMLTokens(f)
	in := &adesXMLRows{tokens: tokens, at: map[string]int{}, cells: make([][]byte, len(names))}
	for i, name := range names {
		in.at[name] = i
	}
	return in, err
}

// record reads the members of the next observation and returns the line where it begins. Elements
// within a member are skipped.
func (in *adesXMLRows) record() (line int, err error) {
	in.members, in.twice = in.members[:0], ""
	begin, size := 0, 0 // begin is the number of open elements with the record; 0 outside of one
	var text []byte
	for {
		t, at, err := in.tokens.Next()
		if err == io.EOF && in.path > 0 {
			err = bounded.Refuse(bounded.Problem{Line: at, Reason: "the file ends within an element"})
		}
		if err != nil {
			return at, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if in.path++; in.path > bounded.MaxJSONDepth {
				return at, bounded.Refuse(bounded.Problem{Line: at,
					Reason: fmt.Sprintf("elements more than %d deep", bounded.MaxJSONDepth)})
			}
			if begin == 0 && slices.Contains(adesRecords, t.Name.Local) {
				begin, line = in.path, at
			}
			if in.path == begin+1 {
				text = text[:0]
			}
		case xml.CharData:
			if begin > 0 && in.path == begin+1 {
				text = append(text, t...)
				size += len(t)
			}
		case xml.EndElement:
			if in.path--; in.path < 0 {
				return at, bounded.Refuse(bounded.Problem{Line: at, Reason: "an element ends that did not begin"})
			}
			if begin > 0 && in.path == begin-1 {
				return line, nil
			}
			if begin > 0 && in.path == begin {
				name := t.Name.Local
				if slices.ContainsFunc(in.members, func(m jsonMember) bool { return m.key == name }) {
					in.twice = name
				}
				in.members = append(in.members, jsonMember{key: name, text: string(table.Trim(text))})
				size += len(name)
			}
		}
		if size > bounded.MaxRowText || len(in.members) > bounded.MaxColumns {
			return at, bounded.Refuse(bounded.Problem{Line: at, Reason: fmt.Sprintf(
				"an observation of more than %d bytes or %d members", bounded.MaxRowText, bounded.MaxColumns)})
		}
	}
}

func (in *adesXMLRows) next(r *row) error {
	line, err := in.record()
	if err != nil {
		return err
	}
	*r = row{Row: bounded.Row{Line: line}}
	if in.twice != "" {
		r.Reason = "the member " + problem.Quoted(in.twice) + " occurs twice"
		return nil
	}
	clear(in.cells)
	for _, m := range in.members {
		if at, ok := in.at[m.key]; ok {
			in.cells[at] = []byte(m.text)
		}
		if m.key == adesDeprecated && m.text != "" {
			r.leftOut = "the observation is deprecated"
		}
	}
	r.Cells = in.cells
	return nil
}
