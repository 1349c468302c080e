package archive

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"nightjar/auth"
	"nightjar/kv"
)

// TestTimeRanges compares searches by ranges of time with a scan, mostly around the edges of the
// buckets of time, before and after 1970, in both modes, for viewers of all and some rows, with and
// without rows in the tail.
func TestTimeRanges(t *testing.T) {
	for _, mode := range []auth.Mode{auth.ModeTargets, auth.ModeObjects} {
		t.Run(string(mode), func(t *testing.T) { timeRanges(t, mode) })
	}
}

type timedRow struct {
	id, target uint64
	time       int64
	data       string // its type
}

func timeRanges(t *testing.T, mode auth.Mode) {
	f := open(t, Options{})
	f.mode(mode, auth.ReadOnly)
	random := rand.New(rand.NewPCG(3, 1))
	// edges of buckets of all widths, counted from 1970
	var pool []int64
	for _, d := range []int64{0, -1, 1, 63, 64, 65, -64, -65, 4096, -4096, -4097, 20_479, 20_480, 20_543, 20_544} {
		for _, off := range []int64{-1, 0, 1, day / 2} {
			pool = append(pool, d*day+off)
		}
	}
	pool = append(pool, math.MinInt64, math.MinInt64+1, math.MaxInt64-day, math.MaxInt64-1, -62135596800e6,
		253402300799999999)
	pick := func() int64 {
		if random.IntN(3) == 0 {
			return (random.Int64N(22_000) - 1000) * day / 7
		}
		return pool[random.IntN(len(pool))]
	}
	seen, hidden := f.target("astro", "seen", f.group), f.target("admin", "hidden")
	var rows []timedRow
	i := 0
	next := func() DatumInput {
		i++
		in := DatumInput{Target: seen, Type: "photometry", Time: pick(), Timed: true,
			Value: fmt.Appendf(nil, `{"n":%d}`, i)}
		if i%3 == 0 {
			in.Target = hidden
		}
		if i%4 == 0 { // an undated spectrum is found at the time of its upload
			in.Type, in.Value = "spectroscopy", fmt.Appendf(nil, `{"flux":[%d],"time_origin":"upload"}`, i)
		}
		return in
	}
	add := func(in DatumInput, id uint64) {
		rows = append(rows, timedRow{id, in.Target, in.Time, in.Type})
	}
	sent := 0
	result, err := f.as("admin").AddDatums(t.Context(), false, func() (DatumInput, int, error) {
		if sent == 4*fewDatums {
			return DatumInput{}, 0, io.EOF
		}
		sent++
		in := next()
		add(in, uint64(sent))
		return in, sent, nil
	})
	if err != nil || result.Created != sent {
		t.Fatal(result, err)
	}
	compare := func(user string, n int) {
		t.Helper()
		for range n {
			filter := DatumFilter{}
			lo, hi := pick(), pick()
			if random.IntN(8) > 0 {
				lo, hi = min(lo, hi), max(lo, hi)
			}
			if random.IntN(6) > 0 {
				filter.From = &lo
			}
			if random.IntN(6) > 0 {
				filter.To = &hi
			}
			if random.IntN(4) == 0 {
				filter.Type = "spectroscopy"
			}
			if random.IntN(4) == 0 {
				filter.Target = Some(seen)
			}
			filter.ByTime, filter.Descending = random.IntN(4) == 0, random.IntN(2) == 0
			var want []timedRow
			for _, r := range rows {
				if r.id != 0 && (filter.From == nil || r.time >= lo) && (filter.To == nil || r.time <= hi) &&
					(filter.Type == "" || r.data == filter.Type) && (!filter.Target.Given || r.target == seen) &&
					(user == "admin" || mode == auth.ModeTargets && r.target == seen) {
					want = append(want, r)
				}
			}
			slices.SortFunc(want, func(a, b timedRow) int {
				if filter.ByTime {
					return comparePlaces(Place{a.time, a.id}, Place{b.time, b.id})
				}
				return comparePlaces(Place{0, a.id}, Place{0, b.id})
			})
			if filter.Descending {
				slices.Reverse(want)
			}
			page := Page{Offset: random.IntN(len(want) + 2), Limit: 1 + random.IntN(50)}
			var wanted []uint64
			for _, r := range cut(want, kv.Page{Offset: page.Offset, Limit: page.Limit}) {
				wanted = append(wanted, r.id)
			}
			var ids []uint64
			_, count, err := Collect(func(out Out[DatumView]) error {
				out.Row = func(v *DatumView) error { ids = append(ids, v.ID); return nil }
				return f.as(user).Datums(t.Context(), filter, page, out)
			})
			if err != nil {
				t.Fatal(err)
			}
			if count != len(want) || !slices.Equal(ids, wanted) {
				t.Fatalf("%s, %+v from %d to %d, %+v: %d rows, not %d; %v, not %v", user, filter, lo, hi, page, count,
					len(want), ids, wanted)
			}
		}
	}
	compare("admin", 150)
	compare("carol", 50)
	for range 40 { // these are in the tail
		in := next()
		v, _, err := f.as("admin").AddDatum(t.Context(), &in)
		if err != nil {
			t.Fatal(err)
		}
		add(in, v.ID)
	}
	compare("admin", 100)
	for range 200 {
		r := &rows[random.IntN(len(rows))]
		if r.id != 0 {
			if err := f.as("admin").DeleteDatum(t.Context(), r.id); err != nil {
				t.Fatal(err)
			}
			r.id = 0
		}
	}
	compare("admin", 100)
	compare("carol", 50)
}
