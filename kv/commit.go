package kv

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
)

// A job is a function that waits for its turn in a shared transaction.
type job struct {
	ctx    context.Context
	author Author
	fn     func(*Tx) error
	quiet  bool      // the node's own housekeeping: no log entry
	frees  bool      // what makes room, see Free
	stage  *Stage    // a transaction of a staged write
	now    time.Time // when it was asked for
	alone  func() error
	done   chan error

	// the result of the last run
	err   error
	wrote bool
	after []func() // once the commit is on the disk
}

// Update calls fn in a transaction that is on the disk when Update returns nil. Everything that fn did is undone when it
// returns an error or panics. Calls that come while a commit is running share the next one.
//
// Because of that fn may run twice: when another function of the same transaction fails after it has begun to write, all others run again
// without it. So fn reads and checks first and then writes, and changes nothing outside that a second run would not set right.
//
// Errors: what fn returned; ErrNoRoom, ErrFailed, ErrReadOnly, ErrClosed; *DamageError; *PanicError; the context's error when it
// ended before fn began.
func (db *DB) Update(ctx context.Context, a Author, fn func(*Tx) error) error {
	return db.run(&job{ctx: ctx, author: a, fn: fn})
}

// Free is Update for a function that takes away more than it writes: it is not refused when the disk has too little free space, so that room can be made.
func (db *DB) Free(ctx context.Context, a Author, fn func(*Tx) error) error {
	return db.run(&job{ctx: ctx, author: a, fn: fn, frees: true})
}

// run queues a job and waits for it.
func (db *DB) run(j *job) error {
	if db.opts.ReadOnly {
		return ErrReadOnly
	}
	j.now = db.opts.Now()
	j.done = make(chan error, 1)
	db.queueMu.Lock()
	if db.closing {
		db.queueMu.Unlock()
		return ErrClosed
	}
	db.queue = append(db.queue, j)
	db.queueMu.Unlock()
	// Who comes while nobody writes does so in its own goroutine: handing the transaction to another and waiting to be woken costs as much as what is done in it.
	if !db.turn.TryLock() || db.lead() {
		select {
		case db.wake <- struct{}{}:
		default:
		}
	}
	return <-j.done
}

// lead does what is queued, in the turn that the caller has, and gives the turn back. It says whether there is more to do.
func (db *DB) lead() (more bool) {
	defer db.turn.Unlock()
	// A damaged page makes the map fault; the recover in each step turns that into an error.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	if db.crowded {
		db.letCome()
	}
	jobs, more := db.take()
	db.crowded = len(jobs) > 1
	switch {
	case len(jobs) == 1 && jobs[0].alone != nil:
		jobs[0].done <- jobs[0].alone()
	case len(jobs) > 0:
		db.commit(jobs)
		db.wrote = time.Now()
		if !db.resting {
			db.resting = true
			db.rest.Reset(idle)
		}
	}
	return more
}

// letCome lets those who are about to ask come along, as long as there are more and more of them: where many write, it is the processors that are short, and a commit
// costs as much for few as for many.
func (db *DB) letCome() {
	for last, n := -1, 0; n > last && n < maxShare; {
		runtime.Gosched()
		db.queueMu.Lock()
		last, n = n, len(db.queue)
		db.queueMu.Unlock()
	}
}

// maxShare is the most functions that share a commit.
const maxShare = 1024

// take removes jobs from the queue: as many as may share a transaction, or one that must be alone.
func (db *DB) take() (jobs []*job, more bool) {
	db.queueMu.Lock()
	defer db.queueMu.Unlock()
	n := 0
	for n < len(db.queue) && n < maxShare && db.queue[n].alone == nil {
		n++
	}
	if n == 0 && len(db.queue) > 0 {
		n = 1
	}
	jobs, db.queue = db.queue[:n:n], db.queue[n:]
	return jobs, len(db.queue) > 0
}

// idle is how long the file rests before the list of free pages is written into it.
const idle = time.Second

// writer is the goroutine that writes what was queued while somebody else did, and looks after a file that rests.
func (db *DB) writer() {
	defer close(db.written)
	defer db.rest.Stop()
	for {
		select {
		case <-db.wake:
			for db.turn.Lock(); db.lead(); db.turn.Lock() {
			}
		case <-db.rest.C:
			db.settle()
		case <-db.quit:
			for db.turn.Lock(); db.lead(); db.turn.Lock() {
			}
			return
		}
	}
}

