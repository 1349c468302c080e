package index

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// changesAt returns the targets that the log entry seq of these tests changed, with
// their names after it: always the same. Every fifth is more than one batch.
func changesAt(seq uint64) []Target {
	r := rand.New(rand.NewPCG(7, seq))
	targets := randomChange(r, 150)
	if seq%5 == 0 {
		for id := range uint64(maxBatch + 100) {
			targets = append(targets, Target{10_000 + id, []string{fmt.Sprintf("bulk %d, %d", seq, id%100)}})
		}
	}
	return targets
}

// truthAt returns the state of these tests at seq.
func truthAt(seq uint64) *model {
	m := newModel()
	for s := uint64(1); s <= seq; s++ {
		m.apply(changesAt(s), nil)
	}
	return m
}

// changedIn returns the targets that changed after one entry and up to another,
// with their names at the latter.
func changedIn(after, upTo uint64) []Target {
	m := truthAt(upTo)
	names := make(map[uint64][]string)
	for s := after + 1; s <= upTo; s++ {
		for _, t := range changesAt(s) {
			names[t.ID] = m.names[t.ID]
		}
	}
	var targets []Target
	for id, n := range names {
		targets = append(targets, Target{id, n})
	}
	return targets
}

// holdsItsMark opens the index in dir, which a crash left, and compares it with the
// truth at the mark that it claims. It returns that mark's sequence, 0 for an
// index that was made anew.
func holdsItsMark(t *testing.T, r *rand.Rand, dir string) uint64 {
	t.Helper()
	x := open(t, dir, Options{Logf: func(string, ...any) {}})
	defer x.Close()
	mark := x.Mark()
	if anew, why := x.Anew(); anew || mark == (Mark{}) {
		if mark != (Mark{}) {
			t.Fatalf("new (%v), but at %v", why, mark)
		}
		return 0
	}
	if mark != markOf(mark.Seq) {
		t.Fatalf("the mark is %v", mark)
	}
	m := truthAt(mark.Seq)
	checkAll(t, r, x, m, 10)
	check(t, x, m, "bulk")
	check(t, x, m, fmt.Sprintf("bulk %d,", mark.Seq-mark.Seq%5))
	return mark.Seq
}

// copyRunning copies the folder of an index that is being written to, so that the
// copy is what a crash at that moment leaves: as bbolt's file is small and is
// written page by page, it must be the same before and after the rest was copied.
func copyRunning(t *testing.T, from string) string {
	t.Helper()
	for try := 0; ; try++ {
		to := filepath.Join(t.TempDir(), strconv.Itoa(try))
		root, err := os.ReadFile(newestRoot(from))
		if err == nil {
			err = copyFiles(to, from)
		}
		if err == nil {
			var again []byte
			if again, err = os.ReadFile(newestRoot(from)); err == nil && bytes.Equal(root, again) {
				if err := os.WriteFile(newestRoot(to), root, 0o600); err != nil {
					t.Fatal(err)
				}
				return to
			}
		}
		if try == 1000 {
			t.Fatalf("no moment of quiet: %v", err)
		}
	}
}

// newestRoot returns the path of the newest generation's root.bolt.
func newestRoot(dir string) string {
	h := &home{dir: dir}
	generations := h.generations()
	if len(generations) == 0 {
		return dir
	}
	return filepath.Join(h.path(generations[len(generations)-1]), storeName, rootName)
}

// copyFiles is os.CopyFS for a folder from which files vanish.
func copyFiles(to, from string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, e := range entries {
		a, b := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if e.IsDir() {
			err = copyFiles(b, a)
		} else if data, e := os.ReadFile(a); e == nil {
			err = os.WriteFile(b, data, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Copies taken at any moment hold what their mark says.
func TestCrashCopy(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 0))
	dir := filepath.Join(t.TempDir(), "index")
	x := open(t, dir, Options{})
	defer x.Close()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		defer close(done)
		for seq := uint64(1); ctx.Err() == nil; seq++ {
			if err := x.Apply(context.Background(), changesAt(seq), nil, markOf(seq)); err != nil {
				done <- err
				return
			}
			time.Sleep(time.Duration(seq%3) * time.Millisecond)
		}
	}()
	whole := 0
	const copies = 20
	for range copies {
		time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
		least := x.Mark().Seq
		crashed := copyRunning(t, dir)
		most := x.Mark().Seq + 1
		if seq := holdsItsMark(t, r, crashed); seq > 0 {
			whole++
			if seq < least || seq > most {
				t.Errorf("the copy is at %d, the index was from %d to %d", seq, least, most)
			}
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	t.Logf("%d of %d copies were whole, up to %d", whole, copies, x.Mark().Seq)
	if whole < copies/3 {
		t.Errorf("only %d of %d copies were whole", whole, copies)
	}
}

// A process that is killed leaves an index that holds what its mark says, and the
// mark is not behind what the process was told.
func TestCrashKill(t *testing.T) {
	if dir := os.Getenv("INDEX_CRASH"); dir != "" {
		crashingChild(t, dir)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 1))
	dir := filepath.Join(t.TempDir(), "index")
	var at []uint64
	for round := range 6 {
		child := exec.Command(self, "-test.run=^TestCrashKill$")
		child.Env = append(os.Environ(), "INDEX_CRASH="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines, first := bufio.NewReader(out), ""
		if round == 0 { // this one comes to something, however slow the machine
			first, _ = lines.ReadString('\n')
		}
		time.AfterFunc(time.Duration(100+r.IntN(250))*time.Millisecond, func() { child.Process.Kill() })
		said, err := io.ReadAll(lines)
		if err != nil {
			t.Fatal(err)
		}
		child.Wait()
		var told uint64
		for _, line := range strings.Split(first+string(said), "\n") {
			if s, ok := strings.CutSuffix(line, " applied"); ok {
				if told, err = strconv.ParseUint(s, 10, 64); err != nil {
					t.Fatal(err)
				}
			}
		}
		seq := holdsItsMark(t, r, dir)
		if seq != 0 && seq < told {
			t.Errorf("the index is at %d, the process was told %d", seq, told)
		}
		at = append(at, seq)
	}
	t.Logf("killed at %v", at)
	if slices.Max(at) == 0 {
		t.Error("no process came to anything")
	}
}

// crashingChild applies entry after entry until it is killed.
func crashingChild(t *testing.T, dir string) {
	x := open(t, dir, Options{})
	for {
		have := x.Mark().Seq
		next := have + 1
		apply(t, x, changedIn(have, next), nil, markOf(next))
		fmt.Printf("%d applied\n", next)
	}
}
