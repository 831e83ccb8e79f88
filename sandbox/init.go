package sandbox

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// marker is argv[0] of the program started again.
const marker = "minibridge-sandbox"

// What the program started again inherits beside its streams.
const (
	exeFD     = 3 + iota // the program itself
	orderFD              // what to do, as JSON
	controlFD            // a socket to the caller
	pidfdFD              // for Exec: PID 1 of the sandbox to join; or the one whose PID namespace is shared
	answerFD             // then, memory for the command's pid
	statusFD             // and a pipe for the errno of its execve
	procFD               // a mount of the /proc of a shared PID namespace
	ipcFD                // a shared IPC namespace
	shmFD                // a mount of its /dev/shm
)

// ready is true once main has called Init: only then can the program be
// started again without running the whole of it.
var ready bool

// Init has to be the first call of main. In the program that the user started
// it does nothing. In the one that [Start] or [Exec] started it never returns.
func Init() {
	ready = true
	switch os.Args[0] {
	default:
		return
	case initName:
		runInit()
	case marker:
	}
	runtime.LockOSThread() // namespaces, user and capabilities belong to threads
	c := control(controlFD)
	c.report(child(c))
	unix.Exit(125) // os.Exit writes coverage, in a place that the new root may lack
}

// child turns the program into the command; it returns only if it can't.
func child(c control) error {
	// Nobody in the sandbox may look at this process through /proc while it
	// still has the host's powers. execve makes it visible again.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_DUMPABLE): %w", err)
	}
	o, err := readOrder()
	if err != nil {
		return err
	}
	// Best effort: lowering it needs CAP_SYS_RESOURCE, which a nested host may
	// lack. A sandbox's /proc has no entry for one who only joins it.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("0"), 0)
	if o.Join {
		return o.join(c)
	}
	return o.found(c)
}

// found builds a new sandbox around the process, and executes its command.
func (o *order) found(c control) error {
	unix.Umask(0)
	if err := o.joinIPC(); err != nil {
		return err
	}
	if err := o.nameHost(); err != nil {
		return err
	}
	if err := o.setSysctls(); err != nil {
		return err
	}
	late, err := o.buildRoot()
	if err != nil {
		return err
	}
	if err := c.waitGo(); err != nil {
		return err
	}
	if err := o.mountSys(); err != nil { // shows the network namespace it is mounted in
		return err
	}
	if err := o.attachLate(late); err != nil {
		return err
	}
	if _, err := makeDir(o.dir()); errors.Is(err, unix.ENOTDIR) {
		return &SetupError{Text: "Cannot mkdir: " + o.dir() + " is not a directory", Errno: unix.ENOTDIR} // Docker's text
	} else if err != nil {
		return err
	}
	if err := o.base.seal(); err != nil {
		return err
	}
	if err := o.joinPID(); err != nil {
		return err
	}
	return o.become(c)
}

// nameHost sets what uname(2) tells.
func (o *order) nameHost() error {
	if o.Share.UTS {
		return nil
	}
	if o.Hostname != "" {
		if err := unix.Sethostname([]byte(o.Hostname)); err != nil {
			return fmt.Errorf("hostname %q: %w", o.Hostname, err)
		}
	}
	if o.Domainname != "" {
		if err := unix.Setdomainname([]byte(o.Domainname)); err != nil {
			return fmt.Errorf("domainname %q: %w", o.Domainname, err)
		}
	}
	return nil
}
