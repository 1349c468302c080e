package index

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestCrash: Open rebuilds an index whose process was killed, at any time, or right after Open.
func TestCrash(t *testing.T) {
	if dir := os.Getenv("INDEX_CRASH"); dir != "" {
		crashingChild(t, dir)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 1))
	dir := t.TempDir()
	m := someIndex(t, dir)
	for round := range 6 {
		child := exec.Command(self, "-test.run=^TestCrash$")
		child.Env = append(os.Environ(), "INDEX_CRASH="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		said := bufio.NewScanner(out)
		for range 1 + round*r.IntN(10) { // the first is killed when it has opened the index
			if !said.Scan() {
				t.Fatal("the child ended before it was killed")
			}
		}
		child.Process.Kill()
		child.Wait()
		if reopen(t, dir, m) != rebuilt {
			t.Errorf("an index that was not closed was not rebuilt")
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		someIndex(t, dir)
	}
}

// crashingChild applies entries until it is killed. Every fifth entry needs more than one batch.
func crashingChild(t *testing.T, dir string) {
	x := open(t, dir, Options{})
	if x.Mark() != markOf(6) {
		t.Fatalf("the mark is %v", x.Mark())
	}
	r := rand.New(rand.NewPCG(7, 2))
	for seq := uint64(7); ; seq++ {
		fmt.Println(seq)
		targets := randomChange(r, 150)
		if seq%5 == 0 {
			for id := range uint64(maxBatch + 100) {
				targets = append(targets, Target{10_000 + id, []string{fmt.Sprintf("bulk %d", seq)}})
			}
		}
		apply(t, x, targets, markOf(seq))
	}
}

// TestCopyOfRunning: Open rebuilds a copy of the folder of an open index.
func TestCopyOfRunning(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	m := someIndex(t, dir)
	x := open(t, dir, Options{})
	defer x.Close()
	if reopen(t, copyFolder(t, dir), m) != rebuilt {
		t.Error("a copy was not rebuilt")
	}
}
