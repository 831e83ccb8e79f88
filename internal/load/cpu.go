package load

import (
	"os"

	"golang.org/x/sys/unix"
)

// Two that say a byte at a time are as quick as one CPU wakes the other, which
// takes longer than any way between them, and depends on where the scheduler
// has put them: so both go on one.

// pin keeps the calling thread on one CPU that it may use: the last, as others
// tend to begin with the first.
func pin() error {
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return os.NewSyscallError("sched_getaffinity", err)
	}
	for cpu, seen := 0, 0; seen < all.Count(); cpu++ {
		if all.IsSet(cpu) {
			seen++
			one.Zero()
			one.Set(cpu)
		}
	}
	return os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &one))
}

// together moves the calling thread to the CPU that a connection's packets come
// in by, which is the client's (socket(7), SO_INCOMING_CPU), and back later.
func together(conn int) (apart func()) {
	var before, one unix.CPUSet
	cpu, err := unix.GetsockoptInt(conn, unix.SOL_SOCKET, unix.SO_INCOMING_CPU)
	if err != nil || unix.SchedGetaffinity(0, &before) != nil {
		return func() {}
	}
	one.Set(cpu)
	_ = unix.SchedSetaffinity(0, &one)
	return func() { _ = unix.SchedSetaffinity(0, &before) }
}
