package kv

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"nightjar/internal/disk"
)

// A job is a function that waits for its turn in a shared transaction.
type job struct {
	ctx       context.Context
	author    Author
	fn        func(*WriteTx) error
	quiet     bool      // the node's own housekeeping: no log entry
	frees     bool      // it frees space, see Free
	stage     *Stage    // the staged write to which it belongs, or nil
	now       time.Time // when it was queued
	exclusive func() error
	done      chan error

	// the result of the last run
	err   error
	wrote bool
	notes map[*Stage][]Superseded // see Supersede
	after []func()                // once the commit is on the disk

	answered bool
}

// Update calls fn in a transaction. When Update returns nil, the transaction is on the disk. When
// fn returns an error or panics, everything that it did is undone. Calls that come while a commit
// is running share the next one.
//
// Therefore fn may run several times. When another function of the same transaction fails after it
// has begun to write, all others run again without it. When the work that they share fails, they
// run again in smaller transactions, at last each in its own. So no function fails because of
// another. fn must read and check first and then write, and it must change nothing outside that a
// second run would not correct.
//
// Errors: what fn returned; ErrNoRoom, ErrFailed, ErrReadOnly, ErrClosed; *TooLargeError;
// *DamageError; *PanicError; the context's error when it ended before fn began.
func (db *DB) Update(ctx context.Context, a Author, fn func(*WriteTx) error) error {
	return db.run(&job{ctx: ctx, author: a, fn: fn})
}

// Free is Update for a function that frees more space than it takes: it is not refused when the
// disk has too little free space.
func (db *DB) Free(ctx context.Context, a Author, fn func(*WriteTx) error) error {
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
	// If nobody is writing, the caller commits in its own goroutine: handing over and waking up
	// would cost as much as the commit.
	if !db.writeMu.TryLock() || db.commitQueued() {
		select {
		case db.wake <- struct{}{}:
		default:
		}
	}
	return <-j.done
}

// commitQueued commits what is queued and says whether more is waiting. The caller has locked
// writeMu; commitQueued unlocks it.
func (db *DB) commitQueued() (more bool) {
	defer db.writeMu.Unlock()
	// On a damaged page the memory map faults; the recover in each step turns that into an error.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	if db.lastShared {
		db.yieldToWaiters()
	}
	jobs, more := db.take()
	// Even if this goroutine ends (a function may call runtime.Goexit), the others must not wait
	// forever.
	ended := false
	defer func() {
		if ended {
			return
		}
		for _, j := range jobs {
			if !j.answered {
				j.tell(errEnded)
			}
		}
		select {
		case db.wake <- struct{}{}:
		default:
		}
	}()
	db.lastShared = len(jobs) > 1
	switch {
	case len(jobs) == 1 && jobs[0].exclusive != nil:
		jobs[0].tell(jobs[0].exclusive())
	case len(jobs) > 0:
		db.commit(jobs)
		db.lastCommit = time.Now()
		if !db.idleTimerRuns {
			db.idleTimerRuns = true
			db.idleTimer.Reset(idle)
		}
	}
	ended = true
	return more
}

var errEnded = errors.New("another function of the same transaction ended its goroutine")

// yieldToWaiters lets other goroutines queue their functions, as long as their number grows. With
// many writers the processors are the bottleneck, and a commit costs as much for few functions as
// for many.
func (db *DB) yieldToWaiters() {
	for last, n := -1, 0; n > last && n < maxShare; {
		runtime.Gosched()
		db.queueMu.Lock()
		last, n = n, len(db.queue)
		db.queueMu.Unlock()
	}
}

// maxShare is the largest number of functions that share a commit.
const maxShare = 1024

// take removes jobs from the queue: as many as may share a transaction, or one that must run alone.
func (db *DB) take() (jobs []*job, more bool) {
	db.queueMu.Lock()
	defer db.queueMu.Unlock()
	n := 0
	for n < len(db.queue) && n < maxShare && db.queue[n].exclusive == nil {
		n++
	}
	if n == 0 && len(db.queue) > 0 {
		n = 1
	}
	jobs, db.queue = db.queue[:n:n], db.queue[n:]
	return jobs, len(db.queue) > 0
}

// idle is the time without commits after which the list of free pages is written.
const idle = time.Second

