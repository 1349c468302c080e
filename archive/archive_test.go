package archive

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// fixture is an archive with the users admin (superuser), astro and carol (in Observers), bob and
// eve.
type fixture struct {
	*Archive
	t     testing.TB
	path  string
	o     Options
	users map[string]auth.Viewer
	group uint64 // Observers
}

func open(t testing.TB, o Options) *fixture {
	t.Helper()
	o.NoSync = true
	f := &fixture{t: t, path: filepath.Join(t.TempDir(), "test.db"), o: o, users: map[string]auth.Viewer{}}
	f.reopen()
	t.Cleanup(func() {
		f.check()
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		// verify the closed file, with empty caches
		r, err := Check(context.Background(), f.path, VerifyOptions{})
		if err != nil || r.Err() != nil {
			t.Errorf("verify after closing: %+v, %v", r, err)
		}
	})
	owner := auth.FileOwner()
	g, err := f.auth.CreateGroup(context.Background(), owner, "Observers")
	if err != nil {
		t.Fatal(err)
	}
	f.group = g.ID
	for _, name := range []string{"admin", "astro", "carol", "bob", "eve"} {
		super := name == "admin"
		in := auth.UserChange{Name: &name, Superuser: &super}
		if name == "astro" || name == "carol" {
			in.Groups = &[]auth.GroupRef{{ID: g.ID}}
		}
		u, err := f.auth.CreateUser(context.Background(), owner, in)
		if err != nil {
			t.Fatal(err)
		}
		v := auth.Viewer{ID: u.ID, Name: name, Superuser: super, Addr: "127.0.0.1", Action: "TEST"}
		for _, g := range u.Groups {
			v.Groups = append(v.Groups, g.ID)
		}
		f.users[name] = v
	}
	return f
}

func (f *fixture) reopen() {
	f.t.Helper()
	var err error
	if f.Archive, err = Open(f.path, f.o); err != nil {
		f.t.Fatal(err)
	}
}

// check verifies the whole file, and a copy whose derived data were rebuilt from the records.
func (f *fixture) check() {
	f.t.Helper()
	ctx := context.Background()
	whole := func(what string, r *kv.Report, err error) {
		f.t.Helper()
		if err != nil {
			f.t.Fatalf("%s: %v", what, err)
		}
		if r.Err() != nil {
			f.t.Fatalf("%s: %s", what, strings.Join(r.Problems, "\n"))
		}
	}
	r, err := f.db.Verify(ctx, kv.CheckOptions{})
	whole("verify", r, err)
	copied := f.backup()
	again := copied + "-again"
	r, err = kv.Salvage(ctx, copied, again, tables())
	whole("salvage", r, err)
	r, err = kv.Check(ctx, again, tables(), kv.CheckOptions{})
	whole("verify the rebuilt copy", r, err)
}

