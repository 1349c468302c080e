package index

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestContains(t *testing.T) {
	x := open(t, t.TempDir(), Options{})
	defer x.Close()
	apply(t, x, []Target{
		{1, []string{"SN 2011fe", "PTF11kly"}},
		{2, []string{"SN 2018zd"}},
		{3, []string{"η CARINÆ"}},
		{1<<40 - 1, []string{"Sgr A*", "Sagittarius A*"}},
		{5, []string{"ab", "cd"}},
		{math.MaxUint64, []string{"beyond"}},
		{6, []string{"short", strings.Repeat("0123456789", 10_000)}},
	}, markOf(1))
	for _, c := range []struct {
		text string
		max  int
		want []uint64 // nil: not answered
	}{
		{"sn 20", 10, []uint64{1, 2}},
		{"SN 20", 2, []uint64{1, 2}},
		{"SN 20", 1, nil},
		{"SN 20", 0, nil},
		{"SN 20", -1, nil},
		{"SN 20", math.MaxInt, []uint64{1, 2}},
		{"f11KLY", 10, []uint64{1}},
		{"fe PTF", 10, []uint64{}},
		{"carinæ", 10, []uint64{3}},
		{"η carinæ", 10, []uint64{3}},
		{"A*", 10, nil},
		{"r a*", 10, []uint64{1<<40 - 1}},
		{"beyond", 10, []uint64{math.MaxUint64}},
		{"", 10, nil},
		{"ηC", 10, nil}, // two runes, though three bytes
		{"SN*", 10, []uint64{}},
		{"2011|2018", 10, []uint64{}},
		{strings.Repeat("3456789012", 1000), 10, []uint64{6}},
	} {
		got, ok := x.Contains(t.Context(), c.text, c.max)
		if ok != (c.want != nil) || !slices.Equal(got, c.want) {
			t.Errorf("Contains(%q, %d) = %v, %v, want %v", c.text, c.max, got, ok, c.want)
		}
	}
}

// TestApply applies several batches, checks the order of marks, and fills with the zero Mark.
func TestApply(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, Options{})
	ctx := t.Context()
	many := make([]Target, 2*maxBatch+1)
	for i := range many {
		many[i] = Target{uint64(i), []string{fmt.Sprintf("target %d", i)}}
	}
	if err := x.Apply(ctx, many, Mark{}); err != nil {
		t.Fatal(err)
	}
	if _, ok := x.Contains(ctx, "target 2000", 10); ok || x.Mark() != (Mark{}) {
		t.Error("an index that is being filled answers")
	}
	apply(t, x, []Target{{7, []string{"seven"}}, {8, nil}, {7, []string{"seventh"}}}, markOf(5))
	for text, want := range map[string][]uint64{"target 2000": {2000}, "seven": {7}, "target 8": nil, "target 7": nil} {
		ids, ok := x.Contains(ctx, text, 1000)
		ids = slices.DeleteFunc(ids, func(id uint64) bool { return id > 9 && id < 2000 })
		if !ok || !slices.Equal(ids, want) {
			t.Errorf("Contains(%q) = %v, %v", text, ids, ok)
		}
	}
	for _, m := range []Mark{{}, {Seq: 5}, markOf(4), {Hash: markOf(5).Hash}} {
		if err := x.Apply(ctx, many[:1], m); !errors.Is(err, ErrOrder) || x.Mark() != markOf(5) {
			t.Errorf("Apply at %v: %v, the mark is %v", m, err, x.Mark())
		}
	}
	apply(t, x, nil, markOf(5))
	apply(t, x, nil, markOf(6))
	apply(t, x, many[8:9], markOf(6)) // the same mark again does no harm
	apply(t, x, many, markOf(9))
	if ids, ok := x.Contains(ctx, "target 8", 1000); !ok || !slices.Contains(ids, 8) {
		t.Errorf("Contains = %v, %v", ids, ok)
	}

	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := x.Apply(cancelled, many, markOf(10)); !errors.Is(err, context.Canceled) || x.Mark() != markOf(9) {
		t.Errorf("Apply = %v, the mark is %v", err, x.Mark())
	}
	if _, ok := x.Contains(cancelled, "target", 5000); ok || x.Broken() != nil {
		t.Errorf("a cancelled search answers, or breaks the index: %v", x.Broken())
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}

	x = open(t, dir, Options{})
	defer x.Close()
	if x.Mark() != markOf(9) {
		t.Fatalf("the mark is %v", x.Mark())
	}
	if ids, ok := x.Contains(ctx, "target ", 5000); !ok || len(ids) != len(many) {
		t.Errorf("%d targets, %v", len(ids), ok)
	}
}

// TestManyAliases: targets with very many names need few batches.
func TestManyAliases(t *testing.T) {
	x := open(t, t.TempDir(), Options{})
	defer x.Close()
	targets := make([]Target, 10)
	text := 0
	for i := range targets {
		targets[i].ID = uint64(i)
		for j := range 300 {
			name := fmt.Sprintf("%d %d %s", i, j, strings.Repeat("x", 500))
			text += len(name)
			targets[i].Names = append(targets[i].Names, name)
		}
	}
	batches := 0
	for left := targets; len(left) > 0; batches++ {
		_, left = nextBatch(x.live.bleve, left)
	}
	if batches != 1+text/maxBatchText {
		t.Errorf("%d batches for %d bytes", batches, text)
	}
	apply(t, x, targets, markOf(1))
	if ids, ok := x.Contains(t.Context(), "7 299 xxx", 20); !ok || !slices.Contains(ids, 7) || len(ids) > 3 {
		t.Errorf("got %v, %v", ids, ok)
	}
}

// TestClose: after Close nothing is answered, and calls that are still running do not panic.
func TestClose(t *testing.T) {
	x := open(t, t.TempDir(), Options{})
	var targets []Target
	for i := range 3000 {
		targets = append(targets, Target{uint64(i), []string{fmt.Sprintf("target %d", i)}})
	}
	apply(t, x, targets, markOf(1))
	var wg sync.WaitGroup
	started := make(chan struct{}, 8)
	for range 4 {
		wg.Go(func() {
			for i := 0; x.Broken() == nil; i++ {
				x.Contains(context.Background(), "target", 5000)
				x.Similar(context.Background(), "target 17", 5)
				if i == 2 {
					started <- struct{}{}
				}
			}
		})
	}
	wg.Go(func() {
		for seq := uint64(2); ; seq++ {
			if err := x.Apply(context.Background(), targets, markOf(seq)); err != nil {
				if !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				return
			}
		}
	})
	for range 4 {
		<-started
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := x.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	if err := x.Reset(); !errors.Is(err, ErrClosed) {
		t.Errorf("Reset: %v", err)
	}
	if err := x.Broken(); !errors.Is(err, ErrClosed) {
		t.Errorf("Broken: %v", err)
	}
	if _, ok := x.Contains(t.Context(), "target", 5000); ok {
		t.Error("a closed index answers")
	}
}
