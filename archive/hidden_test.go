package archive

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"nightjar/auth"
	"nightjar/internal/problem"
)

// TestRefusedDuplicate: a datum that is refused because it is there does not get the product that
// was named with it.
func TestRefusedDuplicate(t *testing.T) {
	f := open(t, Options{})
	id := f.target("astro", "T", f.group)
	p, _, err := f.upload("astro", id, "a.csv", lightCurveCSV)
	if err != nil {
		t.Fatal(err)
	}
	in := &DatumInput{Target: id, Type: "photometry", Time: 1e6, Timed: true, Refuse: true,
		Value: []byte(`{"magnitude":1}`)}
	if _, added, err := f.as("carol").AddDatum(t.Context(), in); err != nil || added != Created {
		t.Fatal(added, err)
	}
	in.Product = p.ID
	if v, added, err := f.as("carol").AddDatum(t.Context(), in); err != nil || added != Duplicate {
		t.Fatal(v, added, err)
	}
	if n := len(f.data("astro", DatumFilter{Product: Some(p.ID)})); n != 3 {
		t.Errorf("the product has %d data, want 3", n)
	}
}

// TestHiddenNames: what is said of a target that is named, and hidden, is what is said when there
// is none of that name.
func TestHiddenNames(t *testing.T) {
	f := open(t, Options{})
	id := f.target("astro", "T", f.group)
	f.target("bob", "Hidden")
	f.target("bob", "Shadow")
	alias := &TargetInput{Aliases: []AliasInput{{Name: "Shadow"}}}
	if _, err := f.as("astro").ChangeTarget(t.Context(), id, alias, false); err != nil {
		t.Fatal(err)
	}
	p, _, err := f.upload("astro", id, "a.csv", lightCurveCSV)
	if err != nil {
		t.Fatal(err)
	}
	said := func(name string) string {
		in := &DatumInput{TargetName: name, Product: p.ID, Type: "photometry", Time: 1e6, Timed: true,
			Value: []byte(`{"magnitude":1}`)}
		_, _, err := f.as("astro").AddDatum(t.Context(), in)
		var problems *problem.List
		if errors.As(err, &problems) {
			return fmt.Sprint(problems.All())
		}
		return fmt.Sprint(err)
	}
	if hidden, missing := said("Hidden"), said("Missed"); strings.ReplaceAll(hidden, "Hidden", "Missed") != missing {
		t.Errorf("hidden: %s, missing: %s", hidden, missing)
	}
	if got := said("Shadow"); got != "<nil>" {
		t.Errorf("a hidden name stands before a visible alias: %s", got)
	}
}

// TestHiddenObservation: a product does not name an observation that its viewer does not see.
func TestHiddenObservation(t *testing.T) {
	f := open(t, Options{})
	f.mode(auth.ModeObjects, auth.ReadOnly)
	id := f.target("astro", "T", f.group)
	o, err := f.as("astro").AddObservation(t.Context(),
		&ObservationInput{Target: id, Facility: "F", Parameters: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := f.uploadAs("astro",
		&ProductInput{Target: id, Type: "photometry", FileName: "a.csv", Observation: o.ID}, lightCurveCSV, f.group)
	if err != nil {
		t.Fatal(err)
	}
	for who, want := range map[string]uint64{"astro": o.ID, "carol": 0, "admin": o.ID} {
		var got uint64
		err := f.as(who).Product(t.Context(), p.ID,
			ProductOut{Begin: func(Extent) error { return nil }, End: func() error { return nil },
				Flush:   func() error { return nil },
				Product: func(v *ProductView) error { got = v.Observation; return nil }})
		if err != nil || got != want {
			t.Errorf("%s sees the observation %d, want %d (%v)", who, got, want, err)
		}
	}
}

// TestHiddenSource: who posts what is there already, hidden and with another source, sees what he
// said of it and not what the others did.
func TestHiddenSource(t *testing.T) {
	for _, mode := range []string{"by itself", "staged"} {
		t.Run(mode, func(t *testing.T) {
			f := open(t, Options{StageFrom: 1})
			f.mode(auth.ModeObjects, auth.ReadOnly)
			id := f.target("admin", "T", f.group)
			post := func(who, source string) {
				t.Helper()
				in := DatumInput{Target: id, Type: "photometry", Time: 1e6, Timed: true,
					Value: []byte(`{"magnitude":1}`), Source: source}
				if mode == "by itself" {
					if _, added, err := f.as(who).AddDatum(t.Context(), &in); err != nil || added != Created {
						t.Fatal(who, added, err)
					}
					return
				}
				sent := 0
				r, err := f.as(who).AddData(t.Context(), false, func() (DatumInput, int, error) {
					if sent++; sent > 3 {
						return DatumInput{}, 0, io.EOF
					}
					in := in
					in.Value = fmt.Appendf(nil, `{"magnitude":%d}`, sent)
					return in, sent, nil
				})
				if err != nil || r.Created != 3 || r.Duplicate != 0 {
					t.Fatal(who, r, err)
				}
			}
			post("astro", "the secret camera")
			post("carol", "the open camera")
			for who, source := range map[string]string{"astro": "the secret camera", "carol": "the open camera"} {
				all, own := f.data(who, DatumFilter{}), f.data(who, DatumFilter{Source: source})
				if len(all) == 0 || !slices.Equal(all, own) {
					t.Errorf("%s finds %v, and %v of %s", who, all, own, source)
				}
			}
		})
	}
}
