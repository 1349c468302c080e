package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/internal/testenv"
	"nightjar/kv"
)

// stream is a bulk write that a test feeds row by row, with a StageFrom of 2 and two rows in a
// transaction.
type stream struct {
	f      *fixture
	rows   chan DatumInput
	result chan streamEnd
}

type streamEnd struct {
	*DatumsResult
	err error
}

func (f *fixture) small() *fixture {
	f.Archive.o.StageFrom, f.Archive.stageBatch = 2, 2
	return f
}

func (f *fixture) stream(user string) *stream {
	s := &stream{f, make(chan DatumInput), make(chan streamEnd, 1)}
	go func() {
		line := 0
		r, err := f.as(user).AddDatums(context.Background(), false, func() (DatumInput, int, error) {
			line++
			in, ok := <-s.rows
			if !ok {
				return in, line, io.EOF
			}
			return in, line, nil
		})
		for range s.rows { // nobody asks for them any more
		}
		s.result <- streamEnd{r, err}
	}()
	return s
}

// row returns the datum with a number.
func row(target uint64, n int) DatumInput {
	return DatumInput{Target: target, Type: "photometry", Time: int64(n) * 1e6, Timed: true,
		Value: fmt.Appendf(nil, `{"n":%d}`, n)}
}

func (s *stream) send(list ...DatumInput) {
	for _, in := range list {
		s.rows <- in
	}
}

func (s *stream) end() (*DatumsResult, error) {
	close(s.rows)
	e := <-s.result
	return e.DatumsResult, e.err
}

// TestStagedReferences: something that a staged write refers to is deleted or withdrawn after its
// rows were staged. The write is refused as a whole, with the message for a single row, and leaves
// nothing.
func TestStagedReferences(t *testing.T) {
	ctx := context.Background()
	const types = "photometry,spectroscopy,fits_file,image_file"
	type world struct {
		*fixture
		target, kept, product, group uint64
	}
	rows := func(w *world, change func(*DatumInput)) (list []DatumInput) {
		for n := range 9 {
			in := row(w.kept, 100+n)
			list = append(list, in)
			in = row(w.target, n)
			if change != nil {
				change(&in)
			}
			list = append(list, in)
		}
		return list
	}
	for name, c := range map[string]struct {
		change      func(w *world, in *DatumInput)
		meanwhile   func(w *world) error
		path, words string
	}{
		"target deleted": {nil, func(w *world) error { return w.as("admin").DeleteTarget(ctx, w.target) },
			"target", `Invalid pk "%d" - object does not exist.`},
		"right withdrawn": {nil, func(w *world) error { return w.as("admin").Withdraw(ctx, w.target, w.fixture.group) },
			"target", `Invalid pk "%d" - object does not exist.`},
		"only the right to see left": {nil, func(w *world) error {
			_, err := w.as("admin").ChangeTarget(ctx, w.target, &TargetInput{Visibility: Some("OPEN")}, false)
			return errors.Join(err, w.as("admin").Withdraw(ctx, w.target, w.fixture.group))
		}, "target", ReadOnlyTarget},
		"product deleted": {func(w *world, in *DatumInput) { in.Product = w.product },
			func(w *world) error { return w.as("admin").DeleteProduct(ctx, w.product) },
			"data_product", `Invalid pk "%d" - object does not exist.`},
		"group deleted": {func(w *world, in *DatumInput) { in.Groups = []auth.GroupRef{{ID: w.group}} },
			func(w *world) error { return w.auth.DeleteGroup(ctx, auth.FileOwner(), w.group) }, "groups", noSuchGroup},
		"group left": {func(w *world, in *DatumInput) { in.Groups = []auth.GroupRef{{ID: w.group}} },
			func(w *world) error {
				return w.auth.Join(ctx, auth.FileOwner(), w.group, w.users["carol"].ID,
					false)
			}, "groups", noSuchGroup},
		"data type removed": {func(_ *world, in *DatumInput) { in.Type = "polarimetry" }, func(w *world) error {
			_, err := w.as("admin").SetSetting(ctx, "data_product_types", types)
			return err
		}, "data_type", "Not a valid data_type."},
	} {
		for _, mode := range []auth.Mode{auth.ModeTargets, auth.ModeObjects} {
			t.Run(name+"/"+string(mode), func(t *testing.T) {
				w := &world{fixture: open(t, Options{}).small()}
				w.mode(mode, auth.ReadOnly)
				if _, err := w.as("admin").SetSetting(ctx, "data_product_types", types+",polarimetry"); err != nil {
					t.Fatal(err)
				}
				w.target, w.kept = w.fixture.target("astro", "T", w.fixture.group), w.fixture.target("carol", "K")
				v, _, err := w.uploadAs("astro", &ProductInput{Target: w.target, Type: "fits_file", FileName: "a.fits"},
					"x", w.fixture.group)
				if err != nil {
					t.Fatal(err)
				}
				w.product = v.ID
				g, err := w.auth.CreateGroup(ctx, auth.FileOwner(), "Visitors")
				if err == nil {
					err = w.auth.Join(ctx, auth.FileOwner(), g.ID, w.users["carol"].ID, true)
				}
				if err != nil {
					t.Fatal(err)
				}
				w.group = g.ID
				s := w.stream("carol")
				s.send(rows(w, func(in *DatumInput) {
					if c.change != nil {
						c.change(w, in)
					}
				})...)
				before := w.data("admin", DatumFilter{})
				if err := c.meanwhile(w); err != nil {
					t.Fatal(err)
				}
				r, err := s.end()
				var p *problem.List
				if !errors.As(err, &p) {
					t.Fatalf("%+v, %v", r, err)
				}
				words := c.words
				if strings.Contains(words, "%d") {
					id := w.target
					if c.path == "data_product" {
						id = w.product
					}
					words = fmt.Sprintf(words, id)
				}
				if !slices.ContainsFunc(p.All(),
					func(x problem.Field) bool {
						return x.Path == c.path &&
							strings.HasPrefix(x.Message, words)
					}) || !p.Has("") {
					t.Errorf("%q", p.All())
				}
				if after := w.data("admin", DatumFilter{}); !slices.Equal(before, after) {
					t.Errorf("%d rows before, %d after", len(before), len(after))
				}
			})
		}
	}
}

