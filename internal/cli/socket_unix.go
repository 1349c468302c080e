//go:build unix

package cli

import (
	"net"
	"os"
	"syscall"
)

const (
	errReadOnlyDisk = syscall.EROFS // what writing to a disk says that is there for reading only
	errAddressInUse = syscall.EADDRINUSE
)

// listenPrivate listens on a socket that nobody else can ever connect to: its mode is right from the beginning.
func listenPrivate(path string) (net.Listener, error) {
	defer syscall.Umask(syscall.Umask(0o177))
	return net.Listen("unix", path)
}

// mine says whether a file belongs to this user.
func mine(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid()
}

// openFiles is how many files this process may have open, 0 when that is not bounded.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || uint64(limit.Cur) > 1<<24 {
		return 0
	}
	return int(limit.Cur)
}
