//go:build !unix

package node

import "syscall"

// Error codes of Windows (learn.microsoft.com/windows/win32/debug/system-error-codes).
const (
	errReadOnlyDisk = syscall.Errno(19)    // ERROR_WRITE_PROTECT
	errAddressInUse = syscall.Errno(10048) // WSAEADDRINUSE
)

// openFiles returns how many files this process may have open, 0 for no limit.
func openFiles() int { return 0 }
