package index

import (
	"fmt"
	"runtime/debug"
	"time"
)

// within runs f in a goroutine and waits for it, but at most for limit. Then it returns ErrStuck,
// and f keeps running. Bleve has states in which a call never returns, for example after its
// persister panicked, and no way to interrupt it.
func within(limit time.Duration, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- safely(f) }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("%w in %v", ErrStuck, limit)
	}
}

// A panicError is the error for a panic, or for a fault on a page of a mapped file.
type panicError struct{ value any }

func (e panicError) Error() string { return fmt.Sprintf("bleve panicked: %v", e.value) }

// safely runs f and returns its panics as errors, including faults: reading a mapped file that was
// truncated faults. It cannot protect goroutines that f starts; for those of Bleve see
// registerCallbacks.
func safely(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if value := recover(); value != nil {
			err = panicError{value}
		}
	}()
	return f()
}
