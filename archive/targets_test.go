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

// TestWithdraw removes the grants of a group on a target: who may do it, and what its users and the
// sets show then.
func TestWithdraw(t *testing.T) {
	for _, mode := range []auth.Mode{auth.ModeTargets, auth.ModeObjects} {
		t.Run(string(mode), func(t *testing.T) {
			f := open(t, Options{})
			f.mode(mode, auth.ReadOnly)
			others, err := f.auth.CreateGroup(t.Context(), auth.FileOwner(), "Others")
			if err != nil {
				t.Fatal(err)
			}
			id, kept := f.target("astro", "shared", f.group), f.target("astro", "kept", f.group)
			for _, target := range []uint64{id, kept} {
				if _, _, err := f.upload("astro", target, "a.csv", lightCurveCSV, f.group); err != nil {
					t.Fatal(err)
				}
			}
			s := f.as("astro")
			reader := f.users["astro"]
			reader.ReadOnly = true
			for name, c := range map[string]struct {
				s             *Session
				target, group uint64
				kind          problem.Kind
			}{
				"a guest":               {f.as(""), id, f.group, problem.Unauthenticated},
				"a token that reads":    {f.For(reader), id, f.group, problem.Forbidden},
				"a stranger":            {f.as("bob"), id, f.group, problem.NotFound},
				"no such target":        {s, 99, f.group, problem.NotFound},
				"no such group":         {s, id, 99, problem.NotFound},
				"nothing granted to it": {s, id, others.ID, problem.NotFound},
				"a user with that id":   {s, id, f.users["astro"].ID, problem.NotFound}, // has rights as a user
			} {
				if err := c.s.Withdraw(t.Context(), c.target, c.group); !refusedAs(err, c.kind) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if n := len(f.data("carol", DatumFilter{})); n != 6 {
				t.Errorf("carol sees %d rows before", n)
			}
			head := f.db.Head()
			before, err := s.Target(id)
			if err == nil {
				err = s.Withdraw(t.Context(), id, f.group)
			}
			if err != nil {
				t.Fatal(err)
			}
			after, err := s.Target(id)
			if err != nil || len(before.Groups) != 1 || len(after.Groups) != 0 || after.Modified < before.Modified {
				t.Errorf("%+v, then %+v, %v", before, after, err)
			}
			if f.db.Head().Seq != head.Seq+1 {
				t.Error("the log has no entry of it")
			}
			left := 3
			if mode == auth.ModeObjects {
				left = 6 // the group was named with the files, too
			}
			for user, want := range map[string]int{"astro": 6, "carol": left, "bob": 0, "admin": 6, "": 0} {
				if n := len(f.data(user, DatumFilter{})); n != want {
					t.Errorf("%q sees %d rows, not %d", user, n, want)
				}
				if n := len(f.data(user, DatumFilter{Target: Some(id)})); n != want-min(want, 3) {
					t.Errorf("%q sees %d rows of the target", user, n)
				}
			}
			if _, err := f.as("carol").Target(id); !refusedAs(err, problem.NotFound) {
				t.Errorf("carol sees the target: %v", err)
			}
			if got := f.targets("carol", TargetFilter{}); len(got) != 1 || got[0] != "kept" {
				t.Errorf("carol lists %v", got)
			}
			// an open target stays visible, but can no longer be changed
			open := &TargetInput{Visibility: Some("OPEN")}
			if _, err := s.ChangeTarget(t.Context(), id, open, false); err != nil {
				t.Fatal(err)
			}
			if err := f.as("carol").Withdraw(t.Context(), id, f.group); !refusedAs(err, problem.Forbidden) {
				t.Errorf("carol, who may only view: %v", err)
			}
			if may, err := f.as("carol").MayChangeTarget(id); may || err != nil {
				t.Errorf("carol may change it: %v", err)
			}
			// and a group may remove its own grants
			if err := f.as("carol").Withdraw(t.Context(), kept, f.group); err != nil {
				t.Error(err)
			}
			if _, err := f.as("carol").Target(kept); !refusedAs(err, problem.NotFound) {
				t.Errorf("carol sees what she gave up: %v", err)
			}
		})
	}
}
