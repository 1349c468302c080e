package kv

import (
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
)

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
	db        *DB
	bolt      *bbolt.Tx
	err       error // found while iterating
	mine      tools
	tails     map[byte]*tail
	snapshots map[byte]*snapshot
	passed    map[rowKey][]Member
	stages    []*stageInfo
	listed    bool      // stages have been read
	now       time.Time // zero in a View

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
