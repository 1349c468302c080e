package index

import (
	"fmt"
	"runtime/debug"
	"time"
)

// within runs f in a goroutine of its own and waits for it, but for no longer
// than limit: then it returns ErrStuck, and f runs on alone. Bleve has states
// in which a call never comes back (its persister's goroutine ended by a panic,
// for one), and nothing that can interrupt it.
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

// A panicError is a panic, or a fault on a page of a mapped file, turned into
// an error.
type panicError struct{ value any }

func (e panicError) Error() string { return fmt.Sprintf("bleve panicked: %v", e.value) }

// safely runs f and returns its panics as errors, faults included: a file that
// is shorter than its map faults where it is read. Goroutines that f starts are
// beyond its reach; for those of Bleve that read files see registerCallbacks.
func safely(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if value := recover(); value != nil {
			err = panicError{value}
		}
	}()
	return f()
}
