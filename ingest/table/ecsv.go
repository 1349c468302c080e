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
	delim  Delimiter
	fields []ecsvField
	keys   Keywords
	times  map[string]*ecsvTime // astropy's Time columns, by name
}

type ecsvField struct{ name, unit, datatype, subtype string }

type ecsvTime struct{ format, scale string }

// ReadECSV returns the table of an ECSV file.
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
		if at := header.times[c.name]; at != nil {
			info.Time = &TimeSystem{Form: at.format, Scale: at.scale}
			info.Unit = ""
		}
		t.Fields = append(t.Fields, info)
	}
	t.Open = func(comment func([]byte)) (bounded.Rows, error) { return TextRows(f, t.Layout, true, comment), nil }
	return t, nil
}

// readECSVHeader reads the YAML: delimiter, datatype, and the plain members of meta. It ignores the
// rest.
func readECSVHeader(f bounded.File) (h ecsvHeader, err error) {
	h.delim, h.keys, h.times = Blanks, Keywords{}, map[string]*ecsvTime{}
	in := NewLines(f)
	section := ""
	size := 0                // bytes so far
	var flow strings.Builder // an entry in braces, which may span lines
	var depth flowDepth
	// astropy describes columns of its own types in __serialized_columns__: the current column, the
	// one that holds times, and the indentation of the members of the latter.
	serialized, column, timed, members := false, "", "", 0
	for {
		line, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return h, err
		}
		if len(line) == 0 || line[0] != '#' {
			if len(Trim(line)) == 0 {
				continue
			}
			break
		}
		if size += len(line); size > bounded.MaxECSV {
			return h, bounded.Refuse(bounded.Problem{Line: in.Number,
				Reason: fmt.Sprintf("the header of the ECSV file takes more than %d bytes", bounded.MaxECSV)})
		}
		text := strings.TrimPrefix(string(line[1:]), " ")
		if flow.Len() > 0 {
			more := " " + strings.TrimSpace(text)
			if flow.WriteString(more); depth.walk(more, nil) <= 0 {
				if err := h.entry(flow.String(), in.Number); err != nil {
					return h, err
				}
				flow.Reset()
			}
			continue
		}
		trimmed := strings.TrimSpace(text)
		indent := len(text) - len(strings.TrimLeft(text, " "))
		if indent == 0 && !strings.HasPrefix(trimmed, "-") {
			section = ""
			if key, value, ok := strings.Cut(trimmed, ":"); ok {
				section = key
				if members := flowMembers(strings.TrimPrefix(strings.TrimSpace(value), "!!omap")); key == "meta" {
					for name, text := range members {
						h.keys.set(yamlScalar(name), text)
					}
				}
				if value = strings.TrimSpace(value); key == "delimiter" {
					switch yamlScalar(value) {
					case ",":
						h.delim = ','
					case " ", "":
					default:
						return h, bounded.Refuse(bounded.Problem{Line: in.Number,
							Reason: "the delimiter of an ECSV file is a blank or a comma, not " +
								problem.Quoted(value)})
					}
				}
			}
			continue
		}
		switch section {
		case "datatype":
			switch {
			case strings.HasPrefix(trimmed, "- {"):
				entry := trimmed[2:]
				if depth = (flowDepth{}); depth.walk(entry, nil) > 0 {
					flow.WriteString(entry)
					continue
				}
				if err := h.entry(entry, in.Number); err != nil {
					return h, err
				}
			case strings.HasPrefix(trimmed, "- "):
				if err := h.add(ecsvField{}, in.Number); err != nil {
					return h, err
				}
				trimmed = trimmed[2:]
				fallthrough
			case len(h.fields) > 0:
				if key, value, ok := strings.Cut(trimmed, ":"); ok {
					h.fields[len(h.fields)-1].set(key, yamlScalar(strings.TrimSpace(value)))
				}
			}
		case "meta":
			if rest, ok := strings.CutPrefix(trimmed, "- "); ok {
				trimmed, serialized = rest, false
			}
			if strings.HasPrefix(trimmed, "__serialized_columns__") {
				serialized = true
				continue
			}
			if strings.HasPrefix(trimmed, "{") {
				for key, value := range flowMembers(trimmed) {
					h.keys.set(yamlScalar(key), value)
				}
				continue
			}
			key, value, ok := strings.Cut(trimmed, ":")
			if !ok {
				continue
			}
			value = strings.TrimSpace(value)
			switch {
			case serialized && value == "":
				column = yamlScalar(key)
			case serialized && key == "__class__" && yamlScalar(value) == "astropy.time.core.Time" &&
				len(h.times) < 100:
				timed, members = column, indent
				h.times[timed] = &ecsvTime{}
			case serialized && key == "__class__" && indent <= members:
				timed = ""
			case serialized && strings.HasPrefix(value, "!astropy.time.core.Time") && len(h.times) < 100:
				timed, members = yamlScalar(key), indent+2
				h.times[timed] = &ecsvTime{}
			case serialized && timed != "" && indent == members:
				t := h.times[timed]
				switch key {
				case "format":
					t.format = yamlScalar(value)
				case "scale":
					t.scale = yamlScalar(value)
				}
			case !serialized:
				h.keys.set(yamlScalar(key), yamlScalar(value))
			}
		}
	}
	if len(h.fields) == 0 {
		return h, bounded.Refuse(bounded.Problem{Reason: "the header of the ECSV file describes no columns"})
	}
	return h, nil
}

