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

// Options configure Open. The zero value suits a node.
type Options struct {
	// ReadOnly opens the file for reading only. Searches by name scan.
	ReadOnly bool
	// NoIndex does not open the index, for a process that ends soon. Searches by name scan, and the
	// index catches up when it is next opened.
	NoIndex bool
	// MustExist makes Open fail when the file does not exist.
	MustExist bool
	// CheckCopy verifies a copy of the file, in a process of its own since a damaged file may crash
	// its reader; nil verifies in this process.
	CheckCopy func(path string) error
	// Logf logs what an operator should know; nil discards it.
	Logf func(format string, args ...any)
	// FailedLogins is how many logins of an account from an address may fail within five minutes; 0
	// means auth.FailedLogins.
	FailedLogins int
	// Now and Random replace the clock and the source of randomness.
	Now    func() time.Time
	Random io.Reader
	// NoSync omits the fsync of each commit; for tests only.
	NoSync bool
	// MinFree is the free disk space, in bytes, below which writes fail; 0 means 64 MiB.
	MinFree uint64
	// DeferDeletesFrom is the number of datums from which a deletion leaves their removal from the
	// keys to the background; 0 means 5,000.
	DeferDeletesFrom int
	// StageFrom is the number of datums from which a write is staged instead of being one
	// transaction; 0 means 5,000.
	StageFrom int
	// PieceRows is how many rows one piece of long work changes; 0 means 2,000, which take about 50
	// ms.
	PieceRows int
}

// Archive is an open file with its users and its index of names. [Archive.For] gives access to its
// records.
type Archive struct {
	db         *kv.DB
	auth       *auth.Auth
	names      *indexFollower
	keeper     *logKeeper
	processors *ingest.Processors
	previews   *previews
	o          Options
	seers      seerCache
	types      typeCache
	found      foundNames
	watchers   watchers
	worker     *worker
	// the constants of the same names, smaller in tests
	stageBatch, stageBytes, stageAfter, hashedRowsInMemory int
	bulkTurns                                              chan struct{} // has bulkWriters places
}

// Errors of the file that callers distinguish; see package kv.
var (
	ErrNoRoom   = kv.ErrNoRoom
	ErrFailed   = kv.ErrFailed
	ErrLost     = kv.ErrLost
	ErrLocked   = kv.ErrLocked
	ErrReadOnly = kv.ErrReadOnly
	ErrClosed   = kv.ErrClosed
)

// Open opens the archive in the file at path, or creates it. The index lies beside it, in the
// folder path + ".index", which may be deleted while the archive is closed. Errors: those of
// kv.Open.
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
		stageAfter: stageAfter, hashedRowsInMemory: hashedRowsInMemory, bulkTurns: make(chan struct{}, bulkWriters)}
	a.db, err = kv.Open(path, tables(), kv.Options{ReadOnly: o.ReadOnly, MustExist: o.MustExist, CheckCopy: o.CheckCopy,
		Now: o.Now, Random: o.Random, NoSync: o.NoSync, MinFree: o.MinFree, DeferDeletesFrom: o.DeferDeletesFrom,
		Committed: func(kv.Mark) { a.watchers.wake() }, Failed: a.tellFailed})
	if err != nil {
		return nil, err
	}
	db := a.db // a is nil when an error is returned
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
		if err := a.removeLeftovers(); err != nil {
			o.Logf("cannot remove what a crash left beside the file: %v", err)
		}
	}
	a.worker = startWorker(a)
	a.names = openNames(a, filepath.Clean(path)+".index")
	a.keeper = a.keepLog()
	return a, nil
}

