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

// Target has the names of a target at some state: its name and its aliases, in any order. A target
// without names does not exist.
type Target struct {
	ID    uint64
	Names []string
}

// Options are the options of an index. The zero value is the default.
type Options struct {
	// Logf, if not nil, gets messages about the index: why it is rebuilt, what could not be
	// removed, why it broke. It may be called from any goroutine.
	Logf func(format string, args ...any)

	// Limit is how long a write to Bleve, or closing it, may take before the index counts as
	// broken. Zero means 30 s.
	Limit time.Duration
}

const defaultLimit = 30 * time.Second

var (
	// ErrInUse is returned by Open if another process, or another Index in this one, has the folder
	// open.
	ErrInUse = errors.New("the index is in use by another process")

	// ErrForeign is returned by Open if the folder has files but no marker of an index, or is not a
	// folder. Open has changed nothing.
	ErrForeign = errors.New("not the folder of an index, and not used for one")

	// ErrStuck is the error of an index that is broken because Bleve did not return.
	ErrStuck = errors.New("the library of the index did not return")

	// ErrClosed is returned after Close.
	ErrClosed = errors.New("the index is closed")

	// ErrOrder is returned by Apply for a mark that cannot follow the current one. Apply has
	// changed nothing.
	ErrOrder = errors.New("the mark does not follow that of the index")
)

// An Index proposes the targets whose names may contain a text. It is safe for concurrent use.
type Index struct {
	o Options

	// writing has a token while nobody is in Apply, Reset or Close. It is a channel and not a
	// mutex, so that Apply can stop waiting when its context ends.
	writing chan struct{}
	folder  *folder // guarded by writing
	atMark  bool    // the index is exactly at mark; guarded by writing

	mu     sync.RWMutex
	live   *engine
	mark   Mark
	broken error // why no search is answered; ErrClosed after Close
}

// Open opens the index in the folder dir. If that was not closed, or its files are not those that
// Close sealed, Open creates a new, empty index with the zero Mark. So Open does not fail because
// of damage. It fails if it cannot create an index (permissions, a full disk), if another process
// has the folder open (ErrInUse), or if dir is not the folder of an index (ErrForeign). It removes
// only files of an index in dir.
//
// Before the first search the caller compares Mark with the log of the data file, and calls Reset
// if the log does not have that entry with the same hash.
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
		x.mark, x.atMark = mark, true
		x.keepOnly(generation)
		return x, nil
	}
	if old {
		x.logf("the index in %s is rebuilt: %v", dir, err)
	}
	if x.live, err = x.create(); err != nil {
		f.marker.Close()
		return nil, fmt.Errorf("create index %s: %w", dir, err)
	}
	return x, nil
}

// create creates a new generation and removes the others.
func (x *Index) create() (*engine, error) {
	n := uint64(1)
	if g := x.folder.generations(); len(g) > 0 {
		n += g[len(g)-1]
	}
	x.atMark = false
	x.keepOnly(n)
	return createEngine(x.folder.path(n), n)
}

func (x *Index) keepOnly(generation uint64) {
	if err := x.folder.keepOnly(generation); err != nil {
		x.logf("an old index could not be removed: %v", err)
	}
}

// Mark returns the state of the index. A search that begins later sees the names of that state or
// of later ones, never of earlier ones. The zero Mark means that the index is empty or still being
// filled; then it answers no search.
func (x *Index) Mark() Mark {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.mark
}

// Broken returns why the index does not answer until Reset, or nil if it does: Bleve could not
// write, failed in a search, panicked, or did not return (ErrStuck). After Close it returns
// ErrClosed.
func (x *Index) Broken() error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.broken
}

// breakWith makes the index broken, unless it is broken or has another engine already.
func (x *Index) breakWith(e *engine, why error) {
	x.mu.Lock()
	first := x.live == e && x.broken == nil
	if first {
		x.broken = why
	}
	x.mu.Unlock()
	if first {
		x.logf("the index answers no searches until it is rebuilt: %v", why)
	}
}

// Reset empties the index, which then has the zero Mark and is not broken. It waits for a running
// Apply. If Reset fails, the index is broken.
//
// Searches that run meanwhile are not answered. The next Mark other than zero must not be older
// than one that a caller has read before and still uses. This holds if both are of one log that
// only grows.
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
		x.logf("the old index could not be closed: %v", err)
	}
	e, err := x.recreate()

	x.mu.Lock()
	defer x.mu.Unlock()
	if errors.Is(x.broken, ErrClosed) { // Close was called meanwhile, and waits for writing
		x.live = e
		return ErrClosed
	}
	x.live, x.broken = e, nil
	if err != nil {
		x.broken = fmt.Errorf("the index could not be rebuilt: %w", err)
	}
	return err
}

var errResetting = errors.New("the index is being rebuilt")

// recreate is create for a folder that somebody may have deleted.
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

// closeEngine closes e, which may be nil. broken is why the index is broken, if it is: closeEngine
// does not wait for a stuck Bleve.
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

// Close cancels running searches, waits until a running Apply has stored its current batch, and
// closes the index. It seals the index if that is exactly at its Mark.
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
	if err == nil && why == nil && x.atMark {
		err = x.folder.writeSeal(e.generation, x.mark)
	}
	return errors.Join(err, x.folder.marker.Close())
}

func (x *Index) logf(format string, args ...any) {
	if x.o.Logf != nil {
		x.o.Logf(format, args...)
	}
}
