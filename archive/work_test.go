package archive

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/internal/testenv"
	"nightjar/kv"
)

// byHand stops the worker, as the end of the process would: requests return at once, and their
// pieces are done by calls of piece.
func (f *fixture) byHand() *fixture {
	f.worker.close()
	return f
}

// piece does one piece of work, and reports whether there was one.
func (f *fixture) piece() bool {
	f.t.Helper()
	id, err := f.worker.piece()
	if err != nil {
		f.t.Fatalf("work %d: %v", id, err)
	}
	return id != 0
}

func curve(from, to int) string {
	s := "mjd,magnitude,filter\n"
	for i := from; i < to; i++ {
		s += fmt.Sprintf("%d,17.5,r\n", 58000+i)
	}
	return s
}

// TestPieces goes step by step through an upload of existing datums, and through the deletion of
// either of the products with the same datums: no viewer ever sees more than before or after, the
// file is whole after each piece, and a file that was closed in the middle continues by itself when
// it is opened.
func TestPieces(t *testing.T) {
	for _, mode := range []auth.Mode{auth.ModeTargets, auth.ModeObjects} {
		for _, crash := range []bool{false, true} {
			for _, stageFrom := range []int{5, 1000} {
				t.Run(fmt.Sprintf("%s/%t/%d", mode, crash, stageFrom),
					func(t *testing.T) { testPieces(t, mode, crash, stageFrom) })
			}
		}
	}
}

func testPieces(t *testing.T, mode auth.Mode, crash bool, stageFrom int) {
	f := open(t, Options{StageFrom: stageFrom, PieceRows: 3})
	f.mode(mode, auth.ReadOnly)
	target := f.target("astro", "T", f.group)
	first, _, err := f.upload("astro", target, "a.csv", curve(0, 20))
	if err != nil {
		t.Fatal(err)
	}
	// the datums that each user sees, of each product
	seen := func() map[string][]uint64 {
		m := map[string][]uint64{}
		for _, user := range []string{"admin", "astro", "carol", "bob"} {
			m[user] = f.data(user, DatumFilter{})
			for p := uint64(1); p < 4; p++ {
				m[fmt.Sprint(user, p)] = f.data(user, DatumFilter{Product: Some(p)})
			}
		}
		return m
	}
	// through does the work piece by piece, or by reopening the file, and compares what the users
	// see
	through := func(what string, before map[string][]uint64, least int) {
		t.Helper()
		if crash {
			f.piece()
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			f.reopen()
			f.awaitWork()
			f.byHand()
			return
		}
		var between []map[string][]uint64
		for between = append(between, seen()); f.piece(); between = append(between, seen()) {
			r, err := f.db.Verify(t.Context(), kv.CheckOptions{})
			if err != nil || r.Err() != nil {
				t.Fatalf("%s: %v %v", what, err, r.Problems)
			}
			f.noDangling()
		}
		after := between[len(between)-1]
		if len(between) < least {
			t.Errorf("%s: in %d pieces", what, len(between))
		}
		for _, m := range between {
			for key, ids := range m {
				for _, id := range ids {
					if !slices.Contains(before[key], id) && !slices.Contains(after[key], id) {
						t.Errorf("%s: %s sees %d in between", what, key, id)
					}
				}
			}
		}
	}
	f.byHand()
	before := seen()
	second, r, err := f.upload("carol", target, "b.csv", curve(0, 25))
	if err != nil || r.Created+r.Duplicate != 25 {
		t.Fatal(r, err)
	}
	through("the second upload", before, 7)
	if n := len(f.data("carol", DatumFilter{})); n != 25 {
		t.Errorf("carol sees %d rows", n)
	}
	before = seen()
	if err := f.as("astro").DeleteProduct(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	through("the first product is deleted", before, 7)
	if n := len(f.data("carol", DatumFilter{Product: Some(second.ID)})); n != 25 {
		t.Errorf("%d rows of the second product are left", n)
	}
	if n := len(f.data("admin", DatumFilter{Product: Some(first.ID)})); n != 0 {
		t.Errorf("%d rows of the first product are left", n)
	}
	if _, _, err := f.as("admin").productOf(first.ID); !refusedAs(err, problem.NotFound) {
		t.Errorf("the first product: %v", err)
	}
	if err := f.as("carol").DeleteProduct(t.Context(), second.ID); err != nil {
		t.Fatal(err)
	}
	if n := len(f.data("admin", DatumFilter{})); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func (s *Session) productOf(id uint64) (p *Product, t *Target, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error { p, t, err = s.product(tx, id); return err })
	return p, t, err
}

// awaitWork waits until the worker has nothing to do.
func (f *fixture) awaitWork() {
	f.t.Helper()
	for end := time.Now().Add(testenv.Patience); ; time.Sleep(time.Millisecond) {
		n := 0
		err := f.db.View(func(tx *kv.Tx) (err error) { n, err = works.All(tx).Count(); return err })
		if err != nil {
			f.t.Fatal(err)
		}
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			f.t.Fatalf("%d pieces of work are left", n)
		}
	}
}

