package archive

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"nightjar/internal/problem"
)

// TestTimes compares lists by time, between times and by cursor with a sort of the rows.
func TestTimes(t *testing.T) {
	f := open(t, Options{})
	ctx := context.Background()
	rnd := rand.New(rand.NewPCG(1, 2))
	var parents []uint64
	for i := range 5 {
		user := []string{"astro", "bob"}[i%2]
		id := f.target(user, fmt.Sprintf("T%d", i))
		parents = append(parents, id)
		for j := range 400 {
			source := fmt.Sprintf("s%d", rnd.IntN(40))
			in := &DatumInput{Target: id, Type: []string{"photometry", "spectroscopy"}[j%2], Source: source,
				Time: int64(rnd.IntN(300)) * 1e6, Timed: true, Value: fmt.Appendf(nil, `{"n": %d}`, j)}
			if _, _, err := f.as(user).AddDatum(ctx, in); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := f.as("admin").DeleteDatum(ctx, 17); err != nil {
		t.Fatal(err)
	}
	at := func(v int64) *int64 { v *= 1e6; return &v }
	filters := []DatumFilter{{}, {Target: Some(parents[1])}, {TargetName: "t"}, {Source: "s3"}, {Type: "spectroscopy"},
		{Target: Some(parents[0]), Source: "s1"}, {Type: "none"}}
	bounds := []DatumFilter{{}, {From: at(100)}, {To: at(200)}, {From: at(100), To: at(200)},
		{From: at(150), To: at(150)}, {From: at(1000)}}
	for _, user := range []string{"admin", "astro", "bob", "eve"} {
		for _, base := range filters {
			whole, _, err := Collect(func(o Out[DatumView]) error {
				return f.as(user).Datums(ctx, base, Page{Limit: 1 << 20},
					Out[DatumView]{Begin: o.Begin, Flush: o.Flush,
						Row: func(v *DatumView) error { d := *v.Datum; return o.Row(&DatumView{Datum: &d}) }})
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range bounds {
				for _, byTime := range []bool{false, true} {
					for _, down := range []bool{false, true} {
						q := base
						q.From, q.To, q.ByTime, q.Descending = b.From, b.To, byTime, down
						var want []Place
						for _, v := range whole {
							if (q.From == nil || v.Time >= *q.From) && (q.To == nil || v.Time <= *q.To) {
								p := Place{ID: v.ID}
								if byTime {
									p.Time = v.Time
								}
								want = append(want, p)
							}
						}
						slices.SortFunc(want, comparePlaces)
						if down {
							slices.Reverse(want)
						}
						f.checkPages(t, fmt.Sprintf("%s %+v", user, q), f.as(user), q, want)
					}
				}
			}
		}
	}
}

// checkPages walks through a list by number and by cursor, forward and back.
func (f *fixture) checkPages(t *testing.T, what string, s *Session, q DatumFilter, want []Place) {
	t.Helper()
	limit := max(1, len(want)/3+1)
	page := func(p Page) (ids []uint64, e Extent) {
		err := s.Datums(context.Background(), q, p, Out[DatumView]{
			Begin: func(x Extent) error { e = x; return nil },
			Row:   func(v *DatumView) error { ids = append(ids, v.ID); return nil },
			Flush: func() error { return nil },
		})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return ids, e
	}
	same := func(ids []uint64, part []Place) bool {
		return slices.EqualFunc(ids, part, func(a uint64, b Place) bool { return a == b.ID })
	}
	cursor := &Cursor{First: true}
	for from := 0; from < len(want) || from == 0; from += limit {
		part := want[from:min(from+limit, len(want))]
		if ids, e := page(Page{Offset: from, Limit: limit}); !same(ids, part) || e.Count != len(want) {
			t.Fatalf("%s: offset %d: %v, count %d, want %v of %d", what, from, ids, e.Count, part, len(want))
		}
		ids, e := page(Page{Limit: limit, Cursor: cursor})
		if !same(ids, part) || e.Before != (from > 0) || e.After != (from+limit < len(want)) {
			t.Fatalf("%s: cursor %+v: %v %+v, want %v", what, cursor, ids, e, part)
		}
		if from > 0 {
			if back, _ := page(Page{Limit: limit, Cursor: &Cursor{Place: e.First, Before: true}}); !same(back,
				want[from-limit:from]) {
				t.Fatalf("%s: backwards from %+v: %v, want %v", what, e.First, back, want[from-limit:from])
			}
		}
		cursor = &Cursor{Place: e.Last}
	}
}

// TestCursorWhileWriting: a walk by cursor returns every row that existed throughout once, whatever
// is added and deleted meanwhile.
func TestCursorWhileWriting(t *testing.T) {
	for _, q := range []DatumFilter{{}, {Descending: true}, {ByTime: true}, {ByTime: true, Descending: true}} {
		f := open(t, Options{})
		ctx := context.Background()
		target := f.target("astro", "T")
		add := func(second int) uint64 {
			id, _, err := f.datum("astro", target, second, fmt.Sprintf(`{"n": %d}`, second))
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		stays := map[uint64]int{}
		var goes []uint64
		for i := range 60 {
			id := add(i * 10)
			if i%3 == 0 {
				goes = append(goes, id)
			} else {
				stays[id] = 0
			}
		}
		cursor := &Cursor{First: true}
		for i := 0; ; i++ {
			var e Extent
			err := f.as("astro").Datums(ctx, q, Page{Limit: 7, Cursor: cursor}, Out[DatumView]{
				Begin: func(x Extent) error { e = x; return nil },
				Row:   func(v *DatumView) error { stays[v.ID]++; return nil },
				Flush: func() error { return nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			if !e.After {
				break
			}
			cursor = &Cursor{Place: e.Last}
			add(i*71 + 3)
			if err := f.as("astro").DeleteDatum(ctx, goes[i]); err != nil {
				t.Fatal(err)
			}
		}
		for id, n := range stays {
			if n > 1 || n == 0 && id <= 60 && !slices.Contains(goes, id) {
				t.Errorf("%+v: row %d was met %d times", q, id, n)
			}
		}
	}
}

// TestRefuse: with Refuse, a duplicate is refused, and nothing changes.
func TestRefuse(t *testing.T) {
	f := open(t, Options{StageFrom: 3})
	ctx := context.Background()
	target := f.target("astro", "T")
	table := "time,magnitude,error,filter\n60000.1,15.1,0.1,r\n60000.2,15.2,0.1,r\n"
	first, _, err := f.upload("astro", target, "one.csv", table)
	if err != nil {
		t.Fatal(err)
	}
	head := f.db.Head()
	file := table + "60000.3,15.3,0.1,r\n60000.3,15.3,0.1,r\n60000.4,15.4,0.1,r\n"
	for _, staged := range []bool{false, true} {
		f.Archive.o.StageFrom = 100
		if staged {
			f.Archive.o.StageFrom = 2
		}
		_, _, err = f.uploadAs("astro",
			&ProductInput{Target: target, Type: "photometry", FileName: "two.csv", Refuse: true}, file)
		var p *ProcessingError
		if !errors.As(err, &p) {
			t.Fatalf("a repeated upload: %v", err)
		}
		lines := []int{}
		for _, x := range p.Report.Errors {
			lines = append(lines, x.Line)
		}
		if !slices.Equal(lines, []int{2, 3, 5}) {
			t.Errorf("lines %v of %+v", lines, p.Report.Errors)
		}
	}
	// a dry run reports the same, and what would be stored
	dry := func(refuse bool) (*Report, error) {
		file2, err := f.as("astro").BeginUpload(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer file2.Abort()
		if _, err := file2.Write([]byte(file)); err != nil {
			t.Fatal(err)
		}
		_, report, err := f.as("astro").Upload(ctx,
			&ProductInput{Target: target, Type: "photometry", FileName: "two.csv",
				Refuse: refuse, DryRun: true}, file2)
		return report, err
	}
	if _, err := dry(true); err == nil || len(err.(*ProcessingError).Report.Errors) != 3 {
		t.Errorf("a dry run that refuses: %v", err)
	}
	report, err := dry(false)
	if err != nil || report.Created != 2 || report.Duplicate != 3 {
		t.Errorf("a dry run: %+v, %v", report, err)
	}
	in := &DatumInput{Target: target, Product: first.ID, Type: "photometry", Time: 1e6, Timed: true,
		Value: []byte(`{"a": 1}`)}
	if _, _, err := f.as("astro").AddList(ctx, []*DatumInput{in, {List: problems("value", "bad")}}); err == nil {
		t.Error("a list with a bad item was taken")
	}
	refused := *in
	refused.Refuse = true
	if _, _, err := f.as("astro").AddList(ctx, []*DatumInput{in, &refused}); err == nil ||
		err.(*problem.List).All()[0].Path != "1" {
		t.Errorf("a list with a repeated item: %v", err)
	}
	if f.db.Head() != head {
		t.Error("something refused was logged")
	}
	if views, created, err := f.as("astro").AddList(ctx, []*DatumInput{in, in}); err != nil || created != 1 ||
		views[0].ID != views[1].ID {
		t.Errorf("a list: %d created, %v", created, err)
	}
	head = f.db.Head()
	if _, result, err := f.as("astro").AddDatum(ctx, &refused); err != nil || result != Duplicate ||
		f.db.Head().Seq > head.Seq+1 {
		t.Errorf("a repeated datum: %v, %v", result, err)
	}
}

func problems(path, message string) problem.List {
	var p problem.List
	p.Add(path, "%s", message)
	return p
}
