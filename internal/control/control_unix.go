//go:build unix

package control

import (
	"net"
	"os"
	"syscall"
)

// listenPrivate listens on a socket to which no other user can connect. It has its mode from the
// beginning.
func listenPrivate(path string) (net.Listener, error) {
	defer syscall.Umask(syscall.Umask(0o177))
	return net.Listen("unix", path)
}

// mine reports whether a file belongs to this user.
func mine(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid()
}