// TestPiecesAnswer: a request returns after its last piece, and the entries of the log say which
// entry they continue.
func TestPiecesAnswer(t *testing.T) {
	f := open(t, Options{PieceRows: 3})
	target := f.target("astro", "T", f.group)
	var ids []uint64
	for range 2 {
		v, r, err := f.upload("carol", target, "a.csv", curve(0, 20))
		if err != nil || r.Created+r.Duplicate != 20 {
			t.Fatal(r, err)
		}
		if n := len(f.data("carol", DatumFilter{Product: Some(v.ID)})); len(ids) == 0 && n != 20 {
			t.Errorf("%d rows of the product", n)
		}
		ids = append(ids, v.ID)
	}
	if err := f.as("carol").DeleteProduct(t.Context(), ids[0]); err != nil {
		t.Fatal(err)
	}
	if n := len(f.data("carol", DatumFilter{Product: Some(ids[1])})); n != 20 {
		t.Errorf("%d rows of the second product", n)
	}
	if err := f.as("carol").DeleteProduct(t.Context(), ids[0]); !refusedAs(err, problem.NotFound) {
		t.Errorf("once more: %v", err)
	}
	entries, _, err := Collect(func(out Out[LogEntry]) error {
		return f.as("admin").Log(t.Context(), LogFilter{Action: "continues"}, Page{Limit: 100}, out)
	})
	if err != nil || len(entries) < 12 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for _, e := range entries {
		var n uint64
		if k, _ := fmt.Sscanf(e.Action, "TEST (continues entry %d)", &n); k != 1 || n >= e.Seq || e.User != "carol" ||
			e.Addr != "127.0.0.1" {
			t.Errorf("%+v", e)
		}
	}
}

