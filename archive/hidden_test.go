package archive

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"nightjar/auth"
	"nightjar/internal/problem"
)

// TestRefusedDuplicate: the existing datum does not get the product of a refused duplicate.
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
		t.Errorf("the product has %d datums, want 3", n)
	}
}

// TestHiddenNames: naming a hidden target gives the same error as naming none.
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
		t.Errorf("a hidden name wins over a visible alias: %s", got)
	}
}

// TestHiddenObservation: a product does not show an observation that its viewer does not see.
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
	for user, want := range map[string]uint64{"astro": o.ID, "carol": 0, "admin": o.ID} {
		var got uint64
		err := f.as(user).Product(t.Context(), p.ID,
			ProductOut{Begin: func(Extent) error { return nil }, End: func() error { return nil },
				Flush:   func() error { return nil },
				Product: func(v *ProductView) error { got = v.Observation; return nil }})
		if err != nil || got != want {
			t.Errorf("%s sees the observation %d, want %d (%v)", user, got, want, err)
		}
	}
}

// TestHiddenSource: a user who posts a datum that exists, hidden and with another source, sees
// their own source and not the other.
func TestHiddenSource(t *testing.T) {
	for _, mode := range []string{"by itself", "staged"} {
		t.Run(mode, func(t *testing.T) {
			f := open(t, Options{StageFrom: 1})
			f.mode(auth.ModeObjects, auth.ReadOnly)
			id := f.target("admin", "T", f.group)
			post := func(user, source string) {
				t.Helper()
				in := DatumInput{Target: id, Type: "photometry", Time: 1e6, Timed: true,
					Value: []byte(`{"magnitude":1}`), Source: source}
				if mode == "by itself" {
					if _, added, err := f.as(user).AddDatum(t.Context(), &in); err != nil || added != Created {
						t.Fatal(user, added, err)
					}
					return
				}
				sent := 0
				r, err := f.as(user).AddDatums(t.Context(), false, func() (DatumInput, int, error) {
					if sent++; sent > 3 {
						return DatumInput{}, 0, io.EOF
					}
					in := in
					in.Value = fmt.Appendf(nil, `{"magnitude":%d}`, sent)
					return in, sent, nil
				})
				if err != nil || r.Created != 3 || r.Duplicate != 0 {
					t.Fatal(user, r, err)
				}
			}
			post("astro", "the secret camera")
			post("carol", "the open camera")
			for user, source := range map[string]string{"astro": "the secret camera", "carol": "the open camera"} {
				all, own := f.data(user, DatumFilter{}), f.data(user, DatumFilter{Source: source})
				if len(all) == 0 || !slices.Equal(all, own) {
					t.Errorf("%s finds %v, and %v of %s", user, all, own, source)
				}
			}
		})
	}
}

// shown is what a user sees of the datums below: for each row its product.
type shown map[string]string

