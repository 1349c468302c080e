//go:build !linux

package bounded

import "time"

var started = time.Now()

// threadTime is the time that has passed: that of a core is not told here.
func threadTime() time.Duration { return time.Since(started) }
