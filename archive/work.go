package archive

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"nightjar/kv"
)

// Work is a piece of a request that is too long for one transaction, which would make others wait
// for seconds. The transaction that decides on the request stores its pieces, so a crash does not
// stop it: the worker continues when the file is next opened. The worker does pieces in the order
// of their ids, so a deletion comes after earlier pieces that refer to what it deletes.
type Work struct {
	kv.Unknown
	Kind    uint64 `kv:"1"`
	Product uint64 `kv:"2"` // that is added to datums or deleted, 0 for none
	Target  uint64 `kv:"3"` // of the datums; 0 for several
	Entry   uint64 `kv:"4"` // the log entry in which the request began
	// Owner and Groups are added to the datums of a join without a product.
	Owner  uint64   `kv:"5"`
	Groups []uint64 `kv:"6"`
	// Rows holds the ids of the datums of a join, ascending: the first, then the differences, as
	// uvarints.
	Rows []byte `kv:"7"`
	// the author of the request, as in the log
	User   uint64 `kv:"8"`
	Token  uint64 `kv:"9"`
	Name   string `kv:"10"`
	Addr   string `kv:"11"`
	Action string `kv:"12"`
	List   uint64 `kv:"13"` // that is deleted, 0 for none
}

// The kinds of work.
const (
	workJoin     = 1 // existing datums get a product or an owner
	workDrop     = 2 // a product is deleted
	workDropList = 3 // a list of targets is deleted
)

var works = kv.NewTable(kv.Spec[Work]{Name: "work", No: 12, Codec: kv.Fields[Work]()})

func newWork(tx *kv.WriteTx, kind uint64) *Work {
	a := tx.Author()
	return &Work{Kind: kind, Entry: tx.Seq(), User: a.User, Token: a.Token, Name: a.Name,
		Addr: a.Addr, Action: a.Action}
}

// author returns the author of the piece: the log says which entry it continues.
func (w *Work) author() kv.Author {
	return kv.Author{User: w.User, Token: w.Token, Name: w.Name, Addr: w.Addr,
		Action: fmt.Sprintf("%s (continues entry %d)", w.Action, w.Entry)}
}

func (w *Work) setRows(ids []uint64) {
	w.Rows = w.Rows[:0]
	last := uint64(0)
	for _, id := range ids {
		w.Rows = binary.AppendUvarint(w.Rows, id-last)
		last = id
	}
}

func (w *Work) rows() (ids []uint64) {
	last := uint64(0)
	for b := w.Rows; len(b) > 0; {
		d, n := binary.Uvarint(b)
		if n <= 0 {
			break
		}
		b, last = b[n:], last+d
		ids = append(ids, last)
	}
	return ids
}

// joins adds the product or owner of the work to a datum, and reports whether that changed it.
func (w *Work) joins(d *Datum) (changed bool) {
	if w.Product != 0 && !slices.Contains(d.Products, w.Product) {
		d.Products, changed = append(slices.Clone(d.Products), w.Product), true
	}
	if w.Owner != 0 && !slices.ContainsFunc(d.Owners,
		func(o Owner) bool { return o.User == w.Owner && slices.Equal(o.Groups, w.Groups) }) {
		d.Owners, changed = append(slices.Clone(d.Owners), Owner{w.Owner, w.Groups}), true
	}
	return changed
}

// worker does the pieces in the table of works.
type worker struct {
	a    *Archive
	kick chan struct{}
	quit chan struct{}
	once sync.Once // for quit
	done chan struct{}

	mu      sync.Mutex
	waiting map[uint64][]chan error // requests, by the piece that they wait for
	stuck   map[uint64]bool         // pieces that failed and are tried again at the next start
	ended   bool
	why     error // why it ended: nil when the archive is closed
}

// ErrUnfinished says that a request is on the disk, but that its other pieces cannot be done since
// the disk has failed or the file is lost. They are done when the file is next opened.
var ErrUnfinished = errors.New("the request has begun, and can only be finished after a restart")

func startWorker(a *Archive) *worker {
	w := &worker{a: a, kick: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
		waiting: map[uint64][]chan error{}, stuck: map[uint64]bool{}}
	if a.o.ReadOnly {
		close(w.done)
		return w
	}
	go w.run()
	return w
}

// close stops the worker after its current piece. The others are done when the file is next opened.
func (w *worker) close() {
	w.once.Do(func() { close(w.quit) })
	<-w.done
}

