package archive

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"nightjar/auth"
	"nightjar/internal/dataset"
	"nightjar/kv"
)

// benchArchive returns an archive with the data set of the measurements; the viewer of half sees
// every second target.
func benchArchive(b *testing.B, rows, targets int) (a *Archive, all, half *Session) {
	b.Helper()
	a, err := Open(b.TempDir()+"/bench.db", Options{NoSync: true, Logf: b.Logf})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := a.Close(); err != nil {
			b.Error(err)
		}
	})
	ctx, owner := context.Background(), a.For(auth.FileOwner())
	g, err := a.auth.CreateGroup(ctx, auth.FileOwner(), "readers")
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	_, err = owner.AddTargets(ctx, func() (*TargetInput, int, error) {
		if i++; i > targets {
			return nil, i, io.EOF
		}
		t := dataset.TargetAt(i)
		in := &TargetInput{Name: Some(t.Name), Type: Some(Sidereal),
			Numbers: map[string]Opt[float64]{"ra": Some(t.RA), "dec": Some(t.Dec)},
			Aliases: []AliasInput{{Name: t.Aliases[0]}, {Name: t.Aliases[1]}}}
		if t.Shared {
			in.Groups = []auth.GroupRef{{ID: g.ID}}
		}
		return in, i, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	k := 0
	_, err = owner.AddDatums(ctx, false, func() (DatumInput, int, error) {
		if k++; k > rows {
			return DatumInput{}, k, io.EOF
		}
		return benchDatum(k-1, targets), k, nil
	})
	if err != nil {
		b.Fatal(err)
	}
	name := "half"
	if _, err := a.auth.CreateUser(ctx, auth.FileOwner(),
		auth.UserChange{Name: &name, Groups: &[]auth.GroupRef{{ID: g.ID}}}); err != nil {
		b.Fatal(err)
	}
	viewer, err := a.auth.As(name)
	if err != nil {
		b.Fatal(err)
	}
	return a, owner, a.For(viewer)
}

// benchDatum returns datum k of the measurements.
func benchDatum(k, targets int) DatumInput {
	d := dataset.DatumAt(k, targets)
	return DatumInput{Target: uint64(d.Target), Type: d.Type, Source: d.Source, Time: d.Time * 1e6, Timed: true,
		Value: dataset.AppendValue(nil, k)}
}

// BenchmarkDatums reads pages of 100 with their count out of 1,000,000.
func BenchmarkDatums(b *testing.B) {
	_, all, half := benchArchive(b, 1_000_000, 1000)
	for name, s := range map[string]*Session{"all": all, "half": half} {
		for _, c := range []struct {
			name string
			f    DatumFilter
			page Page
		}{
			{"no filter", DatumFilter{}, Page{}},
			{"target", DatumFilter{Target: Some[uint64](502)}, Page{}},
			{"1 target by name", DatumFilter{TargetName: "get-00502"}, Page{}},
			{"1000 targets by name", DatumFilter{TargetName: "target"}, Page{}},
			{"type and source", DatumFilter{Type: "photometry", Source: "ZTF"}, Page{}},
			{"offset", DatumFilter{}, Page{Offset: 450_000}},
		} {
			c.page.Limit = 100
			b.Run(name+"/"+c.name, func(b *testing.B) {
				out := Out[DatumView]{Begin: func(Extent) error { return nil },
					Row: func(*DatumView) error { return nil }, Flush: func() error { return nil }}
				b.ReportAllocs()
				for b.Loop() {
					if err := s.Datums(context.Background(), c.f, c.page, out); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkNames searches a part of a name among 100,000 targets with three names each.
func BenchmarkNames(b *testing.B) {
	const targets = 100_000
	a, _, _ := benchArchive(b, 0, targets)
	a.awaitIndex(0)
	b.Run("one target, another each time, by the scan", func(b *testing.B) {
		for k := 0; b.Loop(); k++ {
			q := &nameQuery{a: a, terms: []string{fmt.Sprintf("get-%05d", k*7919%targets)}}
			if err := a.db.View(func(tx *kv.Tx) error { _, err := q.search(tx); return err }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("making the index again", func(b *testing.B) {
		for b.Loop() {
			made := a.names.State().Rebuilt
			if err := a.names.renew(); err != nil {
				b.Fatal(err)
			}
			a.awaitIndex(made + 1)
		}
	})
	for _, c := range []struct {
		name string
		part func(k int) string
	}{
		{"one target, another each time", func(k int) string { return fmt.Sprintf("get-%05d", k*7919%targets) }},
		{"one target, again", func(int) string { return "get-00777" }},
		{"100 targets, again", func(int) string { return "get-007" }},
		{"all targets, again", func(int) string { return "target" }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for k := 0; b.Loop(); k++ {
				q := a.findNames(context.Background(), anyContains, c.part(k))
				if err := a.db.View(func(tx *kv.Tx) error { _, err := q.in(tx); return err }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// awaitIndex waits until the index was rebuilt that often and has caught up.
func (a *Archive) awaitIndex(rebuilt int) {
	for st := a.names.State(); st.Rebuilt < rebuilt || st.Why != "" || st.Seq != st.Head; st = a.names.State() {
		time.Sleep(time.Millisecond)
	}
}

// BenchmarkSuggest asks for suggestions among 100,000 targets with three names each and 1,000
// source names, for a viewer who sees everything and one who sees every second target.
func BenchmarkSuggest(b *testing.B) {
	const targets, rows = 100_000, 100_000
	a, all, half := benchArchive(b, 0, targets)
	k := 0
	if _, err := all.AddDatums(context.Background(), false, func() (DatumInput, int, error) {
		if k++; k > rows {
			return DatumInput{}, k, io.EOF
		}
		d := benchDatum(k-1, targets)
		d.Source = fmt.Sprintf("source %04d", k%1000)
		return d, k, nil
	}); err != nil {
		b.Fatal(err)
	}
	a.awaitIndex(0)
	for _, c := range []struct{ name, text string }{
		{"name begins with it", "target"},
		{"part of one name", "get-00778"},
		{"part of no name, but similar ones", "tarqet-00778"},
		{"all source names", "source"},
		{"the last source name", "ce 0998"},
	} {
		for name, s := range map[string]*Session{"all": all, "half": half} {
			b.Run(name+"/"+c.name, func(b *testing.B) {
				for b.Loop() {
					if list, err := s.Suggest(context.Background(), c.text); err != nil ||
						len(list.Targets)+len(list.Similar)+len(list.Sources) == 0 {
						b.Fatal(list, err)
					}
				}
			})
		}
	}
}

// BenchmarkAddDatum adds single datums, by one caller and by 64 at a time, without fsync.
func BenchmarkAddDatum(b *testing.B) {
	_, all, _ := benchArchive(b, 0, 1000)
	var k atomic.Int64
	one := func() error {
		in := benchDatum(int(k.Add(1)), 1000)
		_, _, err := all.AddDatum(context.Background(), &in)
		return err
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := one(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("64", func(b *testing.B) {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := one(); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// benchRows is how many datums the benchmarks of times and imports have: NIGHTJAR_BENCH_ROWS, or
// 1,000,000.
func benchRows() int {
	n, err := strconv.Atoi(os.Getenv("NIGHTJAR_BENCH_ROWS"))
	if err != nil {
		return 1_000_000
	}
	return n
}

// BenchmarkTimes reads pages of 100, with their count, of datums within ranges of time, where ids
// ascend with the times.
func BenchmarkTimes(b *testing.B) {
	rows := benchRows()
	_, all, half := benchArchive(b, rows, 1000)
	at := func(part float64) *int64 { // in the middle of a day
		t := dataset.DatumAt(int(part*float64(rows)), 1000).Time*1e6 + 1
		return &t
	}
	for _, v := range []struct {
		name string
		s    *Session
	}{{"all", all}, {"half", half}} {
		for _, c := range []struct {
			name string
			f    DatumFilter
		}{
			{"an hour", DatumFilter{From: at(0.5), To: at(0.50001)}},
			{"1 of 100", DatumFilter{From: at(0.5), To: at(0.51)}},
			{"1 of 2", DatumFilter{From: at(0.25), To: at(0.75)}},
			{"9 of 10, no end", DatumFilter{From: at(0.1)}},
			{"1 of 2, type and source", DatumFilter{From: at(0.25), To: at(0.75), Type: "photometry", Source: "ZTF"}},
			{"1 of 2, 1 target", DatumFilter{From: at(0.25), To: at(0.75), Target: Some[uint64](502)}},
			{"1 of 1000, by time", DatumFilter{From: at(0.5), To: at(0.501), ByTime: true}},
		} {
			b.Run(v.name+"/"+c.name, func(b *testing.B) {
				out := Out[DatumView]{Begin: func(Extent) error { return nil },
					Row: func(*DatumView) error { return nil }, Flush: func() error { return nil }}
				for b.Loop() {
					if err := v.s.Datums(context.Background(), c.f, Page{Limit: 100}, out); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkAddDatums adds datums on 1,000 targets in one bulk write, and reports the size of the
// file; "shuffled" ones come in random order of time.
func BenchmarkAddDatums(b *testing.B) {
	const targets = 1000
	rows := benchRows()
	for _, shuffled := range []bool{false, true} {
		b.Run(fmt.Sprintf("shuffled=%v", shuffled), func(b *testing.B) {
			order := make([]int, rows)
			for i := range order {
				order[i] = i
			}
			if shuffled {
				rand.New(rand.NewPCG(1, 2)).Shuffle(rows, func(i, j int) { order[i], order[j] = order[j], order[i] })
			}
			for range b.N {
				b.StopTimer()
				a, owner, _ := benchArchive(b, 0, targets)
				b.StartTimer()
				k := 0
				_, err := owner.AddDatums(context.Background(), false, func() (DatumInput, int, error) {
					if k++; k > rows {
						return DatumInput{}, k, io.EOF
					}
					in := benchDatum(order[k-1], targets)
					in.Compact = true
					return in, k, nil
				})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				st, err := a.For(auth.FileOwner()).Stat()
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(st.Size-st.Free)/float64(rows), "bytes/datum")
				b.StartTimer()
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
