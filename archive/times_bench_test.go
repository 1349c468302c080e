package archive

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"nightjar/auth"
	"nightjar/internal/dataset"
)

// benchRows is how many datums the benchmarks of times and of imports have, 1,000,000 if
// NIGHTJAR_BENCH_ROWS does not say otherwise.
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

// BenchmarkAddData adds datums on 1000 targets in one go, and says how large the file becomes;
// "shuffled" ones come in an order that has nothing to do with their times.
func BenchmarkAddData(b *testing.B) {
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
				_, err := owner.AddData(context.Background(), false, func() (DatumInput, int, error) {
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
