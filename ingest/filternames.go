package ingest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// filterNames are the names of filter columns in surveys, brokers and the programs of observers,
// folded and without underscores. A column called filter or band goes before them.
var filterNames = []string{"filtername", "filtercode", "filterid", "filterband", "bandfilter", "filters", "filterused",
	"filt", "filtname", "filtid", "fltname", "fltid", "photfilter", "photfilt", "photband", "photometricband",
	"photometricfilter", "photometryband", "photometryfilter", "passband", "passbandname", "passbandid", "bandname",
	"bandid", "bandcode", "bandpassname", "bandpassid", "obsfilter", "obsband", "observationfilter", "observedband",
	"filteridentifier", "insfilter", "instrumentfilter", "instrfilter", "sdssfilter", "lsstband", "wavebandname",
	"waveband", "magband", "magfilter", "filtro", "filtre", "bands"}

// isFilterName reports whether the folded name of a column is one of filterNames.
func isFilterName(name string) bool {
	return slices.Contains(filterNames, strings.NewReplacer("_", "", ".", "", "/", "").Replace(name))
}

// filterKeywords are the keywords that name the filter of all rows.
var filterKeywords = []string{"FILTER", "BAND", "BANDPASS", "FILTNAM", "FILTNAME", "FILTER-NAME", "PASSBAND"}

// filterKeyword is the filter that the keywords of a file name, "" for none. A long text is prose.
func filterKeyword(keys table.Keywords) string {
	name := keys.First(filterKeywords...)
	if len(name) > 40 || len(strings.Fields(name)) > 3 || missing([]byte(name)) {
		return ""
	}
	return name
}

// filterKeys are the keywords of a file that name the filter.
func filterKeys(get func(string) (string, bool)) table.Keywords {
	keys := table.Keywords{}
	for _, key := range filterKeywords {
		if value, ok := get(key); ok {
			keys[key] = strings.TrimSpace(value)
		}
	}
	return keys
}

// noFilter is the warning about photometry without a known filter.
const noFilter = "no column of filters: the points have no filter; if another column holds it, name it with columns"

// nameFilter takes the filter from a keyword if no column holds it, and warns if nothing names it
// or if it is a number. It is called when the members of every value are known.
func (p *photometry) nameFilter() {
	i := slices.IndexFunc(p.columns, func(c column) bool { return c.role == roleFilter })
	switch name := filterKeyword(p.grid.keys); {
	case i >= 0:
		first := p.firstCell(i)
		if first == "" && len(p.grid.Sample) > 0 {
			p.warn("column %s is empty in the first rows: the points have no filter", problem.Clip(p.columns[i].name))
		}
		if p.grid.dialect == nil || p.grid.dialect.filters == nil {
			if _, number := instant.ParseDecimal([]byte(first)); number {
				p.warn("column %s: the filters are numbers, such as %s, and are kept as they are",
					problem.Clip(p.columns[i].name), problem.Clip(first))
			}
		}
	case bytes.Contains(p.constant, []byte(`"filter":`)):
	case name != "":
		p.constant = jsontext.AppendString(append(p.constant, `,"filter":`...), name)
		p.warn("the filter of all rows is that of a keyword of the file: %s", problem.Quoted(name))
	default:
		p.warn(noFilter)
	}
	p.constant = withoutColumns(p.constant, p.columns)
}

// withoutColumns removes from the members of every value those that a column has, too: what a row
// says goes before what the origin of the table says.
func withoutColumns(constant []byte, columns []column) []byte {
	if len(constant) == 0 {
		return constant
	}
	var out []byte
	in := json.NewDecoder(strings.NewReader("{" + string(constant[1:]) + "}"))
	in.Token()
	for in.More() {
		name, err := in.Token()
		var value json.RawMessage
		if err != nil || in.Decode(&value) != nil {
			return constant
		}
		key := jsontext.AppendString(nil, name.(string))
		if !slices.ContainsFunc(columns, func(c column) bool {
			return c.role != roleNone && !c.hidden && c.role != roleSource && bytes.Equal(c.key, append(key, ':'))
		}) {
			out = append(append(append(append(out, ','), key...), ':'), value...)
		}
	}
	return out
}

// firstCell is the first cell of column i among the sample rows that is not missing; "" for none.
func (p *photometry) firstCell(i int) string {
	for _, row := range p.grid.Sample {
		if i < len(row) && !missing([]byte(row[i])) {
			return row[i]
		}
	}
	return ""
}
