package api

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"nightjar/archive"
	"nightjar/auth"
)

// A Filter describes a query parameter of a list.
type Filter struct {
	Name    string
	Kind    Kind // Text, Integer, Selected, DateTime, Boolean
	Help    string
	Choices []string
	Many    bool // may be given several times, and then one of the values must fit
}

// Parameters that every list understands.
var listParameters = []Filter{
	{Name: "limit", Kind: Integer, Help: "How many rows at the most, 100 if not given."},
	{Name: "offset", Kind: Integer, Help: "How many rows to leave out at the beginning."},
}

// Parameters that every route understands.
var commonParameters = []Filter{
	{Name: "format", Kind: Selected, Help: "The form of the answer.", Choices: []string{"json", "api"}},
	{Name: "strict", Kind: Boolean, Help: "Refuse query parameters that are not known, rather than name them in the header Nightjar-Unknown-Parameters."},
}

// filters are the values of the query parameters that were given.
type filters struct {
	given map[string][]string
}

// parseFilters takes what is known out of a query. An empty value counts as not given; of several the last one counts, as in a TOM, unless all do.
func parseFilters(known []Filter, query url.Values, p *auth.Problems) filters {
	f := filters{map[string][]string{}}
	for i := range known {
		spec := &known[i]
		var values []string
		for _, v := range query[spec.Name] {
			v = strings.TrimSpace(v)
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

func (f *Filter) check(v string, p *auth.Problems) {
	switch f.Kind {
	case Integer:
		if _, ok := wholeNumber(v); !ok {
			p.Add(f.Name, "Enter a number.")
		}
	case Selected:
		if len(f.Choices) > 0 && !slices.Contains(f.Choices, v) {
			p.Add(f.Name, "Select a valid choice. %s is not one of the available choices.", v)
		}
	case DateTime:
		if _, problem := parseTime(v); problem != "" {
			p.Add(timeRangeOf(f.Name), "Enter a valid date/time.")
		}
	}
}

// timeRangeOf is the name under which a TOM reports a bad bound of a range of times.
func timeRangeOf(name string) string {
	name = strings.TrimSuffix(name, "_after")
	return strings.TrimSuffix(name, "_before")
}

// wholeNumber reads a whole number, which may be written as a float; those that no id can be become one that no row has.
func wholeNumber(s string) (uint64, bool) {
	if n, ok := whole(s); ok {
		return n, true
	}
	if head, zeros, found := strings.Cut(s, "."); found && strings.Trim(zeros, "0") == "" {
		s = head
	}
	if isDigits(s) {
		return math.MaxInt64, true // negative, or larger than any id
	}
	return 0, false
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

func (f filters) time(name string) *int64 {
	if s := f.text(name); s != "" {
		t, _ := parseTime(s)
		return &t
	}
	return nil
}

// defaultLimit is how many rows a page has when nothing is said, and maxLimit how many it may have.
const (
	defaultLimit = 100
	maxLimit     = 1 << 31
)

// parsePage reads limit and offset; what is no good number counts as not given.
func parsePage(query url.Values) archive.Page {
	page := archive.Page{Limit: defaultLimit}
	last := func(name string) string {
		v := query[name]
		if len(v) == 0 {
			return ""
		}
		return strings.TrimSpace(v[len(v)-1])
	}
	if s := last("limit"); s != "" {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 {
			page.Limit = int(min(n, maxLimit))
		} else if err != nil && isDigits(s) && s[0] != '-' {
			page.Limit = maxLimit
		}
	}
	if n, err := strconv.ParseInt(last("offset"), 10, 64); err == nil && n > 0 {
		page.Offset = int(n)
	}
	return page
}

// links are the addresses of the next and the previous page, "" for none.
func links(base string, query url.Values, page archive.Page, count int) (next, previous string) {
	at := func(offset int) string {
		q := url.Values{}
		for k, v := range query {
			q[k] = v
		}
		q.Set("limit", strconv.Itoa(page.Limit))
		q.Set("offset", strconv.Itoa(offset))
		if offset <= 0 {
			q.Del("offset")
		}
		return base + "?" + q.Encode()
	}
	if page.Offset < count-page.Limit {
		next = at(page.Offset + page.Limit)
	}
	if page.Offset > 0 {
		previous = at(max(page.Offset-page.Limit, 0))
	}
	return next, previous
}
