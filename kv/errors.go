package kv

import (
	"errors"
	"fmt"
	"nightjar/internal/disk"
	"runtime"
	"strings"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrNotFound: there is no such record, blob or log entry.
	ErrNotFound = errors.New("not found")
	// ErrNoRoom: the disk has too little free space for a write; reads go on, and so do writes when
	// there is room again.
	ErrNoRoom = errors.New("the disk has too little free space")
	// ErrFailed: the disk did not take a write that had been begun (a failed fsync); nothing more
	// is written until the file is opened anew.
	ErrFailed = errors.New("writing to the disk failed; the node must be restarted")
	// ErrLost: the file at the path is not the one that is open, or not as long as it was; nothing
	// more is written until a restart. It is ErrFailed, too.
	ErrLost   = errors.New("the file is no longer the one that is open: it was moved, replaced, deleted or truncated")
	errBehind = errors.New("an earlier program wrote the file, which lacks what this one finds records by; " +
		"open it for writing once, say with: nightjar serve")
	// ErrReadOnly: the file was opened for reading.
	ErrReadOnly = errors.New("the file is open for reading only")
	// ErrClosed: the file has been closed.
	ErrClosed = errors.New("the file is closed")
	// ErrLocked: another process has the file open.
	ErrLocked = disk.ErrLocked
	// ErrNewer: the file was written by a later version with another format.
	ErrNewer = errors.New("the file is of a newer format")
	// ErrOlder: the file was written by an earlier program with another format, which this one does
	// not read.
	ErrOlder = errors.New("the file is of an older format")
	// ErrNotOurs: the file is not one of ours.
	ErrNotOurs = errors.New("not a nightjar file")
	// ErrCopied: the file carries the session mark of a running node that is not this one.
	ErrCopied = errors.New("the file is a copy that was taken while its node was running")
)

var errShort = errors.New("record ends too early")

// A TakenError says that a text that must be unique within its kind belongs to another record.
type TakenError struct {
	Kind byte
	Text string
}

func (e *TakenError) Error() string { return fmt.Sprintf("%q is taken", e.Text) }

// A TooLargeError says that something is larger than the file can hold. Nothing was written because
// of it.
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

// caught turns what recover gave into an error. bbolt panics, and the memory map faults, on damaged
// pages: those become a DamageError; anything else is a mistake of the program.
func caught(p any) error {
	stack := make([]byte, 16<<10)
	stack = stack[:runtime.Stack(stack, false)]
	if fault, ok := p.(interface {
		error
		Addr() uintptr
	}); ok {
		return damaged("memory map", fault)
	}
	// Between the panic and our function stands bbolt: its assertions and its index errors are
	// damage.
	trace := string(stack)
	if at := strings.Index(trace, "panic("); at >= 0 {
		frames := strings.SplitN(trace[at:], "\n", 5)
		if len(frames) > 2 && strings.Contains(frames[2], "go.etcd.io/bbolt") {
			return damaged("page", p)
		}
	}
	return &PanicError{Value: p, Stack: trace}
}
