package kv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"nightjar/internal/boltfile"
	"nightjar/internal/disk"
)

// Open opens the file at path, or makes it. tables must be all tables of all packages that own
// records. The caller must call Close.
//
// Errors: ErrLocked, ErrNewer, ErrOlder, ErrNotOurs; ErrCopied when the file is a damaged copy of a
// running node's file; *DamageError; those of the file system.
func Open(path string, tables []AnyTable, o Options) (*DB, error) {
	s, err := newSchema(tables)
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink != 0 {
		// The files beside it, and the files that replace it, are in the folder of the real file.
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
	}
	db := newDB(path, s, o)
	if err := db.open(); err != nil {
		if file := new(os.PathError); errors.As(err, &file) && file.Path == path { // the error names it already
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return db, nil
}

func (db *DB) open() (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = caught(p)
		}
		if err != nil {
			if db.bolt != nil {
				db.closeBolt()
			}
			db.lock.Release()
		}
		if errors.Is(err, ErrNotOurs) {
			err = db.whyNotOurs(err)
		}
		if damage := new(DamageError); errors.As(err, &damage) && !errors.Is(err, ErrCopied) {
			err = fmt.Errorf("%w; restore a backup, or, if it was copied from a running node, %s", err, takeAgain)
		}
	}()
	fresh, err := db.fresh()
	if err != nil {
		return err
	}
	if db.opts.ReadOnly {
		err = disk.Await(db.path, db.opts.Timeout)
	} else if db.lock, err = disk.Lock(db.path, db.opts.Timeout); NoRoom(err) == ErrNoRoom && !fresh {
		err = nil // the next commit tries again
	} else if err != nil && !errors.Is(err, ErrLocked) {
		err = db.cannotLock(fresh, err)
	}
	if err != nil {
		return err
	}
	if fresh, err = db.fresh(); err != nil { // the previous owner may have made it
		return err
	}
	if !fresh {
		if err := db.examine(); err != nil {
			return err
		}
	}
	if fresh {
		if err := db.create(); err != nil {
			return err
		}
	}
	if db.bolt, err = db.openBolt(db.opts.ReadOnly, db.path); err != nil {
		return err
	}
	if err := db.load(); err != nil {
		return err
	}
	if err := db.View((*Tx).checkMeta); err != nil {
		return err
	}
	if err := db.identify(); err != nil {
		return err
	}
	if db.opts.ReadOnly {
		if err := db.keepFamilies(); err != nil {
			return err
		}
		close(db.written)
		close(db.purgerEnded)
		return nil
	}
	db.opts.commit = db.committing(db.opts.commit)
	if err := db.beginSession(); err != nil {
		return err
	}
	if err := db.keepFamilies(); err != nil {
		return err
	}
	db.idleTimer, db.idleTimerRuns = time.NewTimer(idle), true
	go db.writer()
	go db.purger()
	if err := db.recoverStages(); err != nil {
		db.endWork()
		return err
	}
	return nil
}

// fresh says whether there is no file yet, or an empty one.
func (db *DB) fresh() (bool, error) {
	info, err := os.Stat(db.path)
	fresh := errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0
	switch {
	case fresh && (db.opts.MustExist || db.opts.ReadOnly):
		return true, os.ErrNotExist
	case fresh:
		return true, nil
	}
	return false, err
}

// cannotLock says why the path cannot be locked: because of the folder or of the file itself.
func (db *DB) cannotLock(fresh bool, err error) error {
	if fresh {
		return db.cannotMake(err)
	}
	f, fileErr := os.OpenFile(db.path, os.O_RDWR, 0)
	if fileErr != nil {
		return fileErr
	}
	f.Close()
	return fmt.Errorf("the file cannot be locked: %w", err)
}

// cannotMake says that no file can be made in the folder of the data file.
func (db *DB) cannotMake(err error) error {
	if file := new(os.PathError); errors.As(err, &file) {
		err = file.Err // its name is that of a temporary file
	}
	return fmt.Errorf("no file can be made in the folder %s: %w", filepath.Dir(db.path), err)
}

