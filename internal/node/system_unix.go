//go:build unix

package node

import "syscall"

const (
	errReadOnlyDisk = syscall.EROFS // what writing to a disk says that is there for reading only
	errAddressInUse = syscall.EADDRINUSE
)

// openFiles is how many files this process may have open, 0 when that is not bounded.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || uint64(limit.Cur) > 1<<24 {
		return 0
	}
	return int(limit.Cur)
}
