package kv

import (
	"crypto/rand"
	"encoding/binary"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"nightjar/internal/cache"
	"nightjar/internal/disk"
)

// Options say how a file is opened. The zero value is right for a node.
type Options struct {
	// ReadOnly opens the file for reading only; several processes may do that at once.
	ReadOnly bool
	// MustExist refuses to make a new file.
	MustExist bool
	// Timeout is how long to wait for another process to close the file; 0 means 2 seconds.
	Timeout time.Duration
	// MinFree is the free space of the disk in bytes below which writes are refused, except those
	// that free space; 0 means 64 MiB. As much free space inside the file is enough, too.
	MinFree uint64
	// DeferDeletesFrom is the number of rows from which DeleteAll leaves them to the purger; 0
	// means 5,000.
	DeferDeletesFrom int
	// CheckCopy verifies a file that is the copy of a running node's file; nil means Check in this
	// process, which a badly damaged file may crash.
	CheckCopy func(path string) error
	// Committed is called after each commit with the new head of the log, by the goroutine that
	// writes. It must return at once.
	Committed func(Mark)
	// Failed is called once, with the reason, when nothing can be written until a restart. It must
	// return at once.
	Failed func(error)
	// Now and Random are the clock and the source of randomness; nil means the real ones.
	Now    func() time.Time
	Random io.Reader
	// NoSync skips the fsync of each commit: for tests only.
	NoSync bool

	// for tests of a disk that fails
	freeSpace        func(path string) (uint64, error)
	sameDisk         func(a, b string) bool
	commit           func(*bbolt.Tx) error
	writeSessionFile func(path string, mark []byte) error
	// and for tests of shared transactions
	step     func(step string, b *batch) error // called before each step of one
	answered func(j *job, err error)           // called before a job is answered
	tailRows int                               // 0 means tailLimit
}

func (o *Options) setDefaults() {
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Second
	}
	if o.MinFree == 0 {
		o.MinFree = 64 << 20
	}
	if o.DeferDeletesFrom == 0 {
		o.DeferDeletesFrom = deferDeletesFrom
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.sameDisk == nil {
		o.sameDisk = disk.Same
	}
	if o.freeSpace == nil {
		o.freeSpace = disk.FreeSpace
	}
	if o.tailRows == 0 {
		o.tailRows = tailLimit
	}
	if o.writeSessionFile == nil {
		o.writeSessionFile = writeSessionFile
	}
	if o.commit == nil {
		o.commit = (*bbolt.Tx).Commit
	}
}

// A DB is an open file. Its methods may be called from any goroutine.
type DB struct {
	path   string
	opts   Options
	schema *schema

	// Every View holds mu for reading. Closing or replacing the file locks it for writing.
	mu   sync.RWMutex
	long sync.RWMutex // see viewWhole
	bolt *bbolt.DB
	file *os.File // that bolt reads and writes

	// whether the path still leads to the open file, see ours
	lock        *disk.PathLock // nil when only reading, or while the disk has no space for it; under writeMu
	lockChecked time.Time      // when the lock file was last checked; under writeMu
	held        os.FileInfo
	txid        atomic.Int64 // of the last transaction that was committed
	minLength   atomic.Int64 // the least length of the file
	fullSince   atomic.Int64 // when a commit found the disk full, in nanoseconds; 0 after one that did not

	session session // under writeMu

	writeMu       sync.Mutex  // held by the goroutine that commits what is queued
	lastShared    bool        // several functions shared the last commit; under writeMu, as are the next three
	lastCommit    time.Time   // when the last commit ended
	idleTimerRuns bool        // the timer is running
	idleTimer     *time.Timer // when to check whether the file has been idle

	queueMu sync.Mutex
	queue   []*job
	closing bool
	wake    chan struct{}
	quit    chan struct{}
	written chan struct{} // closed when the writer has ended

	purgerWake  chan struct{}
	purgerQuit  chan struct{}
	purgerEnded chan struct{} // closed when the purger has ended

	ending         atomic.Bool // see endWork
	failed         atomic.Pointer[error]
	unreported     atomic.Pointer[error] // see keepUnreported
	stuck          atomic.Bool           // see setStuck
	unreadable     atomic.Bool           // see beginView
	freeListStored bool                  // under writeMu
	changes        [256]atomic.Uint64    // see Table.Changes

	headMu sync.Mutex
	head   Mark
	headTx int // a bbolt transaction that sees head, 0 if none is known

	nodeNo          uint64
	nodeID          [16]byte
	tails           tails
	counts          *cache.LRU[string, []chunkCount] // see Set.counts
	unions          *cache.LRU[unionKey, *keptUnion]
	stages          *cache.LRU[uint64, *stageInfo]
	foreignFamilies map[family]uint64 // families of other programs, as behind; set by Open
	serial          atomic.Uint64     // of IDLists
	live            liveStages

	givenUpMu sync.Mutex
	givenUp   []uint64 // stages, see giveUp

	randomMu sync.Mutex
}

// newDB makes a DB that is not open yet.
func newDB(path string, s *schema, o Options) *DB {
	o.setDefaults()
	return &DB{path: path, opts: o, schema: s,
		wake: make(chan struct{}, 1), quit: make(chan struct{}), written: make(chan struct{}),
		purgerWake: make(chan struct{}, 1), purgerQuit: make(chan struct{}), purgerEnded: make(chan struct{}),
		counts: cache.New[string, []chunkCount](maxCounts),
		unions: cache.New[unionKey, *keptUnion](maxUnions),
		stages: cache.New[uint64, *stageInfo](maxStages)}
}