// settle stores the list of free pages when the file has rested long enough. The timer is not put back with each commit, which would cost each a system call.
func (db *DB) settle() {
	db.turn.Lock()
	defer db.turn.Unlock()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	if left := idle - time.Since(db.wrote); left > 0 {
		db.rest.Reset(left)
		return
	}
	db.resting = false
	db.writeFreeList()
}

// batch is a shared transaction while it is made.
type batch struct {
	db      *DB
	bolt    *bbolt.Tx
	head    Mark
	sets    setChanges
	series  seriesChanges
	tails   map[*tableDef][]tailRow // rows that join the tail
	tail    map[*tableDef]*tail     // the tails as they are, those begun by a fold in this transaction included
	folded  map[*tableDef]bool      // tails begun by a fold
	changed map[*tableDef]bool      // bulk tables whose stored sets were written
	slab    []byte                  // see memory
	piece   int
	touched [256]bool // tables, by number, whose records were changed
	tools   tools
	super   map[*Stage][]Superseded // notes for staged writes, see Supersede
}

// commit runs jobs in one transaction, again without the one that failed half-way if there is one, and answers them all.
func (db *DB) commit(jobs []*job) {
	if err := db.mayWrite(); err != nil {
		var refused []*job
		if err == ErrNoRoom {
			jobs, refused = split(jobs, func(j *job) bool { return j.frees })
		} else {
			jobs, refused = nil, jobs
		}
		answer(refused, err)
	}
	for len(jobs) > 0 {
		bad, err := db.try(jobs)
		if bad == nil {
			answer(jobs, err)
			return
		}
		bad.done <- bad.err
		jobs, _ = split(jobs, func(j *job) bool { return j != bad })
	}
}

// split parts jobs into those for which is says yes and the others.
func split(jobs []*job, is func(*job) bool) (yes, no []*job) {
	for _, j := range jobs {
		if is(j) {
			yes = append(yes, j)
		} else {
			no = append(no, j)
		}
	}
	return yes, no
}

// answer tells each job its own error, or else the common one.
func answer(jobs []*job, err error) {
	for _, j := range jobs {
		if err == nil && j.err == nil {
			for _, f := range j.after {
				f()
			}
		}
		if j.err != nil {
			j.done <- j.err
		} else {
			j.done <- err
		}
	}
}

// try runs the jobs in one transaction and commits it. It returns the job that must be left out when one failed after it had
// begun to write.
func (db *DB) try(jobs []*job) (bad *job, err error) {
	bt, err := db.begin()
	if err != nil {
		return nil, err
	}
	open := true
	defer func() {
		if p := recover(); p != nil {
			bad, err = nil, caught(p)
			db.tails.clear() // they may hold rows that are not there now
		}
		if open {
			db.rollback(bt)
		}
	}()
	b := &batch{db: db, bolt: bt, head: db.Head()}
	defer b.count() // whatever came of it: after a failed sync a View may see what nobody was told is done
	if err := b.findTails(); err != nil {
		return nil, err
	}
	if err := b.upgrade(); err != nil {
		return nil, err
	}
	wrote := false
	for _, j := range jobs {
		b.run(j)
		if j.err != nil && j.wrote {
			return j, nil
		}
		wrote = wrote || j.wrote
	}
	if !wrote {
		return nil, nil
	}
	if err := b.finish(); err != nil {
		return nil, err
	}
	err = db.opts.commit(bt) // when this panics, the transaction is still open
	open = false
	if err != nil {
		return nil, db.commitFailed(err)
	}
	db.published(b)
	return nil, nil
}

// count says that the tables whose records were changed are others now.
func (b *batch) count() {
	for _, d := range b.db.schema.tables {
		if b.touched[d.no] {
			b.db.changes[d.no].Add(1)
		}
	}
}

// upgrade makes a file of an older format one of this, with whatever is written.
func (b *batch) upgrade() error {
	if b.db.format == Format {
		return nil
	}
	tx := &Tx{db: b.db, bolt: b.bolt, batch: b}
	for _, d := range b.db.schema.tables {
		if err := tx.foldTail(d); err != nil {
			return err
		}
	}
	return tx.meta().putFormat()
}

