package ingest

import (
	"slices"
	"strings"

	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// objectIDs finds the column that names objects if no column is called so: one of identifiers that
// are texts, such as ZTF's objectId. Numbers may be those of a measurement, a field or a filter.
func objectIDs(g *grid, columns []column) {
	if slices.ContainsFunc(columns, func(c column) bool { return c.role == roleObject }) {
		return
	}
	for i := range columns {
		c := &columns[i]
		if c.role != roleOther || c.byUser || g.assigned(g.folded(c.name)) || !holdsNames(g.Layout, i) {
			continue
		}
		switch g.folded(c.name) {
		case "objectid", "object_id", "oid", "snid":
			c.role, c.weak = roleObject, true
			return
		}
	}
}

// folded folds the name of a column without the prefix of the table's origin.
func (g *grid) folded(name string) string {
	if g.dialect != nil {
		name = strings.TrimPrefix(name, g.dialect.prefix)
	}
	return fold(name)
}

// holdsNames reports whether a column holds texts that are no numbers.
func holdsNames(l table.Layout, i int) bool {
	some := false
	for _, row := range l.Sample {
		if i >= len(row) || missing([]byte(row[i])) {
			continue
		}
		if _, number := instant.ParseDecimal([]byte(row[i])); number {
			return false
		}
		some = true
	}
	return some
}

// otherNames watches a column that may name objects, though it is not sure that it does.
type otherNames struct {
	column        int // -1 for none
	first, second string
}

func findNames(g *grid, columns []column) otherNames {
	if !slices.ContainsFunc(columns, func(c column) bool { return c.role == roleObject }) {
		for i, c := range columns {
			switch g.folded(c.name) {
			case "name", "event", "star", "sn", "supernova", "transient", "asteroid", "planet":
				if c.role == roleOther && !c.byUser && !g.assigned(g.folded(c.name)) && holdsNames(g.Layout, i) {
					return otherNames{column: i}
				}
			}
		}
	}
	return otherNames{column: -1}
}

// see looks at the names in a row.
func (o *otherNames) see(cells [][]byte) {
	if o.column < 0 || o.second != "" || missing(cells[o.column]) {
		return
	}
	if o.first == "" {
		o.first = string(cells[o.column])
	} else if string(cells[o.column]) != o.first {
		o.second = string(cells[o.column])
	}
}

// warnNames warns about several names.
func (p *photometry) warnNames() {
	if o := &p.names; o.second != "" {
		p.warn("column %s holds several names, such as %s and %s, but all rows are taken for one object; if it names "+
			"objects, name it as object in columns", problem.Clip(p.columns[o.column].name), problem.Quoted(o.first),
			problem.Quoted(o.second))
	}
}