// TestShownProduct uploads three products that share rows. A row shows, is filtered by and is
// nested under only the first product that the viewer sees, and the next one after that is deleted.
func TestShownProduct(t *testing.T) {
	const one, two, three = "55951,r,15\n", "55952,r,16\n", "55953,r,17\n"
	steps := map[auth.Mode][]struct {
		deletes, product string // first, this user deletes this product
		sees             map[string]shown
	}{
		auth.ModeTargets: {
			{"", "", map[string]shown{
				"astro": {"1": "P1", "2": "P1", "3": "P2"}, "carol": {"1": "P1", "2": "P1",
					"3": "P2"}, "bob": {"1": "P1", "2": "P1", "3": "P2"},
				"admin": {"1": "P1", "2": "P1", "3": "P2"}, "eve": {}, "": {}}},
			{"carol", "P1", map[string]shown{"astro": {"2": "P2", "3": "P2"}, "bob": {"2": "P2", "3": "P2"},
				"admin": {"2": "P2", "3": "P2"}}},
			{"astro", "P2", map[string]shown{"astro": {"2": "P3"}, "carol": {"2": "P3"},
				"admin": {"2": "P3"}, "eve": {}}},
			{"bob", "P3", map[string]shown{"astro": {}, "bob": {}, "admin": {}}},
		},
		auth.ModeObjects: { // P1 is held by astro, P2 by carol and her group, astro's as well, P3 by bob
			{"", "", map[string]shown{
				"astro": {"1": "P1", "2": "P1", "3": "P2"}, "carol": {"2": "P2", "3": "P2"}, "bob": {"2": "P3"},
				"admin": {"1": "P1", "2": "P1", "3": "P2"}, "eve": {}, "": {}}},
			{"astro", "P1", map[string]shown{"astro": {"2": "P2", "3": "P2"}, "carol": {"2": "P2", "3": "P2"},
				"bob": {"2": "P3"}, "admin": {"2": "P2", "3": "P2"}}},
			{"carol", "P2", map[string]shown{"astro": {}, "carol": {}, "bob": {"2": "P3"}, "admin": {"2": "P3"}}},
			{"bob", "P3", map[string]shown{"bob": {}, "admin": {}}},
		},
	}
	for mode, steps := range steps {
		for _, stageFrom := range []int{0, 1} { // as one transaction, and staged
			t.Run(fmt.Sprintf("%s, %d", mode, stageFrom), func(t *testing.T) {
				f := open(t, Options{StageFrom: stageFrom})
				f.mode(mode, auth.ReadOnly)
				g, err := f.auth.CreateGroup(t.Context(), auth.FileOwner(), "Others")
				if err != nil {
					t.Fatal(err)
				}
				if err := f.auth.Join(t.Context(), auth.FileOwner(), g.ID, f.users["bob"].ID, true); err != nil {
					t.Fatal(err)
				}
				id := f.target("admin", "T", f.group, g.ID)
				products := map[string]uint64{}
				up := func(name, user, rows string, groups ...uint64) {
					t.Helper()
					in := &ProductInput{Target: id, Type: "photometry", FileName: name + ".csv",
						ProductID: "id of " + name}
					p, _, err := f.uploadAs(user, in, "time,filter,magnitude\n"+rows, groups...)
					if err != nil {
						t.Fatal(err)
					}
					products[name] = p.ID
				}
				up("P1", "astro", one+two)
				up("P2", "carol", two+three, f.group)
				up("P3", "bob", two)
				for _, step := range steps {
					if step.product != "" {
						if err := f.as(step.deletes).DeleteProduct(t.Context(), products[step.product]); err != nil {
							t.Fatal(err)
						}
					}
					for user, want := range step.sees {
						f.sameShown(user, products, want)
					}
				}
			})
		}
	}
}

// sameShown compares what a user sees of the datums of some products, by every kind of query, with
// want.
func (f *fixture) sameShown(user string, products map[string]uint64, want shown) {
	f.t.Helper()
	names := map[uint64]string{}
	for name, id := range products {
		names[id] = name
	}
	rowName := func(v *DatumView) string { return fmt.Sprint(v.Time/86400e6 + 40587 - 55950) }
	got := shown{}
	list := func(filter DatumFilter) (rows []string) {
		f.t.Helper()
		_, count, err := Collect(func(out Out[DatumView]) error {
			out.Row = func(v *DatumView) error {
				rows = append(rows, rowName(v))
				got[rowName(v)] = names[v.Product]
				one, err := f.as(user).Datum(v.ID)
				if err == nil && one.Product != v.Product {
					f.t.Errorf("%s: datum %d shows product %d in the list and %d alone", user, v.ID,
						v.Product, one.Product)
				}
				return err
			}
			return f.as(user).Datums(f.t.Context(), filter, Page{Limit: 100}, out)
		})
		if err != nil || count != len(rows) {
			f.t.Errorf("%s: %d rows, %d counted, %v", user, len(rows), count, err)
		}
		return rows
	}
	list(DatumFilter{})
	if !maps.Equal(got, want) {
		f.t.Errorf("%q sees %v, not %v", user, got, want)
	}
	nested := map[string][]string{}
	var open string
	err := f.as(user).Products(f.t.Context(), ProductFilter{}, Page{Limit: 100}, ProductOut{
		Begin:   func(Extent) error { return nil },
		Product: func(p *ProductView) error { open = names[p.ID]; return nil },
		Datum:   func(v *DatumView) error { nested[open] = append(nested[open], rowName(v)); return nil },
		End:     func() error { return nil },
		Flush:   func() error { return nil },
	})
	if err != nil {
		f.t.Error(err)
	}
	for name, id := range products {
		var rows []string
		for row, product := range want {
			if product == name {
				rows = append(rows, row)
			}
		}
		slices.Sort(rows)
		for how, filter := range map[string]DatumFilter{"id": {Product: Some(id)},
			"product id": {ProductID: "id of " + name}, "file": {ProductID: name +
				".csv"}, "part of a name": {ProductName: "OF " + name}} {
			if got := list(filter); !slices.Equal(got, rows) {
				f.t.Errorf("%q asks for %s by %s: %v, not %v", user, name, how, got, rows)
			}
		}
		if !slices.Equal(nested[name], rows) {
			f.t.Errorf("%q: %v are nested under %s, not %v", user, nested[name], name, rows)
		}
	}
}