// begin opens bbolt's transaction with the list of free pages out of the way.
func (db *DB) begin() (bt *bbolt.Tx, err error) {
	return db.beginWith(false)
}

// beginWith opens bbolt's transaction, with the list of free pages if that is to be stored.
func (db *DB) beginWith(freeList bool) (bt *bbolt.Tx, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = caught(p)
			db.setStuck(err)
		}
	}()
	db.bolt.NoFreelistSync = !freeList
	return db.bolt.Begin(true)
}

// rollback gives a transaction up; bbolt may panic when it stumbled over a damaged page before, and then keeps its lock for ever.
func (db *DB) rollback(bt *bbolt.Tx) {
	defer func() {
		if p := recover(); p != nil {
			db.setStuck(caught(p))
		}
	}()
	bt.Rollback()
}

// setStuck says that bbolt keeps the lock of a transaction that has ended: nothing can be written any more, and its Close would wait for ever.
func (db *DB) setStuck(err error) {
	db.stuck.Store(true)
	db.setFailed(err)
}

// closeBolt closes the file.
func (db *DB) closeBolt() error {
	b := db.bolt
	db.bolt = nil
	if db.stuck.Load() {
		return letGo(db.file)
	}
	return b.Close()
}

// run calls one job's function and keeps what came of it.
func (b *batch) run(j *job) {
	j.err, j.wrote, j.after = nil, false, nil
	if j.ctx != nil && j.ctx.Err() != nil {
		j.err = context.Cause(j.ctx)
		return
	}
	tx := &Tx{db: b.db, bolt: b.bolt, batch: b, job: j, entry: newEntry(j)}
	if j.stage != nil {
		j.stage.begin(tx)
	}
	defer func() {
		if p := recover(); p != nil {
			// What was gathered in memory may be half done, so this counts as a failure after writing.
			j.err, tx.wrote = caught(p), true
		}
		j.wrote = tx.wrote
	}()
	j.err = j.fn(tx)
	if j.err == nil {
		j.err = tx.err
	}
	if j.err == nil && tx.stage != nil {
		j.err = tx.stage.end(tx)
	}
	if j.err == nil && tx.wrote && !j.quiet && tx.stage == nil {
		j.err = b.sealEntry(tx, tx.entry)
	}
}

func newEntry(j *job) *entryBuilder {
	return &entryBuilder{Entry: Entry{Time: micros(j.now), User: j.author.User, Token: j.author.Token,
		Name: j.author.Name, Addr: j.author.Addr, Action: j.author.Action}}
}

// finish writes what the jobs gathered in memory.
func (b *batch) finish() error {
	tx := &Tx{db: b.db, bolt: b.bolt, batch: b}
	for d, rows := range b.tails {
		if b.tail[d].rows+len(rows) > tailLimit {
			if err := tx.foldTail(d); err != nil {
				return err
			}
		}
	}
	if err := b.flushSeries(b.bolt); err != nil {
		return err
	}
	if err := b.flushSets(b.bolt); err != nil {
		return err
	}
	for d := range b.changed {
		// What readers remember of stored sets is known by the tail's epoch, so a change of them begins a new one.
		if !b.folded[d] {
			if err := tx.beginTail(d, b.tail[d].from); err != nil {
				return err
			}
		}
	}
	// From here on nothing fails but the commit itself.
	for d := range b.folded {
		b.db.tails.put(b.tail[d])
	}
	for d, rows := range b.tails {
		b.tail[d].add(rows)
	}
	return nil
}

// commitFailed says what a failed commit means for what comes after.
func (db *DB) commitFailed(err error) error {
	db.tails.clear() // they hold rows that are not there now
	if orNoRoom(err) == ErrNoRoom {
		return ErrNoRoom // pages that nothing refers to were not written: bbolt has taken them back
	}
	// After a failed fsync nobody knows what is on the disk, and a second one may report success for pages that were lost.
	db.setFailed(err)
	return errors.Join(ErrFailed, err)
}

