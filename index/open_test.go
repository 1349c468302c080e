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

// someIndex makes an index of a few entries in a folder, closed, at markOf(6), and
// returns what it held at each entry; the last is what it holds.
func someIndex(t *testing.T, dir string) (models []*model) {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 1))
	x := open(t, dir, Options{})
	var all []Target
	for seq := uint64(1); seq <= 6; seq++ {
		var targets []Target
		for range 10 {
			targets = append(targets, randomChange(r, 100)...)
		}
		all = append(all, targets...)
		m := newModel()
		m.apply(all, nil)
		models = append(models, m)
		apply(t, x, targets, []string{randomName(r)}, markOf(seq))
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	return models
}

// files returns the paths of all files in dir, relative to it, without the marker.
func files(t *testing.T, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != markerName {
			paths = append(paths, strings.TrimPrefix(path, dir+string(filepath.Separator)))
		}
		return err
	})
	if err != nil || len(paths) < 4 { // meta, root, seal, a segment
		t.Fatalf("files %v, %v", paths, err)
	}
	return paths
}

func copyFolder(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "index")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// What became of an index.
type outcome string

const (
	whole outcome = "whole" // it is as it was
	older outcome = "older" // it is as it was before its last changes: Bleve keeps snapshots for a while
	anew  outcome = "anew"
)

// reopen opens the index in dir, which someone has had his hands in: it must be new
// and empty, or hold exactly what it held at its mark; and work afterwards.
func reopen(t *testing.T, dir string, models []*model) (o outcome) {
	t.Helper()
	o = whole
	r := rand.New(rand.NewPCG(5, 2))
	x := open(t, dir, Options{Logf: func(string, ...any) {}})
	defer x.Close()
	made, why := x.Anew()
	mark := x.Mark()
	m := models[len(models)-1]
	switch {
	case made != (mark == Mark{}) || made != (why != nil):
		t.Fatalf("anew: %v, %v; mark %v", made, why, mark)
	case made:
		o = anew
		if _, ok := x.Contains(t.Context(), "aaa", 1000); ok {
			t.Fatal("a new index answers")
		}
		apply(t, x, m.all(), nil, markOf(6))
	case mark == markOf(6):
	case mark.Seq < 6 && mark == markOf(mark.Seq):
		o, m = older, models[mark.Seq-1]
	default:
		t.Fatalf("the mark is %v", mark)
	}
	for range 30 {
		text := randomText(r, m)
		ids, ok := x.Contains(t.Context(), text, 1000)
		if want := m.candidates(text); ok && !slices.Equal(ids, want) || x.Broken() != nil {
			t.Fatalf("Contains(%q) = %v, want %v; %v", text, ids, want, x.Broken())
		}
	}
	apply(t, x, []Target{{1000, []string{"after all"}}}, nil, markOf(7))
	if ids, ok := x.Contains(t.Context(), "after", 1000); !ok || !slices.Equal(ids, []uint64{1000}) {
		t.Fatalf("got %v, %v", ids, ok)
	}
	return o
}

func TestOpenAgain(t *testing.T) {
	dir := t.TempDir()
	models := someIndex(t, dir)
	if o := reopen(t, copyFolder(t, dir), models); o != whole {
		t.Error(o)
	}
}

// The folder as a whole.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	models := someIndex(t, dir)
	first := generationName(1)
	outside := filepath.Join(t.TempDir(), "precious")
	if err := os.CopyFS(outside, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(dir string) error
		want   outcome
	}{
		{"another layout", func(dir string) error {
			text := strings.Replace(markerText(), "layout 1", "layout 0", 1)
			return os.WriteFile(filepath.Join(dir, markerName), []byte(text), 0o600)
		}, anew},
		{"another Unicode", func(dir string) error {
			text := strings.Replace(markerText(), "unicode ", "unicode 1", 1)
			return os.WriteFile(filepath.Join(dir, markerName), []byte(text), 0o600)
		}, anew},
		{"an empty marker", func(dir string) error { return os.Truncate(filepath.Join(dir, markerName), 0) }, anew},
		{"a huge marker", func(dir string) error { return os.Truncate(filepath.Join(dir, markerName), 1<<30) }, whole},
		{"a newer generation that is empty", func(dir string) error {
			return os.Mkdir(filepath.Join(dir, generationName(2)), 0o700)
		}, anew},
		{"an older generation", func(dir string) error {
			return os.Rename(filepath.Join(dir, first), filepath.Join(dir, generationName(1_000_000)))
		}, whole},
		{"no store", func(dir string) error { return os.RemoveAll(filepath.Join(dir, first, storeName)) }, anew},
		{"a generation that is a file", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, generationName(2)), []byte("x"), 0o600)
		}, anew},
		{"a generation that is a link", func(dir string) error {
			return os.Symlink(filepath.Join(outside, first), filepath.Join(dir, generationName(2)))
		}, anew},
		{"a store that is a link", func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, first, storeName)),
				os.Symlink(filepath.Join(outside, first, storeName), filepath.Join(dir, first, storeName)))
		}, anew},
		{"other files", func(dir string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("mine"), 0o600),
				os.MkdirAll(filepath.Join(dir, "names-1", "sub"), 0o700),
				os.WriteFile(filepath.Join(dir, "names-1", "sub", "x"), []byte("mine"), 0o600))
		}, whole},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyFolder(t, dir)
			if err := c.change(dir); err != nil {
				t.Fatal(err)
			}
			if o := reopen(t, dir, models); o != c.want {
				t.Errorf("%v, want %v", o, c.want)
			}
			var names []string
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if _, ok := generationNumber(e.Name()); ok || strings.HasPrefix(e.Name(), "n") {
					names = append(names, e.Name())
				}
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
			if len(names) != most {
				t.Errorf("the folder holds %v", names)
			}
		})
	}
	if o := reopen(t, outside, models); o != whole {
		t.Error("what a link pointed to was touched")
	}
}

