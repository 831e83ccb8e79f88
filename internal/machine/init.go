package machine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// init keeps the main goroutine of PID 1 on the first thread: a goroutine that
// moves to another namespace and ends there would leave that thread behind, and
// it is the one that /proc/1 shows.
func init() {
	if os.Args[0] == arg0 {
		runtime.LockOSThread()
	}
}

// Init does nothing in a program that was started as usual. In a child that
// [Command] started it builds the machine, runs the command in it, and does
// not return.
func Init() {
	if os.Args[0] != arg0 {
		return
	}
	pid, err := boot(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "private machine:", err)
		if errors.Is(err, exec.ErrNotFound) {
			os.Exit(127)
		}
		os.Exit(125)
	}
	os.Exit(wait(pid))
}

// boot builds the machine and starts the command as a child, since PID 1 has
// to adopt orphans and ignores signals that it has no handler for.
func boot(argv []string) (pid int, err error) {
	if len(argv) == 0 {
		return 0, errors.New("no command")
	}
	if err := mounts(); err != nil {
		return 0, err
	}
	if err := unix.Sethostname([]byte("host")); err != nil {
		return 0, fmt.Errorf("set host name: %w", err)
	}
	if err := network(); err != nil {
		return 0, err
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return 0, err
	}
	pass := make(chan os.Signal, 8)
	signal.Notify(pass, unix.SIGTERM, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT)
	pid, err = syscall.ForkExec(path, argv, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	go forward(pass, pid)
	return pid, nil
}

// forward passes signals on to the command. Those that a terminal sends have
// reached it already, with the whole process group.
func forward(signals <-chan os.Signal, pid int) {
	for s := range signals {
		if s == unix.SIGTERM || s == unix.SIGHUP {
			_ = unix.Kill(pid, s.(unix.Signal)) // it may just have ended
		}
	}
}

// wait reaps every process that ends, until it is the command's turn. What is
// left is killed by the kernel as PID 1 ends (pid_namespaces(7)).
func wait(pid int) (code int) {
	for {
		var status unix.WaitStatus
		ended, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR) || ended != pid:
			continue
		case status.Signaled():
			return 128 + int(status.Signal())
		default:
			return status.ExitStatus()
		}
	}
}
