//go:build unix

package disk

import (
	"errors"
	"math"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// UnknownSpace is the free space of a disk that does not tell it.
const UnknownSpace = math.MaxUint64

// CanRenameOpen says whether a file can be renamed while it is open.
const CanRenameOpen = true

// FreeSpace returns how many bytes an ordinary user may still write to the disk that holds path.
func FreeSpace(path string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}

// FileID returns a text that differs between a file and its copies; "" when there is none.
func FileID(info os.FileInfo) string {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return strconv.FormatUint(uint64(st.Ino), 10)
	}
	return ""
}

// Same says whether two folders are on one disk; true when that is not known.
func Same(a, b string) bool {
	disk := func(path string) any {
		info, err := os.Stat(path)
		if err != nil {
			return nil
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return nil
		}
		return st.Dev
	}
	x, y := disk(a), disk(b)
	return x == nil || y == nil || x == y
}

// Close closes a file and releases its lock, which a memory map that still exists would keep.
func Close(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}

// tryLock locks a file, for this process alone or shared with others, or returns ErrLocked. Closing
// the file ends the lock.
func tryLock(f *os.File, alone bool) error {
	how := unix.LOCK_SH
	if alone {
		how = unix.LOCK_EX
	}
	err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}

// removeLocked removes a file that this process has locked, and releases the lock only then.
func removeLocked(path string, f *os.File) {
	os.Remove(path)
	f.Close()
}