// writer is the goroutine that commits what was queued while another goroutine was committing, and
// writes the list of free pages when the file is idle.
func (db *DB) writer() {
	defer close(db.written)
	defer db.idleTimer.Stop()
	for {
		select {
		case <-db.wake:
			for db.writeMu.Lock(); db.commitQueued(); db.writeMu.Lock() {
			}
		case <-db.idleTimer.C:
			db.writeFreeListIfIdle()
		case <-db.quit:
			for db.writeMu.Lock(); db.commitQueued(); db.writeMu.Lock() {
			}
			return
		}
	}
}

// writeFreeListIfIdle stores the list of free pages when the file has been idle long enough.
// Commits do not reset the timer, which would cost each of them a system call.
func (db *DB) writeFreeListIfIdle() {
	db.writeMu.Lock()
	defer db.writeMu.Unlock()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	if left := idle - time.Since(db.lastCommit); left > 0 {
		db.idleTimer.Reset(left)
		return
	}
	db.idleTimerRuns = false
	db.writeFreeList()
}

// batch is a shared transaction while it is being made.
type batch struct {
	db       *DB
	bolt     *bbolt.Tx
	jobs     []*job
	running  *job
	head     Mark
	sets     setChanges
	series   seriesChanges
	bulk     map[*tableDef]*bulkChanges
	slab     []byte // see alloc
	slabSize int
	touched  [256]bool // tables, by number, whose records were changed
	tools    tools
	super    map[*Stage][]Superseded // notes for staged writes, see Supersede
	// broken is set when something failed half-way, so that what the jobs share is incomplete
	broken error
}

// bulkChanges is what a shared transaction does to a bulk table.
type bulkChanges struct {
	tail    *tail     // as it was found, or as a fold in this transaction began it
	rows    []tailRow // that join the tail
	folded  bool      // the tail was begun in this transaction
	changed bool      // stored sets were written
}

// reached lets a test make a commit fail.
func (b *batch) reached(step string) error {
	if b.db.opts.step == nil {
		return nil
	}
	return b.db.opts.step(step, b)
}

// shared runs fn, which writes for all jobs what they gathered, whichever of them asks for it. If
// fn fails or panics, it has stopped half-way, and the transaction cannot be committed.
func (b *batch) shared(step string, fn func() error) error {
	before := b.broken
	b.broken = errHalf
	err := b.reached(step)
	if err == nil {
		err = fn()
	}
	if b.broken = before; err != nil {
		b.broken = err
	}
	return err
}

var errHalf = errors.New("the shared part of the transaction was only half written")

// commit runs jobs and answers them all.
func (db *DB) commit(jobs []*job) {
	if err := db.mayWrite(); err != nil {
		var refused []*job
		if err == ErrNoRoom {
			jobs, refused = split(jobs, func(j *job) bool { return j.frees })
		} else {
			jobs, refused = nil, jobs
		}
		db.answer(refused, err)
	}
	db.share(jobs)
}

// share runs jobs in one transaction and answers them, so that none fails because of another.
//
// When a job fails half-way, the others run again without it, and then it runs alone, since it may
// have failed over changes of another job that were never committed. When the work that they share
// fails, nobody knows which of them caused it: each half of them runs again in its own transaction,
// until a job that fails is alone. A job that needs no space may then succeed where all together
// find too little. After a failed sync nothing runs again.
func (db *DB) share(jobs []*job) {
	var aside []*job
	again := false
	for len(jobs) > 0 {
		if err := db.whyFailed(); err != nil {
			for _, j := range jobs {
				j.err = nil // its cause may never have been committed
			}
			db.answer(jobs, err)
			break
		}
		bad, ran, err := db.try(jobs)
		switch {
		case err != nil && !ran && !again: // no job caused it, and it may pass
			again = true
		case err != nil && ran && len(jobs) > 1:
			half := len(jobs) / 2
			db.share(jobs[:half])
			jobs = jobs[half:]
		case bad == nil:
			db.answer(jobs, err)
			jobs = nil
		case bad == jobs[0]: // no other job had written before it
			db.answer(jobs[:1], nil)
			jobs = jobs[1:]
		default:
			aside = append(aside, bad)
			jobs, _ = split(jobs, func(j *job) bool { return j != bad })
		}
	}
	for _, j := range aside {
		db.share([]*job{j})
	}
}

// split divides jobs into those for which is returns true and the others.
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

// tell answers a job.
func (j *job) tell(err error) {
	j.answered = true
	j.done <- err
}

