package archive

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"
)

// TestStagesMeet: two staged writes bring the same rows while neither has finished, and one of them
// repeats its own. Each row is stored once.
func TestStagesMeet(t *testing.T) {
	// when the inner one ends, seen from the outer one
	for i, inner := range []string{"before", "after", "before", "after"} {
		f := open(t, Options{StageFrom: 10, PieceRows: []int{0, 0, 100, 100}[i]})
		target := f.target("astro", "T")
		row := func(i int) DatumInput {
			return DatumInput{Target: target, Type: "photometry", Time: int64(i) * 1e6, Timed: true,
				Value: fmt.Appendf(nil, `{"n": %d}`, i)}
		}
		const rows = stageBatch + 50
		second := func() *DataResult {
			n := 0
			r, err := f.as("astro").AddData(context.Background(), false, func() (DatumInput, int, error) {
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
		first, err := f.as("astro").AddData(context.Background(), false, func() (DatumInput, int, error) {
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

// TestUntimedLines: lines without a time have that of the request, one for all of them, however
// many transactions they take; so what is the same in them is stored once.
func TestUntimedLines(t *testing.T) {
	var ticks atomic.Int64
	f := open(t, Options{StageFrom: 10, Now: func() time.Time { return time.Unix(1.8e9+ticks.Add(1), 0) }})
	target := f.target("astro", "T")
	n := 0
	r, err := f.as("astro").AddData(t.Context(), false, func() (DatumInput, int, error) {
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
