package kv

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"nightjar/internal/disk"
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
	fn     func(*WriteTx) error
	quiet  bool      // the node's own housekeeping: no log entry
	frees  bool      // what makes room, see Free
	stage  *Stage    // a transaction of a staged write
	now    time.Time // when it was asked for
	alone  func() error
	done   chan error

	// the result of the last run
	err   error
	wrote bool
	notes map[*Stage][]Superseded // see Supersede
	after []func()                // once the commit is on the disk

	answered bool // it was answered
}

// Update calls fn in a transaction that is on the disk when Update returns nil. Everything that fn
// did is undone when it returns an error or panics. Calls that come while a commit is running share
// the next one.
//
// Because of that fn may run several times: when another function of the same transaction fails
// after it has begun to write, all others run again without it, and when what they share fails,
// they run again in smaller transactions, in the end each in one of its own. So no function fails
// because of another. fn reads and checks first and then writes, and changes nothing outside that a
// second run would not set right.
//
// Errors: what fn returned; ErrNoRoom, ErrFailed, ErrReadOnly, ErrClosed; *TooLargeError;
// *DamageError; *PanicError; the context's error when it ended before fn began.
func (db *DB) Update(ctx context.Context, a Author, fn func(*WriteTx) error) error {
	return db.run(&job{ctx: ctx, author: a, fn: fn})
}

// Free is Update for a function that takes away more than it writes: it is not refused when the
// disk has too little free space, so that room can be made.
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

// commitQueued does what is queued; the caller has locked writeMu, which is unlocked in the end. It
// says whether there is more to do.
func (db *DB) commitQueued() (more bool) {
	defer db.writeMu.Unlock()
	// A damaged page makes the map fault; the recover in each step turns that into an error.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	if db.lastShared {
		db.yieldToWaiters()
	}
	jobs, more := db.take()
	// However this goroutine ends (a function may call runtime.Goexit), the others do not wait
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
	case len(jobs) == 1 && jobs[0].alone != nil:
		jobs[0].tell(jobs[0].alone())
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

var errEnded = errors.New("a function of the same transaction ended the goroutine that it ran in")

