package kv

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"

	"go.etcd.io/bbolt"

	"nightjar/internal/disk"
)

// Backup writes a copy of the current file to path, where no file may be, and returns the state
// that it holds. Readers and writers continue. The copy gets its name when it is complete: it is
// first written beside path, synced, and checked with check, if that is not nil. It has no session
// mark.
//
// One transaction reads the file, which slows down writers as long as it lasts. A copy to another
// disk, such as a USB stick, is therefore first made beside the file, unless there is too little
// space.
//
// Errors: os.ErrExist, ErrNoRoom, *DamageError, those of check and of the file system.
func (db *DB) Backup(ctx context.Context, path string, check func(path string) error) (m Mark, err error) {
	if _, err := os.Lstat(path); err == nil {
		return m, fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	SweepParts(filepath.Dir(path)) // leftovers that cannot be removed are no reason to make no copy
	temp, lock, err := newPart(path)
	if err != nil {
		return m, NoRoom(err)
	}
	defer func() {
		if err != nil {
			os.Remove(temp)
		}
		lock.Release()
	}()
	m, err = db.copyTo(ctx, temp, check)
	if err != nil {
		return m, err
	}
	// A file that appeared there meanwhile is not replaced.
	if err := disk.PutInPlace(temp, path); errors.Is(err, os.ErrExist) {
		return m, fmt.Errorf("%s: %w", path, os.ErrExist)
	} else if err != nil {
		return m, NoRoom(err)
	}
	return m, NoRoom(disk.SyncDir(filepath.Dir(path)))
}

// copyTo writes a copy, directly or by way of one beside the file.
func (db *DB) copyTo(ctx context.Context, path string, check func(path string) error) (Mark, error) {
	// When the file is lost, its folder may be another program's.
	if db.opts.sameDisk(filepath.Dir(db.path), filepath.Dir(path)) || errors.Is(db.Failed(), ErrLost) {
		return db.checkedCopy(ctx, path, check)
	}
	m, err := db.copyByWay(ctx, path, check)
	if errors.Is(err, ErrNoRoom) {
		m, err = db.checkedCopy(ctx, path, check)
	}
	return m, err
}

// partName matches the names of the locks beside unfinished copies.
var partName = regexp.MustCompile(`^(.+\.part-[0-9]+)\.lock$`)

// newPart makes an empty file for a copy that will be at path. It holds a lock beside it while the
// copy is being made, by which SweepParts recognises it. The lock is nil where the file system has
// no locks.
func newPart(path string) (temp string, lock *disk.PathLock, err error) {
	for range 100 {
		temp = fmt.Sprintf("%s.part-%d", path, rand.Uint32())
		if lock, err = disk.TryLock(temp); errors.Is(err, ErrLocked) {
			continue
		} else if NoRoom(err) == ErrNoRoom || errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrNotExist) {
			break
		}
		var f *os.File
		if f, err = os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
			return temp, lock, f.Close()
		}
		lock.Release()
		if !errors.Is(err, os.ErrExist) {
			break
		}
	}
	if file := new(os.PathError); errors.As(err, &file) { // name the copy, not its lock
		err = &os.PathError{Op: file.Op, Path: temp, Err: file.Err}
	}
	return "", nil, err
}

// SweepParts removes the unfinished copies in a folder whose process ended in the middle of Backup.
// A copy that is being made is locked, and stays.
func SweepParts(dir string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		m := partName.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		part := filepath.Join(dir, m[1])
		lock, lockErr := disk.TryLock(part)
		if lockErr != nil {
			continue // it is being made, or not ours
		}
		if rmErr := os.Remove(part); rmErr != nil && !errors.Is(rmErr, os.ErrNotExist) {
			err = errors.Join(err, rmErr)
		}
		lock.Release()
	}
	return err
}

// newTemp makes an empty file with a new name.
func newTemp(dir, pattern string) (path string, err error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return "", err
	}
	return f.Name(), f.Close()
}