// prepare gives a new file the codes of its data types, in a fixed order. A salvaged file also gets
// codes for configured types whose codes were lost, and an older file one for astrometry.
func (a *Archive) prepare() error {
	known, types, action := true, standardTypes, "new file"
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
			if known = known && code != 0; code != 0 {
				action = "codes of data types"
			}
		}
		return nil
	})
	if err != nil || known {
		return err
	}
	return a.db.Update(context.Background(), kv.Author{Action: action}, func(tx *kv.WriteTx) error {
		for _, t := range types {
			if _, err := tx.GiveCode(codeDataType, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close ends the background work and closes the file. A failure to close the index is only logged:
// the next start rebuilds it.
func (a *Archive) Close() error {
	a.keeper.close()
	a.worker.close()
	if err := a.names.close(); err != nil {
		a.o.Logf("cannot close the index of names: %v", err)
	}
	return a.db.Close()
}

// Auth returns the users of the file.
func (a *Archive) Auth() *auth.Auth { return a.auth }

// Now returns the time of the archive's clock.
func (a *Archive) Now() time.Time { return a.o.Now() }

// Session is the archive as one viewer may use it; there is no other way to a record. It holds the
// viewer and the policy as of its creation. Each transaction makes a session of its own from the
// current viewer and policy, so a withdrawn right ends at once, even in the middle of a body or a
// list.
type Session struct {
	a *Archive
	v auth.Viewer
	p auth.Policy
	// unchanged is checked in each writing transaction before anything else, see IfTarget; nil
	// checks nothing.
	unchanged func(*Session, *kv.Tx) error
}

// For returns a session for a viewer.
func (a *Archive) For(v auth.Viewer) *Session { return &Session{a: a, v: v, p: a.auth.Policy()} }

// Viewer returns the viewer of the session.
func (s *Session) Viewer() auth.Viewer { return s.v }

// Policy returns the policy of the session.
func (s *Session) Policy() auth.Policy { return s.p }

// current returns the session of the viewer in a transaction. Error: *problem.Error when the
// credential has ended.
func (s *Session) current(tx *kv.Tx) (*Session, error) {
	v, p, err := s.a.auth.Current(tx, s.v)
	return &Session{a: s.a, v: v, p: p}, err
}

// writing wraps fn for a transaction: it calls fn with the current session, if that may still
// write.
func (s *Session) writing(fn func(*Session, *kv.WriteTx) error) func(*kv.WriteTx) error {
	return func(tx *kv.WriteTx) error {
		now, err := s.current(tx.Tx)
		if err == nil {
			err = now.p.MayWrite(now.v)
		}
		if err == nil && s.unchanged != nil {
			err = s.unchanged(now, tx.Tx)
		}
		if err != nil {
			return err
		}
		return fn(now, tx)
	}
}

// update runs fn in a transaction on behalf of the viewer.
func (s *Session) update(ctx context.Context, fn func(*Session, *kv.WriteTx) error) error {
	if err := s.p.MayWrite(s.v); err != nil {
		return err
	}
	return auth.TooLarge(s.a.db.Update(ctx, s.v.Author(), s.writing(fn)))
}

// free is update for deletions, which are also possible on a full disk.
func (s *Session) free(ctx context.Context, fn func(*Session, *kv.WriteTx) error) error {
	if err := s.p.MayWrite(s.v); err != nil {
		return err
	}
	return auth.TooLarge(s.a.db.Free(ctx, s.v.Author(), s.writing(fn)))
}

// view runs fn in a read transaction.
func (s *Session) view(fn func(*Session, *kv.Tx) error) error {
	return s.a.db.View(func(tx *kv.Tx) error {
		now, err := s.current(tx)
		if err != nil {
			return err
		}
		return fn(now, tx)
	})
}

// viewOn is view for an answer that began with the rights of s. It fails with auth.ErrRightsEnded
// when the viewer has lost one of them.
func (s *Session) viewOn(fn func(*Session, *kv.Tx) error) error {
	return s.view(func(now *Session, tx *kv.Tx) error {
		if now.v.Lost(s.v) || now.p != s.p && !now.v.Everything() {
			return auth.ErrRightsEnded
		}
		return fn(now, tx)
	})
}

// A State is what an answer depends on besides its request: the viewer, the policy, and the head of
// the log, all as of one transaction.
type State struct {
	Viewer auth.Viewer
	Policy auth.Policy
	Head   kv.Mark
}

// State returns the current state. What is read afterwards is of this state or of a later one.
// Error: *problem.Error when the credential has ended.
func (s *Session) State() (state State, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error {
		state, err = s.state(tx)
		return err
	})
	return state, err
}

// state returns the state that a transaction of this session reads.
func (s *Session) state(tx *kv.Tx) (State, error) {
	head, err := tx.At()
	return State{s.v, s.p, head}, err
}

// stillSuperuser refuses a viewer who is no longer a superuser.
func (s *Session) stillSuperuser() error {
	return s.view(func(s *Session, _ *kv.Tx) error { return s.superuser() })
}

// Head returns the last entry of the log.
func (a *Archive) Head() kv.Mark { return a.db.Head() }

// NodeID returns the identity of the node, a ULID in text form.
func (a *Archive) NodeID() string { return uidText(a.db.NodeID()) }

// uidText writes a ULID as text: 26 characters of Crockford's base 32 (github.com/ulid/spec).
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

// forgetGrantee removes what was granted to a user or group that is being deleted: grants on
// targets, and the group in products and observations. Creators and the owners of datums keep the
// id, which then means nobody: ids are never reused.
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

// isRefusal reports whether an error is an answer to the viewer rather than a failure.
func isRefusal(err error) bool {
	if err == nil {
		return false
	}
	var refused *problem.Error
	var problems *problem.List
	return errors.As(err, &refused) || errors.As(err, &problems)
}

// Commits returns a channel that holds a token when a transaction was committed since the last
// receive. Call stop when done.
func (a *Archive) Commits() (news <-chan struct{}, stop func()) { return a.watchers.add() }

// watchers are woken after each commit.
type watchers struct {
	mu   sync.Mutex
	list map[chan struct{}]bool
}

// add returns a channel that holds a token when a transaction was committed since the last receive.
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