// yieldToWaiters lets those who are about to ask come along, as long as there are more and more of
// them: where many write, it is the processors that are short, and a commit costs as much for few
// as for many.
func (db *DB) yieldToWaiters() {
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

// writer is the goroutine that writes what was queued while somebody else did, and looks after a
// file that rests.
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

// writeFreeListIfIdle stores the list of free pages when the file has rested long enough. The timer
// is not put back with each commit, which would cost each a system call.
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

// batch is a shared transaction while it is made.
type batch struct {
	db      *DB
	bolt    *bbolt.Tx
	jobs    []*job
	running *job
	head    Mark
	sets    setChanges
	series  seriesChanges
	bulk    map[*tableDef]*bulkChanges
	slab    []byte // see memory
	piece   int
	touched [256]bool // tables, by number, whose records were changed
	tools   tools
	super   map[*Stage][]Superseded // notes for staged writes, see Supersede
	// broken is why what the jobs share is not as it should be: something failed half-way.
	broken error
}

// bulkChanges is what a shared transaction does to a bulk table.
type bulkChanges struct {
	tail    *tail     // as it was found, or as a fold in this transaction began it
	rows    []tailRow // that join the tail
	folded  bool      // the tail was begun in this transaction
	changed bool      // stored sets were written
}

// reached is where a test makes a commit fail.
func (b *batch) reached(step string) error {
	if b.db.opts.step == nil {
		return nil
	}
	return b.db.opts.step(step, b)
}

// shared runs fn, which writes for all jobs what was gathered, whichever of them asks for it. When
// it fails or panics, that is done by half, and the transaction cannot be committed.
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

var errHalf = errors.New("what the transactions share was written by half")

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

// share runs jobs in one transaction and answers them, so that none fails because of another. When
// one fails half-way, the others run again without it, and it after them, in a transaction of its
// own: what it met may be another's that was never committed. When what they share fails, nobody
// can tell by which of them: then each half of them runs again in a transaction of its own, until a
// job that fails is alone. A job that needs no room gets through as well where all together find
// none. After a failed sync nothing runs again.
func (db *DB) share(jobs []*job) {
	var aside []*job
	again := false
	for len(jobs) > 0 {
		if err := db.whyFailed(); err != nil {
			for _, j := range jobs {
				j.err = nil // what it met may never have been committed
			}
			db.answer(jobs, err)
			break
		}
		bad, ran, err := db.try(jobs)
		switch {
		case err != nil && !ran && !again: // it is nobody's fault, and may have passed
			again = true
		case err != nil && ran && len(jobs) > 1:
			half := len(jobs) / 2
			db.share(jobs[:half])
			jobs = jobs[half:]
		case bad == nil:
			db.answer(jobs, err)
			jobs = nil
		case bad == jobs[0]: // before anybody else had written
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

// tell answers a job.
func (j *job) tell(err error) {
	j.answered = true
	j.done <- err
}

// answer tells each job its own error, or else the common one.
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

// runAfter does what a job has left for the time when it is on the disk. Of most jobs that is to
// tell the purger that there is work, which it would find later as well: a panic is then for Close
// to return, since the job has been done. A stage that does not know its own rows cannot go on.
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

// keepUnreported keeps the first mistake of the program that nobody else can be told, for Close.
func (db *DB) keepUnreported(err error) {
	if err != nil {
		db.unreported.CompareAndSwap(nil, &err)
	}
}

// guarded runs fn, and makes an error of its panic.
func guarded(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = caught(p)
		}
	}()
	return fn()
}

// try runs the jobs in one transaction and commits it. It returns the job that must be left out
// when one failed after it had begun to write, and whether any was run. After an error nothing of
// them is there, unless it is ErrFailed.
func (db *DB) try(jobs []*job) (bad *job, ran bool, err error) {
	bt, err := db.begin()
	if err != nil {
		return nil, false, err
	}
	b := &batch{db: db, bolt: bt, head: db.Head(), jobs: jobs}
	open := true // until the commit, which ends it in any case
	defer func() {
		if p := recover(); p != nil {
			bad, err = nil, caught(p)
			db.tails.clear() // they may hold rows that are not there now
		}
		if open {
			db.rollback(bt)
		}
	}()
	defer b.count() // whatever came of it: after a failed sync a View may see what nobody was told is done
	if err := b.shared("find", b.findTails); err != nil {
		return nil, false, err
	}
	ran = true
	wrote := false
	for _, j := range jobs {
		b.run(j)
		switch {
		case j.err == nil:
		case b.broken != nil && len(jobs) > 1: // it may have met what another one left
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
	if err := db.commitTx(bt); err != nil {
		return nil, ran, err
	}
	db.published(b)
	return nil, ran, nil
}

// count says that the tables whose records were changed are others now.
func (b *batch) count() {
	for _, d := range b.db.schema.tables {
		if b.touched[d.no] {
			b.db.changes[d.no].Add(1)
		}
	}
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

// rollback gives a transaction up; bbolt may panic when it stumbled over a damaged page before, and
// then keeps its lock for ever.
func (db *DB) rollback(bt *bbolt.Tx) {
	defer func() {
		if p := recover(); p != nil {
			db.setStuck(caught(p))
		}
	}()
	bt.Rollback()
}

// setStuck says that bbolt keeps the lock of a transaction that has ended: nothing can be written
// any more, and its Close would wait for ever.
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

// run calls one job's function and keeps what came of it.
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
			// What was gathered in memory may be half done, so this counts as a failure after
			// writing.
			j.err, tx.wrote = caught(p), true
		}
		if j.err == nil {
			j.err = b.broken // which the function did not care for
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

// take adds what a job noted for staged writes: those of a job that fails name rows that will not
// be there.
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
		// What readers remember of stored sets is known by the tail's epoch, so a change of them
		// begins a new one.
		if t.changed && !t.folded {
			if err := tx.beginTail(d, t.tail.from); err != nil {
				return err
			}
		}
	}
	if err := b.reached("remember"); err != nil {
		return err
	}
	// From here on nothing fails but the commit itself.
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

// commitTx commits bbolt's transaction, and ends it in any case. Errors: ErrNoRoom, or what a panic
// of bbolt's is, when nothing was written that counts; else ErrFailed.
func (db *DB) commitTx(bt *bbolt.Tx) (err error) {
	no := bt.ID()
	panicked := true
	defer func() {
		if panicked {
			err = caught(recover())
		}
		if err != nil {
			db.rollback(bt) // nothing, where bbolt has done it
			err = db.commitFailed(no, panicked, err)
		}
	}()
	err = db.opts.commit(bt)
	panicked = false
	return err
}

// commitFailed says what a failed commit of transaction no of bbolt means for what comes after.
func (db *DB) commitFailed(no int, panicked bool, err error) error {
	db.tails.clear() // they hold rows that are not there now
	// What the new state consists of is written before the page that makes it count. Up to then
	// bbolt takes all back, and can go on.
	if before := db.lastTx() < no; before && panicked {
		return err
	} else if before && orNoRoom(err) == ErrNoRoom {
		return ErrNoRoom
	}
	// After a failed fsync nobody knows what is on the disk, and a second one may report success
	// for pages that were lost.
	db.setFailed(err)
	return errors.Join(ErrFailed, err)
}

// lastTx is the number of the last transaction of bbolt that can be read; the largest number when
// nothing can.
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

// orNoRoom is ErrNoRoom for a write that met the end of the disk, and the error itself otherwise.
// That a sync of the live file fails is another matter, whatever it says.
func orNoRoom(err error) error {
	var path *fs.PathError // a sync has none on Linux
	if errors.As(err, &path) && path.Op != "sync" &&
		(errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)) {
		return ErrNoRoom
	}
	// When bbolt cannot make the file longer, it formats the cause with %s (DB.grow), so that
	// errors.Is does not find it: its text is all there is. Nothing has been written then.
	if err != nil && strings.HasPrefix(err.Error(), "file resize error:") && saysFull(err) {
		return ErrNoRoom
	}
	return err
}

// NoRoom returns ErrNoRoom for an error of a file or folder beside the data file that met the end of
// the disk, and the error itself otherwise. Unlike a sync of the data file, a failed sync counts:
// the new file is thrown away.
func NoRoom(err error) error {
	if err != nil && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || saysFull(err)) {
		return ErrNoRoom
	}
	return err
}

// saysFull looks for the end of the disk in the text of an error.
func saysFull(err error) bool {
	return strings.Contains(err.Error(), syscall.ENOSPC.Error()) ||
		strings.Contains(err.Error(), syscall.EDQUOT.Error())
}

// writeFreeList stores the list of free pages, which commits leave out while writes come, so that
// the next start need not scan for it.
func (db *DB) writeFreeList() {
	if db.freeListStored || db.mayWrite() != nil {
		return
	}
	db.freeListStored = db.commitFreeList(nil) == nil // else with the next rest
}

// commitFreeList commits with the list of free pages, after fn.
func (db *DB) commitFreeList(fn func(*bbolt.Tx) error) error { return db.commitAlone(true, fn) }

// commitAlone runs fn, which may be nil, in a transaction of its own; no other may be waiting for
// it.
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

// mayWrite says whether anything may be written: the file is ours, marked as open, and the disk has
// room. ErrNoRoom itself means that what makes room may be written all the same; any other error,
// that nothing may.
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

// failure is ErrFailed with the cause.
func failure(err error) error {
	if errors.Is(err, ErrFailed) {
		return err
	}
	return errors.Join(ErrFailed, err)
}

// hasSpace says whether there is room to write: on the disk, or in the file's own free pages, which are
// used first. So whoever deletes on a full disk makes room for everybody.
func (db *DB) hasSpace() bool {
	free, err := db.opts.freeSpace(db.path)
	return err != nil || free >= db.opts.MinFree || db.freeInside() >= int64(db.opts.MinFree)
}

// whyFailed is ErrFailed with its cause when nothing can be written any more.
func (db *DB) whyFailed() error {
	if err := db.Failed(); err != nil {
		return failure(err)
	}
	return nil
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
	db.freeListStored = false
	for s, notes := range b.super {
		s.note(notes)
	}
	db.headMu.Lock()
	news := db.head != b.head
	db.head = b.head
	db.headMu.Unlock()
	if news && db.opts.Committed != nil {
		db.keepUnreported(guarded(func() error { db.opts.Committed(b.head); return nil }))
	}
}
