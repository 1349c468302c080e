//go:build !unix

package node

import "syscall"

// What Windows says (learn.microsoft.com/windows/win32/debug/system-error-codes).
const (
	// ERROR_WRITE_PROTECT: what writing to a disk says that is there for reading only
	errReadOnlyDisk = syscall.Errno(19)
	errAddressInUse = syscall.Errno(10048) // WSAEADDRINUSE
)

// openFiles is how many files this process may have open, 0 when that is not bounded.
func openFiles() int { return 0 }
