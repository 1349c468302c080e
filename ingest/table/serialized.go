package table

import (
	"math/big"
	"slices"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// serialized is an entry of __serialized_columns__, in which astropy names the columns of the file
// that a column of its own types consists of. A name is "" for a part that the column lacks.
type serialized struct {
	name          string
	time          bool // astropy.time.Time
	format, scale string
	jd1, jd2      string // columns whose sum is a Julian date
	mask          string // a column that is True where there is no value
	data          []string
}

// serializedColumn reads an entry. The class is a member or the YAML tag.
func serializedColumn(name string, of yamlNode) serialized {
	s := serialized{name: name}
	s.time = of.member("__class__").scalar() == "astropy.time.core.Time" || of.tag() == "astropy.time.core.Time"
	of.members(func(key string, value yamlNode) {
		column := value.member("name").name()
		switch key {
		case "format":
			s.format = value.scalar()
		case "scale":
			s.scale = value.scalar()
		case "jd1":
			s.jd1 = column
		case "jd2":
			s.jd2 = column
		case "mask":
			s.mask = column
			return
		}
		if column != "" {
			s.data = append(s.data, column)
		}
	})
	return s
}

// serialize applies the entries to the table.
func (t *Table) serialize(entries []serialized) {
	rows := serialRows{}
	place := func(name string) int {
		if name == "" {
			return -1
		}
		return slices.Index(t.First, name)
	}
	for _, s := range entries {
		if s.time {
			t.serializeTime(s, place, &rows)
		}
		mask := place(s.mask)
		if mask < 0 {
			continue
		}
		t.Fields[mask].LeftOut = "it is the mask of " + problem.Quoted(s.name)
		for _, name := range s.data {
			if i := place(name); i >= 0 {
				rows.masks = append(rows.masks, [2]int{mask, i})
			}
		}
	}
	if len(rows.masks)+len(rows.sums) == 0 {
		return
	}
	open := t.Open
	t.Open = func(comment func([]byte)) (bounded.Rows, error) {
		in, err := open(comment)
		return &serialRows{Rows: in, masks: rows.masks, sums: rows.sums}, err
	}
}

// serializeTime describes the column of a Time, which astropy writes as one column of its format,
// or as two whose sum is a Julian date.
func (t *Table) serializeTime(s serialized, place func(string) int, rows *serialRows) {
	if i := place(s.name); i >= 0 {
		t.Fields[i].Time, t.Fields[i].Unit = &TimeSystem{Form: s.format, Scale: s.scale}, ""
	}
	first, second := place(s.jd1), place(s.jd2)
	if first < 0 || second < 0 || first == second {
		return
	}
	rows.sums = append(rows.sums, [2]int{first, second})
	t.Fields[first].Time, t.Fields[first].Unit = &TimeSystem{Form: "jd", Scale: s.scale}, ""
	t.Fields[second].LeftOut = "its days are added to those of " + problem.Quoted(s.jd1)
	if place(s.name) < 0 {
		t.First = slices.Clone(t.First)
		t.First[first], t.Fields[first].Name = s.name, s.name
	}
}

// serialRows puts the parts of astropy's columns together: it drops values where the mask is True,
// and adds days in two columns. Pairs are a mask and its column; two parts of a sum.
type serialRows struct {
	bounded.Rows
	masks, sums [][2]int
}

// Next reads the next row.
func (in *serialRows) Next(r *bounded.Row) error {
	if err := in.Rows.Next(r); err != nil || r.Reason != "" {
		return err
	}
	for _, pair := range in.masks {
		if pair[0] < len(r.Cells) && pair[1] < len(r.Cells) && strings.EqualFold(string(r.Cells[pair[0]]), "true") {
			r.Cells[pair[1]] = nil
		}
	}
	for _, pair := range in.sums {
		if pair[0] < len(r.Cells) && pair[1] < len(r.Cells) {
			r.Cells[pair[0]] = sumOfDays(r.Cells[pair[0]], r.Cells[pair[1]])
		}
	}
	return nil
}

// sumOfDays adds two numbers of days exactly; it returns a if b is missing, and both texts if one
// of them is no number of days, which a reader of times refuses.
func sumOfDays(a, b []byte) []byte {
	if len(a) == 0 || len(b) == 0 {
		return a
	}
	x, ok := exactDays(a)
	y, ok2 := exactDays(b)
	if !ok || !ok2 {
		return []byte(string(a) + " + " + string(b))
	}
	text := strings.TrimRight(x.Add(x, y).FloatString(18), "0")
	return []byte(strings.TrimSuffix(text, "."))
}

// exactDays reads a number of less than ten million days. One below 1e-30 is 0. These bounds keep
// the exponent from costing memory.
func exactDays(cell []byte) (*big.Rat, bool) {
	d, ok := instant.ParseDecimal(cell)
	if !ok {
		return nil, false
	}
	v, ok := d.Float()
	if !ok || !(v > -1e7 && v < 1e7) {
		return nil, false
	}
	if v > -1e-30 && v < 1e-30 {
		return new(big.Rat), true
	}
	return new(big.Rat).SetString(strings.Map(func(r rune) rune {
		if r == 'd' || r == 'D' { // as Fortran writes it
			return 'e'
		}
		return r
	}, string(cell)))
}
