package bounded

import (
	"syscall"
	"time"
)

// threadTime returns the CPU time of the calling thread.
func threadTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if syscall.Getrusage(thread, &u) != nil {
		return 0 // lookWait still bounds the time
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
