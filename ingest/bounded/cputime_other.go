//go:build !linux

package bounded

import "time"

var started = time.Now()

// threadTime returns the elapsed time, because the CPU time of a thread is not available here.
func threadTime() time.Duration { return time.Since(started) }
