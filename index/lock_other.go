//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package index

import "os"

// lockFile opens the file at path, and creates it if it does not exist. The standard library has no
// file locks on these systems; the lock of the data file keeps other processes out.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
