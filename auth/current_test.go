package auth

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"nightjar/internal/problem"
	"nightjar/kv"
)

// TestPolicyAtOnce: when two clients change two settings at once, both changes take effect, even if
// one client reads the policy before the other's change and stores it last.
func TestPolicyAtOnce(t *testing.T) {
	f := setup(t)
	set := func(name, value string) error {
		err := f.db.Update(t.Context(), f.owner.Author(),
			func(tx *kv.WriteTx) error { return tx.SetSetting(name, value) })
		return errors.Join(err, f.LoadPolicy())
	}
	other := make(chan error, 1)
	begun := false
	f.policyRead = func() {
		if begun {
			return
		}
		begun = true
		go func() { other <- set(SettingStrategy, string(Locked)) }()
		time.Sleep(200 * time.Millisecond) // in which the other one ends, if nothing holds it up
	}
	if err := errors.Join(set(SettingMode, string(ModeObjects)), <-other); err != nil {
		t.Fatal(err)
	}
	if got, want := f.Policy(), (Policy{ModeObjects, Locked}); got != want {
		t.Errorf("the policy is %v, and the settings say %v", got, want)
	}
}

// TestCurrent: Current looks up everything that decides what a viewer may do.
func TestCurrent(t *testing.T) {
	for name, c := range map[string]struct {
		with string // password, token, session or owner
		do   func(f *fixture, u UserInfo, token uint64) error
		want func(v Viewer, err error) bool
	}{
		"nothing": {"token", func(*fixture, UserInfo, uint64) error { return nil },
			func(v Viewer, err error) bool { return err == nil && v.Superuser && len(v.Groups) == 1 }},
		"demoted": {"token", func(f *fixture, u UserInfo, _ uint64) error {
			no := false
			_, err := f.ChangeUser(f.t.Context(), f.owner, u.ID, UserChange{Superuser: &no})
			return err
		}, func(v Viewer, err error) bool { return err == nil && !v.Superuser }},
		"out of the group": {"password", func(f *fixture, u UserInfo, _ uint64) error {
			return f.Join(f.t.Context(), f.owner, u.Groups[0].ID, u.ID, false)
		}, func(v Viewer, err error) bool { return err == nil && len(v.Groups) == 0 }},
		"renamed": {"session", func(f *fixture, u UserInfo, _ uint64) error {
			_, err := f.ChangeUser(f.t.Context(), f.owner, u.ID, UserChange{Name: text("karla")})
			return err
		}, func(v Viewer, err error) bool { return err == nil && v.Name == "karla" }},
		"another password, with the old one": {"password", newPassword,
			func(_ Viewer, err error) bool { return errors.Is(err, ErrBadPassword) }},
		"another password, with a session": {"session", newPassword,
			func(_ Viewer, err error) bool { return errors.Is(err, ErrBadToken) }},
		"another password, with a token": {"token", newPassword,
			func(_ Viewer, err error) bool { return err == nil }},
		"revoked": {"token", func(f *fixture, _ UserInfo, token uint64) error {
			return f.RevokeToken(f.t.Context(), f.owner, token)
		}, func(_ Viewer, err error) bool { return errors.Is(err, ErrBadToken) }},
		"expired": {"session", func(f *fixture, _ UserInfo, _ uint64) error {
			f.clock = f.clock.Add(sessionFor)
			return nil
		},
			func(_ Viewer, err error) bool { return errors.Is(err, ErrBadToken) }},
		"deleted": {"password", deleted,
			func(_ Viewer, err error) bool { return errors.Is(err, ErrBadPassword) }},
		"deleted, while the owner acts so": {"owner", deleted,
			func(_ Viewer, err error) bool { return isKind(err, problem.NotFound) }},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			u := f.user("carol", true, "Observers")
			ctx := t.Context()
			var v Viewer
			var info TokenInfo
			var err error
			switch c.with {
			case "password":
				v, err = f.Basic(ctx, "carol", "carol-pass-1", "::1")
			case "token":
				if info, err = f.CreateToken(ctx, f.owner,
					NewToken{User: u.ID, Expires: f.clock.Add(time.Hour)}); err == nil {
					v, err = f.WithToken(info.Secret, "::1")
				}
			case "session":
				if info, err = f.SignIn(ctx, "carol", "carol-pass-1", "::1"); err == nil {
					v, err = f.WithToken(info.Secret, "::1")
				}
			case "owner":
				v, err = f.As("carol")
			}
			if err = errors.Join(err, c.do(f, u, info.ID)); err != nil {
				t.Fatal(err)
			}
			var now Viewer
			var failed error
			err = f.db.View(func(tx *kv.Tx) error { now, _, failed = f.Current(tx, v); return nil })
			if err != nil || !c.want(now, failed) {
				t.Errorf("%+v, %v, %v", now, failed, err)
			}
		})
	}
}

func newPassword(f *fixture, u UserInfo, _ uint64) error {
	_, err := f.ChangeUser(f.t.Context(), f.owner, u.ID, UserChange{Password: text("quite-another-1")})
	return err
}

func deleted(f *fixture, u UserInfo, _ uint64) error {
	return f.DeleteUser(f.t.Context(), f.owner, u.ID)
}

// TestLost: an answer continues while its viewer has lost no right.
func TestLost(t *testing.T) {
	for _, c := range []struct {
		before, now Viewer
		want        bool
	}{
		{Viewer{ID: 1}, Viewer{ID: 1}, false},
		{Viewer{ID: 1, Groups: []uint64{2, 3}}, Viewer{ID: 1, Groups: []uint64{3, 4, 2}}, false},
		{Viewer{ID: 1, Groups: []uint64{2, 3}}, Viewer{ID: 1, Groups: []uint64{2}}, true},
		{Viewer{ID: 1, Superuser: true}, Viewer{ID: 1}, true},
		{Viewer{ID: 1, Groups: []uint64{2}}, Viewer{ID: 1, Superuser: true}, false},
	} {
		if got := c.now.Lost(c.before); got != c.want {
			t.Errorf("%+v after %+v: %v", c.now, c.before, got)
		}
	}
}

// BenchmarkCurrent looks up a viewer with a token: the cost of current rights in each transaction.
func BenchmarkCurrent(b *testing.B) {
	db, err := kv.Open(filepath.Join(b.TempDir(), "test.db"), Tables(), kv.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	a, err := New(db, Options{})
	if err != nil {
		b.Fatal(err)
	}
	name := "carol"
	u, err := a.CreateUser(b.Context(), FileOwner(), UserChange{Name: &name})
	if err != nil {
		b.Fatal(err)
	}
	t, err := a.CreateToken(b.Context(), FileOwner(), NewToken{User: u.ID})
	if err != nil {
		b.Fatal(err)
	}
	v, err := a.WithToken(t.Secret, "")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	err = db.View(func(tx *kv.Tx) error {
		for b.Loop() {
			if _, _, err := a.Current(tx, v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