// What is not an index's is neither used nor touched.
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
	x := open(t, dir, Options{})
	if anew, why := x.Anew(); !anew || why != errNone || x.Mark() != (Mark{}) {
		t.Errorf("%v, %v, %v", anew, why, x.Mark())
	}
	if y, err := Open(dir, Options{}); !errors.Is(err, ErrInUse) || y != nil {
		t.Errorf("opened twice: %v", err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, dir, Options{})
	defer x.Close()
	if anew, why := x.Anew(); anew { // empty, but sound
		t.Errorf("%v", why)
	}
}

// An index whose filling, or whose change in several batches, did not come to its
// end is made anew: it may hold names of a state that the data file never gets to
// when an older copy of it is put back.
func TestUnfinished(t *testing.T) {
	targets := make([]Target, maxBatch+1)
	for i := range targets {
		targets[i] = Target{uint64(i), []string{"target"}}
	}
	t.Run("filling", func(t *testing.T) {
		dir := t.TempDir()
		x := open(t, dir, Options{})
		apply(t, x, targets[:3], nil, Mark{})
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		x = open(t, dir, Options{})
		defer x.Close()
		if anew, _ := x.Anew(); !anew {
			t.Error("taken for whole")
		}
	})
	t.Run("changing", func(t *testing.T) {
		dir := t.TempDir()
		x := open(t, dir, Options{})
		apply(t, x, targets[:3], nil, markOf(1))
		ctx := &expiring{Context: t.Context(), calls: 1} // ends before the second batch
		if err := x.Apply(ctx, targets, nil, markOf(2)); err == nil || x.Mark() != markOf(1) {
			t.Fatalf("%v, %v", err, x.Mark())
		}
		if ids, ok := x.Contains(t.Context(), "target", 5000); !ok || len(ids) != maxBatch {
			t.Errorf("%d targets, %v", len(ids), ok)
		}
		interrupted := copyFolder(t, dir)
		apply(t, x, targets, nil, markOf(2)) // the next finishes it
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		for dir, want := range map[string]bool{interrupted: true, dir: false} {
			x := open(t, dir, Options{})
			if anew, why := x.Anew(); anew != want {
				t.Errorf("anew: %v, %v", anew, why)
			}
			x.Close()
		}
	})
}

func FuzzMarker(f *testing.F) {
	for _, s := range []string{"", "nightjar", markerText(), "\n", "nightjar name index, layout 2, unicode 15.0.0\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		line, _, _ := strings.Cut(markerText(), "\n")
		if (checkMarker(text) == nil) != strings.HasPrefix(string(text), line+"\n") {
			t.Errorf("checkMarker(%q) = %v", text, checkMarker(text))
		}
	})
}

// The names and values that are read back from disk.
func FuzzStored(f *testing.F) {
	for _, s := range []string{"", "t", "t000000000a", "tffffffffffffffff", "s", "sZTF", "names-000001", "names-1",
		"names-+00001", "names-18446744073709551615", string(markOf(7).encode())} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := generationNumber(s); ok && generationName(n) != s {
			t.Errorf("generation %q is %d", s, n)
		}
		if m, err := decodeMark([]byte(s)); err == nil && string(m.encode()) != s {
			t.Errorf("mark %q is %v", s, m)
		}
		if name, err := documentSource(s); err == nil && len(name) <= maxName && sourceDocument(name) != s {
			t.Errorf("document %q is source %q", s, name)
		}
		if id, err := documentTarget(s); err == nil {
			if again, err := documentTarget(targetDocument(id)); err != nil || again != id {
				t.Errorf("document %q is target %d, which is %d", s, id, again)
			}
		}
	})
}
