package wire

import (
	"math"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"nightjar/internal/problem"
)

// A Filter describes a query parameter.
type Filter struct {
	Name    string
	Kind    Kind // Text, Integer, Float, Selected, DateTime, Boolean
	Help    string
	Choices []string
	Many    bool // can be repeated: a row passes if it has one of the values
}

// Messages of Django's forms.
const (
	NotAChoice = "Select a valid choice. %s is not one of the available choices."
	NotAValue  = "“%s” is not a valid value."
)

// Query has the values of the query parameters that were given.
type Query struct {
	given map[string][]string
}

// ParseQuery reads the known parameters of a query. An empty value counts as not given. If a
// parameter is repeated, the last value counts, as in a TOM, unless Filter.Many is set.
func ParseQuery(known []Filter, query url.Values, p *problem.List) Query {
	f := Query{map[string][]string{}}
	for i := range known {
		spec := &known[i]
		var values []string
		for _, v := range query[spec.Name] {
			if spec.Kind != Selected { // the blanks of a choice count
				v = strings.TrimSpace(v)
			}
			if strings.ContainsRune(v, 0) {
				p.Add(spec.Name, msgNUL)
				continue
			}
			if !utf8.ValidString(v) {
				p.Add(spec.Name, "This is not UTF-8.")
				continue
			}
			if v != "" || !spec.Many {
				values = append(values, v)
			}
		}
		if !spec.Many && len(values) > 1 {
			values = values[len(values)-1:]
		}
		if len(values) == 0 || values[0] == "" {
			continue
		}
		for _, v := range values {
			spec.check(v, p)
		}
		f.given[spec.Name] = values
	}
	return f
}

func (f *Filter) check(v string, p *problem.List) {
	switch f.Kind {
	case Integer:
		if _, ok := ParseWholeNumber(v); !ok {
			p.Add(f.Name, "Enter a number.")
		}
	case Selected:
		if len(f.Choices) > 0 && !slices.Contains(f.Choices, v) {
			p.Add(f.Name, NotAChoice, v)
		}
	case Float:
		if _, ok := ParseNumber(v); !ok {
			p.Add(f.Name, "Enter a number.")
		}
	case DateTime:
		if _, problem := ParseTime(v); problem != "" && !p.Has(timeRangeOf(f.Name)) {
			p.Add(timeRangeOf(f.Name), "Enter a valid date/time.")
		}
	}
}

// timeRangeOf returns the name under which a TOM reports a bad bound of a range of times.
func timeRangeOf(name string) string {
	name = strings.TrimSuffix(name, "_after")
	return strings.TrimSuffix(name, "_before")
}

// ParseWholeNumber reads a whole number, which may have a fraction of zeros or an exponent. A
// number that cannot be an id becomes math.MaxInt64, which no row has as its id.
func ParseWholeNumber(s string) (uint64, bool) {
	if n, ok := ParseWhole(s); ok {
		return n, true
	}
	n, ok := ParseNumber(s)
	if !ok || n != math.Trunc(n) {
		return 0, false
	}
	if n < 0 || n >= math.MaxInt64 {
		return math.MaxInt64, true
	}
	return uint64(n), true
}

// Text returns the value of a parameter, "" when it was not given.
func (f Query) Text(name string) string {
	if v := f.given[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Many returns all values of a parameter that can be repeated.
func (f Query) Many(name string) []string { return f.given[name] }

// ID returns the first of these Integer parameters that was given, as ParseWholeNumber reads it.
func (f Query) ID(names ...string) (id uint64, given bool) {
	for _, name := range names {
		if s := f.Text(name); s != "" {
			id, _ = ParseWholeNumber(s)
			return id, true
		}
	}
	return 0, false
}

// Time returns a DateTime parameter in microseconds of UTC since 1970, or nil when it was not
// given.
func (f Query) Time(name string) *int64 {
	if s := f.Text(name); s != "" {
		t, _ := ParseTime(s)
		return &t
	}
	return nil
}
