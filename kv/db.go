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
	// ReadOnly opens the file for looking only; several processes may do that at once.
	ReadOnly bool
	// MustExist refuses to make a new file.
	MustExist bool
	// Timeout is how long to wait for another process to let go of the file; 0 means 2 seconds.
	Timeout time.Duration
	// MinFree is the free space of the disk in bytes below which writes are refused, but for those
	// that make room; 0 means 64 MiB. While as much is free inside of the file, that is enough.
	MinFree uint64
	// DeferDeletesFrom is from how many rows on DeleteAll leaves the purging to later; 0 means
	// 5,000.
	DeferDeletesFrom int
	// CheckCopy verifies a file that is the copy of a running node's; nil means Check in this
	// process, which a badly damaged file may end.
	CheckCopy func(path string) error
	// Committed is called after each commit, by the goroutine that writes, with the new head of the
	// log. It must return at once.
	Committed func(Mark)
	// Failed is called once, when nothing can be written any more until a restart, with the reason.
	// It must return at once.
	Failed func(error)
	// Now and Random are the clock and the source of randomness; nil means the real ones.
	Now    func() time.Time
	Random io.Reader
	// NoSync leaves out the fsync of each commit: for tests only.
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

	// mu is held for reading by every View, for writing while the file is closed or replaced.
	mu   sync.RWMutex
	long sync.RWMutex // see viewWhole
	bolt *bbolt.DB
	file *os.File // that bolt reads and writes

	// what tells whether the path still leads to the open file, see ours
	lock        *disk.PathLock // nil when only reading, or while the disk has no room for it; under writeMu
	lockChecked time.Time      // when the lock file was last looked at; under writeMu
	held        os.FileInfo
	txid        atomic.Int64 // of the last transaction that was committed
	length      atomic.Int64 // that the file needs at least
	full        atomic.Int64 // when a commit met the end of the disk, in nanoseconds; 0 after one that did not

	session session // under writeMu

	writeMu       sync.Mutex  // of writing: held by whoever does what is queued
	lastShared    bool        // several shared the last commit; under writeMu, as are the next three
	lastCommit    time.Time   // when the last commit ended
	idleTimerRuns bool        // the timer runs
	idleTimer     *time.Timer // when to look whether the file has rested

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
	unreported     atomic.Pointer[error] // see mishap
	stuck          atomic.Bool           // see setStuck
	blind          atomic.Bool           // see beginView
	freeListStored bool                  // under writeMu
	changes        [256]atomic.Uint64    // see Table.Changes

	headMu sync.Mutex
	head   Mark

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

// Path is the file's path.
func (db *DB) Path() string { return db.path }

// NodeID is the identity of this node, a ULID.
func (db *DB) NodeID() [16]byte { return db.nodeID }

// Failed is why nothing can be written any more, or nil.
func (db *DB) Failed() error {
	if f := db.failed.Load(); f != nil {
		return *f
	}
	return nil
}

// newIdentity is a ULID: 48 bits of milliseconds and 80 of randomness (github.com/ulid/spec).
func (db *DB) newIdentity() (id [16]byte, err error) {
	binary.BigEndian.PutUint64(id[:], uint64(db.opts.Now().UnixMilli())<<16)
	db.randomMu.Lock()
	defer db.randomMu.Unlock()
	_, err = io.ReadFull(db.opts.Random, id[6:])
	return id, err
}

// NewUID makes a ULID for a record.
func (tx *WriteTx) NewUID() ([16]byte, error) { return tx.db.newIdentity() }

// The buckets beside the tables'.
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

// A Tx reads a state of the file that does not change while it lasts, or, as part of a WriteTx, the
// one that is being made. What is read through it is valid until it ends, except what is documented
// to be a copy. A Tx is used by one goroutine.
type Tx struct {
	db            *DB
	bolt          *bbolt.Tx
	err           error // found while iterating
	mine          tools
	tails         map[byte]*tail
	snapshots     map[byte]*snapshot
	inheritedFrom map[rowKey][]Member
	stages        []*stageInfo
	listed        bool      // stages have been read
	now           time.Time // zero in a View

	// A function that writes reads what the transaction has written so far: batch is nil in a View,
	// stage also where no stage is written.
	batch *batch
	stage *stageTx
}

// A WriteTx is a transaction that is being made, in Update, Free and the functions of a Stage. It
// reads as a Tx does.
type WriteTx struct {
	*Tx
	job   *job
	entry *entryBuilder
	wrote bool
	key   [9]byte // of the record that is written
}

// tools are what the functions of one transaction of bbolt use one after the other.
type tools struct {
	buckets [bucketCount]*bbolt.Bucket
	tables  map[*tableDef]*bbolt.Bucket
	series  *bbolt.Cursor // over all series
	buf     []byte        // for records
	keys    *Keys         // see inserted
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

// fail keeps the first error that an iterator met, which ends the transaction with it.
func (tx *Tx) fail(err error) {
	if tx.err == nil {
		tx.err = err
	}
}

// Now is the time at which the transaction began, the same in a function that runs again.
func (tx *Tx) Now() time.Time {
	if tx.now.IsZero() {
		return tx.db.opts.Now()
	}
	return tx.now
}

// Seq is the sequence number that the log entry of this transaction gets when it is committed.
func (tx *WriteTx) Seq() uint64 { return tx.batch.head.Seq + 1 }

// Author is on whose behalf the transaction writes.
func (tx *WriteTx) Author() Author { return tx.job.author }

// touch is called before the first change: from here on a failure undoes the whole shared
// transaction.
func (tx *WriteTx) touch() { tx.wrote = true }

// encode lets fn append a record to a buffer that is used again and again.
func (tx *Tx) encode(fn func([]byte) []byte) []byte {
	t := tx.tools()
	t.buf = fn(t.buf[:0])
	return t.buf
}

// View calls fn with the state of the file as it is now. It returns what fn returns, a *DamageError
// when what is read is not what was written, a *PanicError when fn panics. View must not be called
// by a function that is itself in a View.
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

// viewWhole is View for what reads so much that Compact, which waits for every View, must not begin
// before it ends: all others would wait behind it.
func (db *DB) viewWhole(fn func(*Tx) error) error {
	db.long.RLock()
	defer db.long.RUnlock()
	return db.View(fn)
}