// orNoRoom is ErrNoRoom for a write that met the end of the disk, and the error itself otherwise. That a sync of the live file fails is another matter, whatever it says.
func orNoRoom(err error) error {
	var path *fs.PathError // a sync has none on Linux
	if errors.As(err, &path) && path.Op != "sync" && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)) {
		return ErrNoRoom
	}
	// bbolt puts the text of the cause alone into the error when it cannot make the file longer; nothing has been written then.
	if err != nil && strings.HasPrefix(err.Error(), "file resize error:") && saysFull(err) {
		return ErrNoRoom
	}
	return err
}

// NoRoom is ErrNoRoom for an error of a file or folder beside the data file that met the end of the disk, and the error itself otherwise.
func NoRoom(err error) error { return newNoRoom(err) }

// newNoRoom is orNoRoom for all that is done with a file that nobody uses yet: whatever of it met the end of the disk, syncing included, the file is thrown away.
func newNoRoom(err error) error {
	if err != nil && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || saysFull(err)) {
		return ErrNoRoom
	}
	return err
}

// saysFull looks for the end of the disk in the text of an error.
func saysFull(err error) bool {
	return strings.Contains(err.Error(), syscall.ENOSPC.Error()) || strings.Contains(err.Error(), syscall.EDQUOT.Error())
}

// writeFreeList stores the list of free pages, which commits leave out while writes come, so that the next start need not scan for it.
func (db *DB) writeFreeList() {
	if db.freeListStored || db.mayWrite() != nil {
		return
	}
	if err := db.commitFreeList(nil); err != nil {
		db.commitFailed(err)
		return
	}
	db.freeListStored = true
}

// commitFreeList commits with the list of free pages, after fn.
func (db *DB) commitFreeList(fn func(*bbolt.Tx) error) error { return db.commitAlone(true, fn) }

// commitAlone runs fn, which may be nil, in a transaction of its own; no other may be waiting for it.
func (db *DB) commitAlone(freeList bool, fn func(*bbolt.Tx) error) (err error) {
	bt, err := db.beginWith(freeList)
	if err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			err = caught(p)
			db.rollback(bt)
		}
	}()
	if fn != nil {
		if err := fn(bt); err != nil {
			bt.Rollback()
			return err
		}
	}
	return db.opts.commit(bt)
}

// mayWrite says whether anything may be written: the file is ours, marked as open, and the disk has room. ErrNoRoom itself means that what makes room may be written all the same; any
// other error, that nothing may.
func (db *DB) mayWrite() error {
	if err := db.Failed(); err != nil {
		return failure(err)
	}
	db.holdPath()
	if err := db.ours(true); err != nil {
		return failure(err)
	}
	if err := db.markSession(); err != nil {
		return err
	}
	if !db.room() {
		return ErrNoRoom
	}
	return nil
}

// failure is ErrFailed with the cause.
func failure(err error) error {
	if errors.Is(err, ErrFailed) {
		return err
	}
	return errors.Join(ErrFailed, err)
}

// room says whether the disk has room. What is free inside of the file is written first; when there is much of that, a quarter of the reserve is enough beside it.
func (db *DB) room() bool {
	free, err := db.opts.freeSpace(db.path)
	return err != nil || free >= db.opts.MinFree || free >= db.lastReserve() && db.freeInside() >= int64(db.opts.MinFree)
}

// lastReserve is what is left of the disk to others in any case.
func (db *DB) lastReserve() uint64 { return db.opts.MinFree / 4 }

// freeInside is how many bytes are in pages of the file that hold nothing.
func (db *DB) freeInside() int64 {
	stats := db.bolt.Stats()
	return int64(stats.FreePageN+stats.PendingPageN) * int64(db.bolt.Info().PageSize)
}

func (db *DB) setFailed(err error) {
	if db.failed.CompareAndSwap(nil, &err) && db.opts.Failed != nil {
		db.opts.Failed(failure(err))
	}
}

// Head is the last state that is on the disk.
func (db *DB) Head() Mark {
	db.headMu.Lock()
	defer db.headMu.Unlock()
	return db.head
}

func (db *DB) published(b *batch) {
	db.freeListStored, db.format = false, Format
	for s, notes := range b.super {
		s.note(notes)
	}
	db.headMu.Lock()
	news := db.head != b.head
	db.head = b.head
	db.headMu.Unlock()
	if news && db.opts.Committed != nil {
		db.opts.Committed(b.head)
	}
}