// whyNotOurs looks at a file that does not look like ours: it may be too damaged to be recognised.
func (db *DB) whyNotOurs(err error) error {
	var found error
	headErr := boltfile.Check(db.path, func(format string, args ...any) {
		if found == nil {
			found = damaged("file", fmt.Sprintf(format, args...))
		}
	})
	switch {
	case headErr != nil:
		return err // no bbolt file
	case found != nil:
		return found
	}
	return fmt.Errorf("%w; if it was copied from a running node, %s", err, takeAgain)
}

// openBolt opens a file with bbolt once its lock is free. The process that held the lock may have
// replaced the file meanwhile (see Compact): then openBolt opens the new one.
func (db *DB) openBolt(readOnly bool, path string) (*bbolt.DB, error) {
	for range 3 {
		b, file, err := db.openLocked(readOnly, path)
		if err != nil {
			return nil, err
		}
		there, err := os.Stat(path)
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
		if locked, err := file.Stat(); err != nil {
			return nil, errors.Join(err, b.Close())
		} else if os.SameFile(there, locked) {
			db.file = file
			return b, nil
		}
		if err := b.Close(); err != nil {
			return nil, err
		}
	}
	return nil, ErrLocked // another process keeps replacing it
}

// openLocked opens the file that now has the path.
func (db *DB) openLocked(readOnly bool, path string) (b *bbolt.DB, file *os.File, err error) {
	o := &bbolt.Options{
		Timeout:        db.opts.Timeout,
		NoFreelistSync: true, // opening a file writes nothing
		FreelistType:   bbolt.FreelistMapType,
		ReadOnly:       readOnly,
		NoSync:         db.opts.NoSync,
	}
	// A large map saves writers and new readers from waiting for all old readers when it grows. It
	// costs only addresses. On Windows the file itself would become as large.
	if runtime.GOOS != "windows" && strconv.IntSize == 64 && !readOnly {
		var addresses int64 = 64 << 30 // more than an int of 32 bits holds
		o.InitialMmapSize = int(addresses)
		if info, err := os.Stat(path); err == nil {
			o.InitialMmapSize = max(o.InitialMmapSize, 4*int(info.Size()))
		}
	}
	o.OpenFile = func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
		f, err = os.OpenFile(name, flag, mode)
		file = f
		return f, err
	}
	// When bbolt panics over a damaged file while opening it, nobody else releases the lock.
	defer func() {
		if p := recover(); p != nil {
			b, err = nil, errors.Join(caught(p), disk.Close(file))
		}
	}()
	b, err = bbolt.Open(path, 0o600, o)
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, nil, ErrLocked
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, nil, ErrNotOurs
	case errors.Is(err, berrors.ErrChecksum):
		return nil, nil, damaged("first pages", err)
	case err != nil:
		return nil, nil, err
	}
	b.AllocSize = allocSize
	return b, file, nil
}

// allocSize is the number of bytes by which the file grows beyond what it needs.
const allocSize = 1 << 20

// create makes a new file with its buckets and its identity. It gets its name when it is complete,
// so that a power cut never leaves half a file under that name.
func (db *DB) create() error {
	temp, err := newTemp(filepath.Dir(db.path), "."+filepath.Base(db.path)+"-*"+beingMade)
	if err != nil {
		return db.cannotMake(err)
	}
	defer os.Remove(temp)
	if err := db.createAt(temp); err != nil {
		return err
	}
	put := disk.PutInPlace
	// an empty file was put there for it
	if info, err := os.Lstat(db.path); err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		put = os.Rename
	}
	if err := put(temp, db.path); err != nil {
		return err
	}
	return disk.SyncDir(filepath.Dir(db.path))
}