// TestStagedUploadReferences does the same for a file of one target, and for one that names its
// objects.
func TestStagedUploadReferences(t *testing.T) {
	ctx := context.Background()
	f := open(t, Options{}).small()
	target := f.target("astro", "T", f.group)
	byName := "object,mjd,magnitude\n"
	byTarget := "mjd,magnitude\n"
	for i := range 20 {
		byName += fmt.Sprintf("T,%d,17.%d\n", 58000+i, i)
		byTarget += fmt.Sprintf("%d,18.%d\n", 58000+i, i)
	}
	for _, c := range []struct {
		in      *ProductInput
		content string
	}{{&ProductInput{Target: target, Type: "photometry", FileName: "a.csv"},
		byTarget}, {&ProductInput{Type: "photometry", FileName: "a.csv"}, byName}} {
		s := f.as("carol")
		file, err := s.BeginUpload(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write([]byte(c.content)); err != nil {
			t.Fatal(err)
		}
		in, pl := c.in, (*productPlan)(nil)
		if in.Target == 0 {
			in, pl, err = s.planByObject(ctx, in, file)
		} else {
			in, pl, err = s.planUpload(ctx, in, file)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := f.as("admin").Withdraw(ctx, target, f.group); err != nil {
			t.Fatal(err)
		}
		_, _, err = s.store(ctx, in, file, pl)
		if !hasProblem(err, "target") {
			t.Errorf("%v", err)
		}
		if err := file.Abort(); err != nil {
			t.Fatal(err)
		}
		if n := len(f.data("admin", DatumFilter{})); n != 0 {
			t.Errorf("%d rows", n)
		}
		if _, err := f.as("admin").ChangeTarget(ctx, target, &TargetInput{Groups: []auth.GroupRef{{ID: f.group}}},
			false); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEqualDeleted: rows of a stream exist when they are staged, and are deleted before it ends.
// The stream must fail instead of losing them.
func TestEqualDeleted(t *testing.T) {
	for _, pieceRows := range []int{2, 1000} {
		f := open(t, Options{PieceRows: pieceRows}).small()
		target := f.target("astro", "T", f.group)
		var last uint64
		for n := range 6 {
			id, _, err := f.datum("astro", target, n, fmt.Sprintf(`{"n":%d}`, n))
			if err != nil {
				t.Fatal(err)
			}
			last = id
		}
		all := func() (list []DatumInput) {
			for n := range 12 {
				list = append(list, row(target, n))
			}
			return list
		}
		s := f.stream("carol")
		s.send(all()...)
		if err := f.as("astro").DeleteDatum(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		if r, err := s.end(); !refusedAs(err, problem.Conflict) {
			t.Fatalf("%+v, %v", r, err)
		}
		if n := len(f.data("admin", DatumFilter{})); n != 5 {
			t.Errorf("%d rows", n)
		}
		s = f.stream("carol")
		s.send(all()...)
		if r, err := s.end(); err != nil || r.Created != 7 || r.Duplicate != 5 ||
			len(f.data("carol", DatumFilter{})) != 12 {
			t.Errorf("sent again: %+v, %v", r, err)
		}
	}
}

// TestStagedMergeKeepsProduct: an existing datum gets the product that an equal row of a long
// stream names, as it does from a single post.
func TestStagedMergeKeepsProduct(t *testing.T) {
	for _, pieceRows := range []int{1, 1000} {
		f := open(t, Options{PieceRows: pieceRows}).small()
		target := f.target("astro", "T")
		v, _, err := f.uploadAs("astro", &ProductInput{Target: target, Type: "fits_file", FileName: "a.fits"}, "x")
		if err != nil {
			t.Fatal(err)
		}
		s := f.stream("astro")
		for n := range 6 {
			if _, _, err := f.datum("astro", target, n, fmt.Sprintf(`{"n":%d}`, n)); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 9 {
			in := row(target, n)
			in.Product = v.ID
			s.send(in)
		}
		if r, err := s.end(); err != nil || r.Created != 3 || r.Duplicate != 6 {
			t.Errorf("%+v, %v", r, err)
		}
		if n := len(f.data("astro", DatumFilter{Product: Some(v.ID)})); n != 9 {
			t.Errorf("%d rows of the product", n)
		}
	}
}

// TestProductGone: the holder of a datum whose product does not exist, which should not happen, can
// read and delete it.
func TestProductGone(t *testing.T) {
	f := open(t, Options{})
	f.mode(auth.ModeObjects, auth.ReadOnly)
	target := f.target("astro", "T")
	var id uint64
	err := f.db.Update(t.Context(), kv.Author{}, func(tx *kv.WriteTx) (err error) {
		d := &Datum{Target: target, Code: 1, Value: []byte(`{"n":1}`), Products: []uint64{77},
			Owners: []Owner{{f.users["astro"].ID, nil}}}
		id, err = datums.Insert(tx, d)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := f.as("astro").Datum(id); err != nil || v.Product != 0 {
		t.Errorf("%+v, %v", v, err)
	}
	if err := f.as("astro").DeleteDatum(t.Context(), id); err != nil {
		t.Error(err)
	}
	if n := len(f.data("admin", DatumFilter{})); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

// TestStreamModel mixes streams, single posts, files and deletions, in random steps one after the
// other. The rows that a stream acknowledges exist at its end, on targets and products that exist
// and that its sender may change; a refused row has a reason, and leaves nothing.
func TestStreamModel(t *testing.T) {
	for seed := range uint64(testenv.Choose(6, 200)) {
		streamModel(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// sent is a stream of the model with its rows.
type sent struct {
	*stream
	user    string
	rows    []DatumInput
	deleted bool // datums were deleted since it began
}

func streamModel(t *testing.T, seed uint64) {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(seed, 12))
	f := open(t, Options{PieceRows: 1 + r.IntN(4)}).small()
	mode := []auth.Mode{auth.ModeTargets, auth.ModeObjects}[seed%2]
	f.mode(mode, auth.ReadOnly)
	users := []string{"astro", "carol", "bob"}
	var targets, products []uint64
	productTarget := map[uint64]uint64{}
	var open []*sent
	share := func(id uint64) uint64 {
		if _, err := f.as("admin").ChangeTarget(ctx, id, &TargetInput{Groups: []auth.GroupRef{{ID: f.group}}},
			false); err != nil {
			t.Fatal(err)
		}
		return id
	}
	for i := range 3 {
		targets = append(targets, share(f.target(users[i], fmt.Sprint("T", i))))
	}
	pick := func(list []uint64) uint64 {
		if len(list) == 0 {
			return 1 << 30
		}
		return list[r.IntN(len(list))]
	}
	disturb := func() {
		for _, s := range open {
			s.deleted = true
		}
	}
	mayWrite := func(user string, target uint64) bool {
		yes, err := f.as(user).MayChangeTarget(target)
		return err == nil && yes
	}
	// holds reports whether a stored row equals one that was sent
	holds := func(in DatumInput) (n int, ok bool) {
		_, _, err := Collect(func(out Out[DatumView]) error {
			out.Row = func(v *DatumView) error {
				if string(v.Value) == string(in.Value) && v.Time == in.Time {
					n++
				}
				return nil
			}
			return f.as("admin").Datums(ctx, DatumFilter{Target: Some(in.Target)}, Page{Limit: 1 << 30}, out)
		})
		return n, err == nil && n > 0 && (n == 1 || mode == auth.ModeObjects)
	}
	finish := func(i int) {
		s := open[i]
		open = slices.Delete(open, i, i+1)
		before := f.data("admin", DatumFilter{})
		result, err := s.end()
		after := f.data("admin", DatumFilter{})
		bad := false
		for _, in := range s.rows {
			if !mayWrite(s.user, in.Target) {
				bad = true
			}
			if in.Product != 0 {
				if _, _, err := Collect(func(out Out[DatumView]) error {
					return f.as(s.user).Datums(ctx, DatumFilter{Product: Some(in.Product)}, Page{}, out)
				}); err != nil {
					t.Error(err)
				}
				if !f.seesProduct(s.user, in.Product) {
					bad = true
				}
			}
		}
		switch {
		case err != nil:
			if !isRefusal(err) || !bad && !s.deleted {
				t.Errorf("a stream of %d rows: %v", len(s.rows), err)
			}
			if !slices.Equal(before, after) {
				t.Errorf("a refused stream left %d rows", len(after)-len(before))
			}
		case result.Created+result.Duplicate+len(result.Rejected) != len(s.rows):
			t.Errorf("%d rows were sent: %+v", len(s.rows), result)
		default:
			rejected := map[int]bool{}
			for _, p := range result.Rejected {
				rejected[p.Line] = true
			}
			for n, in := range s.rows {
				if rejected[n+1] {
					continue
				}
				if there, ok := holds(in); !ok || !mayWrite(s.user, in.Target) {
					t.Errorf("%d rows were sent, %+v, and row %d exists %d times, of a target that may be "+
						"written to: %t", len(s.rows), result, n+1, there, mayWrite(s.user, in.Target))
				}
			}
			if len(after)-len(before) > result.Created {
				t.Errorf("%d more rows, %+v", len(after)-len(before), result)
			}
		}
	}
	for range 150 {
		switch r.IntN(12) {
		case 0:
			if len(open) < 3 {
				user := users[r.IntN(3)]
				open = append(open, &sent{stream: f.stream(user), user: user})
			}
		case 1, 2, 3, 4:
			if len(open) == 0 {
				continue
			}
			s := open[r.IntN(len(open))]
			for range 1 + r.IntN(6) {
				in := row(pick(targets), r.IntN(12))
				if len(products) > 0 && r.IntN(3) == 0 {
					in.Product = pick(products)
					in.Target = productTarget[in.Product]
				}
				s.send(in)
				s.rows = append(s.rows, in)
			}
		case 5:
			if len(open) > 0 {
				finish(r.IntN(len(open)))
			}
		case 6:
			n := r.IntN(12)
			in := row(pick(targets), n)
			if _, _, err := f.as(users[r.IntN(3)]).AddDatum(ctx, &in); err != nil && !isRefusal(err) {
				t.Error(err)
			}
		case 7:
			if ids := f.data("admin", DatumFilter{}); len(ids) > 0 {
				user := append(users, "admin")[r.IntN(4)]
				if err := f.as(user).DeleteDatum(ctx, pick(ids)); err != nil && !isRefusal(err) {
					t.Error(err)
				}
				disturb()
			}
		case 8:
			target := pick(targets)
			v, _, err := f.uploadAs(users[r.IntN(3)],
				&ProductInput{Target: target, Type: "fits_file", FileName: "a.fits"}, fmt.Sprint(r.IntN(5)), f.group)
			if err == nil {
				products = append(products, v.ID)
				productTarget[v.ID] = target
			} else if !isRefusal(err) {
				t.Error(err)
			}
		case 9:
			if len(products) > 0 {
				i := r.IntN(len(products))
				if err := f.as("admin").DeleteProduct(ctx, products[i]); err != nil && !isRefusal(err) {
					t.Error(err)
				}
				products = slices.Delete(products, i, i+1)
				disturb()
			}
		case 10:
			if r.IntN(4) == 0 && len(targets) > 1 {
				i := r.IntN(len(targets))
				if err := f.as("admin").DeleteTarget(ctx, targets[i]); err != nil {
					t.Error(err)
				}
				targets = slices.Delete(targets, i, i+1)
				targets = append(targets, share(f.target(users[r.IntN(3)], fmt.Sprint("T", r.Uint64()))))
				disturb()
			}
		case 11:
			id := pick(targets)
			err := f.as("admin").Withdraw(ctx, id, f.group)
			if isRefusal(err) {
				share(id)
				err = nil
			}
			if err != nil {
				t.Error(err)
			}
			disturb()
		}
	}
	for len(open) > 0 {
		finish(0)
	}
	f.noDangling()
}

func (f *fixture) seesProduct(user string, id uint64) bool {
	err := f.as(user).view(func(s *Session, tx *kv.Tx) error { _, _, err := s.product(tx, id); return err })
	return err == nil
}

// noDangling checks that the references of datums exist.
func (f *fixture) noDangling() {
	f.t.Helper()
	err := f.db.View(func(tx *kv.Tx) error {
		for id, err := range datums.All(tx).Each() {
			if err != nil {
				return err
			}
			d, err := datums.Get(tx, id)
			if err != nil {
				return err
			}
			if _, err := targets.Get(tx, d.Target); err != nil {
				f.t.Errorf("datum %d of target %d: %v", id, d.Target, err)
			}
			for _, p := range d.Products {
				if _, err := products.Get(tx, p); err != nil {
					f.t.Errorf("datum %d of product %d: %v", id, p, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		f.t.Error(err)
	}
}

// TestThreeMeet: two streams and a single post send the same datum, and the streams notice each
// other and the post.
func TestThreeMeet(t *testing.T) {
	for _, postLast := range []bool{false, true} {
		f := open(t, Options{}).small()
		target := f.target("astro", "T", f.group)
		same := row(target, 0)
		post := func() {
			if _, _, err := f.as("astro").AddDatum(t.Context(), &same); err != nil {
				t.Fatal(err)
			}
		}
		var streams []*stream
		for i, user := range []string{"astro", "carol"} {
			s := f.stream(user)
			s.send(same)
			for n := range 9 { // so that the first one is written
				s.send(row(target, 100*(i+1)+n))
			}
			streams = append(streams, s)
		}
		if !postLast {
			post()
		}
		for _, i := range []int{1, 0} {
			if r, err := streams[i].end(); err != nil || r.Created+r.Duplicate != 10 {
				t.Errorf("%+v, %v", r, err)
			}
		}
		if postLast {
			post()
		}
		if n := len(f.data("admin", DatumFilter{})); n != 19 {
			t.Errorf("%d rows", n)
		}
	}
}

// TestStagesMeet: two staged writes send the same rows while neither has finished, and one of them
// repeats its own. Each row is stored once.
func TestStagesMeet(t *testing.T) {
	// how the inner one ends, relative to the outer one
	for i, inner := range []string{"before", "after", "before", "after"} {
		f := open(t, Options{StageFrom: 10, PieceRows: []int{0, 0, 100, 100}[i]})
		target := f.target("astro", "T")
		row := func(i int) DatumInput {
			return DatumInput{Target: target, Type: "photometry", Time: int64(i) * 1e6, Timed: true,
				Value: fmt.Appendf(nil, `{"n": %d}`, i)}
		}
		const rows = stageBatch + 50
		second := func() *DatumsResult {
			n := 0
			r, err := f.as("astro").AddDatums(context.Background(), false, func() (DatumInput, int, error) {
				if n++; n > 2*stageBatch+20 {
					return DatumInput{}, 0, io.EOF
				}
				return row(n % (stageBatch / 2)), n, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		n := 0
		first, err := f.as("astro").AddDatums(context.Background(), false, func() (DatumInput, int, error) {
			if n++; n > rows {
				return DatumInput{}, 0, io.EOF
			}
			if n == stageBatch+5 && inner == "before" {
				second()
			}
			return row(n), n, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if inner == "after" {
			if r := second(); r.Created != 1 || r.Duplicate != 2*stageBatch+19 {
				t.Errorf("the second one: %+v", r)
			}
		}
		if got := len(f.data("astro", DatumFilter{})); got != rows+1 {
			t.Errorf("%s: %d rows, want %d; the first one: %+v", inner, got, rows+1, first)
		}
	}
}

// TestUntimedLines: all lines without a time get the time of the request, however many transactions
// they take; so equal ones are stored once.
func TestUntimedLines(t *testing.T) {
	var ticks atomic.Int64
	f := open(t, Options{StageFrom: 10, Now: func() time.Time { return time.Unix(1.8e9+ticks.Add(1), 0) }})
	target := f.target("astro", "T")
	n := 0
	r, err := f.as("astro").AddDatums(t.Context(), false, func() (DatumInput, int, error) {
		if n++; n > 3*stageBatch {
			return DatumInput{}, 0, io.EOF
		}
		return DatumInput{Target: target, Type: "photometry", Value: []byte(`{"n": 1}`)}, n, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Created != 1 || r.Duplicate != 3*stageBatch-1 {
		t.Errorf("%d created, %d duplicates; want 1 and %d", r.Created, r.Duplicate, 3*stageBatch-1)
	}
}
