//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package index

import "os"

// lockFile opens the file at path, making it when there is none. These systems
// have no lock that the standard library offers; the lock on the data file keeps
// two processes from one index.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
