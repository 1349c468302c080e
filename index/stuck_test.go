package index

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/blevesearch/bleve/v2"
	indexapi "github.com/blevesearch/bleve_index_api"
)

// An expiring context ends after a number of calls to Err.
type expiring struct {
	context.Context
	calls int
}

func (c *expiring) Err() error {
	if c.calls--; c.calls < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// sound is bleve.Index under a name that does not clash with its methods.
type sound interface{ bleve.Index }

// A faulty Bleve calls batch and reader instead of its own methods.
type faulty struct {
	sound
	batch  func(*bleve.Batch) error
	reader func() (indexapi.Index, error)
}

func (f *faulty) Batch(b *bleve.Batch) error {
	if f.batch != nil {
		return f.batch(b)
	}
	return f.sound.Batch(b)
}

func (f *faulty) Advanced() (indexapi.Index, error) {
	if f.reader != nil {
		return f.reader()
	}
	return f.sound.Advanced()
}

// one is a change.
var one = []Target{{1, []string{"number one"}}}

// worksAgain resets a broken index and checks that it works.
func worksAgain(t *testing.T, x *Index) {
	t.Helper()
	if x.Broken() == nil {
		t.Error("the index is not broken")
	}
	if err := x.Apply(t.Context(), nil, markOf(99)); err == nil {
		t.Error("a broken index accepts changes")
	}
	if _, ok := x.Contains(t.Context(), "one", 10); ok {
		t.Error("a broken index answers")
	}
	if err := x.Reset(); err != nil {
		t.Fatal(err)
	}
	if x.Broken() != nil || x.Mark() != (Mark{}) {
		t.Errorf("broken: %v, mark %v", x.Broken(), x.Mark())
	}
	apply(t, x, []Target{{2, []string{"number two"}}}, markOf(3))
	if ids, ok := x.Contains(t.Context(), "number", 10); !ok || !slices.Equal(ids, []uint64{2}) {
		t.Errorf("got %v, %v", ids, ok)
	}
}

func TestStuckBatch(t *testing.T) {
	dir := t.TempDir()
	x := open(t, dir, Options{Limit: time.Minute})
	apply(t, x, one, markOf(1))
	x.o.Limit = 50 * time.Millisecond
	real := x.live.bleve
	stuck := make(chan struct{})
	x.live.bleve = &faulty{sound: real, batch: func(*bleve.Batch) error { <-stuck; return nil }}
	err := x.Apply(t.Context(), []Target{{2, []string{"number two"}}}, markOf(2))
	if !errors.Is(err, ErrStuck) || !errors.Is(x.Broken(), ErrStuck) || x.Mark() != markOf(1) {
		t.Errorf("Apply: %v, broken: %v, mark %v", err, x.Broken(), x.Mark())
	}
	x.o.Limit = time.Minute
	worksAgain(t, x)
	close(stuck)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestStuckClose: a stuck index closes at once.
func TestStuckClose(t *testing.T) {
	x := open(t, t.TempDir(), Options{Limit: 50 * time.Millisecond})
	stuck := make(chan struct{})
	defer close(stuck)
	x.live.bleve = &faulty{sound: x.live.bleve, batch: func(*bleve.Batch) error { <-stuck; return nil }}
	if err := x.Apply(t.Context(), one, markOf(1)); !errors.Is(err, ErrStuck) {
		t.Fatal(err)
	}
	x.o.Limit = time.Hour
	if err := x.Close(); err != nil {
		t.Error(err)
	}
}

func TestPanics(t *testing.T) {
	for name, f := range map[string]*faulty{
		"batch":           {batch: func(*bleve.Batch) error { panic("oh") }},
		"search":          {reader: func() (indexapi.Index, error) { panic("oh") }},
		"error in search": {reader: func() (indexapi.Index, error) { return nil, errors.New("oh") }},
	} {
		t.Run(name, func(t *testing.T) {
			x := open(t, t.TempDir(), Options{})
			defer x.Close()
			apply(t, x, one, markOf(1))
			f.sound = x.live.bleve
			x.live.bleve = f
			if _, ok := x.Contains(t.Context(), "number", 10); ok != (f.reader == nil) {
				t.Errorf("Contains: %v", ok)
			}
			if err := x.Apply(t.Context(), one, markOf(2)); err == nil || x.Mark() != markOf(1) {
				t.Errorf("Apply: %v, mark %v", err, x.Mark())
			}
			worksAgain(t, x)
		})
	}
}

// TestCannotPersist: if Bleve cannot write, the index is broken until Reset, and the files on disk
// stay as they were. Meanwhile Bleve does not use the processor all the time.
func TestCannotPersist(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	x := open(t, dir, Options{})
	apply(t, x, one, markOf(1))
	store := filepath.Join(dir, generationName(1), "store")
	if err := os.Rename(store, store+"-away"); err != nil {
		t.Fatal(err)
	}
	err := x.Apply(t.Context(), []Target{{2, []string{"number two"}}}, markOf(2))
	if err == nil || x.Mark() != markOf(1) || x.Broken() == nil {
		t.Errorf("Apply: %v, mark %v, broken: %v", err, x.Mark(), x.Broken())
	}
	failures := func() uint64 {
		n, _ := x.live.bleve.StatsMap()["index"].(map[string]any)["TotPersistLoopErr"].(uint64)
		return n
	}
	time.Sleep(500 * time.Millisecond)
	if n := failures(); n == 0 || n > 5 {
		t.Errorf("%d failures in half a second", n)
	}
	if err := os.Rename(store+"-away", store); err != nil {
		t.Fatal(err)
	}
	worksAgain(t, x)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFolderDeleted: the folder of an open index may be deleted, because it is only a cache.
func TestFolderDeleted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "index")
	x := open(t, dir, Options{})
	apply(t, x, one, markOf(1))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if ids, ok := x.Contains(t.Context(), "number", 10); !ok || !slices.Equal(ids, []uint64{1}) {
		t.Errorf("got %v, %v", ids, ok)
	}
	if err := x.Apply(t.Context(), []Target{{1, []string{"number two"}}}, markOf(2)); err == nil {
		t.Error("Apply did not notice")
	}
	worksAgain(t, x)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = open(t, dir, Options{})
	defer x.Close()
	if ids, ok := x.Contains(t.Context(), "number", 10); !ok || !slices.Equal(ids, []uint64{2}) ||
		x.Mark() != markOf(3) {
		t.Errorf("got %v, %v, mark %v", ids, ok, x.Mark())
	}
}
