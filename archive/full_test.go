package archive

import (
	"context"
	"fmt"
	"testing"
)

// TestFull: whoever has gathered enough is given no further row before they could send it, and gets
// every row in the end.
func TestFull(t *testing.T) {
	f := open(t, Options{})
	ctx := context.Background()
	target := f.target("astro", "M 31")
	const many = 50
	for i := range many {
		if _, _, err := f.as("astro").AddDatum(ctx,
			&DatumInput{Target: target, Type: "photometry", Time: int64(i) * 1e6, Timed: true,
				Value: fmt.Appendf(nil, `{"n": %d}`, i)}); err != nil {
			t.Fatal(err)
		}
	}
	gathered, most, rows := 0, 0, 0
	row := func() { rows++; gathered++; most = max(most, gathered) }
	flush := func() error { gathered = 0; return nil }
	full := func() bool { return gathered >= 3 }
	for name, list := range map[string]func() error{
		"list": func() error {
			return f.as("astro").Datums(ctx, DatumFilter{}, Page{Limit: many},
				Out[DatumView]{Begin: func(Extent) error { return nil },
					Row: func(*DatumView) error { row(); return nil }, Flush: flush, Full: full})
		},
		"export": func() error {
			return f.as("astro").Export(ctx, DatumFilter{}, nil,
				Out[ExportView]{Begin: func(Extent) error { return nil },
					Row: func(*ExportView) error { row(); return nil }, Flush: flush, Full: full})
		},
	} {
		gathered, most, rows = 0, 0, 0
		if err := list(); err != nil || rows != many || most != 3 {
			t.Errorf("%s: %d rows, %d at most before they were sent, %v", name, rows, most, err)
		}
	}
}
