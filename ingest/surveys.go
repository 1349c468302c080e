package ingest

import (
	"bytes"
	"io"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/problem"
)

// isGaiaAlert reports whether a file is a light curve of Gaia Photometric Science Alerts, which
// begins with the name of the alert and #Date,JD(TCB),averagemag.
func isGaiaAlert(head []byte) bool {
	_, at := gaiaHeader(head)
	return at > 0
}

// gaiaHeader finds the header in the first lines.
func gaiaHeader(head []byte) (title string, number int) {
	for line := range bytes.Lines(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))) {
		if number++; number > 4 {
			break
		}
		text := strings.TrimSpace(string(line))
		if strings.HasPrefix(strings.ToLower(strings.ReplaceAll(text, " ", "")), "#date,jd(tcb),averagemag") {
			return title, number
		}
		if text != "" && title == "" {
			title = strings.TrimSpace(strings.TrimLeft(text, "#"))
		}
	}
	return "", 0
}

var gaia = dialect{
	name:   "Gaia Alerts",
	roles:  map[string]role{"date": roleOther, "averagemag": roleMagnitude},
	source: "Gaia", constant: `,"filter":"G","telescope":"Gaia"`,
	notes: []string{"the magnitudes of Gaia Alerts are in G and have no errors"},
	clean: func(columns []column, cells [][]byte) {
		for i, c := range columns {
			if c.role == roleMagnitude && strings.EqualFold(string(cells[i]), "untrusted") {
				cells[i] = nil
			}
		}
	},
}

func gaiaGrid(f bounded.File) (*grid, error) {
	head, err := bounded.ReadHead(f)
	if err != nil {
		return nil, err
	}
	title, at := gaiaHeader(head)
	g := &grid{format: "Gaia Alerts", dialect: &gaia, object: problem.Clip(title)}
	g.First, g.Line, g.Delimiter = []string{"Date", "JD(TCB)", "averagemag"}, at, ','
	for i := 1; i < at; i++ {
		g.Skip = append(g.Skip, i)
	}
	g.open = func(comment func([]byte)) (rows, error) {
		return plainRows{table.TextRows(f, g.Layout, true, comment)}, nil
	}
	return g, g.readSample()
}

// isSNANA reports whether a file is a light curve in the text format of SNANA: lines of KEY: value,
// VARLIST: and rows of OBS: (SNANA manual, "text format").
func isSNANA(head []byte) bool {
	head = append([]byte("\n"), bytes.ToUpper(head)...)
	return bytes.Contains(head, []byte("\nVARLIST:")) &&
		(bytes.Contains(head, []byte("\nSNID:")) || bytes.Contains(head, []byte("\nSURVEY:")) ||
			bytes.Contains(head, []byte("\nOBS:")))
}

// snana: FLUXCAL has the zero point 27.5 by definition. Magnitudes in the row are derived from it
// and ignored.
var snana = dialect{
	name: "SNANA",
	roles: map[string]role{"mjd": roleTime, "flt": roleFilter, "band": roleFilter, "fluxcal": roleFlux,
		"fluxcalerr": roleFluxError, "field": roleOther,
		"mag": roleOther, "magerr": roleOther, "zpt": roleOther, "zeropt": roleOther, "zp": roleOther,
		"zpflux": roleOther, "telescope": roleTelescope, "instrument": roleInstrument},
	constant: `,"zero_point":27.5`, rule: &fluxRule{detection: 3, sigmas: 3, zeroPoint: 27.5, snr: true},
	notes: []string{"FLUXCAL has the zero point 27.5 by SNANA's definition"},
}

// snanaGrid makes a grid of the observations.
func snanaGrid(f bounded.File) (*grid, error) {
	g := &grid{format: "SNANA"}
	g.keys = table.Keywords{}
	in := table.NewLines(f)
	for g.First == nil {
		line, err := in.Next()
		if err == io.EOF {
			return nil, bounded.Refuse(bounded.Problem{Reason: "an SNANA file without VARLIST"})
		}
		if err != nil {
			return nil, err
		}
		key, value, ok := strings.Cut(string(line), ":")
		switch key = strings.ToUpper(strings.TrimSpace(key)); {
		case ok && key == "VARLIST":
			g.First, g.Line = strings.Fields(value), in.Number
		case ok:
			value, _, _ = strings.Cut(value, "#")
			addComment(g.keys, []byte(key+": "+strings.TrimSpace(value)))
		}
	}
	if len(g.First) == 0 || len(g.First) > bounded.MaxColumns {
		return nil, bounded.Refuse(bounded.Problem{Line: g.Line,
			Reason: "no names of columns, or too many"})
	}
	g.object, g.source = g.keys.First("SNID", "IAUC"), g.keys.First("SURVEY")
	for _, name := range g.First {
		if fold(name) == "fluxcal" {
			g.dialect = &snana
		}
	}
	g.open = func(func([]byte)) (rows, error) { return &snanaRows{lines: table.NewLines(f)}, nil }
	return g, g.readSample()
}

// snanaRows reads the lines that begin with OBS:.
type snanaRows struct {
	lines *table.Lines
	cells [][]byte
}

func (in *snanaRows) next(r *row) error {
	for {
		line, err := in.lines.Next()
		if err != nil {
			return err
		}
		line = table.Trim(line)
		switch {
		case bytes.HasPrefix(line, []byte("OBS:")):
			*r = row{Row: bounded.Row{Line: in.lines.Number}}
			in.cells, r.Reason = table.SplitBlanks(line[4:], in.cells[:0])
			r.Cells = in.cells
			return nil
		case bytes.HasPrefix(line, []byte("END:")), bytes.HasPrefix(line, []byte("END_PHOTOMETRY:")):
			return io.EOF
		}
	}
}
