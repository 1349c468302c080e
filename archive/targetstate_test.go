package archive

import (
	"errors"
	"testing"

	"nightjar/auth"
	"nightjar/internal/problem"
)

// TestTargetState: the state of a target counts what its lists show, in both modes and for each
// viewer.
func TestTargetState(t *testing.T) {
	for _, mode := range []auth.Mode{auth.ModeTargets, auth.ModeObjects} {
		f := open(t, Options{})
		f.mode(mode, auth.ReadOnly)
		id := f.target("astro", "T", f.group)
		other := f.target("astro", "U", f.group)
		for i, target := range []uint64{id, other, id} {
			in := &DatumInput{Target: target, Type: "photometry", Time: int64(i), Timed: true,
				Value: []byte(`{"magnitude":1}`)}
			if _, _, err := f.as("astro").AddDatum(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
		p := &ProductInput{Target: id, Type: "photometry", FileName: "a.csv"}
		if _, _, err := f.uploadAs("astro", p, lightCurveCSV, f.group); err != nil {
			t.Fatal(err)
		}
		for _, who := range []string{"astro", "carol", "admin"} {
			s := f.as(who)
			got, err := s.TargetState(id)
			if err != nil {
				t.Fatal(err)
			}
			want := TargetState{Modified: got.Modified}
			one := Page{Limit: 1}
			err = errors.Join(
				s.Datums(t.Context(), DatumFilter{Target: Some(id), Descending: true}, one,
					Out[DatumView]{Begin: func(e Extent) error {
						want.Datums = RowCount{e.Count, e.First.ID}
						return nil
					}}),
				s.Products(t.Context(), ProductFilter{Target: Some(id)}, one, ProductOut{
					Begin:   func(e Extent) error { want.Products = RowCount{e.Count, e.First.ID}; return nil },
					Product: func(*ProductView) error { return nil },
				}))
			if v, err := s.Target(id); err != nil || v.Modified != got.Modified {
				t.Errorf("%s, mode %s: modified %d: %v", who, mode, got.Modified, err)
			}
			if err != nil || got != want || who != "carol" && (got.Datums.Rows < 2 || got.Products.Rows != 1) {
				t.Errorf("%s, mode %s: %+v, the lists have %+v (%v)", who, mode, got, want, err)
			}
		}
		var refused *problem.Error
		if _, err := f.as("eve").TargetState(id); !errors.As(err, &refused) || refused.Kind != problem.NotFound {
			t.Errorf("a target that is hidden: %v", err)
		}
	}
}
