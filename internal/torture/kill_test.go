package torture_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nightjar/internal/testenv"
	"nightjar/internal/torture"
)

// TestKill: a server killed in the middle of its work loses no acknowledged write and keeps no part
// of a write.
func TestKill(t *testing.T) {
	parallel(t)
	most := time.Second
	if testenv.Long() {
		most = 2 * time.Second
	}
	kill(t, torture.Kill{Rounds: testenv.Choose(2, 200), From: 100 * time.Millisecond, To: most,
		Load: torture.Usual(), Seed: 1})
}

// TestKillCompact is TestKill while the file is compacted all the time.
func TestKillCompact(t *testing.T) {
	parallel(t)
	load := torture.Load{Posters: 4, Rows: []int{300}, Files: []int{1 << 20}, Streams: []int{1100}, Compact: true}
	kill(t, torture.Kill{Rounds: testenv.Choose(2, 100), From: 50 * time.Millisecond, To: 500 * time.Millisecond,
		Load: load, Seed: 2})
}

func kill(t *testing.T, k torture.Kill) {
	t.Helper()
	k.Program, k.Dir, k.Least = []string{nightjar}, t.TempDir(), 2
	if testenv.Long() {
		k.Said = func(r torture.Round) {
			t.Logf("round %d: %d acknowledged, ready after %v", r.Number, r.Acknowledged, r.Opened)
		}
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
	t.Logf("%d rounds, %d writes acknowledged, %d unanswered; the next server was ready after %v (median), %v at most",
		len(rounds), acknowledged, open, opened[len(opened)/2].Round(time.Millisecond),
		opened[len(opened)-1].Round(time.Millisecond))
	if acknowledged < 2*len(rounds) {
		t.Errorf("only %d writes were acknowledged", acknowledged)
	}
}

// TestKillSeesNoStart: Kill reports that the next server does not start.
func TestKillSeesNoStart(t *testing.T) {
	parallel(t)
	script := filepath.Join(t.TempDir(), "once.sh")
	check(t, os.WriteFile(script, []byte(`case "$*" in *serve*) [ -e "$0.ran" ] && { echo "not again" >&2; exit 3; }; touch "$0.ran" ;; esac
exec `+nightjar+` "$@"
`), 0o600))
	k := torture.Kill{Program: []string{"sh", script}, Dir: t.TempDir(), Rounds: 2, From: 100 * time.Millisecond,
		To: 100 * time.Millisecond, Load: torture.Load{Posters: 1}}
	if rounds, err := k.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "not again") ||
		!strings.Contains(err.Error(), "round 1") {
		t.Errorf("%+v, %v", rounds, err)
	}
}

// TestTortureCommand: nightjar torture does the same on the user's machine, reports what it finds,
// and leaves no files.
func TestTortureCommand(t *testing.T) {
	parallel(t)
	dir := t.TempDir()
	out := must(t, "torture", "--for", testenv.Choose("1s", "3s"), "--dir", dir)
	if !strings.Contains(out, "round 1: killed after") || !strings.Contains(out, "no acknowledged write was lost") {
		t.Errorf("%s", out)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if out, err := run(t, "torture", "--dir", filepath.Join(dir, "none")); err == nil || strings.Contains(out, "\n") {
		t.Errorf("in a missing folder: %v: %s", err, out)
	}
}
