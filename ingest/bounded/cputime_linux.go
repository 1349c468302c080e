package bounded

import (
	"syscall"
	"time"
)

// threadTime is the time of a core that the calling thread has had.
func threadTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if syscall.Getrusage(thread, &u) != nil {
		return 0 // lookWait bounds the look all the same
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