// answer answers each job with its own error, or else with the common one.
func (db *DB) answer(jobs []*job, err error) {
	for _, j := range jobs {
		result := err
		if j.err != nil {
			result = j.err
		}
		if result == nil {
			result = db.runAfter(j)
		}
		if db.opts.answered != nil {
			db.opts.answered(j, result)
		}
		j.tell(result)
	}
}

// runAfter runs what a job left to do after its commit. For most jobs that is to wake the purger,
// which would find its work later anyway. Since the job is done, a panic is kept for Close. But a
// stage that does not know its own rows cannot continue.
func (db *DB) runAfter(j *job) error {
	err := guarded(func() error {
		if step := db.opts.step; step != nil {
			step("after", &batch{db: db, running: j})
		}
		for _, f := range j.after {
			f()
		}
		return nil
	})
	if j.stage != nil {
		j.stage.lost = err
		return err
	}
	db.keepUnreported(err)
	return nil
}

// keepUnreported keeps the first internal error that no caller can be told, for Close.
func (db *DB) keepUnreported(err error) {
	if err != nil {
		db.unreported.CompareAndSwap(nil, &err)
	}
}

// guarded runs fn and returns its panic as an error.
func guarded(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = caught(p)
		}
	}()
	return fn()
}

// try runs the jobs in one transaction and commits it. It returns the job to leave out, when one
// failed after it had begun to write, and whether any job ran. After an error nothing of them is
// stored, unless the error is ErrFailed.
func (db *DB) try(jobs []*job) (bad *job, ran bool, err error) {
	bt, err := db.begin()
	if err != nil {
		return nil, false, err
	}
	b := &batch{db: db, bolt: bt, head: db.Head(), jobs: jobs}
	open := true // until the commit, which always ends it
	defer func() {
		if p := recover(); p != nil {
			bad, err = nil, caught(p)
			db.tails.clear() // they may hold rows that were not committed
		}
		if open {
			db.rollback(bt)
		}
	}()
	defer b.count() // whatever happens: after a failed sync a View may see a change that was never acknowledged
	if err := b.shared("find", b.findTails); err != nil {
		return nil, false, err
	}
	ran = true
	wrote := false
	for _, j := range jobs {
		b.run(j)
		switch {
		case j.err == nil:
		case b.broken != nil && len(jobs) > 1: // its cause may be what another job left
			return nil, ran, j.err
		case j.wrote || b.broken != nil:
			return j, ran, nil
		}
		wrote = wrote || j.wrote
	}
	if !wrote {
		return nil, ran, nil
	}
	if err := b.finish(); err != nil {
		return nil, ran, err
	}
	open = false
	no := bt.ID()
	if err := db.commitTx(bt); err != nil {
		return nil, ran, err
	}
	db.published(b, no)
	return nil, ran, nil
}

// count raises the change counts of the tables whose records were changed.
func (b *batch) count() {
	for _, d := range b.db.schema.tables {
		if b.touched[d.no] {
			b.db.changes[d.no].Add(1)
		}
	}
}

// begin opens a bbolt transaction that does not store the list of free pages.
func (db *DB) begin() (bt *bbolt.Tx, err error) {
	return db.beginWith(false)
}

// beginWith opens a bbolt transaction that stores the list of free pages if freeList is set.
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

// rollback ends a transaction without a commit. After bbolt has met a damaged page, it may panic
// here and keep its lock forever.
func (db *DB) rollback(bt *bbolt.Tx) {
	defer func() {
		if p := recover(); p != nil {
			db.setStuck(caught(p))
		}
	}()
	bt.Rollback()
}

// setStuck notes that bbolt keeps the lock of a transaction that has ended: nothing can be written
// any more, and bbolt's Close would wait forever.
func (db *DB) setStuck(err error) {
	db.stuck.Store(true)
	db.setFailed(err)
}

// closeBolt closes the file.
func (db *DB) closeBolt() error {
	b := db.bolt
	db.bolt = nil
	if db.stuck.Load() {
		return disk.Close(db.file)
	}
	return b.Close()
}

