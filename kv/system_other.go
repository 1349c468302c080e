//go:build !unix

package kv

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// unknownSpace is the free space of a disk that does not say.
const unknownSpace = math.MaxUint64

// freeSpace is not known here: the disk's own refusal has to do.
func freeSpace(string) (uint64, error) { return unknownSpace, nil }

// fileID is not known here: the session mark alone tells a file from its copies.
func fileID(os.FileInfo) string { return "" }

// sameDisk is not known here.
func sameDisk(string, string) bool { return true }

// letGo closes a file, and its lock goes with it.
func letGo(f *os.File) error { return f.Close() }

// tryLock locks a file, for this process alone or together with others, or says ErrLocked. The lock
// ends with the file.
func tryLock(f *os.File, alone bool) error {
	var how uint32 = windows.LOCKFILE_FAIL_IMMEDIATELY
	if alone {
		how |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrLocked
	}
	return err
}

// removeLocked closes a file that this process has locked, and removes it, which is not possible
// while it is open; another process may have it by then, and keeps it.
func removeLocked(path string, f *os.File) {
	f.Close()
	os.Remove(path)
}

// exchange closes the file, has rename give its name to the one at temp, and opens what has the
// name then: an open file cannot be renamed here.
func (db *DB) exchange(_ string, rename func() (done bool, err error)) error {
	old := db.bolt
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
