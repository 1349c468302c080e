package index

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Mark names a state of the data file: the sequence number of its newest log entry
// and that entry's hash. The zero Mark names no state.
type Mark struct {
	Seq  uint64
	Hash [32]byte
}

// Target is one target's names as they are at some state, its name and its
// aliases in any order. No names means that the target is gone.
type Target struct {
	ID    uint64
	Names []string
}

// Options say how an index is opened. The zero value serves.
type Options struct {
	// InMemory keeps everything in memory and uses no folder. For tests: Bleve
	// never merges what is in memory, so it grows with every Apply.
	InMemory bool

	// Logf, when set, is told what befell the index: why it was made anew, what
	// could not be removed, why it broke. It may be called from any goroutine.
	Logf func(format string, args ...any)

	// Limit is how long one call into Bleve may take before the index counts as
	// broken; 30 s when zero.
	Limit time.Duration
}

const defaultLimit = 30 * time.Second

var (
	// ErrInUse is returned by Open when another process, or another Index of
	// this one, holds the folder.
	ErrInUse = errors.New("the index is in use by another process")

	// ErrForeign is returned by Open when the folder holds files but no marker of
	// an index, or is no folder. Nothing was touched.
	ErrForeign = errors.New("not the folder of an index, will not be used for one")

	// ErrStuck is the reason of an index that is broken because Bleve did not
	// come back.
	ErrStuck = errors.New("the index's library did not come back")

	// ErrClosed is returned after Close.
	ErrClosed = errors.New("the index is closed")

	// ErrOrder is returned by Apply for a mark that cannot follow the one the
	// index has. Nothing was changed.
	ErrOrder = errors.New("the mark does not follow the index's")
)

// An Index proposes the targets and sources whose names may contain a text. Its
// methods may be called by several goroutines at a time.
type Index struct {
	o    Options
	anew error // why Open made it anew, nil when it did not

	// writing holds a token while nobody is in Apply, Reset or Close. A channel
	// rather than a mutex, so that Apply's context ends the waiting.
	writing chan struct{}
	home    *home // nil in memory; guarded by writing

	mu     sync.RWMutex
	live   *engine
	mark   Mark
	broken error // why no search is answered; ErrClosed in the end
}

// Open opens the index in the folder dir, and makes a new, empty one when there
// is none or when what is there is damaged, unfinished or of another layout; Anew
// tells. So it does not fail for what it finds in an index's folder, but only
// when no new one can be made (permissions, a full disk), when another holds it
// (ErrInUse), or when dir is someone else's (ErrForeign). Nothing outside dir is
// ever removed, and in it only what an index made.
//
// The caller compares Mark with the log of the data file before the first search,
// and calls Reset when that entry is not in the log, or has another hash.
//
// Open reads the whole index once to verify its checksums.
func Open(dir string, o Options) (*Index, error) {
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	x := &Index{o: o, writing: make(chan struct{}, 1)}
	x.writing <- struct{}{}
	if o.InMemory {
		e, err := createEngine("", o.Limit)
		if err != nil {
			return nil, err
		}
		x.live, x.anew = e, errNone
		return x, nil
	}
	h, stale, err := openHome(dir)
	if err != nil {
		return nil, fmt.Errorf("open index %s: %w", dir, err)
	}
	x.home, x.anew = h, stale
	if x.anew == nil {
		x.live, x.mark, x.anew = x.openNewest()
	}
	if x.anew != nil {
		if x.anew != errNone {
			x.logf("the index in %s is made anew: %v", dir, x.anew)
		}
		if x.live, err = x.create(); err != nil {
			h.close()
			return nil, fmt.Errorf("make index %s: %w", dir, err)
		}
	}
	return x, nil
}