// TestPiecesModel does the same random steps with an archive whose worker is late, and with one
// that does no work in pieces. At the end both hold the same.
func TestPiecesModel(t *testing.T) {
	for seed := range uint64(testenv.Choose(6, 200)) {
		piecesModel(t, seed)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func piecesModel(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 6))
	mode := []auth.Mode{auth.ModeTargets, auth.ModeObjects}[seed%2]
	lazy := open(t, Options{PieceRows: 2, StageFrom: []int{2, 1000}[r.IntN(2)]}).byHand()
	eager := open(t, Options{PieceRows: 1000})
	both := []*fixture{lazy, eager}
	target := uint64(0)
	for _, f := range both {
		f.mode(mode, auth.ReadOnly)
		target = f.target("astro", "T", f.group)
	}
	users := []string{"astro", "carol"}
	var files []uint64
	for range 40 {
		user := users[r.IntN(2)]
		switch r.IntN(6) {
		case 0, 1:
			from := r.IntN(12)
			content := curve(from, from+1+r.IntN(15))
			var id uint64
			for _, f := range both {
				v, _, err := f.upload(user, target, "a.csv", content)
				if err != nil {
					t.Fatal(err)
				}
				id = v.ID
			}
			files = append(files, id)
		case 2:
			if len(files) == 0 {
				continue
			}
			i := r.IntN(len(files))
			var errs []error
			for _, f := range both {
				errs = append(errs, f.as(user).DeleteProduct(t.Context(), files[i]))
			}
			if (errs[0] == nil) != (errs[1] == nil) {
				t.Errorf("a product is deleted: %v", errs)
			}
			if errs[0] == nil {
				files = slices.Delete(files, i, i+1)
			}
		case 3:
			n := r.IntN(15)
			at := int64(58000+n-40587) * 86400
			for _, f := range both {
				if _, _, err := f.datum(user, target, int(at), `{"magnitude":17.5,"filter":"r"}`); err != nil {
					t.Fatal(err)
				}
			}
		case 4: // the one row of a time, when both see it
			ids := eager.data(user, DatumFilter{})
			if len(ids) == 0 || mode == auth.ModeTargets {
				continue
			}
			v, err := eager.as(user).Datum(ids[r.IntN(len(ids))])
			if err != nil {
				t.Fatal(err)
			}
			if len(lazy.data(user, DatumFilter{From: &v.Time, To: &v.Time})) != len(eager.data(user,
				DatumFilter{From: &v.Time, To: &v.Time})) {
				continue
			}
			for _, f := range both {
				for _, id := range f.data(user, DatumFilter{From: &v.Time, To: &v.Time}) {
					if err := f.as(user).DeleteDatum(t.Context(), id); err != nil {
						t.Error(err)
					}
				}
			}
		case 5:
			for range r.IntN(5) {
				lazy.piece()
			}
		}
		lazy.noDangling()
	}
	for lazy.piece() {
	}
	held := func(f *fixture) map[string]int {
		m := map[string]int{}
		for _, user := range []string{"admin", "astro", "carol"} {
			_, _, err := Collect(func(out Out[DatumView]) error {
				out.Row = func(v *DatumView) error { m[fmt.Sprint(user, " ", v.Time)]++; return nil }
				return f.as(user).Datums(t.Context(), DatumFilter{}, Page{Limit: 1000}, out)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		return m
	}
	// the product with which a datum is shown depends on the order of its products, and so may
	// differ
	brought := func(f *fixture) map[string]int {
		m := map[string]int{}
		err := f.db.View(func(tx *kv.Tx) error {
			for _, id := range files {
				n, err := datums.Set(tx, dimProduct, kv.Int(id)).Count()
				if err != nil {
					return err
				}
				m[fmt.Sprint(id)] = n
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	a, b := held(lazy), held(eager)
	if !maps.Equal(a, b) || !maps.Equal(brought(lazy), brought(eager)) {
		t.Errorf("in pieces\n%v\n%v\nat once\n%v\n%v", a, brought(lazy), b, brought(eager))
	}
}

// TestDeleteLongList deletes a list of more targets than one transaction takes.
func TestDeleteLongList(t *testing.T) {
	f := open(t, Options{PieceRows: 8})
	var list uint64
	for i := range 9 {
		v, err := f.as("astro").CreateTarget(t.Context(),
			&TargetInput{Name: Some(fmt.Sprint("T", i)), Type: Some(Sidereal),
				Numbers: map[string]Opt[float64]{"ra": Some(10.0),
					"dec": Some(-10.0)},
				Lists: []ListInput{{Name: "long"}, {Name: "kept"}}})
		if err != nil {
			t.Fatal(err)
		}
		list = v.Lists[slices.IndexFunc(v.Lists, func(l ListInfo) bool { return l.Name == "long" })].ID
	}
	before := f.db.Head().Seq
	if err := f.as("bob").DeleteTargetList(t.Context(), list); !refusedAs(err, problem.NotFound) {
		t.Errorf("a stranger: %v", err)
	}
	if err := f.as("astro").DeleteTargetList(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	if n := f.db.Head().Seq - before; n < 5 {
		t.Errorf("in %d transactions", n)
	}
	if _, err := f.as("astro").TargetList(list); !refusedAs(err, problem.NotFound) {
		t.Errorf("the list: %v", err)
	}
	if n := len(f.targets("astro", TargetFilter{List: "kept"})); n != 9 {
		t.Errorf("%d targets are on the other list", n)
	}
	for id := uint64(1); id < 10; id++ {
		if v, err := f.as("astro").Target(id); err != nil || len(v.Lists) != 1 {
			t.Errorf("%+v, %v", v, err)
		}
	}
}

// TestPiecesOfSeveralTargets: a user sends, in one stream, datums of two targets that exist but are
// hidden from the user. They stay when their product on either target is deleted before the pieces
// of the stream are done.
func TestPiecesOfSeveralTargets(t *testing.T) {
	f := open(t, Options{PieceRows: 2}).byHand()
	f.mode(auth.ModeObjects, auth.ReadOnly)
	var products []uint64
	var sent []DatumInput
	for _, name := range []string{"A", "B"} {
		target := f.target("astro", name, f.group)
		p, _, err := f.upload("astro", target, name+".csv", curve(0, 3))
		if err != nil {
			t.Fatal(err)
		}
		products = append(products, p.ID)
		for _, id := range f.data("astro", DatumFilter{Target: Some(target)}) {
			d, err := f.as("astro").Datum(id)
			if err != nil {
				t.Fatal(err)
			}
			sent = append(sent, DatumInput{Target: target, Type: d.Type, Source: d.Source, Location: d.Location,
				Time: d.Time, Timed: true, Value: d.Value})
		}
	}
	line := 0
	r, err := f.as("carol").AddDatums(t.Context(), false, func() (DatumInput, int, error) {
		if line++; line > len(sent) {
			return DatumInput{}, line, io.EOF
		}
		return sent[line-1], line, nil
	})
	if err != nil || r.Created != len(sent) {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, id := range products {
		if err := f.as("astro").DeleteProduct(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	for f.piece() {
	}
	if n := len(f.data("carol", DatumFilter{})); n != len(sent) {
		t.Errorf("carol sees %d of %d datums that she was told are stored", n, len(sent))
	}
}

// TestUnfinished: when the file is lost in the middle of work in pieces, the request fails, and the
// work is finished when the file is opened again.
func TestUnfinished(t *testing.T) {
	f := open(t, Options{PieceRows: 2})
	target := f.target("astro", "T", f.group)
	var first uint64
	for range 2 {
		p, _, err := f.upload("astro", target, "a.csv", curve(0, 20))
		if err != nil {
			t.Fatal(err)
		}
		if first == 0 {
			first = p.ID
		}
	}
	// the first piece of the deletion, whose function runs before the file is moved, is the last
	// one done
	moved := f.path + ".moved"
	f.worker.close()
	f.worker = startWorker(f.Archive)
	f.worker.mu.Lock() // which piece needs to find what is next
	answer := make(chan error, 1)
	go func() { answer <- f.as("astro").DeleteProduct(t.Context(), first) }()
	for seq := f.db.Head().Seq; f.db.Head().Seq == seq; time.Sleep(time.Millisecond) {
	}
	if err := os.Rename(f.path, moved); err != nil {
		t.Fatal(err)
	}
	f.worker.mu.Unlock()
	if err := <-answer; !errors.Is(err, ErrUnfinished) || !errors.Is(err, ErrLost) {
		t.Errorf("the deletion: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Logf("closing: %v", err)
	}
	if err := os.Rename(moved, f.path); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	f.awaitWork()
	if _, _, err := f.as("astro").productOf(first); !refusedAs(err, problem.NotFound) {
		t.Errorf("after opening again: %v", err)
	}
	if n := len(f.data("astro", DatumFilter{})); n != 20 {
		t.Errorf("%d datums are left of 20", n)
	}
}

// TestWorkOfOthers: a product is deleted at once while the targets of a list are being taken off
// it.
func TestWorkOfOthers(t *testing.T) {
	f := open(t, Options{PieceRows: 2}).byHand()
	var list, target uint64
	for i := range 5 {
		v, err := f.as("astro").CreateTarget(t.Context(),
			&TargetInput{Name: Some(fmt.Sprint("T", i)), Type: Some(Sidereal),
				Numbers: map[string]Opt[float64]{"ra": Some(10.0), "dec": Some(-10.0)},
				Lists:   []ListInput{{Name: "long"}}})
		if err != nil {
			t.Fatal(err)
		}
		list, target = v.Lists[0].ID, v.ID
	}
	p, _, err := f.upload("astro", target, "a.csv", curve(0, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.as("astro").DeleteTargetList(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		if err := f.db.View(func(tx *kv.Tx) (err error) { n, err = works.All(tx).Count(); return err }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := count(); n != 1 {
		t.Fatalf("%d works before", n)
	}
	if err := f.as("astro").DeleteProduct(t.Context(), p.ID); err != nil {
		t.Fatal(err)
	}
	if n := count(); n != 1 {
		t.Errorf("%d works: the deletion of a product waits for that of a list", n)
	}
	for f.piece() {
	}
}
