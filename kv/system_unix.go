//go:build unix

package kv

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

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
