//go:build !unix

package disk

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// UnknownSpace is the free space of a disk that does not tell it.
const UnknownSpace = math.MaxUint64

// CanRenameOpen says whether a file can be renamed while it is open.
const CanRenameOpen = false

// FreeSpace is unknown here: a write to a full disk fails.
func FreeSpace(string) (uint64, error) { return UnknownSpace, nil }

// FileID is unknown here: the session mark alone tells a file from its copies.
func FileID(os.FileInfo) string { return "" }

// Same is unknown here.
func Same(string, string) bool { return true }

// Close closes a file, which releases its lock.
func Close(f *os.File) error { return f.Close() }

// tryLock locks a file, for this process alone or shared with others, or returns ErrLocked. Closing
// the file ends the lock.
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

// removeLocked closes and removes a file that this process has locked; an open file cannot be
// removed. If another process opens it in between, that process keeps it.
func removeLocked(path string, f *os.File) {
	f.Close()
	os.Remove(path)
}
