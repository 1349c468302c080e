package archive

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"nightjar/auth"
	"nightjar/ingest"
	"nightjar/internal/cache"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// Options say how an archive is opened. The zero value is right for a node.
type Options struct {
	// ReadOnly opens the file to look inside; nothing can be written, and names are searched by the
	// scan.
	ReadOnly bool
	// NoIndex leaves the index alone, for what is soon over: names are searched by the scan, and
	// the index catches up when it is next opened.
	NoIndex bool
	// MustExist refuses to make a new file.
	MustExist bool
	// CheckCopy and the check of backups verify a file in another process, since a damaged one may
	// end the process that reads it; nil means in this one.
	CheckCopy func(path string) error
	// Logf is told what an operator should know; nil for nobody.
	Logf func(format string, args ...any)
	// FailedLogins is how many attempts of an account from an address may fail within five minutes;
	// 0 means auth.FailedLogins.
	FailedLogins int
	// Now and Random are the clock and the source of randomness; nil means the real ones.
	Now    func() time.Time
	Random io.Reader
	// NoSync leaves out the fsync of each commit: for tests only.
	NoSync bool
	// MinFree is the free space of the disk below which writes are refused; 0 means 64 MiB.
	MinFree uint64
	// DeferDeletesFrom is from how many datums on a deletion leaves the sweeping to the background;
	// 0 means 5,000.
	DeferDeletesFrom int
	// StageFrom is from how many datums on a write is staged instead of being one transaction; 0
	// means 5,000.
	StageFrom int
	// PieceRows is how many rows one transaction of long work changes; 0 means 2,000, which take
	// some 50 ms.
	PieceRows int
}

// Archive is an open file with its users and its index of names. What is in it is reached through
// For.
type Archive struct {
	db         *kv.DB
	auth       *auth.Auth
	names      *names
	keeper     *logKeeper
	processors *ingest.Processors
	previews   *previews
	o          Options
	seers      seerCache
	types      typeCache
	found      foundNames
	watchers   watchers
	worker     *worker
	// see the constants of the same names
	stageBatch, stageBytes, stageAfter, metAtOnce int
	bulkTurns                                     chan struct{} // has room for bulkWriters
}

// Errors of the file that callers tell apart; see package kv.
var (
	ErrNoRoom   = kv.ErrNoRoom
	ErrFailed   = kv.ErrFailed
	ErrLost     = kv.ErrLost
	ErrLocked   = kv.ErrLocked
	ErrReadOnly = kv.ErrReadOnly
	ErrClosed   = kv.ErrClosed
)

// Open opens the archive in the file at path, and makes a new one if there is none. Beside it
// stands the index, in path + ".index", which may be deleted while the archive is closed. Errors:
// those of kv.Open.
func Open(path string, o Options) (a *Archive, err error) {
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.StageFrom == 0 {
		o.StageFrom = 5_000
	}
	if o.PieceRows == 0 {
		o.PieceRows = 2000
	}
	a = &Archive{o: o, processors: ingest.NewProcessors(), previews: newPreviews(),
		seers:      seerCache{cache.New[uint64, stampedObject](maxSeers)},
		found:      foundNames{cache.New[string, foundName](maxFoundIDs)},
		stageBatch: stageBatch, stageBytes: stageBytes,
		stageAfter: stageAfter, metAtOnce: metAtOnce, bulkTurns: make(chan struct{}, bulkWriters)}
	a.db, err = kv.Open(path, tables(), kv.Options{ReadOnly: o.ReadOnly, MustExist: o.MustExist, CheckCopy: o.CheckCopy,
		Now: o.Now, Random: o.Random, NoSync: o.NoSync, MinFree: o.MinFree, DeferDeletesFrom: o.DeferDeletesFrom,
		Committed: func(kv.Mark) { a.watchers.wake() }, Failed: a.tellFailed})
	if err != nil {
		return nil, err
	}
	db := a.db // a is gone when an error is returned
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	if a.auth, err = auth.New(a.db,
		auth.Options{FailedLogins: o.FailedLogins, Now: o.Now, Random: o.Random}); err != nil {
		return nil, err
	}
	a.auth.Forget = forgetGrantee
	if !o.ReadOnly {
		if err = a.prepare(); err != nil {
			return nil, err
		}
		if err := a.sweepBesides(); err != nil {
			o.Logf("what a crash left beside the file could not be removed: %v", err)
		}
	}
	a.worker = startWorker(a)
	a.names = openNames(a, filepath.Clean(path)+".index")
	a.keeper = a.keepLog()
	return a, nil
}

