package archive

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nightjar/auth"
	"nightjar/kv"
)

// problems returns the problems of verify.
func (f *fixture) problems() []string {
	f.t.Helper()
	r, err := f.db.Verify(context.Background(), kv.CheckOptions{})
	if err != nil {
		f.t.Fatal(err)
	}
	if r.Dangling != len(r.Problems)+r.More {
		f.t.Errorf("%d dangling references: %v", r.Dangling, r.Problems)
	}
	return r.Problems
}

// write writes without the checks of the archive.
func (f *fixture) write(fn func(tx *kv.WriteTx) error) {
	f.t.Helper()
	if err := f.db.Update(context.Background(), kv.Author{Action: "TEST"}, fn); err != nil {
		f.t.Fatal(err)
	}
}

// change changes a record without the checks of the archive.
func change[T any](f *fixture, table *kv.Table[T], id uint64, fn func(*T)) {
	f.t.Helper()
	f.write(func(tx *kv.WriteTx) error {
		rec, err := table.Get(tx.Tx, id)
		if err != nil {
			return err
		}
		fn(rec)
		return table.Put(tx, id, rec)
	})
}

// TestRepair makes a dangling reference of each kind. Verify reports it, repair removes it and says
// so, also in the log, and then the file is whole.
func TestRepair(t *testing.T) {
	const nowhere = 999
	var target, product, observation, datum uint64
	for name, c := range map[string]struct {
		damage  func(f *fixture)
		problem string // of verify
		done    string // of repair, a line for each log entry
		after   func(tx *kv.Tx) error
	}{
		"datum without target": {func(f *fixture) {
			change(f, datums, datum, func(d *Datum) { d.Target, d.Products = nowhere, nil })
		},
			"datum 1: refers to target 999, which does not exist",
			"datum 1: deleted, since its target 999 does not exist",
			func(tx *kv.Tx) error { return gone(tx, datums, datum) }},
		"datum without product": {func(f *fixture) {
			change(f, datums, datum, func(d *Datum) { d.Products = append(d.Products, nowhere) })
		},
			"datum 1: refers to product 999, which does not exist",
			"datum 1: without its data product 999, which does not exist",
			func(tx *kv.Tx) error {
				d, err := datums.Get(tx, datum)
				return same(err, d.Products, []uint64{product})
			}},
		"datum without upload": {func(f *fixture) {
			change(f, datums, datum, func(d *Datum) { d.Upload = nowhere })
		},
			"datum 1: refers to upload 999, which does not exist",
			"datum 1: without its upload 999, which does not exist", func(tx *kv.Tx) error {
				d, err := datums.Get(tx, datum)
				return same(err, d.Upload, 0)
			}},
		"product without target": {func(f *fixture) {
			change(f, products, product, func(p *Product) { p.Target = nowhere })
		},
			"product 1: refers to target 999, which does not exist",
			"product 1: deleted, since its target 999 does not exist", func(tx *kv.Tx) error {
				if err := gone(tx, products, product); err != nil {
					return err
				}
				d, err := datums.Get(tx, datum) // its owner keeps it
				return same(err, fmt.Sprint(d.Products, d.Owners), "[] [{2 []}]")
			}},
		"product without observation": {func(f *fixture) {
			change(f, products, product, func(p *Product) { p.Observation = nowhere })
		},
			"product 1: refers to observation 999, which does not exist",
			"product 1: without its observation 999, which does not exist", func(tx *kv.Tx) error {
				p, err := products.Get(tx, product)
				return same(err, p.Observation, 0)
			}},
		"product's group": {func(f *fixture) {
			change(f, products, product, func(p *Product) { p.Groups = append(p.Groups, nowhere) })
		},
			"product 1: refers to group 999, which does not exist",
			"product 1: no longer shared with groups that do not exist", func(tx *kv.Tx) error {
				p, err := products.Get(tx, product)
				return same(err, fmt.Sprint(p.Groups), "[1]")
			}},
		"observation without target": {func(f *fixture) {
			change(f, observations, observation, func(o *Observation) { o.Target = nowhere })
		},
			"observation 1: refers to target 999, which does not exist",
			"observation 1: deleted, since its target 999 does not exist\n" +
				"product 1: without its observation 1, which does not exist",
			func(tx *kv.Tx) error { return gone(tx, observations, observation) }},
		"observation's group": {func(f *fixture) {
			change(f, observations, observation, func(o *Observation) { o.Groups = append(o.Groups, nowhere) })
		},
			"observation 1: refers to group 999, which does not exist",
			"observation 1: no longer shared with groups that do not exist", func(tx *kv.Tx) error {
				o, err := observations.Get(tx, observation)
				return same(err, fmt.Sprint(o.Groups), "[1]")
			}},
		"grant to a user": {func(f *fixture) {
			change(f, targets, target, func(x *Target) {
				x.Grants = append(x.Grants, auth.Grant{To: auth.UserGrantee(nowhere), Right: auth.AllRights})
			})
		},
			"target 1: refers to user 999, which does not exist",
			"target 1: no longer granted to users and groups that do not exist", nil},
		"grant to a group": {func(f *fixture) {
			change(f, targets, target, func(x *Target) {
				x.Grants = append(x.Grants, auth.Grant{To: auth.GroupGrantee(nowhere), Right: auth.View})
			})
		},
			"target 1: refers to group 999, which does not exist",
			"target 1: no longer granted to users and groups that do not exist", nil},
		"list": {func(f *fixture) {
			change(f, targets, target, func(x *Target) { x.Lists = append(x.Lists, nowhere) })
		},
			"target 1: refers to list 999, which does not exist",
			"target 1: taken off lists that do not exist", func(tx *kv.Tx) error {
				x, err := targets.Get(tx, target)
				return same(err, len(x.Lists), 1)
			}},
		"list that was deleted": {func(f *fixture) {
			f.write(func(tx *kv.WriteTx) error { return lists.Delete(tx, 1) })
		},
			"target 1: refers to list 1, which does not exist",
			"target 1: taken off lists that do not exist", nil},
		"user's group": {func(f *fixture) {
			f.write(func(tx *kv.WriteTx) error { return auth.Tables()[1].(*kv.Table[auth.Group]).Delete(tx, 2) })
		},
			"user 6: refers to group 2, which does not exist",
			"user 6: taken out of groups that do not exist", nil},
		"token's user": {func(f *fixture) {
			f.write(func(tx *kv.WriteTx) error { return auth.Tables()[0].(*kv.Table[auth.User]).Delete(tx, 6) })
		},
			"token 1: refers to user 6, which does not exist",
			"token 1: deleted, since its user does not exist", nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, Options{})
			target, product, observation, datum = f.interwoven()
			head := f.Head()
			whole, err := f.as("admin").Repair(t.Context())
			if err != nil || len(whole.Done)+whole.More+whole.Left != 0 || head != f.Head() {
				t.Fatalf("of a whole file: %+v, %v", whole, err)
			}
			c.damage(f)
			if got := f.problems(); !slices.Equal(got, []string{c.problem}) {
				t.Errorf("verify says %q", got)
			}
			before := f.Head().Seq
			if _, err := f.as("astro").Repair(t.Context()); err == nil || before != f.Head().Seq {
				t.Errorf("repaired by a user: %v", err)
			}
			done := strings.Split(c.done, "\n")
			r, err := f.as("admin").Repair(t.Context())
			if err != nil || !slices.Equal(r.Done, done) || r.More+r.Left != 0 {
				t.Errorf("repair did %+v, %v", r, err)
			}
			if got := f.problems(); len(got) > 0 {
				t.Errorf("afterwards verify says %q", got)
			}
			err = f.db.View(func(tx *kv.Tx) error {
				e, err := tx.Entry(before + 1)
				if err != nil || e.Action != repairAction || e.Name != "admin" || len(e.Changes) == 0 ||
					f.Head().Seq != before+uint64(len(done)) {
					t.Errorf("the log says %+v, %v", e, err)
				}
				if c.after != nil {
					return c.after(tx)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			if again, err := f.as("admin").Repair(t.Context()); err != nil || len(again.Done) != 0 ||
				f.Head().Seq != before+uint64(len(done)) {
				t.Errorf("once more: %+v, %v", again, err)
			}
		})
	}
}

func gone[T any](tx *kv.Tx, table *kv.Table[T], id uint64) error {
	if ok, err := exists(tx, table, id); err != nil || ok {
		return fmt.Errorf("%s %d exists (%v)", table.Name(), id, err)
	}
	return nil
}

func same[T any](err error, got any, want T) error {
	if err == nil && fmt.Sprint(got) != fmt.Sprint(want) {
		err = fmt.Errorf("%v, not %v", got, want)
	}
	return err
}

// interwoven creates a record of each kind that refer to each other.
func (f *fixture) interwoven() (target, product, observation, datum uint64) {
	f.t.Helper()
	ctx := f.t.Context()
	owner := auth.FileOwner()
	g, err := f.auth.CreateGroup(ctx, owner, "Second")
	if err != nil {
		f.t.Fatal(err)
	}
	name := "frank"
	u, err := f.auth.CreateUser(ctx, owner, auth.UserChange{Name: &name, Groups: &[]auth.GroupRef{{ID: g.ID}}})
	if err == nil {
		_, err = f.auth.CreateToken(ctx, owner, auth.NewToken{User: u.ID})
	}
	if err != nil {
		f.t.Fatal(err)
	}
	v, err := f.as("astro").CreateTarget(ctx,
		&TargetInput{Name: Some("T"), Type: Some(Sidereal),
			Numbers: map[string]Opt[float64]{"ra": Some(1.0), "dec": Some(2.0)},
			Lists:   []ListInput{{Name: "L"}}, Groups: []auth.GroupRef{{ID: f.group}}})
	if err != nil {
		f.t.Fatal(err)
	}
	o, err := f.as("astro").AddObservation(ctx,
		&ObservationInput{Target: v.ID, Facility: "LCO", Parameters: []byte(`{}`),
			Groups: []auth.GroupRef{{ID: f.group}}})
	if err != nil {
		f.t.Fatal(err)
	}
	f.mode(auth.ModeObjects, auth.ReadOnly)
	p, _, err := f.uploadAs("astro",
		&ProductInput{Target: v.ID, Type: "photometry", FileName: "a.csv",
			Observation: o.ID}, "time,filter,magnitude\n55959.07,r,15.582\n", f.group)
	if err != nil {
		f.t.Fatal(err)
	}
	data := f.data("admin", DatumFilter{})
	if len(data) != 1 {
		f.t.Fatalf("%d data", len(data))
	}
	return v.ID, p.ID, o.ID, data[0]
}

// TestRepairMany repairs more rows than one transaction takes, whose target and product both do not
// exist.
func TestRepairMany(t *testing.T) {
	f := open(t, Options{})
	id := f.target("astro", "T")
	f.write(func(tx *kv.WriteTx) error {
		for i := range 2500 {
			d := &Datum{Target: 77, Code: 1, Time: int64(i), Value: []byte("1"), Products: []uint64{88}}
			if i%2 == 0 {
				d.Target = id
			}
			if _, err := datums.Insert(tx, d); err != nil {
				return err
			}
		}
		return nil
	})
	before := f.Head().Seq
	r, err := f.as("admin").Repair(t.Context())
	if err != nil || len(r.Done) != maxRepaired || r.More != 2500-maxRepaired || f.Head().Seq != before+3 {
		t.Errorf("%d and %d, %d log entries: %v", len(r.Done), r.More, f.Head().Seq-before, err)
	}
	if n := len(f.data("admin", DatumFilter{})); n != 1250 || len(f.problems()) > 0 {
		t.Errorf("%d data, %v", n, f.problems())
	}
}

// TestMissingProduct deletes a datum whose product does not exist, as one of its owners: the owner
// is removed, which the dangling reference does not prevent.
func TestMissingProduct(t *testing.T) {
	f := open(t, Options{})
	f.mode(auth.ModeObjects, auth.ReadOnly)
	id := f.target("astro", "T")
	did, _, err := f.datum("astro", id, 1, `{"magnitude":1}`)
	if err != nil {
		t.Fatal(err)
	}
	change(f, datums, did, func(d *Datum) { d.Products = []uint64{55} })
	if err := f.as("astro").DeleteDatum(t.Context(), did); err != nil {
		t.Errorf("deleting: %v", err)
	}
	if n := len(f.data("admin", DatumFilter{})); n != 0 {
		t.Errorf("%d data are left", n)
	}
}

// TestDeletedGroup deletes a group with which a target, an observation and a product were shared:
// nothing refers to it afterwards, and no other user loses anything.
func TestDeletedGroup(t *testing.T) {
	f := open(t, Options{})
	target, product, observation, _ := f.interwoven()
	if n := len(f.data("carol", DatumFilter{})); n != 1 {
		t.Fatalf("carol sees %d data", n)
	}
	if err := f.auth.DeleteGroup(t.Context(), auth.FileOwner(), f.group); err != nil {
		t.Fatal(err)
	}
	if got := f.problems(); len(got) > 0 {
		t.Errorf("verify says %q", got)
	}
	if err := f.db.View(func(tx *kv.Tx) error {
		x, err := targets.Get(tx, target)
		if err != nil {
			return err
		}
		p, err := products.Get(tx, product)
		if err != nil {
			return err
		}
		o, err := observations.Get(tx, observation)
		if err != nil {
			return err
		}
		if text := fmt.Sprint(x.Object().Groups(), p.Groups, o.Groups); strings.Trim(text, "[] ") != "" {
			t.Errorf("groups are left: %s", text)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n := len(f.data("astro", DatumFilter{})); n != 1 {
		t.Errorf("astro sees %d data", n)
	}
	carol := f.users["carol"]
	carol.Groups = nil
	f.users["carol"] = carol
	if n := len(f.data("carol", DatumFilter{})); n != 0 {
		t.Errorf("carol sees %d data", n)
	}
	if err := f.auth.DeleteUser(t.Context(), auth.FileOwner(), f.users["astro"].ID); err != nil {
		t.Fatal(err)
	}
	if got := f.problems(); len(got) > 0 {
		t.Errorf("when the user is deleted, verify says %q", got)
	}
}

// TestSalvageRepairs salvages a file that has lost a product: its datums no longer refer to it.
func TestSalvageRepairs(t *testing.T) {
	f := open(t, Options{})
	_, _, _, datum := f.interwoven()
	copied, saved := filepath.Join(t.TempDir(), "copy.db"), filepath.Join(t.TempDir(), "saved.db")
	change(f, datums, datum, func(d *Datum) { d.Products = []uint64{999} }) // as if 999 could not be read
	if _, err := f.db.Backup(t.Context(), copied, nil); err != nil {
		t.Fatal(err)
	}
	r, err := Salvage(t.Context(), copied, saved)
	if err != nil || !slices.Contains(r.Problems, "datum 1: without its data product 999, which does not exist") {
		t.Fatalf("%+v, %v", r, err)
	}
	if r, err = Check(t.Context(), saved, VerifyOptions{}); err != nil || r.Err() != nil {
		t.Errorf("salvage: %+v, %v", r, err)
	}
	// the file itself is for verify --repair
	if _, err := f.as("admin").Repair(t.Context()); err != nil {
		t.Error(err)
	}
}
