package wire

import (
	"maps"
	"net/url"
	"slices"
	"testing"
)

// TestQueries: a parameter is read as browsers and Django read it, and is never dropped; one that
// is well-formed is read as the standard library does.
func TestQueries(t *testing.T) {
	for text, want := range map[string]url.Values{
		"":                  {},
		"&&a=1&&":           {"a": {"1"}},
		"a":                 {"a": {""}},
		"a=b=c":             {"a": {"b=c"}},
		"a=1;b=2":           {"a": {"1;b=2"}},
		"name=100%":         {"name": {"100%"}},
		"name=%zz%4":        {"name": {"%zz%4"}},
		"name=%4d%4D+%2B":   {"name": {"MM +"}},
		"a=2&b=&a=1":        {"a": {"2", "1"}, "b": {""}},
		"%6eame=%CE%B7%20x": {"name": {"η x"}},
		"a=%\x10\x11":       {"a": {"%\x10\x11"}},
	} {
		got := ParseForm(text)
		if !maps.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
		if std, err := url.ParseQuery(text); err == nil && !maps.EqualFunc(got, std, slices.Equal) {
			t.Errorf("%q: %v, the standard library has %v", text, got, std)
		}
	}
}

// FuzzParameters: a query is read as the standard library reads it where that reads it at all, and
// what is read can be written.
func FuzzParameters(f *testing.F) {
	for _, s := range []string{"a=1&b=%zz;&=&%", "name=100%&x=%4d+", "a=%C3%BC&a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := ParseForm(text)
		if std, err := url.ParseQuery(text); err == nil && !maps.EqualFunc(got, std, slices.Equal) {
			t.Errorf("%q: %v, the standard library has %v", text, got, std)
		}
		if again := ParseForm(got.Encode()); !maps.EqualFunc(got, again, slices.Equal) {
			t.Errorf("%q: %v, and written again %v", text, got, again)
		}
	})
}