// end wakes all requests that wait, since no piece is done any more. why is nil when the archive is
// closed.
func (w *worker) end(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended, w.why = true, why
	for id := range w.waiting {
		w.wake(id, why)
	}
}

// wake wakes the requests that wait for a piece. The caller holds mu.
func (w *worker) wake(id uint64, err error) {
	for _, c := range w.waiting[id] {
		c <- err
	}
	delete(w.waiting, id)
}

// wait waits until a piece and all before it are done; 0 is no piece. It also returns nil when the
// context ends first or the archive is closed, since the pieces are on the disk. Errors:
// ErrUnfinished; damage.
func (w *worker) wait(ctx context.Context, id uint64) error {
	if id == 0 {
		return nil
	}
	c := make(chan error, 1)
	w.mu.Lock()
	if w.ended {
		defer w.mu.Unlock()
		return w.why
	}
	w.waiting[id] = append(w.waiting[id], c)
	w.mu.Unlock()
	select {
	case w.kick <- struct{}{}:
	default:
	}
	// The piece may have been done before c was in waiting.
	err := w.a.db.View(func(tx *kv.Tx) error { _, err := works.Get(tx, id); return err })
	if errors.Is(err, kv.ErrNotFound) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.stopWaiting(id, c)
		return nil
	}
	select {
	case err := <-c:
		return err
	case <-ctx.Done():
		w.mu.Lock()
		defer w.mu.Unlock()
		w.stopWaiting(id, c)
		return nil
	}
}

// stopWaiting removes a channel of a piece. The caller holds mu.
func (w *worker) stopWaiting(id uint64, c chan error) {
	w.waiting[id] = slices.DeleteFunc(w.waiting[id], func(x chan error) bool { return x == c })
	if len(w.waiting[id]) == 0 {
		delete(w.waiting, id)
	}
}

// run is the goroutine of the worker. It pauses for as long as each piece took, so that others can
// write.
func (w *worker) run() {
	defer close(w.done)
	var why error
	defer func() { w.end(why) }()
	for {
		began := time.Now()
		id, err := w.piece()
		pause := time.Since(began)
		switch {
		case id == 0 && err == nil:
			select {
			case <-w.kick:
				continue
			case <-w.quit:
				return
			}
		case errors.Is(err, ErrFailed):
			why = fmt.Errorf("%w: %w", ErrUnfinished, err)
			return
		case errors.Is(err, ErrClosed):
			return
		case errors.Is(err, ErrNoRoom):
			pause = time.Second
		case id == 0:
			why = fmt.Errorf("%w: %w", ErrUnfinished, err)
			w.a.o.Logf("cannot read the unfinished pieces of requests: %v", err)
			return
		case err != nil:
			w.a.o.Logf("work %d failed, and is tried again at the next start: %v", id, err)
			w.mu.Lock()
			w.stuck[id] = true
			w.wake(id, err)
			w.mu.Unlock()
		}
		select {
		case <-time.After(pause):
		case <-w.quit:
			return
		}
	}
}

// piece does the next piece of work and returns its id, 0 when there is none.
func (w *worker) piece() (id uint64, err error) {
	var next *Work
	err = w.a.db.View(func(tx *kv.Tx) error {
		for n, err := range works.All(tx).Each() {
			if err != nil {
				return err
			}
			if !w.isStuck(n) {
				id = n
				next, err = works.Get(tx, n)
				return err
			}
		}
		return nil
	})
	if err != nil || id == 0 {
		return id, err
	}
	ended := false
	err = w.a.db.Free(context.Background(), next.author(), func(tx *kv.WriteTx) (err error) {
		ended, err = w.a.doWork(tx, id)
		return err
	})
	if err == nil && ended {
		w.mu.Lock()
		w.wake(id, nil)
		w.mu.Unlock()
	}
	return id, err
}

func (w *worker) isStuck(id uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stuck[id]
}

