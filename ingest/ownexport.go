package ingest

import (
	"bytes"
	"slices"
	"strings"

	"nightjar/internal/problem"
)

// exported is the dialect of the tables that Nightjar exports. They have the members of values in
// columns value.NAME.
var exported = dialect{
	name: "Nightjar export",
	about: about{by: "the columns target, data_type, timestamp, source_name and value.NAME of an export in CSV, " +
		"ECSV, VOTable or FITS", roles: "value.NAME: NAME; target: object; source_name: source",
		units: "the format's", time: "timestamp, ISO 8601, to the microsecond",
		refused: "rows of another type are left out"},
	roles: map[string]role{"@timestamp": roleTime, "@target": roleObject, "@source_name": roleSource},
}

// exportColumns are the columns of an export that are not members of the value. The grid calls them
// @NAME, which no member is called.
var exportColumns = []string{"timestamp", "target", "source_name"}

// adaptExport recognises the columns of an export and keeps those that an upload needs.
func (g *grid) adaptExport() bool {
	var use []int
	var names []string
	for _, name := range exportColumns {
		i := slices.Index(g.First, name)
		if i < 0 {
			return false
		}
		use, names = append(use, i), append(names, "@"+name)
	}
	kind := slices.Index(g.First, "data_type")
	for i, name := range g.First {
		if member, ok := strings.CutPrefix(name, "value."); ok && member != "" {
			use, names = append(use, i), append(names, member)
		}
	}
	if len(use) == len(exportColumns) || kind < 0 {
		return false
	}
	if g.fields != nil {
		var fields []field
		for _, i := range use {
			fields = append(fields, g.field(i))
		}
		g.fields = fields
	}
	var sample [][]string
	for _, row := range g.Sample {
		if len(row) == len(g.First) {
			var cells []string
			for _, i := range use {
				cells = append(cells, row[i])
			}
			sample = append(sample, cells)
		}
	}
	guarded := strings.HasPrefix(g.format, "delimited text")
	open, width := g.open, len(g.First)
	g.open = func(comment func([]byte)) (rows, error) {
		in, err := open(comment)
		return &exportRows{rows: in, use: use, width: width, kind: kind, guarded: guarded}, err
	}
	g.First, g.Sample = names, sample
	g.dialect, g.format = &exported, exported.name+", "+g.format
	return true
}

// exportRows reads the needed columns of the rows of an export that are photometry.
type exportRows struct {
	rows
	use     []int
	width   int
	kind    int
	guarded bool // texts that a spreadsheet would run begin with an apostrophe
	cells   [][]byte
}

func (s *exportRows) next(r *row) error {
	err := s.rows.next(r)
	if err != nil || r.Reason != "" {
		r.Whole = 0 // cells are not those of the columns
		return err
	}
	switch {
	case len(r.Cells) != s.width:
		r.Reason = problem.Plural(len(r.Cells), "field") + " where the header has " + problem.Plural(s.width, "column")
		return nil
	case string(r.Cells[s.kind]) != "photometry":
		r.leftOut = "the row is of the type " + problem.Quoted(r.Cells[s.kind])
	}
	s.cells = s.cells[:0]
	for _, i := range s.use {
		cell := r.Cells[i]
		if s.guarded {
			cell = unguarded(cell)
		}
		s.cells = append(s.cells, cell)
	}
	r.Cells = s.cells
	return nil
}

// unguarded removes the apostrophe that a CSV export puts before a text that a spreadsheet would
// run.
func unguarded(cell []byte) []byte {
	rest := bytes.TrimLeft(cell, "'")
	if len(rest) == len(cell) {
		return cell
	}
	for _, start := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠"} {
		if bytes.HasPrefix(rest, []byte(start)) {
			return cell[1:]
		}
	}
	return cell
}
