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

// indexFollower applies the log to the index of names in the background. Until the index has caught
// up, and while it is broken, searches scan.
type indexFollower struct {
	a    *Archive
	dir  string
	stop context.CancelFunc
	done chan struct{}

	mu      sync.Mutex
	x       *index.Index
	state   IndexState
	wantNew bool
}

// IndexState is the state of the index.
type IndexState struct {
	Seq     uint64 // the last applied log entry
	Head    uint64 // the log's last entry
	Why     string // why the index does not answer, "" when it does
	Rebuilt int    // how often it was rebuilt since the start
}

// indexBatch is how many targets are added to the index at once.
const indexBatch = 1000

func openNames(a *Archive, dir string) *indexFollower {
	ctx, stop := context.WithCancel(context.Background())
	n := &indexFollower{a: a, dir: dir, stop: stop, done: make(chan struct{})}
	if a.o.ReadOnly || a.o.NoIndex {
		n.state.Why = "not opened; searches by name scan"
		if !a.o.ReadOnly {
			n.state.Why = "left to serve; searches by name scan"
		}
		close(n.done)
		return n
	}
	go n.follow(ctx)
	return n
}

// current returns the index if it answers, or nil.
func (n *indexFollower) current() *index.Index {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.x
}

func (n *indexFollower) close() error {
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

// follow opens the index and applies the log after each commit.
func (n *indexFollower) follow(ctx context.Context) {
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
			n.a.o.Logf("the index of names is behind: %v; searches by name scan until it is repaired", err)
			n.setWhy(err.Error())
			retry = time.After(pause)
		}
		select {
		case <-news:
			// wait a moment, to apply several commits at once
			select {
			case <-time.After(gather):
			case <-ctx.Done():
			}
		case <-retry:
		case <-ctx.Done():
		}
	}
}

func (n *indexFollower) setWhy(why string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.state.Why = why
}

// catchUp opens the index if needed, rebuilds it if it does not belong to this file, and applies
// the log entries after its mark. No query asks the index before it is known to belong to this
// file.
func (n *indexFollower) catchUp(ctx context.Context) (err error) {
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
			n.a.o.Logf("the index of names does not belong to this state of the file; rebuilding it")
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

func (n *indexFollower) reset(x *index.Index) error {
	n.mu.Lock()
	n.state.Rebuilt++
	n.mu.Unlock()
	return x.Reset()
}

// follows reports whether the mark of the index is an entry of the log, or its anchor.
func (n *indexFollower) follows(m index.Mark) (yes bool, err error) {
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

// fill adds all names to an empty index, in pieces, and then the changes made meanwhile.
func (n *indexFollower) fill(ctx context.Context, x *index.Index) error {
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
		n.setWhy(fmt.Sprintf("it is being built: %d of %d targets", all-len(ids), all))
		if now := n.a.o.Now(); now.Sub(told) >= tellEvery {
			told = now
			n.a.o.Logf("building the index of names: %d of %d targets", all-len(ids), all)
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

// apply applies the log after an entry to the index.
func (n *indexFollower) apply(ctx context.Context, x *index.Index, from uint64) error {
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

// goneTargets lists the targets that were deleted in or after a log entry. Results would be right
// without it: the check of candidates drops a deleted target.
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

// State returns the state of the index.
func (n *indexFollower) State() IndexState {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.state
	if n.x != nil {
		s.Seq = n.x.Mark().Seq
	}
	s.Head = n.a.db.Head().Seq
	return s
}

// renew starts to rebuild the index.
func (n *indexFollower) renew() error {
	if n.a.o.ReadOnly || n.a.o.NoIndex {
		return nil
	}
	n.mu.Lock()
	n.wantNew, n.state.Why = true, "it is being rebuilt"
	n.mu.Unlock()
	n.a.watchers.wake()
	return nil
}
