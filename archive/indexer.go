package archive

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"nightjar/index"
	"nightjar/kv"
)

// names keeps the index of names up with the file. It follows the log in the background; until it
// has caught up, and whenever it is broken, queries are answered by the scan.
type names struct {
	a    *Archive
	dir  string
	stop context.CancelFunc
	done chan struct{}

	mu      sync.Mutex
	x       *index.Index
	state   IndexState
	wantNew bool
}

// IndexState is what an operator is told about the index.
type IndexState struct {
	Seq     uint64 // the log entry that it has reached
	Head    uint64 // the log's last entry
	Why     string // why it does not answer, "" when it does
	Rebuilt int    // how often it was made again since the start
}

// indexBatch is how many targets go into the index at once.
const indexBatch = 1000

func openNames(a *Archive, dir string) *names {
	ctx, stop := context.WithCancel(context.Background())
	n := &names{a: a, dir: dir, stop: stop, done: make(chan struct{})}
	if a.o.ReadOnly || a.o.NoIndex {
		n.state.Why = "left alone; names are searched by the scan"
		if !a.o.ReadOnly {
			n.state.Why = "left to serve; names are searched by the scan"
		}
		close(n.done)
		return n
	}
	go n.follow(ctx)
	return n
}

// current is the index if it can be asked.
func (n *names) current() *index.Index {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.x
}

func (n *names) close() error {
	n.stop()
	<-n.done
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.x == nil {
		return nil
	}
	x := n.x
	n.x = nil
	return x.Close()
}

// follow opens the index and brings it up to the log again and again.
func (n *names) follow(ctx context.Context) {
	defer close(n.done)
	news, forget := n.a.watchers.add()
	defer forget()
	const (
		pause  = 10 * time.Second
		gather = 100 * time.Millisecond
	)
	for ctx.Err() == nil {
		err := n.catchUp(ctx)
		var retry <-chan time.Time
		if err != nil && ctx.Err() == nil {
			n.a.o.Logf("the index of names is behind: %v; names are searched by the scan until it has been mended", err)
			n.setWhy(err.Error())
			retry = time.After(pause)
		}
		select {
		case <-news:
			// what comes in the next moment goes with it
			select {
			case <-time.After(gather):
			case <-ctx.Done():
			}
		case <-retry:
		case <-ctx.Done():
		}
	}
}

func (n *names) setWhy(why string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.state.Why = why
}

// catchUp opens the index if need be, makes it again if it does not belong to this file, and
// applies what the log has beyond its mark. No query asks the index before it is known to be this
// file's.
func (n *names) catchUp(ctx context.Context) (err error) {
	x := n.current()
	if x == nil {
		if x, err = index.Open(n.dir, index.Options{Logf: n.a.o.Logf}); err != nil {
			return err
		}
		defer func() {
			if n.current() == nil {
				err = errors.Join(err, x.Close())
			}
		}()
	}
	if broken := x.Broken(); broken != nil {
		if err := n.reset(x); err != nil {
			return errors.Join(broken, err)
		}
	}
	follows, err := n.follows(x.Mark())
	if err != nil {
		return err
	}
	n.mu.Lock()
	wanted := n.wantNew
	n.wantNew = false
	n.mu.Unlock()
	if !follows || wanted {
		if !follows {
			n.a.o.Logf("the index of names does not belong to this state of the file; it is made again")
		}
		if err := n.reset(x); err != nil {
			return err
		}
	}
	n.mu.Lock()
	n.x = x
	n.mu.Unlock()
	if m := x.Mark(); m == (index.Mark{}) {
		err = n.fill(ctx, x)
	} else {
		err = n.apply(ctx, x, m.Seq)
	}
	if err == nil {
		n.mu.Lock()
		if n.state.Seq = x.Mark().Seq; !n.wantNew {
			n.state.Why = ""
		}
		n.mu.Unlock()
	}
	return err
}

func (n *names) reset(x *index.Index) error {
	n.mu.Lock()
	n.state.Rebuilt++
	n.mu.Unlock()
	return x.Reset()
}