// openNewest opens the newest generation, or says why it must be given up.
func (x *Index) openNewest() (*engine, Mark, error) {
	generations := x.home.generations()
	if len(generations) == 0 {
		return nil, Mark{}, errNone
	}
	newest := generations[len(generations)-1]
	if err := x.home.removeBelow(newest); err != nil {
		x.logf("an old index could not be removed: %v", err)
	}
	path := x.home.path(newest)
	if err := realFolders(path); err != nil {
		return nil, Mark{}, err
	}
	sealed, err := breakSeal(path)
	if err == nil && !sealed {
		err = beginTrial(path)
	}
	if err != nil {
		return nil, Mark{}, err
	}
	damaged, err := dropDamaged(path)
	if len(damaged) > 0 {
		x.logf("damaged files of the index, or such as a crash left half written, were removed: %v", damaged)
	}
	if err != nil {
		return nil, Mark{}, err
	}
	e, err := openEngine(path, x.o.Limit)
	if err != nil {
		return nil, Mark{}, err
	}
	m, part, documents, err := e.state()
	switch {
	case err != nil:
	case part:
		err = errors.New("the last change was left unfinished")
	case m == Mark{} && documents > 0:
		err = errors.New("its making was left unfinished")
	default:
		e.trial = !sealed
		return e, m, nil
	}
	if e := e.close(x.o.Limit); e != nil {
		x.logf("the old index did not close: %v", e)
	}
	return nil, Mark{}, err
}

// create makes a new generation and removes the others. Those of another layout
// are removed before the marker says that this is the folder's layout: a crash
// between leaves either the old marker or no old generation.
func (x *Index) create() (*engine, error) {
	if x.home == nil {
		return createEngine("", x.o.Limit)
	}
	n := x.home.next()
	if err := x.home.removeBelow(n); err != nil {
		x.logf("an old index could not be removed: %v", err)
	}
	if err := x.home.writeMarker(); err != nil {
		return nil, err
	}
	e, err := createEngine(x.home.path(n), x.o.Limit)
	if err != nil {
		os.RemoveAll(x.home.path(n)) // best effort: the next Open gives it up as well
		return nil, err
	}
	return e, nil
}

// Anew reports whether Open made a new index, and why: because there was none, or
// what was wrong with the one that was there.
func (x *Index) Anew() (anew bool, why error) { return x.anew != nil, x.anew }

// Mark returns the state that the index holds: a search that begins afterwards
// sees the names of that state or of later ones, never of earlier ones. It is
// the zero Mark when the index is empty or still being filled; then no search is
// answered.
func (x *Index) Mark() Mark {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.mark
}

// Broken returns nil, or why the index answers no more until Reset: Bleve could
// not write, failed in a search, panicked, or did not come back (ErrStuck). After
// Close it returns ErrClosed.
func (x *Index) Broken() error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.broken
}

// breakWith makes the index broken, if e is still its engine and it is not yet.
func (x *Index) breakWith(e *engine, why error) {
	x.mu.Lock()
	first := x.live == e && x.broken == nil
	if first {
		x.broken = why
	}
	x.mu.Unlock()
	if first {
		x.logf("the index answers no more until it is made anew: %v", why)
	}
}

// Reset throws everything away and starts empty, with the zero Mark; a broken
// index works again. It waits for a running Apply. When it fails, the index
// is broken.
//
// Searches may run meanwhile and are not answered. The first whole Mark that
// is applied afterwards must not be older than a Mark that a caller has read
// before and may still search with: that is so when both are of the one log that
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
		x.broken = fmt.Errorf("the index could not be made anew: %w", err)
	}
	return err
}

var errResetting = errors.New("the index is being made anew")

// recreate is create, for a folder that may have been deleted meanwhile.
func (x *Index) recreate() (*engine, error) {
	if x.home != nil && x.home.lost() {
		h, _, err := openHome(x.home.dir)
		if err != nil {
			return nil, err
		}
		x.home.close()
		x.home = h
	}
	return x.create()
}

// closeEngine closes e, which may be nil. Broken is why the index is broken: a
// stuck Bleve is not waited for.
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

// Close ends the running searches, waits for a running Apply to store the batch
// that it is at, and closes the index. Everything applied is on disk already.
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
	if err == nil && why == nil && e.path != "" {
		err = seal(e.path)
	}
	if x.home != nil {
		err = errors.Join(err, x.home.close())
	}
	return err
}

func (x *Index) logf(format string, args ...any) {
	if x.o.Logf != nil {
		x.o.Logf(format, args...)
	}
}