// prepare gives a new file the codes of a TOM's data types, in a fixed order, and a salvaged one
// those of configured types whose codes were lost.
func (a *Archive) prepare() error {
	known, types := true, standardTypes
	err := a.db.View(func(tx *kv.Tx) error {
		configured, err := dataTypes(tx)
		if err != nil {
			return err
		}
		types = slices.Concat(types, configured)
		for _, t := range types {
			code, err := tx.Code(codeDataType, t)
			if err != nil {
				return err
			}
			known = known && code != 0
		}
		return nil
	})
	if err != nil || known {
		return err
	}
	return a.db.Update(context.Background(), kv.Author{Action: "new file"}, func(tx *kv.WriteTx) error {
		for _, t := range types {
			if _, err := tx.GiveCode(codeDataType, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close ends what runs in the background and closes the file. An index that cannot be closed is
// told to the operator only: nothing is lost with it, and the next start makes it again.
func (a *Archive) Close() error {
	a.keeper.close()
	a.worker.close()
	if err := a.names.close(); err != nil {
		a.o.Logf("the index of names was not closed properly: %v", err)
	}
	return a.db.Close()
}

// Auth is the users of the file.
func (a *Archive) Auth() *auth.Auth { return a.auth }

// Now is the archive's clock.
func (a *Archive) Now() time.Time { return a.o.Now() }

// Session is what one viewer can do with the archive. There is no other way to a record. A Session
// holds the viewer and the policy as they were when it was made. Each transaction makes one of its
// own, of the viewer and the policy as they are then, so what was withdrawn counts from then on, in
// the middle of a body or of a list, too.
type Session struct {
	a *Archive
	v auth.Viewer
	p auth.Policy
}

// For opens the archive's door for a viewer.
func (a *Archive) For(v auth.Viewer) *Session { return &Session{a, v, a.auth.Policy()} }

// Viewer is on whose behalf the session is.
func (s *Session) Viewer() auth.Viewer { return s.v }

// Policy is the rules under which the session is.
func (s *Session) Policy() auth.Policy { return s.p }

// current is the session that the viewer has in a transaction. Error: *problem.Error when the
// credential is no longer good.
func (s *Session) current(tx *kv.Tx) (*Session, error) {
	v, p, err := s.a.auth.Current(tx, s.v)
	return &Session{s.a, v, p}, err
}

// writing makes a function that writes one for a transaction: it is called with the session that
// the viewer has then, if that may still write at all.
func (s *Session) writing(fn func(*Session, *kv.WriteTx) error) func(*kv.WriteTx) error {
	return func(tx *kv.WriteTx) error {
		now, err := s.current(tx.Tx)
		if err == nil {
			err = now.p.MayWrite(now.v)
		}
		if err != nil {
			return err
		}
		return fn(now, tx)
	}
}

// update runs fn in a transaction of the viewer's.
func (s *Session) update(ctx context.Context, fn func(*Session, *kv.WriteTx) error) error {
	if err := s.p.MayWrite(s.v); err != nil {
		return err
	}
	return auth.TooLarge(s.a.db.Update(ctx, s.v.Author(), s.writing(fn)))
}

// free is update for what is deleted, which is done on a full disk as well.
func (s *Session) free(ctx context.Context, fn func(*Session, *kv.WriteTx) error) error {
	if err := s.p.MayWrite(s.v); err != nil {
		return err
	}
	return auth.TooLarge(s.a.db.Free(ctx, s.v.Author(), s.writing(fn)))
}

// view runs fn in a transaction that reads.
func (s *Session) view(fn func(*Session, *kv.Tx) error) error {
	return s.a.db.View(func(tx *kv.Tx) error {
		now, err := s.current(tx)
		if err != nil {
			return err
		}
		return fn(now, tx)
	})
}

// viewOn is view for an answer that was begun with the rights of s: it ends with
// auth.ErrRightsEnded when some of these are gone.
func (s *Session) viewOn(fn func(*Session, *kv.Tx) error) error {
	return s.view(func(now *Session, tx *kv.Tx) error {
		if now.v.Lost(s.v) || now.p != s.p && !now.v.Everything() {
			return auth.ErrRightsEnded
		}
		return fn(now, tx)
	})
}

// stillSuperuser refuses a viewer that is not a superuser any more.
func (s *Session) stillSuperuser() error {
	return s.view(func(s *Session, _ *kv.Tx) error { return s.superuser() })
}

// Head is the last entry of the log.
func (a *Archive) Head() kv.Mark { return a.db.Head() }

// NodeID is the identity of the node, a ULID in its text form.
func (a *Archive) NodeID() string { return uidText(a.db.NodeID()) }

// uidText is a ULID as text: 26 characters of Crockford's base 32 (github.com/ulid/spec).
func uidText(id [16]byte) string {
	const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	var out [26]byte
	var bits, n uint
	at := len(out)
	for i := len(id) - 1; i >= 0; i-- {
		bits |= uint(id[i]) << n
		for n += 8; n >= 5; n -= 5 {
			at--
			out[at] = letters[bits&31]
			bits >>= 5
		}
	}
	at--
	out[at] = letters[bits&31]
	return string(out[at:])
}

// forgetGrantee removes all that was granted to a user or group that is being deleted: the grants
// of targets, and a group's place in products and observations. Creators and the owners of datums
// stay noted, and then mean nobody: ids are never given out again.
func forgetGrantee(tx *kv.WriteTx, g auth.Grantee) error {
	value := kv.Int(uint64(g))
	err := changeRows(tx, targets, targets.Set(tx.Tx, dimSeer, value), func(t *Target) { // every grant includes view
		t.Grants = slices.DeleteFunc(t.Grants, func(x auth.Grant) bool { return x.To == g })
	})
	group, ok := g.Group()
	if err != nil || !ok {
		return err
	}
	is := func(x uint64) bool { return x == group }
	err = changeRows(tx, products, products.Set(tx.Tx, dimHolder, value),
		func(p *Product) { p.Groups = slices.DeleteFunc(p.Groups, is) })
	if err != nil {
		return err
	}
	return changeRows(tx, observations, observations.Set(tx.Tx, dimHolder, value),
		func(o *Observation) { o.Groups = slices.DeleteFunc(o.Groups, is) })
}

// changeRows changes the rows of a set.
func changeRows[T any](tx *kv.WriteTx, table *kv.Table[T], set kv.Set, change func(*T)) error {
	ids, err := set.IDs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		row, err := table.Get(tx.Tx, id)
		if err == nil {
			change(row)
			err = table.Put(tx, id, row)
		}
		if err != nil {
			return fmt.Errorf("%s %d: %w", table.Name(), id, err)
		}
	}
	return nil
}

// isRefusal says whether an error is an answer to the one who asked, rather than a failure of ours.
func isRefusal(err error) bool {
	if err == nil {
		return false
	}
	var refused *problem.Error
	var problems *problem.List
	return errors.As(err, &refused) || errors.As(err, &problems)
}

// Commits returns a channel that holds a token when something was committed since it was last read,
// until stop is called.
func (a *Archive) Commits() (news <-chan struct{}, stop func()) { return a.watchers.add() }

// watchers are woken after each commit.
type watchers struct {
	mu   sync.Mutex
	list map[chan struct{}]bool
}

// add returns a channel that holds a token when something was committed since it was last read.
func (w *watchers) add() (news <-chan struct{}, forget func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.list == nil {
		w.list = map[chan struct{}]bool{}
	}
	w.list[c] = true
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.list, c)
	}
}

func (w *watchers) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.list {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
