package ingest

import (
	"slices"
	"strings"

	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// saltNames returns the names of the columns of a light curve for SALT2, which sncosmo reads, too:
// a comment `Name :` for each column, and one with the word end below them. It returns nil if the
// comments above the rows are others.
func (g *grid) saltNames() []string {
	names := make([]string, len(g.First))
	if end := strings.TrimRight(strings.ToLower(g.Above), " :"); end != "end" || len(g.Others) < len(names) {
		return nil
	}
	for i, comment := range g.Others[len(g.Others)-len(names):] {
		name, _, ok := strings.Cut(comment, ":")
		if names[i] = strings.TrimSpace(name); !ok || names[i] == "" || strings.ContainsAny(names[i], " \t") {
			return nil
		}
	}
	return names
}

// saltConstants are keywords that hold for all rows of such a light curve, and the columns they
// make.
var saltConstants = []struct{ key, column string }{{"BAND", "filter"}, {"FILTER", "filter"}, {"MAGSYS", "magsys"},
	{"INSTRUMENT", "instrument"}}

// readSALT makes the table that of a light curve for SALT2. Dates are MJD, and band, system and
// instrument may be keywords (@BAND g).
func (g *grid) readSALT(names []string) {
	g.Sample = append([][]string{g.First}, g.Sample...)
	g.First, g.headerless, g.format = names, true, "SALT2 light curve, "+g.format
	for _, name := range names {
		f := field{}
		if fold(name) == "date" {
			f.time = &instant.Clock{Kind: instant.KindMJD}
		}
		g.fields = append(g.fields, f)
	}
	more := &constantRows{width: len(names)}
	for _, c := range saltConstants {
		value := g.keys[c.key]
		if value == "" || slices.ContainsFunc(g.First, func(name string) bool { return fold(name) == c.column }) {
			continue
		}
		g.First, g.fields = append(g.First, c.column), append(g.fields, field{text: true})
		more.cells = append(more.cells, []byte(value))
		for i, row := range g.Sample {
			if len(row) == len(g.First)-1 {
				g.Sample[i] = append(slices.Clone(row), value)
			}
		}
		g.notes = append(g.notes, "the "+c.column+" of all rows is "+problem.Quoted(value)+", by the keyword @"+c.key)
	}
	if len(more.cells) == 0 {
		return
	}
	open := g.open
	g.open = func(comment func([]byte)) (rows, error) {
		in, err := open(comment)
		return &constantRows{rows: in, width: more.width, cells: more.cells}, err
	}
}

// constantRows adds cells that are the same in all rows.
type constantRows struct {
	rows
	width int // columns of the file
	cells [][]byte
	out   [][]byte
}

func (c *constantRows) next(r *row) error {
	if err := c.rows.next(r); err != nil || r.Reason != "" {
		return err
	}
	if r.Fit(c.width); len(r.Cells) != c.width {
		r.Reason = problem.Plural(len(r.Cells), "field") + " where the header has " + problem.Plural(c.width, "column")
		return nil
	}
	c.out = append(append(c.out[:0], r.Cells...), c.cells...)
	r.Cells = c.out
	return nil
}
