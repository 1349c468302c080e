package index

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Whatever one file suffers, the index opens, and proposes all that it must.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	models := someIndex(t, dir)
	r := rand.New(rand.NewPCG(5, 3))
	lost := 0
	for _, file := range files(t, dir) {
		size := func(path string) int64 {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			return info.Size()
		}
		write := func(path string, b []byte) error { return os.WriteFile(path, b, 0o600) }
		for _, c := range []struct {
			name   string
			damage func(path string) error
		}{
			{"emptied", func(p string) error { return os.Truncate(p, 0) }},
			{"cut in half", func(p string) error { return os.Truncate(p, size(p)/2) }},
			{"cut by one byte", func(p string) error { return os.Truncate(p, size(p)-1) }},
			{"garbage", func(p string) error { return write(p, []byte("garbage")) }},
			{"longer", func(p string) error {
				b, err := os.ReadFile(p)
				return errors.Join(err, write(p, append(b, 0)))
			}},
			{"a flipped bit", func(p string) error {
				b, err := os.ReadFile(p)
				b[r.IntN(len(b))] ^= 1 << r.IntN(8)
				return errors.Join(err, write(p, b))
			}},
			{"deleted", os.Remove},
			{"a folder", func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o700)) }},
		} {
			t.Run(filepath.Base(file)+" "+c.name, func(t *testing.T) {
				dir := copyFolder(t, dir)
				if err := c.damage(filepath.Join(dir, file)); err != nil {
					t.Fatal(err)
				}
				o := reopen(t, dir, models)
				switch base := filepath.Base(file); {
				case base == sealName && c.name == "deleted": // as after a crash
					if o != whole {
						t.Error(o)
					}
				case filepath.Ext(base) == segmentSuffix: // it may be one of an older snapshot
					if o != whole {
						lost++
					}
				case o != anew:
					t.Error(o)
				}
			})
		}
	}
	if lost == 0 {
		t.Error("no segment was missed")
	}
}

// Bleve's segments end with a checksum, as this package takes for granted, and no
// flipped bit escapes it.
func TestSoundSegment(t *testing.T) {
	dir := t.TempDir()
	someIndex(t, dir)
	r := rand.New(rand.NewPCG(5, 4))
	scratch := filepath.Join(t.TempDir(), "segment")
	segments := 0
	for _, file := range files(t, dir) {
		if filepath.Ext(file) != segmentSuffix {
			continue
		}
		segments++
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for flips := range 100 {
			at, bit := r.IntN(len(b)), byte(1)<<r.IntN(8)
			if flips > 0 {
				b[at] ^= bit
			}
			if err := os.WriteFile(scratch, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if sound, err := soundSegment(scratch); err != nil || sound != (flips == 0) {
				t.Fatalf("%s with bit %d of byte %d of %d flipped: %v, %v", file, bit, at, len(b), sound, err)
			}
			if flips > 0 {
				b[at] ^= bit
			}
		}
	}
	if segments == 0 {
		t.Error("no segments")
	}
}

// After a crash there is no seal. Damage that shows is found without it, at the
// latest by the first change, and does not outlast Reset.
func TestDamageAfterCrash(t *testing.T) {
	dir := t.TempDir()
	models := someIndex(t, dir)
	generation := filepath.Join(dir, generationName(1))
	if err := os.Remove(filepath.Join(generation, sealName)); err != nil {
		t.Fatal(err)
	}
	m := models[len(models)-1]
	root := filepath.Join(generationName(1), storeName, rootName)
	info, err := os.Stat(filepath.Join(dir, root))
	if err != nil {
		t.Fatal(err)
	}
	for size := int64(0); size < info.Size(); size += 4096 {
		dir := copyFolder(t, dir)
		if err := os.Truncate(filepath.Join(dir, root), size); err != nil {
			t.Fatal(err)
		}
		x := open(t, dir, Options{Limit: 300 * time.Millisecond, Logf: func(string, ...any) {}})
		if err := x.Apply(t.Context(), m.all(), nil, markOf(7)); err != nil {
			if x.Broken() == nil {
				t.Fatal(err)
			}
			x.o.Limit = defaultLimit
			if err := x.Reset(); err != nil {
				t.Fatal(err)
			}
			apply(t, x, m.all(), nil, markOf(7))
		}
		if ids, ok := x.Contains(t.Context(), "aaa", 1000); !ok || !slices.Equal(ids, m.candidates("aaa")) {
			t.Errorf("cut to %d bytes: got %v, %v", size, ids, ok)
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}

	half := copyFolder(t, dir)
	err = os.WriteFile(filepath.Join(half, generationName(1), storeName, "0000000000ff.zap"), []byte("half writ"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if o := reopen(t, half, models); o != whole {
		t.Errorf("%v for the sake of a file that no one needs", o)
	}
}

// An index that was opened after a crash and crashed again before its first change
// is given up, so that it cannot end every process that opens it.
func TestTrial(t *testing.T) {
	dir := t.TempDir()
	models := someIndex(t, dir)
	if err := os.Remove(filepath.Join(dir, generationName(1), sealName)); err != nil {
		t.Fatal(err)
	}
	x := open(t, dir, Options{})
	before := copyRunning(t, dir)
	apply(t, x, nil, nil, markOf(6))
	still := copyRunning(t, dir)
	apply(t, x, models[5].all()[:1], nil, markOf(6))
	after := copyRunning(t, dir)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir  string
		want outcome
	}{{before, anew}, {still, anew}, {after, whole}, {dir, whole}} {
		if o := reopen(t, c.dir, models); o != c.want {
			t.Errorf("%v, want %v", o, c.want)
		}
	}
}
