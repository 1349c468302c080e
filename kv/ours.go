package kv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"

	"nightjar/internal/disk"
)

// A file may be deleted, moved away, replaced or truncated while it is open. Whatever is written to
// it then is acknowledged and lost. So each commit first checks the path. When the file there is
// not the open one, nothing is written until a restart, even when the file is put back: nobody
// knows what was done to it meanwhile. Reading continues as far as possible, and Backup copies the
// open file, which stays whole as long as it is open, even when it has been deleted.

// lostError is ErrLost with the cause. It is ErrFailed, too.
type lostError struct{ path, why string }

func (e *lostError) Error() string {
	return fmt.Sprintf("the file at %s is no longer the one that is open: %s", e.path, e.why)
}

func (e *lostError) Is(target error) bool { return target == ErrLost || target == ErrFailed }

// identify remembers how to recognise the open file.
func (db *DB) identify() (err error) {
	if db.held, err = db.file.Stat(); err != nil {
		return err
	}
	return db.bolt.View(func(bt *bbolt.Tx) error {
		db.txid.Store(int64(bt.ID()))
		db.minLength.Store(bt.Size())
		return nil
	})
}

// committing wraps commit so that it notes the number of the transaction that is on the disk.
func (db *DB) committing(commit func(*bbolt.Tx) error) func(*bbolt.Tx) error {
	return func(bt *bbolt.Tx) error {
		id, here := int64(bt.ID()), bt.DB() == db.bolt // false for another file made with the same options
		err := commit(bt)
		switch {
		case !here:
		case err == nil:
			db.txid.Store(id)
			db.fullSince.Store(0)
		case orNoRoom(err) == ErrNoRoom:
			db.fullSince.Store(time.Now().UnixNano())
		}
		return err
	}
}

// ours checks that the path leads to the open file, and that the file holds what was last
// committed. If not, nothing is written any more. exactly compares the last transaction exactly;
// the caller must hold writeMu, or be the only user.
func (db *DB) ours(exactly bool) error {
	if db.held == nil {
		return nil // the file is being made
	}
	why, err := db.notOurs(exactly)
	if err != nil || why == "" {
		return err
	}
	db.setFailed(&lostError{db.path, why})
	return db.Failed()
}

// notOurs returns why the file is no longer ours, "" if it is. An error says that this could not be
// found out.
func (db *DB) notOurs(exactly bool) (why string, err error) {
	there, err := os.Stat(db.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it was moved away or deleted", nil
	case err != nil:
		return "", fmt.Errorf("the file cannot be found: %w", err)
	}
	if !os.SameFile(there, db.held) {
		// Where file numbers are made up, as on some network file systems, they may change while a
		// file is open.
		if now, err := db.file.Stat(); err != nil || !os.SameFile(there, now) {
			return "another file is in its place", nil
		}
	}
	length, known := db.minLength.Load(), db.txid.Load()
	if there.Size() < length {
		return fmt.Sprintf("it was truncated to %d bytes of %d", there.Size(), length), nil
	}
	if db.bolt == nil {
		return "", nil
	}
	// When another archive was written over the file, only its last transaction shows it.
	id, size, err := db.committed()
	switch {
	case err != nil:
		return "another program wrote to it", nil
	case there.Size() < size:
		return fmt.Sprintf("it was truncated to %d bytes of %d", there.Size(), size), nil
	case id < known, exactly && id != known:
		return "another program wrote to it", nil
	}
	if exactly {
		db.minLength.Store(size)
	}
	return "", nil
}

// committed returns the last transaction that the file itself names, and the length in bytes that
// it needs.
func (db *DB) committed() (id, size int64, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = caught(p)
		}
	}()
	bt, err := db.beginView()
	if err != nil {
		return 0, 0, err
	}
	defer bt.Rollback()
	return int64(bt.ID()), bt.Size(), nil
}

// beginView begins a read transaction. When the very first pages are gone, bbolt panics with its
// locks held. Then nothing can be read any more, and every caller gets an error instead of waiting
// forever.
func (db *DB) beginView() (bt *bbolt.Tx, err error) {
	if db.unreadable.Load() {
		return nil, failure(db.Failed())
	}
	defer func() {
		if p := recover(); p != nil {
			err = caught(p)
			db.setStuck(err)
			db.unreadable.Store(true)
		}
	}()
	return db.bolt.Begin(false)
}

// lookEvery is how often the writer checks that the lock file still exists.
const lookEvery = time.Second

// holdPath keeps the path locked, since somebody may delete the lock file. Another process that
// tries to open the file may hold the lock for a moment, but finds the file itself locked. One
// check a second is enough: a process that opens the path meanwhile gets another file, which each
// commit notices.
func (db *DB) holdPath() {
	now := time.Now()
	if db.lock != nil && now.Sub(db.lockChecked) < lookEvery {
		return
	}
	if db.lockChecked = now; db.lock != nil && db.lock.Exists() {
		return
	}
	l, err := disk.TryLock(db.path)
	if err != nil {
		return // no space, for example: the next commit tries again
	}
	if db.lock != nil {
		db.lock.Close()
	}
	db.lock = l
}

// sameNode refuses a file that names another node than the one that was opened.
func (db *DB) sameNode() error {
	return db.bolt.View(func(bt *bbolt.Tx) error {
		tx := &Tx{db: db, bolt: bt}
		if id, err := tx.Node(0); err != nil || id != db.nodeID {
			db.setFailed(&lostError{db.path, "it holds another archive"})
			return db.Failed()
		}
		return nil
	})
}

// Health returns why nothing can be written at present, nil when all is well: ErrLost, ErrFailed,
// ErrNoRoom. It also checks whether a file that is open for reading only is still the one that was
// opened.
func (db *DB) Health() error {
	if err := db.Failed(); err != nil {
		return failure(err)
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.bolt == nil {
		return ErrClosed
	}
	if err := db.ours(false); err != nil {
		return failure(err)
	}
	if db.opts.ReadOnly {
		return nil
	}
	if met := db.fullSince.Load(); met != 0 && time.Since(time.Unix(0, met)) < time.Minute {
		return ErrNoRoom
	}
	if !db.hasSpace() {
		return ErrNoRoom
	}
	return nil
}

// Room returns ErrNoRoom when the disk has less free space than Options.MinFree. It is for
// temporary files beside the data file, which cannot use the free pages inside it.
func (db *DB) Room() error {
	if free, ok := db.DiskFree(); ok && free < db.opts.MinFree {
		return ErrNoRoom
	}
	return nil
}

// DiskFree returns how many bytes may still be written to the disk of the file; ok says whether
// that is known.
func (db *DB) DiskFree() (free uint64, ok bool) {
	free, err := db.opts.freeSpace(db.path)
	return free, err == nil && free != disk.UnknownSpace
}
