package torture_test

import (
	"slices"
	"testing"
	"time"

	"nightjar/torture"
)

// TestKill: a server that is killed in the middle of its work has lost nothing that it acknowledged, and has done nothing by halves.
func TestKill(t *testing.T) {
	k := torture.Kill{Program: []string{nightjar}, Dir: t.TempDir(), Rounds: times(10, 200), From: 100 * time.Millisecond, To: 2 * time.Second,
		Load: torture.Usual(), Seed: 1}
	if long() {
		k.Said = func(r torture.Round) { t.Logf("round %d: %d acknowledged, served after %v", r.Number, r.Acknowledged, r.Opened) }
	} else {
		k.To = time.Second
	}
	rounds, err := k.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	acknowledged, open := 0, 0
	var opened []time.Duration
	for _, r := range rounds {
		acknowledged, open, opened = acknowledged+r.Acknowledged, open+r.Open, append(opened, r.Opened)
		for _, p := range r.Problems {
			t.Errorf("round %d, killed after %v: %s", r.Number, r.After, p)
		}
	}
	slices.Sort(opened)
	t.Logf("%d rounds, %d writes acknowledged and there, %d unanswered; the next server served after %v (median), %v at most",
		len(rounds), acknowledged, open, opened[len(opened)/2].Round(time.Millisecond), opened[len(opened)-1].Round(time.Millisecond))
	if acknowledged < 10*len(rounds) {
		t.Errorf("only %d writes were acknowledged", acknowledged)
	}
}