// createAt makes the buckets and the identity of a new file at path.
func (db *DB) createAt(path string) (err error) {
	id, err := db.newIdentity()
	if err != nil {
		return err
	}
	b, err := db.openBolt(false, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return b.Update(func(bt *bbolt.Tx) error {
		for _, name := range bucketNames {
			if _, err := bt.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		m := metaOf(bt)
		if err := m.putFormat(); err != nil {
			return err
		}
		if err := m.put([]byte(metaCreated), key8(uint64(micros(db.opts.Now())))); err != nil {
			return err
		}
		if err := m.putFamilies(db.schema.kept()); err != nil {
			return err
		}
		return putIdentity(m, 1, id)
	})
}

func putIdentity(m *metaBucket, no uint64, id [16]byte) error {
	if err := m.put(append([]byte("node/"), key8(no)...), id[:]); err != nil {
		return err
	}
	return m.put([]byte(metaNode), key8(no))
}

// load reads what is kept in memory, and makes the buckets of tables that the file does not have
// yet.
func (db *DB) load() error {
	missing := false
	err := db.bolt.View(func(bt *bbolt.Tx) (err error) {
		if err := checkFormat(bt); err != nil {
			return err
		}
		for _, name := range bucketNames {
			if bt.Bucket(name) == nil {
				return damaged("bucket "+string(name), "it is missing")
			}
		}
		for _, d := range db.schema.tables {
			missing = missing || bt.Bucket([]byte(d.name)) == nil
		}
		return nil
	})
	if err != nil {
		return err
	}
	if missing {
		if db.opts.ReadOnly {
			return db.View(func(tx *Tx) error {
				there, err := db.schema.present(tx)
				if err != nil {
					return err
				}
				for _, d := range there.tables {
					if tx.bolt.Bucket([]byte(d.name)) == nil {
						return damaged("table "+d.name, "it is missing")
					}
				}
				return errBehind
			})
		}
		err := db.commitAlone(false, func(bt *bbolt.Tx) error {
			for _, d := range db.schema.tables {
				if _, err := bt.CreateBucketIfNotExists([]byte(d.name)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return db.View(func(tx *Tx) error {
		if db.head, err = tx.Head(); err != nil {
			return err
		}
		if db.nodeNo, err = tx.meta().nodeNo(); err != nil {
			return err
		}
		if db.nodeID, err = tx.Node(0); err == ErrNotFound {
			err = damaged(fmt.Sprintf("meta node/%d", db.nodeNo), "it is missing")
		}
		if err != nil {
			return err
		}
		return tx.eachTail(func(t *tail) error { db.tails.put(t); return nil })
	})
}

// recoverStages leaves what was pending when the last process ended to the purger.
func (db *DB) recoverStages() error {
	var pending []uint64
	err := db.View(func(tx *Tx) error {
		list, err := tx.stageList()
		for _, s := range list {
			if s.isPending() {
				pending = append(pending, s.id)
			}
		}
		return err
	})
	if err == nil && len(pending) > 0 {
		err = db.giveUp(pending...)
	}
	db.kickPurger()
	return err
}

// Close commits the waiting transactions, stores the list of free pages, removes the session mark
// and closes the file. Errors: ErrClosed; those of the file system; the first internal error that
// no caller was told.
func (db *DB) Close() error {
	if !db.opts.ReadOnly && !db.endWork() {
		return ErrClosed
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.bolt == nil {
		return ErrClosed
	}
	var err error
	if !db.opts.ReadOnly && db.ours(true) == nil && db.Failed() == nil {
		err = db.endSession()
	}
	err = errors.Join(err, db.closeBolt())
	if first := db.unreported.Load(); first != nil {
		err = errors.Join(err, *first)
	}
	db.lock.Release()
	db.lock = nil
	return err
}

// endWork ends the purger and then the writer, which commits what is waiting. It returns false when
// another goroutine has called it.
func (db *DB) endWork() bool {
	if !db.ending.CompareAndSwap(false, true) {
		return false
	}
	close(db.purgerQuit)
	<-db.purgerEnded
	db.queueMu.Lock()
	db.closing = true
	db.queueMu.Unlock()
	close(db.quit)
	<-db.written
	return true
}

// exclusively runs fn between two transactions.
func (db *DB) exclusively(ctx context.Context, fn func() error) error {
	return db.run(&job{ctx: ctx, exclusive: func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = caught(p)
			}
		}()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fn()
	}})
}
