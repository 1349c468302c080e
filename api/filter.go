package api

import (
	"math"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"nightjar/archive"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// A Filter describes a query parameter of a list.
type Filter struct {
	Name    string
	Kind    Kind // Text, Integer, Float, Selected, DateTime, Boolean
	Help    string
	Choices []string
	Many    bool // may be given several times, and then one of the values must fit
}

// Messages of Django's forms.
const (
	notAChoice = "Select a valid choice. %s is not one of the available choices."
	notAValue  = "“%s” is not a valid value."
)

// Parameters that every route understands.
var commonParameters = []Filter{
	{Name: "format", Kind: Selected, Help: "The form of the answer.", Choices: []string{"json", "api"}},
	{Name: "strict", Kind: Boolean, Help: "Refuse query parameters that are not known, rather than name them in the header Nightjar-Unknown-Parameters; the header Prefer: handling=strict does the same."},
}

// filters are the values of the query parameters that were given.
type filters struct {
	given map[string][]string
}

// parseFilters takes what is known out of a query. An empty value counts as not given; of several the last one counts, as in a TOM, unless all do.
func parseFilters(known []Filter, query url.Values, p *problem.List) filters {
	f := filters{map[string][]string{}}
	for i := range known {
		spec := &known[i]
		var values []string
		for _, v := range query[spec.Name] {
			if spec.Kind != Selected { // a choice is taken as it stands
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
		if _, ok := wholeNumber(v); !ok {
			p.Add(f.Name, "Enter a number.")
		}
	case Selected:
		if len(f.Choices) > 0 && !slices.Contains(f.Choices, v) {
			p.Add(f.Name, notAChoice, v)
		}
	case Float:
		if _, ok := parseNumber(v); !ok {
			p.Add(f.Name, "Enter a number.")
		}
	case DateTime:
		if _, problem := parseTime(v); problem != "" && !p.Has(timeRangeOf(f.Name)) {
			p.Add(timeRangeOf(f.Name), "Enter a valid date/time.")
		}
	}
}

// timeRangeOf is the name under which a TOM reports a bad bound of a range of times.
func timeRangeOf(name string) string {
	name = strings.TrimSuffix(name, "_after")
	return strings.TrimSuffix(name, "_before")
}

// wholeNumber reads a whole number, which may be written as a decimal with a fraction of zeros or an exponent; those that no id can be become one that no row has.
func wholeNumber(s string) (uint64, bool) {
	if n, ok := whole(s); ok {
		return n, true
	}
	n, ok := parseNumber(s)
	if !ok || n != math.Trunc(n) {
		return 0, false
	}
	if n < 0 || n >= math.MaxInt64 {
		return math.MaxInt64, true
	}
	return uint64(n), true
}

func (f filters) text(name string) string {
	if v := f.given[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (f filters) many(name string) []string { return f.given[name] }

// id is the value of an Integer parameter that was checked.
func (f filters) id(names ...string) archive.Opt[uint64] {
	for _, name := range names {
		if s := f.text(name); s != "" {
			n, _ := wholeNumber(s)
			return archive.Some(n)
		}
	}
	return archive.Opt[uint64]{}
}

// mjd is the value of a parameter that is a modified Julian date, as microseconds of UTC since 1970.
func (f filters) mjd(name string, p *problem.List) *int64 {
	s := f.text(name)
	if s == "" || p.Has(name) {
		return nil
	}
	t, err := instant.ParseMJD(s)
	if err != nil {
		p.Add(name, "Enter a number.")
		return nil
	}
	return &t
}

func (f filters) time(name string) *int64 {
	if s := f.text(name); s != "" {
		t, _ := parseTime(s)
		return &t
	}
	return nil
}
