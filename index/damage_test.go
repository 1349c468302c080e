package index

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// someIndex creates and closes an index of a few entries at markOf(6), and returns its content.
func someIndex(t *testing.T, dir string) *model {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 1))
	x := open(t, dir, Options{})
	m := newModel()
	for seq := uint64(1); seq <= 6; seq++ {
		var targets []Target
		for range 10 {
			targets = append(targets, randomChange(r, 100)...)
		}
		m.apply(targets)
		apply(t, x, targets, markOf(seq))
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	return m
}

func copyFolder(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "index")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// The outcomes of opening an index.
const (
	kept    = true
	rebuilt = false
)

// reopen opens the index in dir, which may be damaged, and reports whether Open kept it. The index
// must have the content m at markOf(6), or be new and empty, and it must work afterwards.
func reopen(t *testing.T, dir string, m *model) bool {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 2))
	x := open(t, dir, Options{Logf: func(string, ...any) {}})
	defer x.Close()
	mark := x.Mark()
	if mark == (Mark{}) {
		if _, ok := x.Contains(t.Context(), "aaa", 1000); ok {
			t.Fatal("a new index answers")
		}
		apply(t, x, m.all(), markOf(6))
	} else if mark != markOf(6) {
		t.Fatalf("the mark is %v", mark)
	}
	checkAll(t, r, x, m, 30)
	apply(t, x, []Target{{1000, []string{"after all"}}}, markOf(7))
	if ids, ok := x.Contains(t.Context(), "after", 1000); !ok || !slices.Equal(ids, []uint64{1000}) {
		t.Fatalf("got %v, %v", ids, ok)
	}
	return mark != (Mark{})
}

// TestDamage: Open rebuilds an index with any damage to one file.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	m := someIndex(t, dir)
	if reopen(t, copyFolder(t, dir), m) != kept {
		t.Error("a closed index was rebuilt")
	}
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil || len(files) < 4 { // the marker, Bleve's meta and root, a segment
		t.Fatalf("files %v, %v", files, err)
	}
	r := rand.New(rand.NewPCG(5, 3))
	change := func(f func(b []byte) []byte) func(string) error {
		return func(path string) error {
			b, err := os.ReadFile(path)
			return errors.Join(err, os.WriteFile(path, f(b), 0o600))
		}
	}
	flip := change(func(b []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b })
	for _, file := range files {
		for _, c := range []struct {
			name   string
			damage func(path string) error
		}{
			{"emptied", change(func([]byte) []byte { return nil })},
			{"cut in half", change(func(b []byte) []byte { return b[:len(b)/2] })},
			{"cut by one byte", change(func(b []byte) []byte { return b[:len(b)-1] })},
			{"garbage", change(func([]byte) []byte { return []byte("garbage") })},
			{"longer", change(func(b []byte) []byte { return append(b, 0) })},
			{"a flipped bit", flip},
			{"another flipped bit", flip},
			{"huge", func(path string) error { return os.Truncate(path, 1<<20) }},
			{"deleted", os.Remove},
			{"a folder", func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) }},
		} {
			t.Run(filepath.Base(file)+" "+c.name, func(t *testing.T) {
				dir := copyFolder(t, dir)
				if err := c.damage(filepath.Join(dir, file)); err != nil {
					t.Fatal(err)
				}
				if filepath.Base(file) == markerName && (c.name == "deleted" || c.name == "a folder") {
					if _, err := Open(dir, Options{}); !errors.Is(err, ErrForeign) {
						t.Errorf("without its marker: %v", err)
					}
				} else if reopen(t, dir, m) != rebuilt {
					t.Error("damage was not noticed")
				}
			})
		}
	}
}

// TestFolder changes the folder of an index as a whole.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	m := someIndex(t, dir)
	first, second := generationName(1), generationName(2)
	outside := copyFolder(t, dir)
	older := copyFolder(t, dir)
	marker, err := os.ReadFile(filepath.Join(dir, markerName))
	if err != nil {
		t.Fatal(err)
	}
	if reopen(t, dir, m) != kept { // it is then at markOf(7)
		t.Fatal("a closed index was rebuilt")
	}
	newer, dir := dir, older
	write := func(dir, name string, b []byte) error { return os.WriteFile(filepath.Join(dir, name), b, 0o600) }
	for _, c := range []struct {
		name   string
		change func(dir string) error
		want   bool
	}{
		{"another layout", func(dir string) error {
			return write(dir, markerName, []byte(strings.Replace(string(marker), "layout 2", "layout 1", 1)))
		}, rebuilt},
		{"another Unicode", func(dir string) error {
			return write(dir, markerName, []byte(strings.Replace(string(marker), "unicode ", "unicode 1", 1)))
		}, rebuilt},
		{"the seal of an older state", func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(newer)), write(dir, markerName, marker))
		}, rebuilt},
		{"another mark in the seal", func(dir string) error {
			return write(dir, markerName, []byte(strings.Replace(string(marker), first+" 6 ", first+" 7 ", 1)))
		}, rebuilt},
		{"a file more", func(dir string) error {
			return write(dir, first+"/store/0000000000ff.zap", []byte("half writ"))
		}, rebuilt},
		{"a newer generation that was not closed", func(dir string) error {
			return os.Mkdir(filepath.Join(dir, second), 0o700)
		}, kept},
		{"another number", func(dir string) error {
			return os.Rename(filepath.Join(dir, first), filepath.Join(dir, generationName(1_000_000)))
		}, rebuilt},
		{"no store", func(dir string) error { return os.RemoveAll(filepath.Join(dir, first, "store")) }, rebuilt},
		{"a generation that is a file", func(dir string) error { return write(dir, second, []byte("x")) }, kept},
		{"another generation that is a link", func(dir string) error {
			return os.Symlink(filepath.Join(outside, first), filepath.Join(dir, second))
		}, kept},
		{"a generation that is a link", func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, first)),
				os.Symlink(filepath.Join(outside, first), filepath.Join(dir, first)))
		}, rebuilt},
		{"a store that is a link", func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, first, "store")),
				os.Symlink(filepath.Join(outside, first, "store"), filepath.Join(dir, first, "store")))
		}, rebuilt},
		{"other files", func(dir string) error {
			return errors.Join(write(dir, "notes.txt", []byte("mine")),
				os.MkdirAll(filepath.Join(dir, "names-1", "sub"), 0o700), write(dir, "names-1/sub/x", []byte("mine")))
		}, kept},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyFolder(t, dir)
			if err := c.change(dir); err != nil {
				t.Fatal(err)
			}
			if got := reopen(t, dir, m); got != c.want {
				t.Errorf("kept: %v, want %v", got, c.want)
			}
			most := 2 // the marker and one generation
			if c.name == "other files" {
				most = 4
				for _, mine := range []string{"notes.txt", "names-1/sub/x"} {
					if b, err := os.ReadFile(filepath.Join(dir, mine)); err != nil || string(b) != "mine" {
						t.Errorf("%s: %q, %v", mine, b, err)
					}
				}
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != most {
				t.Errorf("the folder holds %v, %v", entries, err)
			}
		})
	}
	if reopen(t, outside, m) != kept {
		t.Error("the target of a link was changed")
	}
}

