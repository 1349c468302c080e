package torture_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nightjar/internal/testenv"
	"nightjar/internal/torture"
)

// TestIndexFaults does to the index of names whatever can happen to a folder. Names are found
// correctly throughout, and the index recovers by itself.
func TestIndexFaults(t *testing.T) {
	parallel(t)
	dir := t.TempDir()
	load := func(n *node, ledger *torture.Ledger, round int) {
		n.writes(torture.Load{Posters: 4}, ledger, round, testenv.Choose(40, 200))
	}
	other := serve(t, filepath.Join(dir, "other.db"), "")
	load(other, new(torture.Ledger), 7)
	other.awaitIndex()
	other.stop()
	n := serve(t, filepath.Join(dir, "test.db"), "")
	ledger := new(torture.Ledger)
	token, index := n.admin.Token, n.file+".index"
	remove := func() { check(t, os.RemoveAll(index)) }
	replace := func(by string) {
		remove()
		check(t, os.CopyFS(index, os.DirFS(by)))
	}
	each := func(fn func(path string) error) {
		check(t, filepath.WalkDir(index, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				err = fn(path)
			}
			if errors.Is(err, fs.ErrNotExist) { // a running server has just removed it
				return nil
			}
			return err
		}))
	}
	faults := []struct {
		name    string
		running bool
		do      func()
	}{
		{"nothing", false, func() {}},
		{"it is deleted", false, remove},
		{"its files are cut in half", false, func() {
			each(func(path string) error {
				info, err := os.Stat(path)
				check(t, err)
				return os.Truncate(path, info.Size()/2)
			})
		}},
		{"its files are empty", false, func() { each(func(path string) error { return os.Truncate(path, 0) }) }},
		{"its files are noise", false, func() {
			each(func(path string) error {
				return os.WriteFile(path, []byte("no index at all, and not for long"), 0o600)
			})
		}},
		{"it is another node's", false, func() { replace(other.file + ".index") }},
		{"it is older", false, func() { replace(filepath.Join(dir, "older")) }},
		{"it is deleted while the server runs", true, remove},
		{"its files are cut while the server runs", true,
			func() { each(func(path string) error { return os.Truncate(path, 100) }) }},
	}
	for i, f := range faults {
		if !testenv.Long() && i%2 == 1 {
			continue
		}
		round := 10 + i
		load(n, ledger, round)
		n.awaitIndex()
		if i == 0 {
			older := filepath.Join(dir, "older")
			err := os.CopyFS(older, os.DirFS(index))
			for errors.Is(err, fs.ErrNotExist) { // the server has just removed a file
				check(t, os.RemoveAll(older))
				err = os.CopyFS(older, os.DirFS(index))
			}
			check(t, err)
		}
		if !f.running {
			n.stop()
			f.do()
			n = serve(t, n.file, token)
		} else {
			f.do()
		}
		problems, err := ledger.Check(t.Context(), n.admin, torture.At(time.Now()), true, true)
		check(t, err)
		load(n, ledger, 100+round)
		n.whole(ledger)
		if f.running { // a running server may keep its open files; the next one recovers
			n.stop()
			n = serve(t, n.file, token)
			n.whole(ledger)
		}
		n.awaitIndex()
		again, err := ledger.Names(t.Context(), n.admin)
		check(t, err)
		for _, p := range append(problems, again...) {
			t.Errorf("%s: %s", f.name, p)
		}
	}
	// the index is ahead of the file, which is an older copy
	n.stop()
	older := filepath.Join(dir, "older.db")
	b, err := os.ReadFile(n.file)
	check(t, err)
	check(t, os.WriteFile(older, b, 0o600))
	n = serve(t, n.file, token)
	load(n, new(torture.Ledger), 1000)
	n.awaitIndex()
	n.stop()
	check(t, os.Rename(older, n.file))
	n = serve(t, n.file, token)
	n.whole(ledger)
	n.awaitIndex()
	problems, err := ledger.Names(t.Context(), n.admin)
	check(t, err)
	for _, p := range problems {
		t.Errorf("an index ahead of the file: %s", p)
	}
	n.stop()
}

// awaitIndex waits until the index has caught up.
func (n *node) awaitIndex() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), testenv.Patience)
	defer cancel()
	if err := torture.AwaitIndex(ctx, n.admin); err != nil {
		n.t.Fatalf("%v; the server said %s", err, n.Said())
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
