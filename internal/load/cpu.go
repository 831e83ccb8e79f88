package load

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Client and server take turns, but in a stream, so they share one CPU: apart,
// they would be as quick as one CPU wakes the other, which takes longer than
// any way between them, and depends on where the scheduler has put them. Their
// priority stays: ahead of everything else they would stop a machine that has
// one CPU.

// cpus are those that this process may use, and the one of them that is shared.
type cpus struct{ all, shared unix.CPUSet }

// ownCPUs shares the last, as other programs tend to begin with the first.
func ownCPUs() (c cpus, err error) {
	if err := unix.SchedGetaffinity(0, &c.all); err != nil {
		return c, os.NewSyscallError("sched_getaffinity", err)
	}
	for cpu, left := 0, c.all.Count(); left > 0; cpu++ {
		if c.all.IsSet(cpu) {
			c.shared.Zero()
			c.shared.Set(cpu)
			left--
		}
	}
	return c, nil
}

// share keeps the calling goroutine on a thread of its own, and that on the
// shared CPU.
func (c *cpus) share() error {
	runtime.LockOSThread()
	return os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &c.shared))
}

// roam lets it go.
func (c *cpus) roam() error {
	return os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &c.all))
}