// TestForeign: Open neither uses nor changes what does not belong to an index.
func TestForeign(t *testing.T) {
	base := t.TempDir()
	home := filepath.Join(base, "home")
	if err := os.MkdirAll(filepath.Join(home, "thesis"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	odd := filepath.Join(base, "odd")
	if err := os.MkdirAll(filepath.Join(odd, markerName), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{home, file, odd} {
		x, err := Open(dir, Options{})
		if !errors.Is(err, ErrForeign) || x != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "mine" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if e, err := os.ReadDir(home); err != nil || len(e) != 1 || e[0].Name() != "thesis" {
		t.Errorf("the folder holds %v, %v", e, err)
	}
	if _, err := Open(filepath.Join(file, "below"), Options{}); err == nil || errors.Is(err, ErrForeign) {
		t.Errorf("below a file: %v", err)
	}
}

func TestNewFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	x := open(t, dir, Options{Logf: func(f string, _ ...any) { t.Errorf("message about a new folder: %s", f) }})
	defer x.Close()
	if x.Mark() != (Mark{}) {
		t.Errorf("the mark is %v", x.Mark())
	}
	if y, err := Open(dir, Options{}); !errors.Is(err, ErrInUse) || y != nil {
		t.Errorf("opened twice: %v", err)
	}
}

// TestUnfinished: Open rebuilds an index if its filling, or a change in several batches, did not
// end. It may have names of a state that the data file never reaches, if an older copy of it is
// restored.
func TestUnfinished(t *testing.T) {
	targets := make([]Target, maxBatch+1)
	for i := range targets {
		targets[i] = Target{uint64(i), []string{"target"}}
	}
	interrupt := func(t *testing.T, x *Index) {
		apply(t, x, targets[:3], markOf(1))
		ctx := &expiring{Context: t.Context(), calls: 1} // ends before the second batch
		if err := x.Apply(ctx, targets, markOf(2)); err == nil || x.Mark() != markOf(1) {
			t.Fatalf("%v, %v", err, x.Mark())
		}
		if ids, ok := x.Contains(t.Context(), "target", 5000); !ok || len(ids) != maxBatch {
			t.Errorf("%d targets, %v", len(ids), ok)
		}
	}
	for name, c := range map[string]struct {
		do   func(t *testing.T, x *Index)
		want Mark
	}{
		"filling":     {func(t *testing.T, x *Index) { apply(t, x, targets[:3], Mark{}) }, Mark{}},
		"interrupted": {interrupt, Mark{}},
		"finished":    {func(t *testing.T, x *Index) { interrupt(t, x); apply(t, x, targets, markOf(2)) }, markOf(2)},
		"reset":       {func(t *testing.T, x *Index) { apply(t, x, targets, markOf(1)); x.Reset() }, Mark{}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			x := open(t, dir, Options{})
			c.do(t, x)
			if err := x.Close(); err != nil {
				t.Fatal(err)
			}
			x = open(t, dir, Options{})
			defer x.Close()
			if x.Mark() != c.want {
				t.Errorf("the mark is %v, want %v", x.Mark(), c.want)
			}
		})
	}
}

// FuzzStored parses what is stored on disk.
func FuzzStored(f *testing.F) {
	for _, s := range []string{"", "t", "t000000000a", "tffffffffffffffff", "names-000001", "names-1",
		"names-+00001", "names-18446744073709551615", "names-000001 7 " + strings.Repeat("0f", 32) + " 00\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := generationNumber(s); ok && generationName(n) != s {
			t.Errorf("generation %q is %d", s, n)
		}
		if n, _, ok := parseSeal(s); ok && !strings.HasPrefix(s, generationName(n)+" ") {
			t.Errorf("the seal %q is of generation %d", s, n)
		}
		if id, err := documentTarget(s); err == nil {
			if back, err := documentTarget(targetDocument(id)); err != nil || back != id {
				t.Errorf("document %q is target %d, which is %d", s, id, back)
			}
		}
	})
}
