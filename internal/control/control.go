// Package control is the Unix socket by which commands reach the server that has a file open.
//
// Its path is that of the file with ".sock" added, and its mode 0600. If that path is longer than
// 100 bytes, or the file system has no sockets, it is in a folder of mode 0700 in the temporary
// directory.
package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// maxSocketPath is the longest path in bytes that every system allows for a socket.
const maxSocketPath = 100

// socketPaths returns the paths to try for the control socket of a file, in order.
func socketPaths(file string) []string {
	var paths []string
	if beside := file + ".sock"; len(beside) <= maxSocketPath {
		paths = append(paths, beside)
	}
	full, err := filepath.Abs(file)
	if err != nil {
		return paths
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(full)); err == nil {
		full = filepath.Join(dir, filepath.Base(full))
	}
	sum := sha256.Sum256([]byte(full))
	return append(paths, filepath.Join(socketFolder(), hex.EncodeToString(sum[:8])+".sock"))
}

func socketFolder() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("nightjar-%d", os.Getuid()))
}

// Listen listens on the control socket of a file. With alone, the caller holds the lock of the
// file, so that an existing socket is left over, and is replaced. Without, the caller is one of
// several servers that only read the file; Listen fails if another one answers at the socket.
func Listen(file string, alone bool) (net.Listener, error) {
	var all error
	if !alone {
		if conn, err := Dial(file); err != nil {
			return nil, err
		} else if conn != nil {
			return nil, errors.Join(fmt.Errorf("another server that reads %s answers them", file), conn.Close())
		}
	}
	for _, path := range socketPaths(file) {
		if filepath.Dir(path) == socketFolder() {
			if err := ownFolder(socketFolder()); err != nil {
				all = errors.Join(all, err)
				continue
			}
		}
		if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
			os.Remove(path)
		}
		l, err := listenPrivate(path)
		if err == nil {
			return l, nil
		}
		all = errors.Join(all, err)
	}
	return nil, all
}

// ownFolder creates a folder that only this user can enter. It refuses an existing one of another
// user or mode.
func ownFolder(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 || !mine(info) {
		return fmt.Errorf("%s is not a private folder of this user", path)
	}
	return nil
}

// Dial connects to the server that runs on a file. It returns nil without an error if there is
// none.
func Dial(file string) (net.Conn, error) {
	for _, path := range socketPaths(file) {
		if filepath.Dir(path) == socketFolder() {
			if _, err := os.Lstat(socketFolder()); err != nil || ownFolder(socketFolder()) != nil {
				continue
			}
		}
		conn, err := net.Dial("unix", path)
		if err == nil {
			return conn, nil
		}
		if _, hidden := os.Lstat(path); errors.Is(err, os.ErrPermission) && hidden == nil {
			return nil, fmt.Errorf("a server of another user runs on %s, and takes commands only from that user", file)
		}
	}
	return nil, nil
}