// Temporary follows the name of the data file in the names of temporary files and folders beside
// it, which may be removed when it is opened.
const Temporary = ".temporary-"

const (
	compacted = ".compact" // follows the name of the data file in the name of the file that Compact writes
	beingMade = ".new"     // ends the name of a file that is being made
)

// Remains says whether a file or folder in the folder of the data file at path was left by a
// process that ended in the middle of Open, Backup, Compact or RestoreFile, or by a user of
// [Temporary]. The caller must have the data file open for writing, so that no other process still
// needs it.
func Remains(path, name string) bool {
	base := filepath.Base(path)
	if s, ok := strings.CutPrefix(name, "."+base+"-"); ok {
		s, ok = strings.CutSuffix(s, beingMade)
		return ok && digits(s)
	}
	s, ok := strings.CutPrefix(name, base)
	if !ok {
		return false
	}
	if s == compacted || s == sessionPath(compacted) || s == sessionPath("")+beingMade {
		return true
	}
	s, ok = strings.CutPrefix(s, Temporary)
	s, _, _ = strings.Cut(s, ".") // files beside a temporary file
	return ok && digits(s)
}

// digits says whether a text is a number as os.CreateTemp puts it into names.
func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// checkedCopy writes a copy and checks it.
func (db *DB) checkedCopy(ctx context.Context, path string, check func(path string) error) (Mark, error) {
	m, err := db.snapshot(ctx, path)
	if err == nil && check != nil {
		if err = check(path); err != nil {
			err = fmt.Errorf("the copy is not good: %w", err)
		}
	}
	return m, err
}

// copyByWay writes a copy beside the file, and copies that to path.
func (db *DB) copyByWay(ctx context.Context, path string, check func(path string) error) (m Mark, err error) {
	near, err := os.CreateTemp(filepath.Dir(db.path), filepath.Base(db.path)+Temporary+"*")
	if err != nil {
		return m, NoRoom(err)
	}
	defer os.Remove(near.Name())
	defer near.Close()
	if m, err = db.checkedCopy(ctx, near.Name(), check); err != nil {
		return m, err
	}
	far, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return m, err
	}
	defer far.Close()
	if info, err := near.Stat(); err != nil {
		return m, err
	} else if !db.hasSpaceFor(path, info.Size(), db.opts.MinFree) {
		return m, ErrNoRoom
	}
	written, read := sha256.New(), sha256.New()
	if _, err := io.Copy(contextWriter{ctx, far}, io.TeeReader(near, written)); err != nil {
		return m, NoRoom(err)
	}
	if err := far.Sync(); err != nil {
		return m, NoRoom(err)
	}
	if _, err := io.Copy(read, io.NewSectionReader(far, 0, math.MaxInt64)); err != nil {
		return m, err
	}
	if !bytes.Equal(written.Sum(nil), read.Sum(nil)) {
		return m, fmt.Errorf("%s does not hold what was written to it", path)
	}
	return m, nil
}

// hasSpaceFor says whether the disk of path has size free bytes and a reserve; true when the disk
// does not tell.
func (db *DB) hasSpaceFor(path string, size int64, reserve uint64) bool {
	free, err := db.opts.freeSpace(path)
	return err != nil || free >= uint64(size)+reserve
}

// snapshot copies the file to path and removes the session mark from the copy.
func (db *DB) snapshot(ctx context.Context, path string) (m Mark, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return m, err
	}
	err = db.viewWhole(func(tx *Tx) error {
		if !db.hasSpaceFor(path, tx.bolt.Size(), db.opts.MinFree) {
			return ErrNoRoom
		}
		if m, err = tx.Head(); err != nil {
			return err
		}
		w := bufio.NewWriterSize(contextWriter{ctx, f}, 1<<20)
		if _, err := tx.bolt.WriteTo(w); err != nil {
			return err
		}
		return w.Flush()
	})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return m, NoRoom(err)
	}
	copied, err := bbolt.Open(path, 0o600,
		&bbolt.Options{Timeout: db.opts.Timeout, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return m, err
	}
	return m, NoRoom(errors.Join(copied.Update(removeMark), copied.Close()))
}

