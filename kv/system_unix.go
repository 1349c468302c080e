//go:build unix

package kv

import (
	"errors"
	"math"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// unknownSpace is the free space of a disk that does not say.
const unknownSpace = math.MaxUint64

// freeSpace is how many bytes an ordinary user may still write to the disk that holds path.
func freeSpace(path string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}

// fileID tells a file from its copies.
func fileID(info os.FileInfo) string {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return strconv.FormatUint(uint64(st.Ino), 10)
	}
	return ""
}

// sameDisk says whether two folders are on one disk; true when that is not known.
func sameDisk(a, b string) bool {
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

// letGo closes a file and gives its lock back, which a memory map that is still there would keep.
func letGo(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}

// tryLock locks a file, for this process alone or together with others, or says ErrLocked. The lock
// ends with the file.
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

// removeLocked removes a file that this process has locked, and gives the lock back only then.
func removeLocked(path string, f *os.File) {
	os.Remove(path)
	f.Close()
}

// exchange opens the file at temp, and has rename give it the name of the open one, which is then
// closed. The locks of both are held meanwhile, so that no other process comes in between.
func (db *DB) exchange(temp string, rename func() (done bool, err error)) error {
	old, oldFile := db.bolt, db.file
	next, err := db.openBolt(false, temp)
	if err != nil {
		return err
	}
	nextFile := db.file
	db.file = oldFile // which rename looks at
	done, err := rename()
	if !done {
		return errors.Join(err, next.Close())
	}
	db.file = nextFile
	db.bolt = next
	return errors.Join(err, old.Close())
}
