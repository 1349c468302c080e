package ingest

import (
	"bytes"
	"io"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
)

// isSNANA reports whether a file is a light curve in the text format of SNANA: lines of KEY: value,
// VARLIST: and rows of OBS: (SNANA manual, "text format").
func isSNANA(head []byte) bool {
	head = append([]byte("\n"), bytes.ToUpper(head)...)
	return bytes.Contains(head, []byte("\nVARLIST:")) &&
		(bytes.Contains(head, []byte("\nSNID:")) || bytes.Contains(head, []byte("\nSURVEY:")) ||
			bytes.Contains(head, []byte("\nOBS:")))
}

// snana is a light curve of SNANA. FLUXCAL has the zero point 27.5 by definition. The magnitudes in
// a row are derived from it and ignored.
var snana = dialect{
	about: about{
		roles: "FLUXCAL: flux, and magnitude or limit by its zero point 27.5; FLT or BAND: filter; SNID: object",
		units: "FLUXCAL's own", time: "MJD",
		refused: asItsFormat + "; PHOT of a FITS file without HEAD, which has the names of the objects"},
	name:  "SNANA table",
	needs: []string{"mjd", "fluxcal", "fluxcalerr"},
	roles: map[string]role{"mjd": roleTime, "flt": roleFilter, "band": roleFilter, "fluxcal": roleFlux,
		"fluxcalerr": roleFluxError, "fluxcal_err": roleFluxError, "field": roleOther, "snid": roleObject,
		"mag": roleOther, "magerr": roleOther, "zpt": roleOther, "zeropt": roleOther, "zp": roleOther,
		"zpflux": roleOther, "telescope": roleTelescope, "instrument": roleInstrument},
	constant: `,"zero_point":27.5`, rule: &fluxRule{detection: 3, sigmas: 3, zeroPoint: 27.5, snr: true},
	notes: []string{"FLUXCAL has the zero point 27.5 by SNANA's definition"},
	clean: func(columns []column, cells [][]byte) { // a row of -777 ends a light curve, in tables made from PHOT, too
		for i, c := range columns {
			if d, ok := instant.ParseDecimal(cells[i]); c.role == roleTime && ok {
				if v, _ := d.Float(); v == -777 {
					clear(cells)
				}
				return
			}
		}
	},
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
	g.open = func(func([]byte)) (rows, error) { return &snanaRows{lines: table.NewLines(f), names: g.First}, nil }
	return g, g.readSample()
}

// snanaRows reads the lines that begin with OBS:.
type snanaRows struct {
	lines *table.Lines
	names []string
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
			in.fill()
			r.Cells = in.cells
			return nil
		case bytes.HasPrefix(line, []byte("END:")), bytes.HasPrefix(line, []byte("END_PHOTOMETRY:")):
			return io.EOF
		}
	}
}

// fill adds empty cells at the end of a row that lacks its last columns, if none of these is
// needed. A row that lacks another, as an empty FIELD, is left as it is: its cells have moved, so
// that a number is where a text belongs, or the reverse.
func (in *snanaRows) fill() {
	if len(in.cells) >= len(in.names) {
		return
	}
	for i, name := range in.names {
		r := snana.roles[fold(name)]
		needed := r == roleTime || r == roleFilter || r == roleFlux || r == roleFluxError
		text := r == roleFilter || r == roleTelescope || r == roleInstrument || fold(name) == "field"
		if i >= len(in.cells) {
			if needed {
				return
			}
			continue
		}
		if _, number := instant.ParseDecimal(in.cells[i]); (needed || text) && number == text {
			return
		}
	}
	for len(in.cells) < len(in.names) {
		in.cells = append(in.cells, nil)
	}
}