// backup copies the file.
func (f *fixture) backup() (path string) {
	f.t.Helper()
	path = filepath.Join(f.t.TempDir(), "copy.db")
	if _, err := f.db.Backup(context.Background(), path, nil); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// as returns the session of a user, or of a guest when the name is "".
func (f *fixture) as(name string) *Session { return f.For(f.users[name]) }

// mode sets the mode and the strategy.
func (f *fixture) mode(m auth.Mode, s auth.Strategy) {
	f.t.Helper()
	for name, value := range map[string]string{auth.SettingMode: string(m), auth.SettingStrategy: string(s)} {
		if _, err := f.as("admin").SetSetting(context.Background(), name, value); err != nil {
			f.t.Fatal(err)
		}
	}
}

// target creates a target for a user; the groups get all rights on it.
func (f *fixture) target(user, name string, groups ...uint64) uint64 {
	f.t.Helper()
	in := &TargetInput{Name: Some(name), Type: Some(Sidereal),
		Numbers: map[string]Opt[float64]{"ra": Some(10.0), "dec": Some(-10.0)}}
	for _, g := range groups {
		in.Groups = append(in.Groups, auth.GroupRef{ID: g})
	}
	v, err := f.as(user).CreateTarget(context.Background(), in)
	if err != nil {
		f.t.Fatalf("%s makes %q: %v", user, name, err)
	}
	return v.ID
}

// datum adds a photometric point without a product.
func (f *fixture) datum(user string, target uint64, second int, value string) (uint64, Added, error) {
	v, added, err := f.as(user).AddDatum(context.Background(),
		&DatumInput{Target: target, Type: "photometry", Time: int64(second) * 1e6, Timed: true, Value: []byte(value)})
	if err != nil {
		return 0, added, err
	}
	return v.ID, added, nil
}

// upload uploads a file of photometry.
func (f *fixture) upload(user string, target uint64, name, content string,
	groups ...uint64) (*ProductView, *Report, error) {
	f.t.Helper()
	return f.uploadAs(user, &ProductInput{Target: target, Type: "photometry", FileName: name}, content, groups...)
}

func (f *fixture) uploadAs(user string, in *ProductInput, content string,
	groups ...uint64) (*ProductView, *Report, error) {
	f.t.Helper()
	file, err := f.as(user).BeginUpload(context.Background())
	if err != nil {
		return nil, nil, err
	}
	defer file.Abort()
	if _, err := file.Write([]byte(content)); err != nil {
		f.t.Fatal(err)
	}
	for _, g := range groups {
		in.Groups = append(in.Groups, auth.GroupRef{ID: g})
	}
	views, report, err := f.as(user).Upload(context.Background(), in, file)
	if err != nil {
		return nil, report, err
	}
	return views[0], report, nil
}

// data lists the ids of the datums that a user finds, and compares their number with the count.
func (f *fixture) data(user string, filter DatumFilter) []uint64 {
	f.t.Helper()
	var ids []uint64
	rows, count, err := Collect(func(out Out[DatumView]) error {
		row := out.Row
		out.Row = func(v *DatumView) error { ids = append(ids, v.ID); return row(v) }
		return f.as(user).Datums(context.Background(), filter, Page{Limit: 1 << 30}, out)
	})
	if err != nil {
		f.t.Fatal(err)
	}
	if len(rows) != count {
		f.t.Errorf("%s: %d datums are counted and %d listed", user, count, len(rows))
	}
	return ids
}

func (f *fixture) targets(user string, filter TargetFilter) (names []string) {
	f.t.Helper()
	rows, count, err := Collect(func(out Out[TargetView]) error {
		return f.as(user).Targets(context.Background(), filter, Page{Limit: 1 << 30}, out)
	})
	if err != nil {
		f.t.Fatal(err)
	}
	if len(rows) != count {
		f.t.Errorf("%s: %d targets are counted and %d listed", user, count, len(rows))
	}
	for _, r := range rows {
		names = append(names, r.Name)
	}
	return names
}

func refusedAs(err error, k problem.Kind) bool {
	var e *problem.Error
	return errors.As(err, &e) && e.Kind == k
}

func hasProblem(err error, path string) bool {
	var p *problem.List
	return errors.As(err, &p) && p.Has(path)
}

const lightCurveCSV = "time,filter,magnitude,error\n" +
	"55959.07,r,15.582,0.005\n55960.07,V,15.676,0.007\n55960.07,r,15.676,0.007\n"

// waitIndexed waits until the index has caught up.
func (f *fixture) waitIndexed() {
	f.t.Helper()
	for range 1000 {
		if s := f.names.State(); s.Seq == s.Head && s.Why == "" {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	f.t.Fatalf("the index did not catch up: %+v", f.names.State())
}

func TestFlow(t *testing.T) {
	f := open(t, Options{})
	id := f.target("astro", "SN 2023ixf", f.group)
	p, report, err := f.upload("astro", id, "my light cürve (1).csv", lightCurveCSV)
	if err != nil {
		t.Fatal(err)
	}
	if p.Path != "sn-2023ixf/none/my_light_cürve_1.csv" || report.Created != 3 || report.Duplicate != 0 ||
		report.Rows != 3 {
		t.Errorf("%+v, %+v", p.Product, report)
	}
	spectrum := "# DATE-OBS: 2018-02-15T10:20:30\nwavelength,flux\n4000.0,1.5e-15\n4001.0,1.6e-15\n"
	if _, _, err := f.uploadAs("astro", &ProductInput{Target: id, Type: "spectroscopy", FileName: "s.csv"},
		spectrum); err != nil {
		t.Fatal(err)
	}
	if got := f.data("carol", DatumFilter{}); len(got) != 4 {
		t.Errorf("carol sees %v", got)
	}
	if got := f.data("bob", DatumFilter{}); len(got) != 0 {
		t.Errorf("bob sees %v", got)
	}
	for name, c := range map[string]struct {
		f DatumFilter
		n int
	}{
		"target":        {DatumFilter{Target: Some(id)}, 4},
		"other target":  {DatumFilter{Target: Some(id + 1)}, 0},
		"target name":   {DatumFilter{TargetName: "2023IXF"}, 4},
		"product":       {DatumFilter{Product: Some(p.ID)}, 3},
		"product name":  {DatumFilter{ProductName: "LIGHT"}, 3},
		"file name":     {DatumFilter{ProductID: "my_light_cürve_1.csv"}, 3},
		"type":          {DatumFilter{Type: "spectroscopy"}, 1},
		"unknown type":  {DatumFilter{Type: "nonsense"}, 0},
		"source":        {DatumFilter{Source: "ZTF"}, 0},
		"type and name": {DatumFilter{Type: "photometry", TargetName: "sn"}, 3},
	} {
		if got := f.data("carol", c.f); len(got) != c.n {
			t.Errorf("%s: %v, not %d", name, got, c.n)
		}
	}
	file, err := f.as("carol").File(p.Path)
	if err != nil {
		t.Fatal(err)
	}
	content := make([]byte, 100)
	if n, _ := file.Read(content); !strings.HasPrefix(string(content[:n]), "time,filter") {
		t.Errorf("%q", content[:n])
	}
	if _, err := f.as("bob").File(p.Path); !refusedAs(err, problem.NotFound) {
		t.Errorf("bob reads the file: %v", err)
	}
	if err := f.as("bob").DeleteTarget(t.Context(), id); !refusedAs(err, problem.NotFound) {
		t.Errorf("bob deletes the target: %v", err)
	}
	if err := f.as("carol").DeleteProduct(t.Context(), p.ID); err != nil {
		t.Error(err)
	}
	if got := f.data("carol", DatumFilter{}); len(got) != 1 {
		t.Errorf("after the product is gone: %v", got)
	}
	if err := f.as("carol").DeleteTarget(t.Context(), id); err != nil {
		t.Error(err)
	}
	st, err := f.as("admin").Stat()
	if err != nil || st.Counts["targets"]+st.Counts["reduceddatums"]+st.Counts["dataproducts"] != 0 {
		t.Errorf("%+v, %v", st, err)
	}
}

func TestDuplicates(t *testing.T) {
	for _, stageFrom := range []int{0, 1} { // as one transaction, and staged
		t.Run(fmt.Sprint(stageFrom), func(t *testing.T) {
			f := open(t, Options{StageFrom: stageFrom})
			id := f.target("astro", "T", f.group)
			// repeats the last row
			first, r1, err1 := f.upload("astro", id, "a.csv", lightCurveCSV+"55960.07,r,15.6760,0.007\n")
			second, r2, err2 := f.upload("carol", id, "b.csv",
				"error,magnitude,filter,time\n0.005,15.582,r,55959.07\n0.1,17,g,55999\n")
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			if r1.Created != 3 || r1.Duplicate != 1 || r2.Created != 1 || r2.Duplicate != 1 {
				t.Errorf("%+v %+v", r1, r2)
			}
			// the row of both products is shown with the first, and deleted with the last
			if n := len(f.data("astro", DatumFilter{Product: Some(second.ID)})); n != 1 {
				t.Errorf("the second product has %d rows", n)
			}
			if err := f.as("astro").DeleteProduct(t.Context(), first.ID); err != nil {
				t.Fatal(err)
			}
			if n := len(f.data("astro", DatumFilter{})); n != 2 {
				t.Errorf("%d rows are left", n)
			}
			if err := f.as("astro").DeleteProduct(t.Context(), second.ID); err != nil {
				t.Fatal(err)
			}
			if n := len(f.data("astro", DatumFilter{})); n != 0 {
				t.Errorf("%d rows are left", n)
			}
		})
	}
}

// TestHiddenDuplicates uploads the same rows by two users in mode objects, where neither sees those
// of the other: no answer reveals the other's rows, and no deletion loses them.
func TestHiddenDuplicates(t *testing.T) {
	for _, order := range [][2]string{{"astro", "carol"}, {"carol", "astro"}} {
		for _, how := range []string{"products", "data", "mixed"} {
			t.Run(order[0]+" first, "+how, func(t *testing.T) {
				f := open(t, Options{})
				f.mode(auth.ModeObjects, auth.ReadOnly)
				id := f.target("admin", "T", f.group)
				value := `{"magnitude":15.582}`
				products := map[string]uint64{}
				for i, who := range []string{"astro", "carol"} {
					if how == "products" || how == "mixed" && i == 0 {
						p, r, err := f.upload(who, id, "x.csv", "time,magnitude\n55959.0,15.582\n")
						if err != nil || r.Created != 1 || r.Duplicate != 0 {
							t.Fatalf("%s: %+v, %v", who, r, err)
						}
						products[who] = p.ID
						continue
					}
					at := int(55959-40587) * 86400
					v := value
					if how == "mixed" {
						v = `{"time":55959.0,"magnitude":15.582}`
					}
					if _, added, err := f.datum(who, id, at, v); err != nil || added != Created {
						t.Fatalf("%s: %v, %v", who, added, err)
					}
				}
				for _, who := range order {
					rows := f.data(who, DatumFilter{})
					if len(rows) != 1 {
						t.Fatalf("%s sees %v", who, rows)
					}
					v, err := f.as(who).Datum(rows[0])
					if err != nil || v.Product != products[who] {
						t.Errorf("%s: product %d, not %d (%v)", who, v.Product, products[who], err)
					}
					if p := products[who]; p != 0 {
						err = f.as(who).DeleteProduct(t.Context(), p)
					} else {
						err = f.as(who).DeleteDatum(t.Context(), rows[0])
					}
					if err != nil {
						t.Fatalf("%s: %v", who, err)
					}
					if rows := f.data(who, DatumFilter{}); len(rows) != 0 {
						t.Errorf("%s still sees %v", who, rows)
					}
				}
				if rows := f.data("admin", DatumFilter{}); len(rows) != 0 {
					t.Errorf("%v is left", rows)
				}
			})
		}
	}
}

func TestAddDatum(t *testing.T) {
	f := open(t, Options{})
	id, hidden := f.target("astro", "T", f.group), f.target("bob", "B")
	p, _, err := f.upload("bob", hidden, "b.csv", lightCurveCSV)
	if err != nil {
		t.Fatal(err)
	}
	mine, _, err := f.upload("astro", id, "a.csv", lightCurveCSV)
	if err != nil {
		t.Fatal(err)
	}
	other := f.target("astro", "U", f.group)
	public := &TargetInput{Visibility: Some("PUBLIC")}
	open := f.target("bob", "public")
	if _, err := f.as("bob").ChangeTarget(t.Context(), open, public, false); err != nil {
		t.Fatal(err)
	}
	good := func() *DatumInput {
		return &DatumInput{Target: id, Type: "photometry", Time: 1e6, Timed: true,
			Value: []byte(`{"magnitude": 15.5820, "z": 1e-17}`)}
	}
	first, added, err := f.as("astro").AddDatum(t.Context(), good())
	if err != nil || added != Created || string(first.Value) != `{"magnitude":15.5820,"z":1e-17}` {
		t.Fatal(first, added, err)
	}
	same := good()
	same.Value = []byte(`{"z":0.00000000000000001,"magnitude":15.582}`)
	if again, added, err := f.as("carol").AddDatum(t.Context(), same); err != nil || added != Duplicate ||
		again.ID != first.ID {
		t.Errorf("the same again: %v, %v", added, err)
	}
	for name, c := range map[string]struct {
		change func(in *DatumInput)
		path   string
	}{
		"missing target":      {func(in *DatumInput) { in.Target = 9999 }, "target"},
		"hidden target":       {func(in *DatumInput) { in.Target = hidden }, "target"},
		"target to look at":   {func(in *DatumInput) { in.Target = open }, "target"},
		"unknown name":        {func(in *DatumInput) { in.Target, in.TargetName = 0, "nobody" }, "target"},
		"hidden name":         {func(in *DatumInput) { in.Target, in.TargetName = 0, "B" }, "target"},
		"unknown type":        {func(in *DatumInput) { in.Type = "radar" }, "data_type"},
		"hidden product":      {func(in *DatumInput) { in.Product = p.ID }, "data_product"},
		"another's product":   {func(in *DatumInput) { in.Target, in.Product = other, mine.ID }, "data_product"},
		"bad value":           {func(in *DatumInput) { in.Value = []byte(`{"a":}`) }, "value"},
		"empty value":         {func(in *DatumInput) { in.Value = []byte(` { } `) }, "value"},
		"out of range":        {func(in *DatumInput) { in.Value = []byte(`{"a":1e400}`) }, "value"},
		"a group not one's":   {func(in *DatumInput) { in.Groups = []auth.GroupRef{{ID: 77}} }, "groups.0.id"},
		"an unknown group":    {func(in *DatumInput) { in.Groups = []auth.GroupRef{{Name: "x"}} }, "groups.0.name"},
		"what was wrong then": {func(in *DatumInput) { in.List.Add("timestamp", "bad") }, "timestamp"},
	} {
		in := good()
		c.change(in)
		if _, _, err := f.as("astro").AddDatum(t.Context(), in); !hasProblem(err, c.path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := f.as("").AddDatum(t.Context(), good()); !refusedAs(err, problem.Unauthenticated) {
		t.Errorf("a guest: %v", err)
	}
	reader := f.users["astro"]
	reader.ReadOnly = true
	if _, _, err := f.For(reader).AddDatum(t.Context(), good()); !refusedAs(err, problem.Forbidden) {
		t.Errorf("a read-only token: %v", err)
	}
	all := good()
	all.Target, all.Type, all.Value = 9999, "radar", []byte("{")
	if _, _, err := f.as("astro").AddDatum(t.Context(), all); !hasProblem(err, "target") ||
		!hasProblem(err, "data_type") || !hasProblem(err, "value") {
		t.Errorf("all problems at once: %v", err)
	}
	if err := f.as("bob").DeleteDatum(t.Context(), first.ID); !refusedAs(err, problem.NotFound) {
		t.Errorf("bob deletes what he does not see: %v", err)
	}
	if err := f.as("carol").DeleteDatum(t.Context(), first.ID); err != nil {
		t.Error(err)
	}
}

func TestUploadRefused(t *testing.T) {
	f := open(t, Options{})
	id := f.target("astro", "T", f.group)
	before, _ := f.as("admin").Stat()
	bad := []struct{ name, content, reason string }{
		{"empty.csv", "", ""},
		{"bad.csv", "time,magnitude\n55959,15\n55960,bright\n", "line 3, column magnitude"},
		{"binary.csv", "time\x00magnitude", "not text"},
		{"header.csv", "time,magnitude\n", "no"},
	}
	for _, c := range bad {
		_, _, err := f.upload("astro", id, c.name, c.content)
		var failed *ProcessingError
		if c.content == "" {
			if !hasProblem(err, "data") {
				t.Errorf("%s: %v", c.name, err)
			}
		} else if !errors.As(err, &failed) || !strings.Contains(failed.Error(), c.reason) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for path, in := range map[string]*ProductInput{
		"target":             {Target: 99, Type: "photometry", FileName: "a.csv"},
		"data_product_type":  {Target: id, Type: "radar", FileName: "a.csv"},
		"observation_record": {Target: id, Type: "photometry", FileName: "a.csv", Observation: 99},
		"data":               {Target: id, Type: "photometry", FileName: strings.Repeat("n", 101)},
	} {
		if _, _, err := f.uploadAs("astro", in, lightCurveCSV); !hasProblem(err, path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	after, _ := f.as("admin").Stat()
	if before.Head != after.Head {
		t.Errorf("refused uploads changed the log from %s to %s", before.Head, after.Head)
	}
	if _, err := f.as("").BeginUpload(t.Context()); !refusedAs(err, problem.Unauthenticated) {
		t.Errorf("a guest uploads: %v", err)
	}
	// a product id is unique
	with := func() *ProductInput {
		return &ProductInput{Target: id, Type: "image_file", FileName: "a.png", ProductID: "p1"}
	}
	if _, _, err := f.uploadAs("astro", with(), "x"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.uploadAs("astro", with(), "x"); !hasProblem(err, "product_id") {
		t.Errorf("a second p1: %v", err)
	}
}

func TestUndatedSpectra(t *testing.T) {
	f := open(t, Options{})
	id := f.target("astro", "T", f.group)
	up := func(content string) *Report {
		t.Helper()
		_, r, err := f.uploadAs("astro", &ProductInput{Target: id, Type: "spectroscopy", FileName: "s.csv"}, content)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	spectrum := "wavelength,flux\n4000.0,1.5\n4001.0,1.6\n"
	if r := up(spectrum); r.Created != 1 || len(r.Warnings) == 0 {
		t.Errorf("%+v", r)
	}
	if r := up(spectrum); r.Created != 0 || r.Duplicate != 1 {
		t.Errorf("the same spectrum at another time: %+v", r)
	}
	if r := up("wavelength,flux\n4000.0,1.5\n4001.0,1.7\n"); r.Created != 1 {
		t.Errorf("another spectrum: %+v", r)
	}
	rows := f.data("astro", DatumFilter{})
	v, err := f.as("astro").Datum(rows[0])
	if err != nil || !strings.HasSuffix(string(v.Value), `,"time_origin":"upload"}`) {
		t.Errorf("%s, %v", v.Value, err)
	}
}

// TestUploadGroups names groups that the uploader does not belong to: mode objects, where they
// would hold the product, refuses them; mode targets, where they do not matter, warns.
func TestUploadGroups(t *testing.T) {
	f := open(t, Options{})
	id := f.target("astro", "T", f.group)
	p, r, err := f.upload("astro", id, "a.csv", lightCurveCSV, f.group, 99)
	if err != nil || len(p.Product.Groups) != 1 || len(r.Warnings) == 0 {
		t.Errorf("mode targets: %+v, %+v, %v", p, r, err)
	}
	f.mode(auth.ModeObjects, auth.ReadOnly)
	if _, _, err := f.upload("astro", id, "a.csv", lightCurveCSV, f.group, 99); !hasProblem(err, "groups.1.id") {
		t.Errorf("mode objects: %v", err)
	}
}