// doWork does a piece in a transaction, and reports whether it is finished.
func (a *Archive) doWork(tx *kv.WriteTx, id uint64) (ended bool, err error) {
	w, err := works.Get(tx.Tx, id)
	if errors.Is(err, kv.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	switch w.Kind {
	case workJoin:
		ended, err = true, w.join(tx)
	case workDrop:
		ended, err = a.dropSome(tx, w.Product)
	case workDropList:
		ended, err = a.dropListSome(tx, w.List)
	default:
		return false, fmt.Errorf("work %d is of the unknown kind %d", id, w.Kind)
	}
	if err == nil && ended {
		err = works.Delete(tx, id)
	}
	return ended, err
}

// join adds the product or owner of a piece to its datums.
func (w *Work) join(tx *kv.WriteTx) error {
	if w.Product != 0 {
		if _, err := products.Get(tx.Tx, w.Product); errors.Is(err, kv.ErrNotFound) {
			return nil // deleted, and so its datums must not get it
		} else if err != nil {
			return err
		}
	}
	for _, id := range w.rows() {
		d, err := datums.Get(tx.Tx, id)
		if errors.Is(err, kv.ErrNotFound) {
			continue // deleted since
		}
		if err == nil && w.joins(d) {
			err = datums.Put(tx, id, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pendingWork calls fn with the pieces that may concern a target's datums, until fn returns false.
func pendingWork(tx *kv.Tx, target uint64, fn func(id uint64, w *Work) (bool, error)) error {
	for id, err := range works.All(tx).Each() {
		if err != nil {
			return err
		}
		w, err := works.Get(tx, id)
		if err != nil {
			return err
		}
		if w.Kind == workDropList || w.Target != target && w.Target != 0 {
			continue
		}
		if more, err := fn(id, w); err != nil || !more {
			return err
		}
	}
	return nil
}

// takeJoins adds the products and owners of pending work to a datum, and takes the datum out of
// that work. Code that changes the sources of a datum needs all of them.
func takeJoins(tx *kv.WriteTx, id uint64, d *Datum) error {
	type change struct {
		id uint64
		w  *Work
	}
	var changes []change
	err := pendingWork(tx.Tx, d.Target, func(n uint64, w *Work) (bool, error) {
		rows := w.rows()
		if at, ok := slices.BinarySearch(rows, id); ok {
			w.joins(d)
			w.setRows(slices.Delete(rows, at, at+1))
			changes = append(changes, change{n, w})
		}
		return true, nil
	})
	for _, c := range changes {
		if err == nil {
			err = works.Put(tx, c.id, c.w)
		}
	}
	return err
}

// dropSome removes a data product from Options.PieceRows of the datums that also have another
// source. When no more of those are left, it deletes the product, its file and the datums that only
// it has. Until then the product exists, with fewer and fewer datums.
func (a *Archive) dropSome(tx *kv.WriteTx, product uint64) (ended bool, err error) {
	p, err := products.Get(tx.Tx, product)
	if errors.Is(err, kv.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	data, shared := datumsOf(tx.Tx, product)
	kept, n, err := shared.Page(kv.Page{Limit: a.o.PieceRows})
	if err != nil {
		return false, err
	}
	ended = n <= len(kept)
	alone := kv.AndNot(data, shared)
	if joined, err := joinFirst(tx, p.Target, alone); err != nil || joined {
		return false, err
	}
	var gone []uint64
	if ended {
		if gone, err = alone.IDs(); err != nil {
			return false, err
		}
	}
	err = changeRows(tx, datums, kv.IDs(kept), func(d *Datum) {
		d.Products = slices.DeleteFunc(d.Products, func(x uint64) bool { return x == product })
	})
	if err != nil || !ended {
		return false, err
	}
	if err := datums.DeleteAll(tx, gone); err != nil {
		return false, err
	}
	if err := tx.DropBlob(p.Blob); err != nil {
		return false, err
	}
	return true, products.Delete(tx, product)
}

// joinFirst does a pending join of some datums of a set, if there is one. The work of an upload may
// come after that of a deletion, and the datums about to be deleted may be those that the upload
// found and did not store again.
func joinFirst(tx *kv.WriteTx, target uint64, set kv.Set) (joined bool, err error) {
	err = pendingWork(tx.Tx, target, func(id uint64, w *Work) (bool, error) {
		if w.Kind != workJoin || len(w.Rows) == 0 {
			return true, nil
		}
		n, err := kv.And(set, kv.IDs(w.rows())).Count()
		if err != nil || n == 0 {
			return true, err
		}
		if joined, err = true, w.join(tx); err != nil {
			return false, err
		}
		w.Rows = nil // the record stays until its turn, since a request may wait for it
		return false, works.Put(tx, id, w)
	})
	return joined, err
}

// datumsOf returns the datums of a product, and those of them that also have another source.
func datumsOf(tx *kv.Tx, product uint64) (all, shared kv.Set) {
	all = datums.Set(tx, dimProduct, kv.Int(product))
	return all, kv.And(all, datums.Set(tx, dimShared, kv.Int(1)))
}
