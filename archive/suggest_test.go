package archive

import (
	"fmt"
	"reflect"
	"testing"

	"nightjar/auth"
	"nightjar/index"
)

// TestSuggest: suggestions are right whatever the index of names knows, and do not depend on how
// many others are hidden. Who sees them is for TestMatrix in api.
func TestSuggest(t *testing.T) {
	f := open(t, Options{NoIndex: true})
	suggest := func(user, text string) Suggestions {
		t.Helper()
		list, err := f.as(user).Suggest(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	want := func(user, text string, want Suggestions) {
		t.Helper()
		if got := suggest(user, text); !reflect.DeepEqual(got, want) {
			t.Errorf("%s, %q: %+v, want %+v", user, text, got, want)
		}
	}
	hidden := f.target("bob", "SN 2011fd")
	renamed := f.target("astro", "SN 2011fb")
	id := f.target("astro", "SN 2011fe")
	sn := []SuggestedTarget{{id, "SN 2011fe", "SN 2011fe"}}
	want("astro", "2011FE", Suggestions{Targets: sn}) // by the scan
	want("astro", "SN 2011ff", Suggestions{})

	x, err := index.Open(t.TempDir(), index.Options{})
	if err != nil {
		t.Fatal(err)
	}
	known := []index.Target{{ID: 999, Names: []string{"SN 2011fa"}}} // which does not exist
	for id, name := range map[uint64]string{hidden: "SN 2011fd", renamed: "SN 2011fb", id: "SN 2011fe"} {
		known = append(known, index.Target{ID: id, Names: []string{name}})
	}
	if err := x.Apply(t.Context(), known, index.Mark{Seq: f.Head().Seq}); err != nil {
		t.Fatal(err)
	}
	f.names.mu.Lock()
	f.names.x = x // it stays behind from here on
	f.names.mu.Unlock()
	if _, err := f.as("astro").ChangeTarget(t.Context(), renamed, &TargetInput{Name: Some("M 101")},
		false); err != nil {
		t.Fatal(err)
	}
	want("astro", "SN 2011ff", Suggestions{Similar: sn})
	want("astro", "sn_2011-fe", Suggestions{Similar: sn})
	want("astro", "m 10", Suggestions{Targets: []SuggestedTarget{{renamed, "M 101", "M 101"}}})
	want("eve", "SN 2011ff", Suggestions{})

	// a source is there as long as a datum of it is seen, in either mode
	datum, _, err := f.as("astro").AddDatum(t.Context(),
		&DatumInput{Target: id, Type: "photometry", Source: "ZTF", Value: []byte("1")})
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []auth.Mode{auth.ModeTargets, auth.ModeObjects} {
		f.mode(mode, auth.ReadOnly)
		want("astro", "tf", Suggestions{Sources: []string{"ZTF"}})
		want("bob", "tf", Suggestions{})
	}
	if err := f.as("admin").DeleteDatum(t.Context(), datum.ID); err != nil {
		t.Fatal(err)
	}
	want("admin", "tf", Suggestions{})

	for i := range 100 {
		f.target("bob", fmt.Sprintf("Survey %03d", i))
	}
	mine := f.target("astro", "Survey 999")
	want("astro", "survey", Suggestions{Targets: []SuggestedTarget{{mine, "Survey 999", "Survey 999"}}})
	if n := len(suggest("bob", "survey").Targets); n != MaxSuggestions {
		t.Errorf("%d suggestions", n)
	}
}
