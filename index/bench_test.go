package index

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// surveyTargets returns n targets with three names each, as a transient survey has them: its own
// designation, that of the Transient Name Server, and that of another survey.
func surveyTargets(n int) []Target {
	r := rand.New(rand.NewPCG(1, 2))
	letters := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('a' + r.IntN(26))
		}
		return string(b)
	}
	targets := make([]Target, n)
	for i := range targets {
		targets[i] = Target{ID: uint64(i + 1), Names: []string{
			fmt.Sprintf("ZTF%02d%s", 17+r.IntN(9), letters(7)),
			fmt.Sprintf("SN %d%s", 2017+r.IntN(9), letters(4)),
			fmt.Sprintf("Gaia DR3 %d", 1_000_000_000_000_000_000+r.Int64N(5_000_000_000_000_000_000)),
		}}
	}
	return targets
}

func fill(tb testing.TB, x *Index, targets []Target) {
	tb.Helper()
	if err := x.Apply(context.Background(), targets, Mark{Seq: 1}); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkBuild builds an index of 100,000 targets with three names each.
func BenchmarkBuild(b *testing.B) {
	targets := surveyTargets(100_000)
	for b.Loop() {
		x, err := Open(b.TempDir(), Options{})
		if err != nil {
			b.Fatal(err)
		}
		fill(b, x, targets)
		if err := x.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSearch searches an index of 100,000 targets with three names each.
func BenchmarkSearch(b *testing.B) {
	targets := surveyTargets(100_000)
	dir := b.TempDir()
	x, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	fill(b, x, targets)
	ctx := context.Background()
	selective := targets[77_777].Names[0]
	for _, c := range []struct {
		name, text string
		max        int
		ok         bool
	}{
		{"whole name", selective, 50_000, true},
		{"part", selective[5:10], 50_000, true},
		{"none", "xylophone", 50_000, true},
		{"11000 hits", "ZTF18", 50_000, true},
		{"100000 hits, all", "gaia", 200_000, true},
		{"100000 hits, given up at 1000", "gaia", 1_000, false},
		{"100000 hits, given up at 50000", "gaia", 50_000, false},
	} {
		b.Run("Contains/"+c.name, func(b *testing.B) {
			for b.Loop() {
				if _, ok := x.Contains(ctx, c.text, c.max); ok != c.ok {
					b.Fatal(ok)
				}
			}
		})
	}
	b.Run("Simplified", func(b *testing.B) {
		for b.Loop() {
			if ids, ok := x.Simplified(ctx, targets[5].Names[1]); !ok || len(ids) == 0 {
				b.Fatal(ids, ok)
			}
		}
	})
	for _, text := range []string{selective[:8] + "#" + selective[9:], "SN 2018ab"} {
		b.Run("Similar/"+text, func(b *testing.B) {
			for b.Loop() {
				if ids := x.Similar(ctx, text, 10); len(ids) == 0 {
					b.Fatal("nothing")
				}
			}
		})
	}
	if err := x.Close(); err != nil {
		b.Fatal(err)
	}
	b.Run("Open", func(b *testing.B) {
		for b.Loop() {
			x, err := Open(dir, Options{})
			if err != nil || x.Mark().Seq != 1 {
				b.Fatal(err)
			}
			x.Close()
		}
	})
	b.Run("Scan", func(b *testing.B) { // what the caller does if the index cannot answer
		for b.Loop() {
			n := 0
			for _, t := range targets {
				if slices.ContainsFunc(t.Names, func(s string) bool { return strings.Contains(Fold(s), "ztf18") }) {
					n++
				}
			}
			if n == 0 {
				b.Fatal("nothing")
			}
		}
	})
}

// BenchmarkFold folds a folded ASCII name, another ASCII name, and a name that is not ASCII.
func BenchmarkFold(b *testing.B) {
	for _, s := range []string{"ztf18aabcdef", "SN 2011fe", "η CARINÆ"} {
		b.Run(s, func(b *testing.B) {
			for b.Loop() {
				Fold(s)
			}
		})
	}
}
