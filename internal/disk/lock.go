// Package disk gives the data file what differs between systems: locks on files and paths, names
// that survive a power cut, and the free space of a disk.
package disk

import (
	"errors"
	"os"
	"time"
)

// ErrLocked: another process has the lock on a file or a path.
var ErrLocked = errors.New("another process has the file open")

// A PathLock keeps other processes from opening a file for writing at a path, also while the file
// itself has been moved away or replaced: bbolt locks the file, not its name. It is a lock on an
// empty file beside it, which the system releases when the process ends, however it ends.
type PathLock struct {
	path string // of the lock file
	file *os.File
	info os.FileInfo
}

// LockFile returns the name of the lock file of a path.
func LockFile(path string) string { return path + ".lock" }

// Retry is the time to wait before trying again to lock.
const Retry = 20 * time.Millisecond

// Lock locks a path. It waits up to timeout for another process to release it. Errors: ErrLocked,
// those of the file system.
func Lock(path string, timeout time.Duration) (l *PathLock, err error) {
	for began := time.Now(); ; time.Sleep(Retry) {
		if l, err = TryLock(path); !errors.Is(err, ErrLocked) || time.Since(began) >= timeout {
			return l, err
		}
	}
}

// TryLock locks a path, or returns ErrLocked at once. Errors: those of Lock.
func TryLock(path string) (*PathLock, error) {
	l := &PathLock{path: LockFile(path)}
	var err error
	if l.file, err = os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	if err = tryLock(l.file, true); err == nil {
		l.info, err = l.file.Stat()
	}
	if err == nil && !l.Exists() {
		err = ErrLocked // its owner removed it meanwhile
	}
	if err != nil {
		return nil, errors.Join(err, l.file.Close())
	}
	return l, nil
}

// Exists says whether the lock file still has its name.
func (l *PathLock) Exists() bool {
	info, err := os.Stat(l.path)
	return err == nil && os.SameFile(info, l.info)
}

// Release releases the lock and removes its file if that is still there. It does nothing for nil.
func (l *PathLock) Release() {
	if l == nil {
		return
	}
	if l.Exists() {
		removeLocked(l.path, l.file)
	} else {
		l.file.Close()
	}
}

// Await waits up to timeout until no process has a path locked for writing. It does not lock the
// path itself, since the folder may be read-only.
func Await(path string, timeout time.Duration) error {
	for began := time.Now(); ; time.Sleep(Retry) {
		f, err := os.Open(LockFile(path))
		if err != nil {
			return nil // there is none, or it cannot be read
		}
		err = tryLock(f, false)
		f.Close()
		if !errors.Is(err, ErrLocked) {
			return nil
		}
		if time.Since(began) >= timeout {
			return err
		}
	}
}

// Close releases the lock and leaves its file alone.
func (l *PathLock) Close() error { return l.file.Close() }
