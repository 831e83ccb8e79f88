package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Start makes a sandbox for the process that [Process.Go] will let go. It
// returns at once, while the sandbox is still being built; what goes wrong
// there is reported by Go.
//
// The sandbox dies with the program, however that ends. The process has to be
// waited for.
func Start(c Config) (*Process, error) {
	if c.Root.Layers == "" {
		return nil, errors.New("sandbox: no directory for the layers")
	}
	attr := &syscall.SysProcAttr{
		Cloneflags: c.Share.cloneFlags(),
		Setsid:     true,
		Pdeathsig:  unix.SIGKILL,
	}
	if c.Init && c.Share.PIDOf.Pid != 0 {
		return nil, errors.New("sandbox: an init in the PID namespace of another sandbox")
	}
	peers, err := c.Share.open(c.Args)
	if err != nil {
		return nil, err
	}
	defer peers.close()
	return onThread(func() (*Process, error) {
		p, err := (&order{Config: c}).start(attr, peers.files...)
		if err != nil || !c.Share.PID && c.Share.PIDOf.Pid == 0 {
			return p, err
		}
		p.guest, peers.guest = peers.guest, nil
		if p.world, err = os.Open(fmt.Sprintf("/proc/%d/ns/mnt", p.Pid)); err != nil {
			return nil, p.fail(err)
		}
		return p, nil
	})
}

// onThread starts a process from a thread that lives until the process has
// been waited for: the death of its parent, on which the kernel kills it, is
// that of the thread, not of the program (prctl(2), PR_SET_PDEATHSIG).
func onThread(start func() (*Process, error)) (p *Process, err error) {
	started, ended := make(chan struct{}), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if p, err = start(); err == nil {
			p.release = sync.OnceFunc(func() { close(ended) })
		}
		close(started)
		if err == nil {
			<-ended
		}
	}()
	<-started
	return p, err
}

// start starts the program again with the order, and more descriptors after
// controlFD.
func (o *order) start(attr *syscall.SysProcAttr, more ...*os.File) (_ *Process, err error) {
	if !ready {
		return nil, errors.New("sandbox: main has not called sandbox.Init")
	}
	if len(o.Args) == 0 {
		return nil, errors.New("sandbox: no command")
	}
	caps, err := o.Caps.set()
	if err != nil {
		return nil, err
	}
	o.Bound = uint64(caps)

	files := append([]*os.File{o.Stdin, o.Stdout, o.Stderr, nil, nil, nil}, more...)
	var ours []*os.File
	defer func() {
		for _, f := range ours {
			f.Close()
		}
	}()
	for i, open := range []func() (*os.File, error){devNull, devNull, devNull, sealedExe, o.file} {
		if files[i] != nil {
			continue
		}
		if files[i], err = open(); err != nil {
			return nil, err
		}
		ours = append(ours, files[i])
	}
	control, theirs, err := socketpair()
	if err != nil {
		return nil, err
	}
	files[controlFD] = theirs
	ours = append(ours, theirs)

	proc, err := os.StartProcess(fmt.Sprintf("/proc/self/fd/%d", exeFD), []string{marker},
		&os.ProcAttr{Dir: "/", Env: selfEnv(), Files: files, Sys: attr})
	if err != nil {
		control.Close()
		return nil, fmt.Errorf("start the sandbox: %w", err)
	}
	return newProcess(proc, control)
}

// selfEnv is empty, as it is the program's own until it becomes the command;
// but one built by `go build -cover` complains unless it is told where to write.
func selfEnv() []string {
	if dir, ok := os.LookupEnv("GOCOVERDIR"); ok {
		return []string{"GOCOVERDIR=" + dir}
	}
	return []string{}
}

func devNull() (*os.File, error) { return os.OpenFile(os.DevNull, os.O_RDWR, 0) }

// sealedExe opens the running program through a read-only mount of its own.
// A command that is a script with #!/proc/self/exe, or that opens
// /proc/PID/exe at the right moment, gets hold of the program; through this
// mount it can't write to it (CVE-2019-5736).
func sealedExe() (*os.File, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, "/proc/self/exe", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open_tree /proc/self/exe: %w", err)
	}
	f := os.NewFile(uintptr(fd), "/proc/self/exe")
	if err := setMountAttr(fd, unix.MOUNT_ATTR_RDONLY); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// socketpair gives our end, which can be waited for, and the child's.
func socketpair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "sandbox"), os.NewFile(uintptr(fds[1]), "sandbox"), nil
}

// Go lets the command start, in the network namespace netns, or in the
// caller's if that is nil. It waits until the command has been executed; if it
// can't be, the error is an [ExecError], and if the sandbox could not be made,
// a [SetupError] or [ErrEnded]. In each of these cases, and when ctx ends
// before, nothing of the sandbox is left.
func (p *Process) Go(ctx context.Context, netns *os.File) error {
	if err := p.send(netns); err != nil && !errors.Is(err, unix.EPIPE) {
		return p.fail(err)
	}
	if p.guest != nil {
		return p.moveIn(ctx)
	}
	return p.executed(ctx)
}

// send writes one byte, and the namespace as ancillary data (unix(7)). EPIPE
// is a child that has failed: its report is there to be read.
func (p *Process) send(netns *os.File) error {
	var rights []byte
	if netns != nil {
		rights = unix.UnixRights(int(netns.Fd()))
	}
	conn, err := p.control.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = conn.Control(func(fd uintptr) {
		sent = unix.Sendmsg(int(fd), []byte{1}, rights, nil, unix.MSG_NOSIGNAL)
	})
	return errors.Join(err, sent)
}

// executed waits for the execve of the child.
func (p *Process) executed(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = p.Signal(unix.SIGKILL) })
	defer stop()
	err := outcome(said{p})
	if err == nil {
		return p.control.Close()
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return p.fail(err)
}

// fail ends the process because of err.
func (p *Process) fail(err error) error {
	if ended := p.Kill(); ended != nil {
		return errors.Join(err, ended)
	}
	return err
}