// run calls one job's function and keeps its result.
func (b *batch) run(j *job) {
	j.err, j.wrote, j.after, j.notes = nil, false, nil, nil
	if j.ctx != nil && j.ctx.Err() != nil {
		j.err = context.Cause(j.ctx)
		return
	}
	b.running = j
	tx := &WriteTx{Tx: &Tx{db: b.db, bolt: b.bolt, batch: b, now: j.now}, job: j, entry: newEntry(j)}
	if j.stage != nil {
		j.stage.begin(tx)
		tx.stage = &stageTx{Stage: j.stage, members: map[string]*stageIDs{}}
	}
	defer func() {
		if p := recover(); p != nil {
			// What it gathered may be incomplete, so this counts as a failure after writing.
			j.err, tx.wrote = caught(p), true
		}
		if j.err == nil {
			j.err = b.broken // which the function ignored
		}
		j.wrote = tx.wrote
	}()
	j.err = b.reached("run")
	if j.err == nil {
		j.err = j.fn(tx)
	}
	if j.err == nil {
		j.err = tx.err
	}
	if j.err == nil && tx.stage != nil {
		j.err = tx.stage.end(tx)
	}
	if j.err == nil && tx.wrote && !j.quiet && tx.stage == nil {
		if j.err = b.reached("entry"); j.err == nil {
			j.err = b.sealEntry(tx.Tx, tx.entry)
		}
	}
	if j.err == nil {
		b.take(j.notes)
	}
}

// take adds what a job noted for staged writes. The notes of a failed job would name rows that do
// not exist.
func (b *batch) take(notes map[*Stage][]Superseded) {
	if len(notes) > 0 && b.super == nil {
		b.super = map[*Stage][]Superseded{}
	}
	for s, list := range notes {
		b.super[s] = append(b.super[s], list...)
	}
}

func newEntry(j *job) *entryBuilder {
	return &entryBuilder{Entry: Entry{Time: micros(j.now), User: j.author.User, Token: j.author.Token,
		Name: j.author.Name, Addr: j.author.Addr, Action: j.author.Action}}
}

// finish writes what the jobs gathered in memory.
func (b *batch) finish() error {
	tx := &Tx{db: b.db, bolt: b.bolt, batch: b}
	for d, t := range b.bulk {
		if len(t.rows) > 0 && t.tail.rows+len(t.rows) > b.db.opts.tailRows {
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
	for d, t := range b.bulk {
		// Readers cache stored sets by the tail's epoch, so a change of stored sets begins a new
		// epoch.
		if t.changed && !t.folded {
			if err := tx.beginTail(d, t.tail.from); err != nil {
				return err
			}
		}
	}
	if err := b.reached("remember"); err != nil {
		return err
	}
	// From here on only the commit itself can fail.
	for _, t := range b.bulk {
		if t.folded {
			b.db.tails.put(t.tail)
		}
		if len(t.rows) > 0 {
			t.tail.add(t.rows)
		}
	}
	return nil
}

// commitTx commits and ends a bbolt transaction. When nothing was written that counts, the error is
// ErrNoRoom or what a panic of bbolt's is; otherwise it is ErrFailed.
func (db *DB) commitTx(bt *bbolt.Tx) (err error) {
	no := bt.ID()
	panicked := true
	defer func() {
		if panicked {
			err = caught(recover())
		}
		if err != nil {
			db.rollback(bt) // does nothing if bbolt has done it
			err = db.commitFailed(no, panicked, err)
		}
	}()
	err = db.opts.commit(bt)
	panicked = false
	return err
}

// commitFailed returns what the failed commit of bbolt transaction no means for the caller.
func (db *DB) commitFailed(no int, panicked bool, err error) error {
	db.tails.clear() // they hold rows that were not committed
	// bbolt writes the new state before the page that makes it valid. Until then it undoes
	// everything and can continue.
	if before := db.lastTx() < no; before && panicked {
		return err
	} else if before && orNoRoom(err) == ErrNoRoom {
		return ErrNoRoom
	}
	// After a failed fsync nobody knows what is on the disk, and a second fsync may report success
	// for pages that were lost.
	db.setFailed(err)
	return errors.Join(ErrFailed, err)
}

// lastTx returns the number of the last bbolt transaction that can be read, or the largest number
// when none can.
func (db *DB) lastTx() (no int) {
	err := guarded(func() error {
		bt, err := db.beginView()
		if err != nil {
			return err
		}
		no = bt.ID()
		return bt.Rollback()
	})
	if err != nil {
		return math.MaxInt
	}
	return no
}

// orNoRoom returns ErrNoRoom for a write that found the disk full, and the error itself otherwise.
// A failed sync of the data file is never ErrNoRoom, whatever its cause.
func orNoRoom(err error) error {
	var path *fs.PathError // a sync has none on Linux
	if errors.As(err, &path) && path.Op != "sync" &&
		(errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)) {
		return ErrNoRoom
	}
	// When bbolt cannot extend the file, it formats the cause with %s (DB.grow), so errors.Is does
	// not find it; only the text shows it. Nothing has been written then.
	if err != nil && strings.HasPrefix(err.Error(), "file resize error:") && saysFull(err) {
		return ErrNoRoom
	}
	return err
}

// NoRoom returns ErrNoRoom for an error of a file or folder beside the data file when the disk is
// full, and the error itself otherwise. Unlike a sync of the data file, a failed sync counts: the
// new file is thrown away.
func NoRoom(err error) error {
	if err != nil && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || saysFull(err)) {
		return ErrNoRoom
	}
	return err
}

