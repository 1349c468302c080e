package kv

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// A pathLock keeps other processes from opening a file for writing at a path, also while the file
// itself has been moved away or replaced: bbolt's lock is on the file, not on its name. It is a
// lock on an empty file beside it, which the system gives back when the process ends, however it
// ends.
type pathLock struct {
	path string // of the lock file
	file *os.File
	info os.FileInfo
}

func lockFileOf(path string) string { return path + ".lock" }

// lookEvery is how often the writer checks that the lock file still exists.
const lookEvery = time.Second

// lockRetry is how long to wait before trying again to lock.
const lockRetry = 20 * time.Millisecond

// lockPath locks a path, waiting for another process to let go of it. Errors: ErrLocked, those of
// the file system.
func lockPath(path string, timeout time.Duration) (l *pathLock, err error) {
	for began := time.Now(); ; time.Sleep(lockRetry) {
		if l, err = tryLockPath(path); !errors.Is(err, ErrLocked) || time.Since(began) >= timeout {
			return l, err
		}
	}
}

func tryLockPath(path string) (*pathLock, error) {
	l := &pathLock{path: lockFileOf(path)}
	var err error
	if l.file, err = os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	if err = tryLock(l.file, true); err == nil {
		l.info, err = l.file.Stat()
	}
	if err == nil && !l.there() {
		err = ErrLocked // the process that had it removed it meanwhile
	}
	if err != nil {
		return nil, errors.Join(err, l.file.Close())
	}
	return l, nil
}

// there says whether the lock file still has its name.
func (l *pathLock) there() bool {
	info, err := os.Stat(l.path)
	return err == nil && os.SameFile(info, l.info)
}

// release gives the lock back and removes its file, if that is still there.
func (l *pathLock) release() {
	if l == nil {
		return
	}
	if l.there() {
		removeLocked(l.path, l.file)
	} else {
		l.file.Close()
	}
}

// awaitPath waits until no process has a path locked for writing, without locking it: the folder
// may be one where nothing can be written.
func awaitPath(path string, timeout time.Duration) error {
	for began := time.Now(); ; time.Sleep(lockRetry) {
		f, err := os.Open(lockFileOf(path))
		if err != nil {
			return nil // there is none, or nobody can tell
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

// holdPath sees to it that the path stays locked: somebody may have deleted the lock file. While
// another process has it for a moment, because it would like to open the file, too, that process
// finds the file itself locked. Once a second is enough: whoever came in by then has another file,
// which each commit sees.
func (db *DB) holdPath() {
	now := time.Now()
	if db.lock != nil && now.Sub(db.looked) < lookEvery {
		return
	}
	if db.looked = now; db.lock != nil && db.lock.there() {
		return
	}
	l, err := tryLockPath(db.path)
	if err != nil {
		return // no room, say: the next commit tries again
	}
	if db.lock != nil {
		db.lock.file.Close()
	}
	db.lock = l
}

// putInPlace gives a complete file its name, at which nothing may be. Errors: fs.ErrExist, those of
// the file system.
func putInPlace(temp, path string) error {
	err := os.Link(temp, path)
	if err == nil {
		return os.Remove(temp)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	// Where links are unknown, an empty file takes the name first, so that what somebody else puts
	// there meanwhile is not replaced.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
