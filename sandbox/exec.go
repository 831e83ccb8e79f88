package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Exec executes one more command in the sandbox whose PID 1 is the process
// with this pid and start time, in all its namespaces. It returns once the
// command has been executed; the errors are those of [Process.Go], and
// [os.ErrProcessDone] if there is no such sandbox any more. Dir has to exist.
//
// The command is a child of the caller, which outlives it; it ends with PID 1
// of the sandbox.
func Exec(ctx context.Context, pid int, start uint64, c Command) (*Process, error) {
	first, err := openProcess(pid, start)
	if err != nil {
		return nil, err
	}
	defer first.Close()
	o := &order{Config: Config{Command: c}, Join: true}
	p, err := o.startIn(first)
	if errors.Is(err, unix.ENOMEM) && !Alive(pid, start) {
		return nil, os.ErrProcessDone // the answer of a PID namespace without PID 1
	}
	if err != nil {
		return nil, err
	}
	return p, p.executed(ctx)
}

// startIn starts the program again with the PID namespace of first. That one
// alone can't be changed by the child itself: it counts for children only
// (pid_namespaces(7)). So for a moment the calling thread's children belong
// there.
func (o *order) startIn(first *os.File) (*Process, error) {
	own, err := os.Open("/proc/self/ns/pid")
	if err != nil {
		return nil, err
	}
	defer own.Close()
	runtime.LockOSThread()
	if err := unix.Setns(int(first.Fd()), unix.CLONE_NEWPID); err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("enter the sandbox's PID namespace: %w", err)
	}
	p, err := o.start(&syscall.SysProcAttr{Setsid: true}, first)
	if back := unix.Setns(int(own.Fd()), unix.CLONE_NEWPID); back != nil {
		// The thread stays locked: it ends with the goroutine.
		return p, errors.Join(err, fmt.Errorf("leave the sandbox's PID namespace: %w", back))
	}
	runtime.UnlockOSThread()
	return p, err
}
