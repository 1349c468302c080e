package ingest

import (
	"bytes"
	"io"
	"strings"

	"nightjar/ingest/bounded"
)

// isSNANA tells whether a file is a light curve as SNANA writes it: KEY: value lines, VARLIST: and OBS: rows (SNANA manual,
// "text format").
func isSNANA(head []byte) bool {
	head = append([]byte("\n"), bytes.ToUpper(head)...)
	return bytes.Contains(head, []byte("\nVARLIST:")) && (bytes.Contains(head, []byte("\nSNID:")) || bytes.Contains(head, []byte("\nSURVEY:")) || bytes.Contains(head, []byte("\nOBS:")))
}

// snana: FLUXCAL has the zero point 27.5 by definition; other magnitudes in the row are derived from it.
var snana = dialect{
	name: "SNANA",
	roles: map[string]role{"mjd": roleTime, "flt": roleFilter, "band": roleFilter, "fluxcal": roleFlux, "fluxcalerr": roleFluxError, "field": roleOther,
		"mag": roleOther, "magerr": roleOther, "zpt": roleOther, "zeropt": roleOther, "zp": roleOther, "zpflux": roleOther, "telescope": roleTelescope, "instrument": roleInstrument},
	constant: `,"zero_point":27.5`, rule: &fluxRule{detection: 3, sigmas: 3, zeroPoint: 27.5, snr: true},
	notes: []string{"FLUXCAL has the zero point 27.5 by SNANA's definition"},
}

// snanaGrid is the table of a file's observations.
func snanaGrid(f bounded.File) (*grid, error) {
	g := &grid{format: "SNANA"}
	g.keys = textKeys{}
	in := newLines(f)
	for g.first == nil {
		line, err := in.next()
		if err == io.EOF {
			return nil, bounded.Refuse(bounded.Problem{Reason: "an SNANA file without VARLIST"})
		}
		if err != nil {
			return nil, err
		}
		key, value, ok := strings.Cut(string(line), ":")
		switch key = strings.ToUpper(strings.TrimSpace(key)); {
		case ok && key == "VARLIST":
			g.first, g.line = strings.Fields(value), in.number
		case ok:
			value, _, _ = strings.Cut(value, "#")
			g.keys.add([]byte(key + ": " + strings.TrimSpace(value)))
		}
	}
	if len(g.first) == 0 || len(g.first) > bounded.MaxColumns {
		return nil, bounded.Refuse(bounded.Problem{Line: g.line, Reason: "the names of the columns are none or too many"})
	}
	g.object, g.source = g.keys.first("SNID", "IAUC"), g.keys.first("SURVEY")
	for _, name := range g.first {
		if fold(name) == "fluxcal" {
			g.dialect = &snana
		}
	}
	g.open = func(func([]byte)) (rows, error) { return &snanaRows{lines: newLines(f)}, nil }
	return g, g.look()
}

// snanaRows reads the lines that begin with OBS:.
type snanaRows struct {
	lines *lines
	cells [][]byte
}

func (in *snanaRows) next(r *row) error {
	for {
		line, err := in.lines.next()
		if err != nil {
			return err
		}
		line = trim(line)
		switch {
		case bytes.HasPrefix(line, []byte("OBS:")):
			*r = row{Row: bounded.Row{Line: in.lines.number}}
			in.cells, r.Reason = splitBlanks(line[4:], in.cells[:0])
			r.Cells = in.cells
			return nil
		case bytes.HasPrefix(line, []byte("END:")), bytes.HasPrefix(line, []byte("END_PHOTOMETRY:")):
			return io.EOF
		}
	}
}