// entry reads the description of a column in braces.
func (h *ecsvHeader) entry(text string, line int) error {
	var c ecsvField
	for key, value := range flowMembers(text) {
		c.set(key, value)
	}
	return h.add(c, line)
}

func (h *ecsvHeader) add(c ecsvField, line int) error {
	if len(h.fields) == bounded.MaxColumns {
		return bounded.Refuse(bounded.Problem{Line: line,
			Reason: fmt.Sprintf("more than %d columns", bounded.MaxColumns)})
	}
	h.fields = append(h.fields, c)
	return nil
}

func (c *ecsvField) set(key, value string) {
	switch key {
	case "name":
		c.name = value
	case "unit":
		c.unit = strings.TrimSpace(strings.TrimPrefix(value, "!astropy.units.Unit"))
		if strings.HasPrefix(c.unit, "{") {
			c.unit = flowMembers(c.unit)["unit"]
		}
	case "datatype":
		c.datatype = value
	case "subtype":
		c.subtype = value
	}
}

// flowDepth is the depth of a text in brackets. The text may be given in pieces.
type flowDepth struct {
	depth   int
	quote   byte // of the current string; 0 for none
	before  byte // the previous character; 0 for none
	escaped bool // a backslash is before the next character
}

// walk reads more text. It calls fn, unless that is nil, for every character outside of quotes,
// with the depth after it, until fn returns false.
func (w *flowDepth) walk(text string, fn func(i, depth int) bool) (depth int) {
	for i := range len(text) {
		c, before := text[i], w.before
		w.before = c
		switch {
		case w.escaped:
			w.escaped = false
			continue
		case w.quote != 0:
			if c == '\\' && w.quote == '"' {
				w.escaped = true
			} else if c == w.quote {
				w.quote = 0
			}
			continue
		case (c == '"' || c == '\'') && (before == 0 || strings.IndexByte(" ,{[:", before) >= 0):
			w.quote = c
			continue
		case c == '{' || c == '[':
			w.depth++
		case c == '}' || c == ']':
			w.depth--
		}
		if fn != nil && !fn(i, w.depth) {
			break
		}
	}
	return w.depth
}

// flowMembers returns the members of a YAML mapping in braces.
func flowMembers(text string) map[string]string {
	out := map[string]string{}
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") {
		return out
	}
	start := 1
	take := func(end int) {
		if end <= start || end > len(text) {
			return
		}
		key, value, ok := strings.Cut(text[start:end], ":")
		if ok && len(out) < 1000 {
			out[yamlScalar(strings.TrimSpace(key))] = yamlScalar(strings.TrimSpace(value))
		}
	}
	new(flowDepth).walk(text, func(i, depth int) bool {
		switch {
		case depth == 1 && text[i] == ',':
			take(i)
			start = i + 1
		case depth == 0 && i > 0:
			take(i)
			return false
		}
		return true
	})
	return out
}

// yamlScalar returns a YAML scalar without its quotes.
func yamlScalar(text string) string {
	switch {
	case len(text) >= 2 && text[0] == '\'' && text[len(text)-1] == '\'':
		return strings.ReplaceAll(text[1:len(text)-1], "''", "'")
	case len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"':
		var out strings.Builder
		for i := 1; i < len(text)-1; i++ {
			c := text[i]
			if c == '\\' && i+1 < len(text)-1 {
				i++
				switch c = text[i]; c {
				case 'n':
					c = '\n'
				case 't':
					c = '\t'
				case 'u':
					var r rune
					if n, _ := fmt.Sscanf(text[i+1:min(i+5, len(text)-1)], "%04x", &r); n == 1 {
						out.WriteRune(r)
						i = min(i+4, len(text)-2)
						continue
					}
				case 'x':
					var r rune
					if n, _ := fmt.Sscanf(text[i+1:min(i+3, len(text)-1)], "%02x", &r); n == 1 {
						out.WriteRune(r)
						i = min(i+2, len(text)-2)
						continue
					}
				}
			}
			out.WriteByte(c)
		}
		return out.String()
	}
	return text
}
