package load

import (
	"errors"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Client and server take turns, but in a stream, so they share one CPU: apart,
// they would be as quick as one CPU wakes the other, which takes longer than
// any way between them, and depends on where the scheduler has put them. And
// they come before all else that runs: what is timed is no other program's.

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

// share keeps the calling thread on the shared CPU.
func (c *cpus) share() error {
	return os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &c.shared))
}

// roam lets it go.
func (c *cpus) roam() error {
	return os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &c.all))
}

// ahead gives the calling goroutine a thread that runs whenever it can (sched(7),
// SCHED_FIFO). Who may not do that shares the CPU with others.
func ahead() error {
	runtime.LockOSThread()
	err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
	if errors.Is(err, unix.EPERM) {
		return nil
	}
	return os.NewSyscallError("sched_setattr", err)
}