// saysFull says whether the text of an error names a full disk.
func saysFull(err error) bool {
	return strings.Contains(err.Error(), syscall.ENOSPC.Error()) ||
		strings.Contains(err.Error(), syscall.EDQUOT.Error())
}

// writeFreeList stores the list of free pages, which commits leave out under load, so that the next
// Open need not scan for it.
func (db *DB) writeFreeList() {
	if db.freeListStored || db.mayWrite() != nil {
		return
	}
	db.freeListStored = db.commitFreeList(nil) == nil // otherwise at the next idle time
}

// commitFreeList runs fn, which may be nil, and commits with the list of free pages.
func (db *DB) commitFreeList(fn func(*bbolt.Tx) error) error { return db.commitAlone(true, fn) }

// commitAlone runs fn, which may be nil, in a transaction of its own. No other transaction may be
// waiting for it.
func (db *DB) commitAlone(freeList bool, fn func(*bbolt.Tx) error) (err error) {
	bt, err := db.beginWith(freeList)
	if err != nil {
		return err
	}
	if fn != nil {
		if err := guarded(func() error { return fn(bt) }); err != nil {
			db.rollback(bt)
			return err
		}
	}
	return db.commitTx(bt)
}

// mayWrite returns nil when the file may be written: the path leads to it, it is marked as open,
// and the disk has free space. ErrNoRoom itself means that jobs that free space may still write;
// any other error means that nothing may.
func (db *DB) mayWrite() error {
	if err := db.whyFailed(); err != nil {
		return err
	}
	db.holdPath()
	if err := db.ours(true); err != nil {
		return failure(err)
	}
	if err := db.markSession(); err != nil {
		return err
	}
	if !db.hasSpace() {
		return ErrNoRoom
	}
	return nil
}

// failure returns ErrFailed with the cause.
func failure(err error) error {
	if errors.Is(err, ErrFailed) {
		return err
	}
	return errors.Join(ErrFailed, err)
}

// hasSpace says whether there is free space: on the disk, or in the file's own free pages, which
// are used first. So deletions on a full disk make space for everybody.
func (db *DB) hasSpace() bool {
	free, err := db.opts.freeSpace(db.path)
	return err != nil || free >= db.opts.MinFree || db.freeInside() >= int64(db.opts.MinFree)
}

// whyFailed returns ErrFailed with its cause when nothing can be written any more.
func (db *DB) whyFailed() error {
	if err := db.Failed(); err != nil {
		return failure(err)
	}
	return nil
}

// lastReserve is the free space that is left to others in any case.
func (db *DB) lastReserve() uint64 { return db.opts.MinFree / 4 }

// freeInside returns how many bytes are in free pages of the file.
func (db *DB) freeInside() int64 {
	stats := db.bolt.Stats()
	return int64(stats.FreePageN+stats.PendingPageN) * int64(db.bolt.Info().PageSize)
}

func (db *DB) setFailed(err error) {
	if db.failed.CompareAndSwap(nil, &err) && db.opts.Failed != nil {
		db.opts.Failed(failure(err))
	}
}

// Head returns the last state whose commit has ended. A View may see a later one, which [Tx.At]
// returns.
func (db *DB) Head() Mark {
	db.headMu.Lock()
	defer db.headMu.Unlock()
	return db.head
}

// published is called after bbolt transaction no of b was committed.
func (db *DB) published(b *batch, no int) {
	db.freeListStored = false
	for s, notes := range b.super {
		s.note(notes)
	}
	db.headMu.Lock()
	news := db.head != b.head
	db.head, db.headTx = b.head, no
	db.headMu.Unlock()
	if news && db.opts.Committed != nil {
		db.keepUnreported(guarded(func() error { db.opts.Committed(b.head); return nil }))
	}
}