// Path returns the path of the file.
func (db *DB) Path() string { return db.path }

// NodeID returns the identity of this node, a ULID.
func (db *DB) NodeID() [16]byte { return db.nodeID }

// Failed returns why nothing can be written any more, or nil.
func (db *DB) Failed() error {
	if f := db.failed.Load(); f != nil {
		return *f
	}
	return nil
}

// newIdentity makes a ULID: 48 bits of milliseconds and 80 random bits (github.com/ulid/spec).
func (db *DB) newIdentity() (id [16]byte, err error) {
	binary.BigEndian.PutUint64(id[:], uint64(db.opts.Now().UnixMilli())<<16)
	db.randomMu.Lock()
	defer db.randomMu.Unlock()
	_, err = io.ReadFull(db.opts.Random, id[6:])
	return id, err
}

// NewUID makes a ULID for a record.
func (tx *WriteTx) NewUID() ([16]byte, error) { return tx.db.newIdentity() }

// The buckets besides those of the tables.
const (
	bucketMeta = iota
	bucketLarge
	bucketUnique
	bucketOrder
	bucketSeries
	bucketSet
	bucketBlob
	bucketLog
	bucketCount
)

var bucketNames = [bucketCount][]byte{
	[]byte("meta"), []byte("large"), []byte("unique"), []byte("order"), []byte("series"), []byte("set"), []byte(
		"blob"), []byte("log"),
}

// A Tx reads a state of the file that does not change while it lasts. As part of a [WriteTx] it
// reads the state that is being made. What it returns is valid until it ends, except where a copy
// is documented. A Tx is used by one goroutine.
type Tx struct {
	db            *DB
	bolt          *bbolt.Tx
	err           error // found while iterating
	mine          tools
	tails         map[byte]*tail
	snapshots     map[byte]*snapshot
	inheritedFrom map[rowKey][]Member
	stages        []*stageInfo
	listed        bool      // stages is complete
	now           time.Time // zero in a View

	// A writing function reads what its transaction has written so far. batch is nil in a View;
	// stage is nil except in the transactions of a Stage.
	batch *batch
	stage *stageTx
}

// A WriteTx is a transaction that writes: in Update, in Free and in the functions of a Stage. It
// reads as a Tx does.
type WriteTx struct {
	*Tx
	job   *job
	entry *entryBuilder
	wrote bool
	key   [9]byte // of the record that is being written
}

// tools are what the functions of one bbolt transaction use one after the other.
type tools struct {
	buckets [bucketCount]*bbolt.Bucket
	tables  map[*tableDef]*bbolt.Bucket
	series  *bbolt.Cursor // over all series
	buf     []byte        // for records
	keys    *Keys         // see insertKeys
}

func (tx *Tx) tools() *tools {
	if tx.batch != nil {
		return &tx.batch.tools
	}
	return &tx.mine
}

func (tx *Tx) bucket(i int) *bbolt.Bucket {
	t := tx.tools()
	if t.buckets[i] == nil {
		t.buckets[i] = tx.bolt.Bucket(bucketNames[i])
	}
	return t.buckets[i]
}

func (tx *Tx) table(d *tableDef) *bbolt.Bucket {
	t := tx.tools()
	b := t.tables[d]
	if b == nil {
		b = tx.bolt.Bucket([]byte(d.name))
		if t.tables == nil {
			t.tables = map[*tableDef]*bbolt.Bucket{}
		}
		t.tables[d] = b
	}
	return b
}

// fail keeps the first error of an iterator; the transaction ends with it.
func (tx *Tx) fail(err error) {
	if tx.err == nil {
		tx.err = err
	}
}

// Now returns the time at which the transaction began. It is the same when the function runs again.
func (tx *Tx) Now() time.Time {
	if tx.now.IsZero() {
		return tx.db.opts.Now()
	}
	return tx.now
}

// Seq returns the sequence number that the log entry of this transaction will have.
func (tx *WriteTx) Seq() uint64 { return tx.batch.head.Seq + 1 }

// Author returns on whose behalf the transaction writes.
func (tx *WriteTx) Author() Author { return tx.job.author }

// touch must be called before the first change: from then on a failure undoes the whole shared
// transaction.
func (tx *WriteTx) touch() { tx.wrote = true }

// encode calls fn with a buffer that is reused, and returns the record that fn appended.
func (tx *Tx) encode(fn func([]byte) []byte) []byte {
	t := tx.tools()
	t.buf = fn(t.buf[:0])
	return t.buf
}

// View calls fn with the current state of the file. A function in a View must not call View.
//
// Errors: what fn returned; a *DamageError when what is read is not what was written; a *PanicError
// when fn panics; ErrClosed.
func (db *DB) View(fn func(*Tx) error) (err error) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.bolt == nil {
		return ErrClosed
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = caught(p)
		}
	}()
	bt, err := db.beginView()
	if err != nil {
		return err
	}
	defer bt.Rollback()
	tx := &Tx{db: db, bolt: bt}
	if err := fn(tx); err != nil {
		return err
	}
	return tx.err
}

// viewWhole is View for a function that reads so much that Compact must not begin before it ends:
// Compact waits for every View, and all other readers would wait behind Compact.
func (db *DB) viewWhole(fn func(*Tx) error) error {
	db.long.RLock()
	defer db.long.RUnlock()
	return db.View(fn)
}