// contextWriter stops writing when its context ends.
type contextWriter struct {
	ctx context.Context
	f   *os.File
}

func (w contextWriter) Write(b []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	return w.f.Write(b)
}

// NodeOf reads the identity of the node whose file or backup is at path. No process may have it
// open for writing. Errors: ErrLocked, ErrNotOurs, *DamageError, those of the file system.
func NodeOf(path string) (id [16]byte, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = caught(p)
		}
	}()
	db := newDB(path, nil, Options{ReadOnly: true, Timeout: disk.Retry})
	if db.bolt, err = db.openBolt(true, path); err != nil {
		return id, err
	}
	defer func() { err = errors.Join(err, db.bolt.Close()) }()
	if err := checkTree(path); err != nil { // or bbolt might loop forever
		return id, err
	}
	err = db.View(func(tx *Tx) error {
		if err := checkFormat(tx.bolt); err != nil {
			return err
		}
		no, err := tx.meta().nodeNo()
		if err == nil {
			id, err = tx.Node(no)
		}
		return err
	})
	return id, err
}

// Size returns the size of the file in bytes, and how many of them are in free pages.
func (db *DB) Size() (size, free int64, err error) {
	err = db.View(func(tx *Tx) error {
		size = tx.bolt.Size()
		free = db.freeInside()
		return nil
	})
	return size, free, err
}

// Compact rewrites the file without its free pages and replaces it. Writers wait for all of it,
// readers only for the exchange. After a crash the path has the old file or the new one. Compact
// waits until nothing that reads the whole file is running, such as Backup and Verify. Errors:
// ErrReadOnly, ErrFailed, ErrNoRoom, those of the file system.
func (db *DB) Compact(ctx context.Context) error {
	if db.opts.ReadOnly {
		return ErrReadOnly
	}
	db.long.Lock() // or all others would wait behind a long reader
	defer db.long.Unlock()
	return db.exclusively(ctx, func() error {
		if err := db.Failed(); err != nil {
			return failure(err)
		}
		if err := db.ours(true); err != nil {
			return err
		}
		temp := db.path + compacted
		defer os.Remove(temp)
		if err := db.compactTo(temp); err != nil {
			return err
		}
		return db.replaceBy(temp)
	})
}

// compactTo writes the used pages to a new file.
func (db *DB) compactTo(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	size, unused, err := db.Size()
	if err != nil {
		return err
	}
	// afterwards more space is free than before
	if !db.hasSpaceFor(filepath.Dir(path), max(0, size-unused), db.lastReserve()) {
		return ErrNoRoom
	}
	dst, err := bbolt.Open(path, 0o600,
		&bbolt.Options{Timeout: db.opts.Timeout, FreelistType: bbolt.FreelistMapType, NoSync: true,
			NoFreelistSync: true})
	if err != nil {
		return NoRoom(err)
	}
	dst.AllocSize = allocSize
	if err := bbolt.Compact(dst, db.bolt, 32<<20); err != nil {
		dst.Close()
		return NoRoom(err)
	}
	dst.NoFreelistSync = false
	err = dst.Update(func(*bbolt.Tx) error { return nil })
	if err == nil {
		err = dst.Sync()
	}
	return NoRoom(errors.Join(err, dst.Close()))
}

