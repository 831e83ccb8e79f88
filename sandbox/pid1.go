package sandbox

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// initName is argv[0] of the program as the init of a sandbox, as ps(1) in
// there shows it.
const initName = "minibridge-init"

// execInit executes the program as PID 1 of the sandbox, which is to start the
// command and stay: by its descriptor, as no path leads to it from here.
func (o *order) execInit(env []string) error {
	argv, err := syscall.SlicePtrFromStrings(append([]string{initName, "--"}, o.Args...))
	if err != nil {
		return err
	}
	envv, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return err
	}
	empty, err := syscall.BytePtrFromString("")
	if err != nil {
		return err
	}
	// Gives the limit of open files back that the Go runtime raised at its
	// start; a file that can't be there keeps it from doing more.
	_ = unix.Exec("", nil, nil)
	if _, err := unix.FcntlInt(controlFD, unix.F_SETFD, 0); err != nil { // for the init to say how it went
		return fmt.Errorf("keep the control socket: %w", err)
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_EXECVEAT, exeFD, uintptr(unsafe.Pointer(empty)),
		uintptr(unsafe.Pointer(unsafe.SliceData(argv))), uintptr(unsafe.Pointer(unsafe.SliceData(envv))), unix.AT_EMPTY_PATH, 0)
	runtime.KeepAlive(argv)
	runtime.KeepAlive(envv)
	return fmt.Errorf("execute the init of the sandbox: %w", errno)
}

// runInit is the life of an init: it starts the command, hands it every signal,
// waits for each process that has lost its parent, and ends as the command ends.
//
// The end of the control socket tells the caller that the command has been
// executed, not the init: before watch the kernel throws signals to a PID 1 away,
// or the Go runtime dies of them. That can't be prevented by a mask, as the
// runtime unblocks at its start what ends a program.
func runInit() {
	runtime.GOMAXPROCS(1)
	args := os.Args[1:]
	if len(args) < 2 || args[0] != "--" {
		fmt.Fprintf(os.Stderr, "usage: %s -- COMMAND [ARG...]\n", initName)
		unix.Exit(1)
	}
	if os.Getpid() != 1 { // in a PID namespace of somebody else
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	unix.CloseOnExec(controlFD)
	ended, signals := watch() // before there is a child to miss one
	child, err := startCommand(args[1:])
	if err != nil {
		control(controlFD).report(err)
		unix.Exit(err.ExitCode())
	}
	unix.Close(controlFD)
	for {
		select {
		case <-ended:
			if code, ended := reap(child); ended {
				unix.Exit(code)
			}
		case s := <-signals:
			_ = unix.Kill(child, s.(syscall.Signal))
		}
	}
}

// watch gives the ends of children, of which one that waits to be looked at
// stands for all, and the other signals: of a flood of those some are lost, and
// no end with them.
func watch() (ended, signals chan os.Signal) {
	ended, signals = make(chan os.Signal, 1), make(chan os.Signal, 128)
	signal.Notify(ended, unix.SIGCHLD)
	for s := unix.Signal(1); s <= 64; s++ {
		if s != unix.SIGCHLD && s != unix.SIGURG { // the Go runtime's own
			signal.Notify(signals, s)
		}
	}
	return ended, signals
}

// startCommand starts the command in a process group of its own, which gets
// the terminal if there is one.
func startCommand(args []string) (pid int, _ *ExecError) {
	path, err := lookup(args[0], os.Environ())
	if err == nil {
		_, noTerminal := unix.IoctlGetInt(0, unix.TIOCGPGRP)
		attr := &syscall.ProcAttr{
			Env: os.Environ(), Files: []uintptr{0, 1, 2},
			Sys: &syscall.SysProcAttr{Setpgid: true, Foreground: noTerminal == nil},
		}
		pid, err = syscall.ForkExec(path, args, attr)
	}
	switch err := err.(type) {
	case nil:
		return pid, nil
	case *ExecError:
		return 0, err
	case syscall.Errno:
		return 0, &ExecError{Name: args[0], Reason: err.Error(), Errno: err}
	default:
		return 0, &ExecError{Name: args[0], Reason: err.Error()}
	}
}

// reap waits for all that has ended, and tells how the child did.
func reap(child int) (code int, ended bool) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR:
		case err != nil || pid <= 0:
			return code, ended
		case pid != child:
		case status.Signaled():
			code, ended = 128+int(status.Signal()), true
		default:
			code, ended = status.ExitStatus(), true
		}
	}
}
