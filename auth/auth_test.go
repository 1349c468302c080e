package auth

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nightjar/internal/problem"
	"nightjar/kv"
)

type fixture struct {
	*Auth
	t     *testing.T
	clock time.Time
	owner Viewer
}

func setup(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), owner: FileOwner()}
	now := func() time.Time { return f.clock }
	db, err := kv.Open(filepath.Join(t.TempDir(), "test.db"), Tables(), kv.Options{NoSync: true, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r, err := db.Verify(context.Background(), kv.CheckOptions{})
		if err = errors.Join(err, r.Err(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	if f.Auth, err = New(db, Options{Now: now}); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) user(name string, super bool, groups ...string) UserInfo {
	f.t.Helper()
	password, refs := name+"-pass-1", []GroupRef{}
	for _, g := range groups {
		if _, err := f.CreateGroup(f.t.Context(), f.owner, g); err != nil && !isProblem(err, "name") {
			f.t.Fatal(err)
		}
		refs = append(refs, GroupRef{Name: g})
	}
	u, err := f.CreateUser(f.t.Context(), f.owner,
		UserChange{Name: &name, Password: &password, Superuser: &super, Groups: &refs})
	if err != nil {
		f.t.Fatal(err)
	}
	return u
}

func (f *fixture) viewer(name string) Viewer {
	f.t.Helper()
	v, err := f.Basic(f.t.Context(), name, name+"-pass-1", "127.0.0.1")
	if err != nil {
		f.t.Fatal(err)
	}
	return v
}

func isProblem(err error, path string) bool {
	var p *problem.List
	return errors.As(err, &p) && p.Has(path)
}

func isKind(err error, k problem.Kind) bool {
	var e *problem.Error
	return errors.As(err, &e) && e.Kind == k
}

func TestUsersAndGroups(t *testing.T) {
	f := setup(t)
	ctx := t.Context()
	f.user("admin", true)
	astro := f.user("astro", false, "Observers", "Public")
	f.user("bob", false)
	admin, bob := f.viewer("admin"), f.viewer("bob")
	if !slices.Equal(astro.Groups, []GroupInfo{{1, "Observers"}, {2, "Public"}}) || !astro.Password {
		t.Errorf("%+v", astro)
	}
	bad := []struct {
		in   UserChange
		path string
	}{
		{UserChange{}, "username"},
		{UserChange{Name: text("")}, "username"},
		{UserChange{Name: text("a b")}, "username"},
		{UserChange{Name: text(strings.Repeat("x", 151))}, "username"},
		{UserChange{Name: text("astro")}, "username"},
		{UserChange{Name: text("new"), Password: text("short")}, "password"},
		{UserChange{Name: text("new"), Groups: &[]GroupRef{{Name: "none"}}}, "groups"},
		{UserChange{Name: text("new"), Groups: &[]GroupRef{{ID: 99}}}, "groups"},
	}
	for _, c := range bad {
		if _, err := f.CreateUser(ctx, admin, c.in); !isProblem(err, c.path) {
			t.Errorf("%+v: %v", c.in, err)
		}
	}
	for viewer, v := range map[string]Viewer{"bob": bob, "a guest": {}} {
		if _, err := f.CreateUser(ctx, v, UserChange{Name: text("new")}); !isKind(err, problem.Forbidden) &&
			!isKind(err, problem.Unauthenticated) {
			t.Errorf("%s made a user: %v", viewer, err)
		}
		if _, err := f.CreateGroup(ctx, v, "new"); err == nil {
			t.Errorf("%s made a group", viewer)
		}
		if err := f.DeleteUser(ctx, v, astro.ID); err == nil {
			t.Errorf("%s deleted a user", viewer)
		}
		if err := f.DeleteGroup(ctx, v, 1); err == nil {
			t.Errorf("%s deleted a group", viewer)
		}
		if err := f.Join(ctx, v, 1, bob.ID, true); err == nil {
			t.Errorf("%s joined a group", viewer)
		}
		if _, err := f.User(v, astro.ID); !isKind(err, problem.NotFound) {
			t.Errorf("%s knows of astro: %v", viewer, err)
		}
		if _, err := f.Group(v, 1); !isKind(err, problem.NotFound) {
			t.Errorf("%s knows of a group: %v", viewer, err)
		}
	}
	if list, n, _ := f.Users(bob, "", Page{Limit: 10}); n != 1 || list[0].Name != "bob" {
		t.Errorf("bob sees %v", list)
	}
	if _, n, _ := f.Users(admin, "", Page{Limit: 10}); n != 3 {
		t.Errorf("admin sees %d users", n)
	}
	if list, n, _ := f.Groups(f.viewer("astro"), true, "", Page{Limit: 1}); n != 2 || len(list) != 1 {
		t.Errorf("astro's groups: %v of %d", list, n)
	}
	if _, n, _ := f.Groups(admin, false, "", Page{Limit: 10}); n != 0 {
		t.Errorf("admin is in %d groups", n)
	}
	if _, n, _ := f.Groups(admin, true, "", Page{Limit: 10}); n != 2 {
		t.Errorf("admin sees %d groups", n)
	}
	if list, n, _ := f.Users(admin, "bob", Page{Limit: 10}); n != 1 || list[0].Name != "bob" {
		t.Errorf("users called bob: %v", list)
	}
	if _, n, _ := f.Groups(admin, true, "nothing", Page{Limit: 10}); n != 0 {
		t.Errorf("%d groups called nothing", n)
	}
	// joining, leaving, renaming, deleting
	for range 2 {
		if err := f.Join(ctx, admin, 1, bob.ID, true); err != nil {
			t.Error(err)
		}
	}
	if m, _ := f.Members(admin, 1); len(m) != 2 {
		t.Errorf("members: %v", m)
	}
	if err := f.Join(ctx, admin, 1, bob.ID, false); err != nil {
		t.Error(err)
	}
	if _, err := f.RenameGroup(ctx, admin, 1, "Public"); !isProblem(err, "name") {
		t.Errorf("renamed to the name of another: %v", err)
	}
	if g, err := f.RenameGroup(ctx, admin, 1, " Night shift "); err != nil || g.Name != "Night shift" {
		t.Errorf("%v, %v", g, err)
	}
	var forgotten []Grantee
	f.Forget = func(_ *kv.WriteTx, g Grantee) error { forgotten = append(forgotten, g); return nil }
	if err := f.DeleteGroup(ctx, admin, 1); err != nil {
		t.Error(err)
	}
	if u, _ := f.User(admin, astro.ID); len(u.Groups) != 1 {
		t.Errorf("%+v", u)
	}
	if err := f.DeleteUser(ctx, admin, astro.ID); err != nil {
		t.Error(err)
	}
	if _, err := f.Basic(ctx, "astro", "astro-pass-1", ""); !isKind(err, problem.Unauthenticated) {
		t.Errorf("astro is gone: %v", err)
	}
	if !slices.Equal(forgotten, []Grantee{GroupGrantee(1), UserGrantee(astro.ID)}) {
		t.Errorf("forgotten: %v", forgotten)
	}
}

func text(s string) *string { return &s }

func TestPasswords(t *testing.T) {
	f := setup(t)
	ctx := t.Context()
	bob := f.user("bob", false)
	f.user("nopass", false)
	v := f.viewer("bob")
	for _, c := range [][2]string{{"bob", "bob-pass-2"}, {"bob", ""}, {"BOB", "bob-pass-1"}, {"nobody", "x"}, {"", ""},
		{"bob", strings.Repeat("x", 5000)}} {
		if _, err := f.Basic(ctx, c[0], c[1], "127.0.0.1"); !isKind(err, problem.Unauthenticated) {
			t.Errorf("%q: %v", c, err)
		}
	}
	if _, err := f.ChangeUser(ctx, v, bob.ID, UserChange{Password: text("another-1"), Old: "wrong"}); !isProblem(err,
		"current_password") {
		t.Errorf("with a wrong old password: %v", err)
	}
	if _, err := f.ChangeUser(ctx, v, bob.ID, UserChange{Superuser: new(bool)}); !isKind(err, problem.Forbidden) {
		t.Errorf("bob changes their own rights: %v", err)
	}
	root := f.user("root", true)
	if _, err := f.ChangeUser(ctx, f.viewer("root"), root.ID,
		UserChange{Password: text("another-1"), Old: "wrong"}); !isProblem(err, "current_password") {
		t.Errorf("a superuser with a wrong old password: %v", err)
	}
	minted, err := f.Mint(ctx, "bob", "bob-pass-1", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	named, _ := f.CreateToken(ctx, v, NewToken{Name: "script"})
	if _, err := f.ChangeUser(ctx, v, bob.ID, UserChange{Password: text("another-1"), Old: "bob-pass-1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Basic(ctx, "bob", "bob-pass-1", "127.0.0.1"); !isKind(err, problem.Unauthenticated) {
		t.Errorf("the old password, which was remembered: %v", err)
	}
	if _, err := f.Basic(ctx, "bob", "another-1", "127.0.0.1"); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if _, err := f.WithToken(minted.Secret, ""); err == nil {
		t.Error("the minted token outlived the password")
	}
	if _, err := f.WithToken(named.Secret, ""); err != nil {
		t.Errorf("the named token: %v", err)
	}
	// a user without a password, who can only sign in with a token
	name := "invited"
	u, err := f.CreateUser(ctx, f.owner, UserChange{Name: &name})
	if err != nil || u.Password {
		t.Fatal(u, err)
	}
	if _, err := f.Basic(ctx, name, "", ""); !isKind(err, problem.Unauthenticated) {
		t.Errorf("no password is not an empty one: %v", err)
	}
}

// TestLongPassword: the longest allowed password matches only itself, and no longer one can be set.
func TestLongPassword(t *testing.T) {
	f := setup(t)
	ctx := t.Context()
	bob := f.user("bob", false)
	v, err := f.viewer("bob"), error(nil)
	longest := strings.Repeat("é", MaxPassword/2)
	change := func(password, old string) error {
		_, err := f.ChangeUser(ctx, v, bob.ID, UserChange{Password: &password, Old: old})
		return err
	}
	for _, tooLong := range []string{longest + "x", strings.Repeat("x", MaxPassword+1)} {
		if err := change(tooLong, "bob-pass-1"); !isProblem(err, "password") ||
			!strings.Contains(fmt.Sprint(err), fmt.Sprint(MaxPassword, " bytes")) {
			t.Errorf("%d bytes: %v", len(tooLong), err)
		}
	}
	if err := change(longest, "bob-pass-1"); err != nil {
		t.Fatal(err)
	}
	if v, err = f.Basic(ctx, "bob", longest, "127.0.0.1"); err != nil { // the viewer with the old one has ended
		t.Fatal(err)
	}
	for _, wrong := range []string{longest + "x", longest + longest, longest[:MaxPassword-2]} {
		if _, err := f.Basic(ctx, "bob", wrong, "127.0.0.1"); !isKind(err, problem.Unauthenticated) {
			t.Errorf("%d bytes open: %v", len(wrong), err)
		}
		if err := change("another-1", wrong); !isProblem(err, "current_password") {
			t.Errorf("%d bytes as the old password: %v", len(wrong), err)
		}
	}
	if _, err := f.Basic(ctx, "bob", longest, "127.0.0.1"); err != nil {
		t.Errorf("the password itself: %v", err)
	}
}

func TestLimits(t *testing.T) {
	f := setup(t)
	ctx := t.Context()
	f.user("bob", false)
	f.viewer("bob") // verified just now: an attacker cannot lock this client out
	fail := func(addr string) error {
		_, err := f.Basic(ctx, "bob", "wrong", addr)
		return err
	}
	for range FailedLogins {
		f.limits.failed("bob", "10.0.0.1")
	}
	var e *problem.Error
	if err := fail("10.0.0.1"); !errors.As(err, &e) || e.Kind != problem.TooMany || e.RetryAfter <= 0 ||
		e.RetryAfter > attemptsFor {
		t.Errorf("after %d failures: %v", FailedLogins, err)
	}
	if _, err := f.Basic(ctx, "bob", "bob-pass-1", "10.0.0.1"); err != nil {
		t.Errorf("a credential that was verified before: %v", err)
	}
	if err := fail("10.0.0.2"); !isKind(err, problem.Unauthenticated) {
		t.Errorf("from another address: %v", err)
	}
	f.clock = f.clock.Add(attemptsFor + time.Second)
	if err := fail("10.0.0.1"); !isKind(err, problem.Unauthenticated) {
		t.Errorf("some minutes later: %v", err)
	}
	for i := range accountsFailing * FailedLogins {
		f.limits.failed(fmt.Sprint(i), "10.0.0.3")
	}
	if err := fail("10.0.0.3"); !isKind(err, problem.TooMany) {
		t.Errorf("many names from one address: %v", err)
	}
}

// A client that keeps working can sign in, in every way, while others at the same address fail; a
// new client must wait.
func TestLimitsSpareWorkers(t *testing.T) {
	f := setup(t)
	ctx := t.Context()
	f.user("bob", false)
	signIn := map[string]func(password string) error{
		"basic":      func(p string) error { _, err := f.Basic(ctx, "bob", p, "10.0.0.1"); return err },
		"token-auth": func(p string) error { _, err := f.Mint(ctx, "bob", p, "10.0.0.1"); return err },
		"session":    func(p string) error { _, err := f.SignIn(ctx, "bob", p, "10.0.0.1"); return err },
	}
	if err := signIn["basic"]("bob-pass-1"); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		f.clock = f.clock.Add(rememberFor - time.Second)
		for range FailedLogins {
			f.limits.failed("bob", "10.0.0.1")
		}
		for name, open := range signIn {
			if err := open("bob-pass-1"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := open("wrong"); !isKind(err, problem.TooMany) {
				t.Errorf("%s with a wrong password: %v", name, err)
			}
		}
	}
	f.clock = f.clock.Add(rememberFor + time.Second)
	for range FailedLogins {
		f.limits.failed("bob", "10.0.0.1")
	}
	if err := signIn["basic"]("bob-pass-1"); !isKind(err, problem.TooMany) {
		t.Errorf("after a pause: %v", err)
	}
}

// Concurrent attempts are limited like attempts one after the other.
func TestLimitsAtOnce(t *testing.T) {
	f := setup(t)
	f.user("bob", false)
	var group sync.WaitGroup
	var looked atomic.Int32
	for range 4 * FailedLogins {
		group.Go(func() {
			if _, err := f.Basic(t.Context(), "bob", "wrong", "10.0.0.1"); isKind(err, problem.Unauthenticated) {
				looked.Add(1)
			}
		})
	}
	group.Wait()
	if n := looked.Load(); n < FailedLogins || n > FailedLogins+argonAtOnce {
		t.Errorf("%d passwords were tried, and %d may be", n, FailedLogins)
	}
}

// The addresses of an IPv6 network count as one, as do the two forms of an IPv4 address.
func TestLimitsByNetwork(t *testing.T) {
	f := setup(t)
	f.user("bob", false)
	for i := range FailedLogins {
		f.limits.failed("bob", fmt.Sprintf("2001:db8::%x", i))
		f.limits.failed("bob", "::ffff:10.0.0.1")
	}
	for addr, limited := range map[string]bool{"2001:db8::ffff": true, "2001:db8:0:1::1": false, "10.0.0.1": true,
		"10.0.0.2": false, "local": false} {
		if _, err := f.Basic(t.Context(), "bob", "wrong", addr); isKind(err, problem.TooMany) != limited {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

// The memory for failed logins does not grow with the length of the names.
func TestLimitsByLongNames(t *testing.T) {
	f := setup(t)
	long := strings.Repeat("x", 64<<10)
	for i := range FailedLogins + 1 {
		_, err := f.Basic(t.Context(), fmt.Sprint(long, i), "wrong", "10.0.0.1")
		if want := i == FailedLogins; isKind(err, problem.TooMany) != want {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
	if n := f.limits.count.Len(); n != 2 { // of what is left of the names, and of the address
		t.Errorf("%d counts are kept", n)
	}
	for _, name := range []string{long, long + "1"} {
		account, address := attemptKeys(name, "10.0.0.1")
		if len(account) > 300 || len(address) > 300 {
			t.Errorf("keys of %d and %d bytes were kept", len(account), len(address))
		}
	}
}

func TestTokens(t *testing.T) {
	f := setup(t)
	ctx := t.Context()
	bob := f.user("bob", false)
	f.user("eve", false)
	v, eve := f.viewer("bob"), f.viewer("eve")
	made, err := f.CreateToken(ctx, v, NewToken{Name: " robot ", ReadOnly: true, Expires: f.clock.Add(time.Hour)})
	if err != nil || len(made.Secret) != 40 || made.Name != "robot" || made.User != bob.ID {
		t.Fatalf("%+v, %v", made, err)
	}
	robot, err := f.WithToken(made.Secret, "10.0.0.9")
	if err != nil || robot.Name != "bob" || !robot.ReadOnly || robot.Token != made.ID || robot.Addr != "10.0.0.9" {
		t.Errorf("%+v, %v", robot, err)
	}
	if _, err := f.CreateToken(ctx, robot, NewToken{}); !isKind(err, problem.Forbidden) {
		t.Errorf("a read-only token made a token: %v", err)
	}
	if _, err := f.WithToken(made.Secret+"0", ""); !isKind(err, problem.Unauthenticated) {
		t.Errorf("a wrong secret: %v", err)
	}
	if _, err := f.CreateToken(ctx, v, NewToken{User: eve.ID}); !isProblem(err, "user") {
		t.Errorf("bob made a token for eve: %v", err)
	}
	if _, err := f.CreateToken(ctx, v, NewToken{Expires: f.clock.Add(-1)}); !isProblem(err, "expires") {
		t.Errorf("a token that has expired: %v", err)
	}
	if _, err := f.Token(eve, made.ID); !isKind(err, problem.NotFound) {
		t.Errorf("eve sees bob's token: %v", err)
	}
	if err := f.RevokeToken(ctx, eve, made.ID); !isKind(err, problem.NotFound) {
		t.Errorf("eve revoked bob's token: %v", err)
	}
	if list, n, _ := f.Tokens(v, Page{Limit: 9}); n != 1 || list[0].Secret != "" {
		t.Errorf("%+v", list)
	}
	f.clock = f.clock.Add(time.Hour)
	if _, err := f.WithToken(made.Secret, ""); !isKind(err, problem.Unauthenticated) {
		t.Errorf("an expired token: %v", err)
	}
	// of the tokens of token-auth, the least recently used is deleted
	var secrets []string
	for range MaxMinted {
		f.clock = f.clock.Add(time.Minute)
		m, err := f.Mint(ctx, "bob", "bob-pass-1", "")
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, m.Secret)
	}
	f.clock = f.clock.Add(time.Minute)
	if _, err := f.WithToken(secrets[0], ""); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Mint(ctx, "bob", "bob-pass-1", ""); err != nil {
		t.Fatal(err)
	}
	for i, s := range secrets {
		if _, err := f.WithToken(s, ""); (err == nil) != (i != 1) {
			t.Errorf("token %d of %d: %v", i, MaxMinted, err)
		}
	}
	f.clock = f.clock.Add(mintedFor)
	if _, err := f.WithToken(secrets[0], ""); err == nil {
		t.Error("a minted token outlived its 30 days")
	}
	s, err := f.SignIn(ctx, "bob", "bob-pass-1", "")
	if err != nil {
		t.Fatal(err)
	}
	in, err := f.WithToken(s.Secret, "")
	if err != nil || !in.Session {
		t.Errorf("%+v, %v", in, err)
	}
	if err := f.SignOut(ctx, in); err != nil {
		t.Error(err)
	}
	if _, err := f.WithToken(s.Secret, ""); err == nil {
		t.Error("still signed in")
	}
}

// TestTokenFollows: from the answer to a change on, a token that was just used gives the changed
// user.
func TestTokenFollows(t *testing.T) {
	f := setup(t)
	ctx := t.Context()
	f.user("ann", false, "a")
	b, err := f.CreateGroup(ctx, f.owner, "b")
	if err != nil {
		t.Fatal(err)
	}
	made, err := f.CreateToken(ctx, f.viewer("ann"), NewToken{Name: "script"})
	if err != nil {
		t.Fatal(err)
	}
	want := f.viewer("ann")
	is := func(what string) {
		t.Helper()
		for range 2 { // read, and remembered
			v, err := f.WithToken(made.Secret, "10.1.1.1")
			if err != nil || v.ID != want.ID || v.Name != want.Name || v.Superuser != want.Superuser ||
				!slices.Equal(v.Groups, want.Groups) || v.Addr != "10.1.1.1" {
				t.Errorf("%s: %+v, %v; not %+v", what, v, err, want)
			}
		}
	}
	is("at first")
	if err := f.Join(ctx, f.owner, b.ID, want.ID, true); err != nil {
		t.Fatal(err)
	}
	want.Groups = append(slices.Clone(want.Groups), b.ID)
	is("in another group")
	if err := f.DeleteGroup(ctx, f.owner, b.ID); err != nil {
		t.Fatal(err)
	}
	want.Groups = want.Groups[:len(want.Groups)-1]
	is("without it")
	yes := true
	if _, err := f.ChangeUser(ctx, f.owner, want.ID, UserChange{Superuser: &yes, Name: text("anna")}); err != nil {
		t.Fatal(err)
	}
	want.Superuser, want.Name = true, "anna"
	is("with another name")
	if v, err := f.WithToken(made.Secret, "10.2.2.2"); err != nil || v.Addr != "10.2.2.2" {
		t.Errorf("from elsewhere: %+v, %v", v, err)
	}
	if err := f.DeleteUser(ctx, f.owner, want.ID); err != nil {
		t.Fatal(err)
	}
	if v, err := f.WithToken(made.Secret, ""); err == nil {
		t.Errorf("of a deleted user: %+v", v)
	}
	for i := range 2 * maxKnown {
		f.known.Put([32]byte{byte(i), byte(i >> 8)}, knownToken{}, 1)
	}
	if n := f.known.Len(); n > maxKnown {
		t.Errorf("%d tokens are remembered", n)
	}
}

// TestRights sets the rights of grantees separately, and combines those of a viewer.
func TestRights(t *testing.T) {
	var o ACL
	o.Give(UserGrantee(2), AllRights)
	o.Set(GroupGrantee(7), Change.WithView())
	o.Set(GroupGrantee(8), Delete.WithView())
	o.Set(GroupGrantee(9), AllRights)
	o.Set(GroupGrantee(9), View)
	for _, c := range []struct {
		v    Viewer
		want Right
	}{
		{Viewer{ID: 2}, AllRights}, {Viewer{ID: 3, Groups: []uint64{7}}, View | Change},
		{Viewer{ID: 3, Groups: []uint64{8}}, View | Delete}, {Viewer{ID: 3, Groups: []uint64{9}}, View},
		{Viewer{ID: 3, Groups: []uint64{7, 8}}, AllRights}, {Viewer{ID: 7}, 0}, {Viewer{}, 0}, {FileOwner(), AllRights},
		{Viewer{ID: 2, ReadOnly: true}, AllRights},
	} {
		if got := c.v.Rights(o); got != c.want {
			t.Errorf("%+v has the rights %b, want %b", c.v, got, c.want)
		}
	}
	if got := o.Groups(); !slices.Equal(got, []uint64{7, 8, 9}) || o.Of(GroupGrantee(9)) != View ||
		o.Of(GroupGrantee(10)) != 0 || Right(0).WithView() != 0 {
		t.Errorf("the groups are %v, with %+v", got, o.Grants)
	}
}

// TestPolicy compares every decision with the written-out rules of the design.
func TestPolicy(t *testing.T) {
	viewers := map[string]Viewer{
		"guest": {}, "owner": FileOwner(), "superuser": {ID: 1, Superuser: true},
		"creator": {ID: 2}, "member": {ID: 3, Groups: []uint64{7}}, "other": {ID: 4, Groups: []uint64{8}},
		"reader": {ID: 2, ReadOnly: true}, "viewer": {ID: 5},
	}
	target := func(a Visibility) ACL {
		o := ACL{Visibility: a}
		o.Give(UserGrantee(2), AllRights)
		o.Give(GroupGrantee(7), AllRights)
		o.Give(UserGrantee(5), View)
		return o
	}
	holders := []Grantee{UserGrantee(2), GroupGrantee(8)} // group 8 does not see a private target
	sees := map[Visibility]string{
		VisibleToGranted:  "owner superuser creator member reader viewer",
		VisibleToSignedIn: "owner superuser creator member reader viewer other",
		VisibleToAll:      "owner superuser creator member reader viewer other guest",
	}
	const held = "owner superuser creator reader other" // by their own right, in mode objects
	in := func(list, viewer string) bool { return slices.Contains(strings.Fields(list), viewer) }
	for _, mode := range []Mode{ModeTargets, ModeObjects} {
		for _, strategy := range []Strategy{ReadOnly, Locked} {
			p := Policy{mode, strategy}
			for _, access := range []Visibility{VisibleToGranted, VisibleToSignedIn, VisibleToAll} {
				o := target(access)
				for viewer, v := range viewers {
					at := fmt.Sprintf("%s %s %s %s", mode, strategy, access, viewer)
					want := in(sees[access], viewer) && (viewer != "guest" || strategy != Locked)
					if got := p.Sees(v, o); got != want {
						t.Errorf("%s: sees the target: %t", at, got)
					}
					data := want
					if mode == ModeObjects {
						data = in(held, viewer)
					}
					if got := p.SeesHeld(v, o, holders); got != data {
						t.Errorf("%s: sees the datums: %t", at, got)
					}
					change := in("owner superuser creator member", viewer)
					if got := p.May(v, Change, o); got != change {
						t.Errorf("%s: changes the target: %t", at, got)
					}
					del := change
					if mode == ModeObjects {
						// other is in group 8, reader may not write
						del = in("owner superuser creator", viewer) || viewer == "other" && want
					}
					if got := p.MayDeleteHeld(v, o, holders); got != del {
						t.Errorf("%s: deletes the datums: %t", at, got)
					}
					recorded := []Grantee{UserGrantee(5), GroupGrantee(8)} // by viewer, who may not change the target
					cancel := viewer == "viewer" || change && (mode == ModeTargets || v.Everything()) ||
						mode == ModeObjects && viewer == "other" && want
					if got := p.MayCancel(v, o, recorded); got != cancel {
						t.Errorf("%s: cancels the observation: %t", at, got)
					}
					// the same by sets: an object is in a viewer's list exactly when the viewer
					// sees it
					listed := v.Everything() || p.Admits(v) &&
						slices.ContainsFunc(v.Grantees(), func(g Grantee) bool { return slices.Contains(o.Seers(), g) })
					if listed != want {
						t.Errorf("%s: is in the list: %t", at, listed)
					}
				}
			}
		}
	}
	if (Viewer{ID: 3, Groups: []uint64{7}}).MayName(8) || !(Viewer{ID: 3, Groups: []uint64{7}}).MayName(7) ||
		!FileOwner().MayName(8) {
		t.Error("only own groups may be named, except by a superuser")
	}
}

func BenchmarkBasicRemembered(b *testing.B) {
	db, err := kv.Open(filepath.Join(b.TempDir(), "test.db"), Tables(), kv.Options{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	a, err := New(db, Options{})
	if err != nil {
		b.Fatal(err)
	}
	name, password := "bob", "bob-pass-1"
	if _, err := a.CreateUser(b.Context(), FileOwner(), UserChange{Name: &name, Password: &password}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := a.Basic(b.Context(), name, password, "127.0.0.1"); err != nil {
			b.Fatal(err)
		}
	}
}
