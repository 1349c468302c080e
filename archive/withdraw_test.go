package archive

import (
	"testing"

	"nightjar/auth"
	"nightjar/internal/problem"
)

// TestWithdraw takes away from a group what it was granted on a target: who may do it, and what is
// seen then, by users and in sets.
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
				"a user of that number": {s, id, f.users["astro"].ID, problem.NotFound}, // who has rights, as a user
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
				t.Error("the log does not tell of it")
			}
			for user, want := range map[string]int{"astro": 6, "carol": 3, "bob": 0, "admin": 6, "": 0} {
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
			// what is open is still seen, but no longer changed
			open := &TargetInput{Visibility: Some("OPEN")}
			if _, err := s.ChangeTarget(t.Context(), id, open, false); err != nil {
				t.Fatal(err)
			}
			if err := f.as("carol").Withdraw(t.Context(), id, f.group); !refusedAs(err, problem.Forbidden) {
				t.Errorf("carol, who may only look: %v", err)
			}
			if may, err := f.as("carol").MayChangeTarget(id); may || err != nil {
				t.Errorf("carol may change it: %v", err)
			}
			// and a group may take its own rights away
			if err := f.as("carol").Withdraw(t.Context(), kept, f.group); err != nil {
				t.Error(err)
			}
			if _, err := f.as("carol").Target(kept); !refusedAs(err, problem.NotFound) {
				t.Errorf("carol sees what she gave up: %v", err)
			}
		})
	}
}
