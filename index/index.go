package index

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Mark names a state of the data file: the sequence number of its newest log entry and that entry's
// hash. The zero Mark names no state.
type Mark struct {
	Seq  uint64
	Hash [32]byte
}

// Target is one target's names as they are at some state, its name and its aliases in any order. No
// names means that the target does not exist.
type Target struct {
	ID    uint64
	Names []string
}

// Options say how an index is opened. The zero value is the default.
type Options struct {
	// Logf, when set, is told what happened to the index: why it was made again, what could not be
	// removed, why it broke. It may be called from any goroutine.
	Logf func(format string, args ...any)

	// Limit is how long a write to Bleve, or closing it, may take before the index counts as
	// broken; 30 s when zero.
	Limit time.Duration
}

const defaultLimit = 30 * time.Second

var (
	// ErrInUse is returned by Open when another process, or another Index of this one, holds the
	// folder.
	ErrInUse = errors.New("the index is in use by another process")

	// ErrForeign is returned by Open when the folder holds files but no marker of an index, or is
	// no folder. Nothing was touched.
	ErrForeign = errors.New("not the folder of an index, will not be used for one")

	// ErrStuck is the reason of an index that is broken because Bleve did not come back.
	ErrStuck = errors.New("the index's library did not come back")

	// ErrClosed is returned after Close.
	ErrClosed = errors.New("the index is closed")

	// ErrOrder is returned by Apply for a mark that cannot follow the one the index has. Nothing
	// was changed.
	ErrOrder = errors.New("the mark does not follow the index's")
)

// An Index proposes the targets whose names may contain a text. Its methods may be called by
// several goroutines at a time.
type Index struct {
	o Options

	// writing holds a token while nobody is in Apply, Reset or Close. A channel rather than a
	// mutex, so that Apply's context ends the waiting.
	writing chan struct{}
	folder  *folder // guarded by writing
	whole   bool    // the index is exactly at mark; guarded by writing

	mu     sync.RWMutex
	live   *engine
	mark   Mark
	broken error // why no search is answered; ErrClosed in the end
}

// Open opens the index in the folder dir. It makes a new, empty one, with the zero Mark, unless the
// one in dir was closed and its files are still those that Close sealed. So Open does not fail
// because of what is in an index's folder, but only when no new index can be made (permissions, a
// full disk), when another process holds it (ErrInUse), or when dir is not an index's (ErrForeign).
// Nothing outside dir is ever removed, and in it only what an index made.
//
// The caller compares Mark with the log of the data file before the first search, and calls Reset
// when that entry is not in the log, or has another hash.
//
// Open reads the whole index once.
func Open(dir string, o Options) (*Index, error) {
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	f, err := openFolder(dir)
	if err != nil {
		return nil, fmt.Errorf("open index %s: %w", dir, err)
	}
	x := &Index{o: o, writing: make(chan struct{}, 1), folder: f}
	x.writing <- struct{}{}
	old := len(f.generations()) > 0
	generation, mark, err := f.closed()
	if err == nil {
		x.live, err = openEngine(f.path(generation), generation)
	}
	if err == nil {
		x.mark, x.whole = mark, true
		x.keepOnly(generation)
		return x, nil
	}
	if old {
		x.logf("the index in %s is made again: %v", dir, err)
	}
	if x.live, err = x.create(); err != nil {
		f.marker.Close()
		return nil, fmt.Errorf("make index %s: %w", dir, err)
	}
	return x, nil
}

// create makes a new generation and removes the others.
func (x *Index) create() (*engine, error) {
	n := uint64(1)
	if g := x.folder.generations(); len(g) > 0 {
		n += g[len(g)-1]
	}
	x.whole = false
	x.keepOnly(n)
	return createEngine(x.folder.path(n), n)
}

func (x *Index) keepOnly(generation uint64) {
	if err := x.folder.keepOnly(generation); err != nil {
		x.logf("an old index could not be removed: %v", err)
	}
}

// Mark returns the state that the index holds: a search that begins afterwards sees the names of
// that state or of later ones, never of earlier ones. It is the zero Mark when the index is empty
// or still being filled; then no search is answered.
func (x *Index) Mark() Mark {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.mark
}

// Broken returns nil, or why the index does not answer until Reset: Bleve could not write, failed
// in a search, panicked, or did not come back (ErrStuck). After Close it returns ErrClosed.
func (x *Index) Broken() error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.broken
}

// breakWith makes the index broken, if e is still its engine and it is not broken yet.
func (x *Index) breakWith(e *engine, why error) {
	x.mu.Lock()
	first := x.live == e && x.broken == nil
	if first {
		x.broken = why
	}
	x.mu.Unlock()
	if first {
		x.logf("the index answers no searches until it is made again: %v", why)
	}
}

// Reset throws everything away and starts empty, with the zero Mark; a broken index works again. It
// waits for a running Apply. When it fails, the index is broken.
//
// Searches may run meanwhile and are not answered. The first whole Mark that is applied afterwards
// must not be older than a Mark that a caller has read before and may still search with: that is so
// when both are of one log that only grows.
func (x *Index) Reset() error {
	<-x.writing
	defer func() { x.writing <- struct{}{} }()

	x.mu.Lock()
	old, why := x.live, x.broken
	if errors.Is(why, ErrClosed) {
		x.mu.Unlock()
		return ErrClosed
	}
	x.mark, x.broken = Mark{}, errResetting
	x.mu.Unlock()

	if err := x.closeEngine(old, why); err != nil {
		x.logf("the old index did not close: %v", err)
	}
	e, err := x.recreate()

	x.mu.Lock()
	defer x.mu.Unlock()
	if errors.Is(x.broken, ErrClosed) { // closed meanwhile, and Close waits for its turn
		x.live = e
		return ErrClosed
	}
	x.live, x.broken = e, nil
	if err != nil {
		x.broken = fmt.Errorf("the index could not be made again: %w", err)
	}
	return err
}

var errResetting = errors.New("the index is being made again")

// recreate is create, for a folder that may have been deleted meanwhile.
func (x *Index) recreate() (*engine, error) {
	if x.folder.lost() {
		f, err := openFolder(x.folder.dir)
		if err != nil {
			return nil, err
		}
		x.folder.marker.Close()
		x.folder = f
	}
	return x.create()
}

// closeEngine closes e, which may be nil. Broken is why the index is broken: a stuck Bleve is not
// waited for.
func (x *Index) closeEngine(e *engine, broken error) error {
	if e == nil {
		return nil
	}
	var stuck panicError
	if errors.Is(broken, ErrStuck) || errors.As(broken, &stuck) {
		return e.close(0)
	}
	return e.close(x.o.Limit)
}

// Close ends the running searches, waits for a running Apply to store the batch that it is at,
// closes the index, and seals it when it is exactly at its Mark.
func (x *Index) Close() error {
	x.mu.Lock()
	why := x.broken
	if errors.Is(why, ErrClosed) {
		x.mu.Unlock()
		return ErrClosed
	}
	x.broken = ErrClosed
	if x.live != nil {
		x.live.cancel()
	}
	x.mu.Unlock()

	<-x.writing
	defer func() { x.writing <- struct{}{} }()
	x.mu.Lock()
	e := x.live
	x.live = nil
	x.mu.Unlock()
	err := x.closeEngine(e, why)
	if err == nil && why == nil && x.whole {
		err = x.folder.writeSeal(e.generation, x.mark)
	}
	return errors.Join(err, x.folder.marker.Close())
}

func (x *Index) logf(format string, args ...any) {
	if x.o.Logf != nil {
		x.o.Logf(format, args...)
	}
}
