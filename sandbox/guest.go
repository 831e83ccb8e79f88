package sandbox

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A guest is a command in the PID namespace of another sandbox, seen from its
// caller. The process that builds its own sandbox must not be seen in there, so
// it stays outside until all is built and given away, as one that joins by
// [Exec] does, and leaves the command as its last deed.
type guest struct {
	name   string   // of the command
	answer *os.File // its pid is written there
	status *os.File // the errno of its execve, or the end
}

func newGuest(args []string) (g *guest, theirs *os.File, err error) {
	if len(args) == 0 {
		return nil, nil, fmt.Errorf("sandbox: no command")
	}
	g = &guest{name: args[0]}
	if g.answer, err = memory("answer", make([]byte, answerSize)); err != nil {
		return nil, nil, err
	}
	if g.status, theirs, err = os.Pipe(); err != nil {
		g.answer.Close()
		return nil, nil, err
	}
	return g, theirs, nil
}

// dup is one more descriptor of the answer, for the child.
func (g *guest) dup() (*os.File, error) {
	fd, err := unix.FcntlInt(g.answer.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("dup: %w", err)
	}
	return os.NewFile(uintptr(fd), "answer"), nil
}

func (g *guest) close() {
	g.answer.Close()
	g.status.Close()
}

// moveIn makes p the command's process, once there is one.
func (p *Process) moveIn(ctx context.Context) error {
	g := p.guest
	defer g.answer.Close()
	proc, err := p.handOver(ctx, g.answer)
	if err != nil {
		g.status.Close()
		p.closeTerminal()
		_ = p.world.Close() // unless Wait has
		p.release()
		return err
	}
	p.proc, p.Pid, p.control = proc, proc.Pid, g.status
	if p.Start, err = StartTime(p.Pid); err != nil {
		return p.fail(err)
	}
	return p.begun(ctx, g.name)
}

// guest says that the command is one.
func (o *order) guest() bool { return !o.Join && o.Share.PIDOf.Pid != 0 }

// joinPID lets the next child, which is the command, be in the PID namespace
// of another sandbox.
func (o *order) joinPID() error {
	if !o.guest() {
		return nil
	}
	if err := unix.Setns(pidfdFD, unix.CLONE_NEWPID); err != nil {
		return fmt.Errorf("enter the PID namespace: %w", err)
	}
	return nil
}

// mountProc makes /proc, which shows the PID namespace of the process that
// mounts it; that of another sandbox has come as a mount.
func (o *order) mountProc() error {
	if o.guest() {
		return tree{File: os.NewFile(procFD, "proc"), isDir: true}.attach("/proc")
	}
	return mount("proc", "/proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
}
