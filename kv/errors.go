package kv

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"nightjar/internal/disk"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrNotFound: there is no such record, blob or log entry.
	ErrNotFound = errors.New("not found")
	// ErrNoRoom: the disk has too little free space for a write. Reading works, and writing works
	// again when there is space.
	ErrNoRoom = errors.New("the disk has too little free space")
	// ErrFailed: the disk failed in the middle of a write (a failed fsync). Nothing is written
	// until the file is opened again.
	ErrFailed = errors.New("writing to the disk failed; the node must be restarted")
	// ErrLost: the file at the path is not the open one, or shorter than it was. Nothing is written
	// until a restart. ErrLost is ErrFailed, too.
	ErrLost   = errors.New("the file is no longer the one that is open: it was moved, replaced, deleted or truncated")
	errBehind = errors.New("an earlier program wrote the file, which lacks what this one finds records by; " +
		"open it for writing once, say with: nightjar serve")
	// ErrReadOnly: the file was opened for reading.
	ErrReadOnly = errors.New("the file is open for reading only")
	// ErrClosed: the file has been closed.
	ErrClosed = errors.New("the file is closed")
	// ErrLocked: another process has the file open.
	ErrLocked = disk.ErrLocked
	// ErrNewer: a later version wrote the file, in another format.
	ErrNewer = errors.New("the file is of a newer format")
	// ErrOlder: an earlier version wrote the file, in a format that this one does not read.
	ErrOlder = errors.New("the file is of an older format")
	// ErrNotOurs: the file is no data file of this program.
	ErrNotOurs = errors.New("not a nightjar file")
	// ErrCopied: the file carries the session mark of a running node that is not this one.
	ErrCopied = errors.New("the file is a copy that was taken while its node was running")
)

var errShort = errors.New("record ends too early")

// A TakenError says that a unique text belongs to another record.
type TakenError struct {
	Kind byte
	Text string
}

func (e *TakenError) Error() string { return fmt.Sprintf("%q is taken", e.Text) }

// A TooLargeError says that something is larger than the file can hold. Nothing of it was written.
type TooLargeError struct {
	What      string // such as "a record of table target" or "the name of a setting"
	Size, Max int    // in bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s has %d bytes; at most %d can be stored", e.What, e.Size, e.Max)
}

// A DamageError says that what was read is not what was written.
type DamageError struct {
	Where string // bucket and key
	Cause string
}

func (e *DamageError) Error() string { return "damaged: " + e.Where + ": " + e.Cause }

func damaged(where string, cause any) error {
	return &DamageError{Where: where, Cause: fmt.Sprint(cause)}
}

// A PanicError is a panic in a function that ran in a transaction.
type PanicError struct {
	Value any
	Stack string
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// caught turns a recovered value into an error. On damaged pages bbolt panics and the memory map
// faults: caught makes these a DamageError. Anything else is a bug of the program.
func caught(p any) error {
	stack := make([]byte, 16<<10)
	stack = stack[:runtime.Stack(stack, false)]
	if fault, ok := p.(interface {
		error
		Addr() uintptr
	}); ok {
		return damaged("memory map", fault)
	}
	// A panic in bbolt, one of its assertions or an index error, means damage.
	trace := string(stack)
	if at := strings.Index(trace, "panic("); at >= 0 {
		frames := strings.SplitN(trace[at:], "\n", 5)
		if len(frames) > 2 && strings.Contains(frames[2], "go.etcd.io/bbolt") {
			return damaged("page", p)
		}
	}
	return &PanicError{Value: p, Stack: trace}
}