// follows reports whether the log still has the entry that the index has reached, or its anchor is
// that entry.
func (n *names) follows(m index.Mark) (yes bool, err error) {
	if m == (index.Mark{}) {
		return true, nil
	}
	err = n.a.db.View(func(tx *kv.Tx) error {
		e, err := tx.Entry(m.Seq)
		if errors.Is(err, kv.ErrNotFound) {
			old, err := tx.Anchor()
			yes = err == nil && old == kv.Mark{Seq: m.Seq, Hash: m.Hash}
			return err
		}
		yes = err == nil && e.Hash == m.Hash
		return err
	})
	return yes, err
}

// fill gives an empty index all names, in pieces, and then what has changed meanwhile.
func (n *names) fill(ctx context.Context, x *index.Index) error {
	var ids []uint64
	var head kv.Mark
	err := n.a.db.View(func(tx *kv.Tx) (err error) {
		if head, err = tx.Head(); err == nil {
			ids, err = targets.All(tx).IDs()
		}
		return err
	})
	if err != nil || head == (kv.Mark{}) {
		return err
	}
	const tellEvery = 5 * time.Second
	told, all := n.a.o.Now(), len(ids)
	for len(ids) > 0 {
		n.setWhy(fmt.Sprintf("it is being made: %d of %d targets", all-len(ids), all))
		if now := n.a.o.Now(); now.Sub(told) >= tellEvery {
			told = now
			n.a.o.Logf("the index of names is being made: %d of %d targets", all-len(ids), all)
		}
		part := ids[:min(indexBatch, len(ids))]
		ids = ids[len(part):]
		var docs []index.Target
		err := n.a.db.View(func(tx *kv.Tx) (err error) { docs, err = readNames(tx, part); return err })
		if err == nil {
			err = x.Apply(ctx, docs, index.Mark{})
		}
		if err != nil {
			return err
		}
	}
	return n.apply(ctx, x, head.Seq)
}

// apply brings the index up from a log entry to the head of the log.
func (n *names) apply(ctx context.Context, x *index.Index, from uint64) error {
	var docs []index.Target
	var mark index.Mark
	err := n.a.db.View(func(tx *kv.Tx) error {
		head, err := tx.Head()
		if err != nil {
			return err
		}
		mark = index.Mark{Seq: head.Seq, Hash: head.Hash}
		ids := goneTargets(tx, from+1)
		for _, id := range tx.Range(orderNamed, 0, binary.BigEndian.AppendUint64(nil, from+1), nil) {
			ids = append(ids, id)
		}
		docs, err = readNames(tx, ids)
		return err
	})
	if err != nil || mark == x.Mark() {
		return err
	}
	return x.Apply(ctx, docs, mark)
}

// readNames reads the names of targets; a deleted target has none.
func readNames(tx *kv.Tx, ids []uint64) ([]index.Target, error) {
	docs := make([]index.Target, len(ids))
	for i, id := range ids {
		docs[i].ID = id
		t, err := targets.Get(tx, id)
		if errors.Is(err, kv.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		docs[i].Names = t.Names()
	}
	return docs, nil
}

// goneTargets lists the targets that were deleted from a log entry on. Answers would be right
// without it: a document of a deleted target is a candidate that fails the check.
func goneTargets(tx *kv.Tx, from uint64) (ids []uint64) {
	for e := range tx.Log(from) {
		for _, c := range e.Changes {
			if c.Table == targets.No() && c.Op == kv.Deleted {
				ids = slices.AppendSeq(ids, c.IDs())
			}
		}
	}
	return ids
}

// State says how far the index is.
func (n *names) State() IndexState {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.state
	if n.x != nil {
		s.Seq = n.x.Mark().Seq
	}
	s.Head = n.a.db.Head().Seq
	return s
}

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

// renew has the index made again.
func (n *names) renew() error {
	if n.a.o.ReadOnly || n.a.o.NoIndex {
		return nil
	}
	n.mu.Lock()
	n.wantNew, n.state.Why = true, "it is being made again"
	n.mu.Unlock()
	n.a.watchers.wake()
	return nil
}
