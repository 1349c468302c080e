//go:build unix

package node

import "syscall"

const (
	errReadOnlyDisk = syscall.EROFS
	errAddressInUse = syscall.EADDRINUSE
)

// openFiles returns how many files this process may have open, 0 for no limit.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || uint64(limit.Cur) > 1<<24 {
		return 0
	}
	return int(limit.Cur)
}
