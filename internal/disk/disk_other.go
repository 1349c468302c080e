//go:build !unix

package disk

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// UnknownSpace is the free space of a disk that does not say.
const UnknownSpace = math.MaxUint64

// CanRenameOpen says whether a file can be renamed while it is open.
const CanRenameOpen = false

// FreeSpace is not known here: the disk's own refusal has to do.
func FreeSpace(string) (uint64, error) { return UnknownSpace, nil }

// FileID is not known here: the session mark alone tells a file from its copies.
func FileID(os.FileInfo) string { return "" }

// Same is not known here.
func Same(string, string) bool { return true }

// Close closes a file, and its lock goes with it.
func Close(f *os.File) error { return f.Close() }

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