// replaceBy replaces the open file by another one, between two transactions.
func (db *DB) replaceBy(temp string) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if err := db.sameNode(); err != nil {
		return err
	}
	mark := make([]byte, 0, 16)
	err := db.bolt.View(func(bt *bbolt.Tx) error {
		b, err := metaOf(bt).get([]byte(metaSession))
		mark = append(mark, b...)
		return err
	})
	if err != nil {
		return err
	}
	if err := disk.WriteSynced(sessionPath(temp), []byte(sessionText(temp, mark))); err != nil {
		return NoRoom(err)
	}
	defer os.Remove(sessionPath(temp))
	dir, err := os.Open(filepath.Dir(db.path)) // opened first: after the exchange there may be no free descriptor
	if err != nil {
		return err
	}
	defer dir.Close()
	exchanged := false
	// A crash between the two renames leaves the new file with the old session file, which names
	// another inode. The next Open then takes the new file for a copy, verifies it and finds it
	// good.
	rename := func() (done bool, err error) {
		if err := db.ours(true); err != nil {
			return false, err
		}
		if err := os.Rename(temp, db.path); err != nil {
			return false, err
		}
		exchanged = true
		return true, errors.Join(os.Rename(sessionPath(temp), sessionPath(db.path)), disk.SyncOpenDir(dir))
	}
	err = db.exchange(temp, rename)
	// The new file restarts the transaction numbers: drop everything that is kept by the old ones.
	db.tails.clear()
	db.counts.Clear()
	db.unions.Clear()
	db.headMu.Lock()
	db.headTx = 0
	db.headMu.Unlock()
	if exchanged && db.bolt != nil {
		err = errors.Join(err, db.identify())
	}
	// a power cut may leave either file
	if err != nil && (exchanged || db.bolt == nil) {
		db.setFailed(err)
		return failure(err)
	}
	return NoRoom(err)
}

// exchange replaces the open file by the one at temp, by means of rename, and opens that. Where an
// open file can be renamed, it holds the locks of both meanwhile, so that no other process comes in
// between.
func (db *DB) exchange(temp string, rename func() (done bool, err error)) error {
	old, oldFile := db.bolt, db.file
	if !disk.CanRenameOpen {
		db.bolt = nil
		if err := old.Close(); err != nil {
			return err
		}
		_, err := rename()
		next, openErr := db.openBolt(false, db.path)
		if openErr == nil {
			db.bolt = next
		}
		return errors.Join(err, openErr)
	}
	next, err := db.openBolt(false, temp)
	if err != nil {
		return err
	}
	nextFile := db.file
	db.file = oldFile // rename looks at it
	done, err := rename()
	if !done {
		return errors.Join(err, next.Close())
	}
	db.file = nextFile
	db.bolt = next
	return errors.Join(err, old.Close())
}

// RestoreFile makes the backup the file of a new node at path, where no file may be. It copies the
// backup beside path, checks the copy with check, gives it a new identity, and only then its name.
// Errors: os.ErrExist, ErrLocked, ErrNoRoom, those of check and of the file system.
func RestoreFile(ctx context.Context, backup, path string, tables []AnyTable,
	check func(path string) error) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	lock, err := disk.Lock(path, disk.Retry) // a server may be running whose file has been moved away
	if err != nil {
		return fmt.Errorf("%s: %w", path, NoRoom(err))
	}
	defer lock.Release()
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	temp, err := newTemp(filepath.Dir(path), filepath.Base(path)+Temporary+"*")
	if err != nil {
		return NoRoom(err)
	}
	defer func() {
		os.Remove(temp)
		os.Remove(sessionPath(temp))
	}()
	if err := copyFileTo(ctx, backup, temp); err != nil {
		return NoRoom(err)
	}
	if err := check(temp); err != nil {
		return fmt.Errorf("%s is not good: %w", backup, err)
	}
	db, err := Open(temp, tables, Options{MustExist: true, CheckCopy: check})
	if err != nil {
		return err
	}
	id, err := db.newIdentity()
	if err == nil {
		err = db.Update(ctx, Author{Action: "restore"}, func(tx *WriteTx) error {
			tx.touch()
			no, err := tx.meta().nodeNo()
			if err != nil {
				return err
			}
			return putIdentity(tx.meta(), no+1, id)
		})
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := disk.PutInPlace(temp, path); errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s: %w", path, os.ErrExist)
	} else if err != nil {
		return NoRoom(err)
	}
	return disk.SyncDir(filepath.Dir(path))
}

// copyFileTo copies a file and syncs the copy to the disk.
func copyFileTo(ctx context.Context, from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(contextWriter{ctx, dst}, src)
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close())
}
