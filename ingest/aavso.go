package ingest

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// isAAVSO reports whether a file is in AAVSO's Extended or Visual file format
// (aavso.org/aavso-extended-file-format).
func isAAVSO(head []byte) bool {
	for line := range bytes.Lines(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))) {
		text := strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(string(line)), " ", ""))
		switch {
		case text == "":
		case strings.HasPrefix(text, "#TYPE=EXTENDED"), strings.HasPrefix(text, "#TYPE=VISUAL"):
			return true
		case text[0] != '#':
			return false
		}
	}
	return false
}

var aavso = dialect{
	name: "AAVSO Extended",
	roles: map[string]role{"name": roleObject, "date": roleTime, "mag": roleMagnitude, "merr": roleError,
		"filt": roleFilter, "obscode": roleSource,
		"trans": roleOther, "mtype": roleOther, "cmag": roleOther, "kmag": roleOther, "group": roleOther,
		"notes": roleOther},
}

// The columns of the two formats. The observer, which a parameter names, is added as one more.
var (
	aavsoExtended = []string{"name", "date", "mag", "merr", "filt", "trans", "mtype", "cname", "cmag", "kname", "kmag",
		"airmass", "group", "chart", "notes"}
	aavsoVisual = []string{"name", "date", "mag", "comcode", "comp1", "comp2", "chart", "notes"}
)

// aavsoGrid is the table of a report to the AAVSO.
func aavsoGrid(f bounded.File) (*grid, error) {
	g := &grid{format: "AAVSO Extended", dialect: &aavso}
	columns := aavsoExtended
	head, err := bounded.ReadHead(f)
	if err != nil {
		return nil, err
	}
	visual := bytes.Contains(bytes.ToUpper(bytes.ReplaceAll(head, []byte(" "), nil)), []byte("#TYPE=VISUAL"))
	if visual {
		g.format, columns = "AAVSO Visual", aavsoVisual
	}
	g.First, g.added = append(append([]string{}, columns...), "obscode"), 1
	if visual {
		g.First, g.added = append(g.First, "filt"), 2
	}
	g.open = func(func([]byte)) (rows, error) {
		in := &aavsoRows{lines: table.NewLines(f), columns: len(columns), visual: visual, delim: ','}
		in.lines.Lenient = true
		return in, nil
	}
	return g, g.readSample()
}

// aavsoRows reads the rows and the parameters before them. Parameters may change within the file.
type aavsoRows struct {
	lines   *table.Lines
	columns int
	visual  bool
	delim   table.Delimiter
	date    string // the value of #DATE=
	obscode []byte
	cells   [][]byte
}

var (
	julian       = instant.Clock{Kind: instant.KindJD}
	heliocentric = instant.Clock{Kind: instant.KindJD, Ref: "heliocentric"}
	written      = instant.Clock{Kind: instant.KindUnknown}
)

func (in *aavsoRows) next(r *row) error {
	for {
		line, err := in.lines.Next()
		if err != nil {
			return err
		}
		text := table.Trim(line)
		if len(text) == 0 {
			continue
		}
		if text[0] == '#' {
			if reason := in.parameter(string(text[1:])); reason != "" {
				return bounded.Refuse(bounded.Problem{Line: in.lines.Number, Reason: reason})
			}
			continue
		}
		*r = row{Row: bounded.Row{Line: in.lines.Number}}
		if in.cells, r.Reason = in.delim.Split(line, in.cells[:0]); r.Reason != "" {
			r.Cells, r.Whole = in.cells, len(in.cells)
			return nil
		}
		if len(in.cells) > 0 && strings.EqualFold(string(in.cells[0]), "NAME") {
			continue // a header without its #
		}
		r.Cells = in.cells
		r.Fit(in.columns)
		if in.cells = r.Cells; len(in.cells) < 3 || len(in.cells) > in.columns {
			r.Reason = problem.Plural(len(in.cells), "field") + fmt.Sprintf(" where the format has %d", in.columns)
			if len(in.cells) > in.columns {
				r.Whole = len(in.cells)
			}
			return nil
		}
		for i, c := range in.cells {
			if notAvailable(c) {
				in.cells[i] = nil
			}
		}
		for len(in.cells) < in.columns {
			in.cells = append(in.cells, nil)
		}
		switch in.date {
		case "HJD":
			r.time, r.tail = &heliocentric, []byte(`"time_ref":"heliocentric"`)
		case "EXCEL":
			r.time = &written
			if in.cells[1], r.Reason = excelDate(string(in.cells[1])); r.Reason != "" {
				return nil
			}
		default:
			r.time = &julian
		}
		in.cells = append(in.cells, in.obscode)
		if in.visual {
			in.cells = append(in.cells, []byte("Vis."))
		}
		r.Cells = in.cells
		return nil
	}
}

// parameter reads #KEY=value. Other lines that begin with # are comments.
func (in *aavsoRows) parameter(text string) (reason string) {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return ""
	}
	switch strings.ToUpper(strings.TrimSpace(key)) {
	case "DELIM":
		name := strings.ToLower(strings.TrimSpace(value))
		switch {
		case name == "comma" || name == ",":
			in.delim = ','
		case name == "tab" || value == "\t" || name == `\t`:
			in.delim = '\t'
		case name == "semicolon":
			in.delim = ';'
		case name == "pipe":
			in.delim = '|'
		case name == "space" || name == "" && value != "":
			in.delim = table.Blanks
		case len(name) == 1 && name[0] > ' ' && name[0] < 0x7f && name != `"` && name != "#":
			in.delim = table.Delimiter(name[0])
		default:
			return "the delimiter " + problem.Quoted(value) + " is not understood"
		}
	case "DATE", "DATE_FORMAT":
		switch d := strings.ToUpper(strings.TrimSpace(value)); d {
		case "JD", "HJD", "EXCEL":
			in.date = d
		default:
			return "dates of the kind " + problem.Quoted(value) + " are not read: JD, HJD or EXCEL"
		}
	case "OBSCODE":
		in.obscode = []byte(strings.TrimSpace(value))
	}
	return ""
}

// excelDate converts a date as spreadsheets write it, month first: 1/31/2020 10:20:30 PM.
func excelDate(text string) (iso []byte, reason string) {
	for _, form := range []string{"1/2/2006 3:04:05 PM", "1/2/2006 3:04 PM", "1/2/2006 15:04:05",
		"1/2/2006 15:04", "1/2/2006"} {
		if t, err := time.Parse(form, strings.ToUpper(strings.TrimSpace(text))); err == nil && t.Year() > 0 &&
			t.Year() < 10_000 {
			return t.AppendFormat(nil, "2006-01-02T15:04:05"), ""
		}
	}
	return nil, problem.Quoted(text) + " is not a date as spreadsheets write it, month/day/year hour:minute:second"
}
