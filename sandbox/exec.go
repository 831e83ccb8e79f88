package sandbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

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
	j, err := startJoiner(first, c)
	if err != nil {
		return nil, err
	}
	defer j.answer.Close()
	p, err := j.handOver(ctx)
	if err != nil {
		j.status.Close()
		j.closeTerminal()
		// The answers of setns(2) and fork(2) where PID 1 has ended.
		if (errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOMEM)) && !Alive(pid, start) {
			err = os.ErrProcessDone
		}
		return nil, err
	}
	return p, p.begun(ctx, c.Args[0])
}

// A joiner is the program started again to leave a command in a sandbox.
type joiner struct {
	*Process
	answer *os.File // the command's pid is written there
	status *os.File // the errno of its execve, or the end
}

// answerSize is that of what a joiner writes to memory: one integer.
const answerSize = 8

func startJoiner(first *os.File, c Command) (_ *joiner, err error) {
	answer, err := memory("answer", make([]byte, answerSize))
	if err != nil {
		return nil, err
	}
	status, theirs, err := os.Pipe()
	if err != nil {
		answer.Close()
		return nil, err
	}
	defer theirs.Close()
	o := &order{Config: Config{Command: c}, Join: true}
	p, err := o.start(&syscall.SysProcAttr{Setsid: true}, first, answer, theirs)
	if err != nil {
		answer.Close()
		status.Close()
		return nil, err
	}
	p.admit = c.Admit
	return &joiner{Process: p, answer: answer, status: status}, nil
}

// handOver gives the command's process once there is one, and nothing is left
// of the joiner. Until it asks for its go, the sandbox's files can keep it
// waiting, and the end of ctx is its own. From then on it is not killed: it is
// about to have a child that nobody else knows of.
func (j *joiner) handOver(ctx context.Context) (*Process, error) {
	proc, err := j.Process.handOver(ctx, j.answer)
	if err != nil {
		return nil, err
	}
	p, err := newProcess(proc, j.status)
	if err == nil {
		p.Terminal, p.held = j.Terminal, j.held
	}
	return p, err
}

func (p *Process) handOver(ctx context.Context, answer *os.File) (*os.Process, error) {
	stop := context.AfterFunc(ctx, func() { _ = p.Signal(unix.SIGKILL) })
	err := prepared(said{p})
	if !stop() {
		err = context.Cause(ctx)
	}
	if err == nil && p.admit != nil {
		var door io.Closer
		if door, err = p.admit(); err == nil {
			defer door.Close()
		}
	}
	if err == nil {
		err = p.send(nil)
	}
	if err != nil {
		return nil, p.fail(err)
	}
	_, err = p.proc.Wait()
	if err = errors.Join(err, p.control.Close()); err != nil {
		return nil, err
	}
	var said [answerSize]byte
	if _, err := answer.ReadAt(said[:], 0); err != nil {
		return nil, err
	}
	n := int64(binary.NativeEndian.Uint64(said[:]))
	switch errno := syscall.Errno(-n); {
	case n == 0:
		return nil, ErrEnded
	case n < 0:
		return nil, &SetupError{Text: "fork: " + errno.Error(), Errno: errno}
	}
	return os.FindProcess(int(n)) // a child that has ended keeps its number until it is waited for
}

// begun waits for the execve of the command, which a sandbox that traces it
// can put off.
func (p *Process) begun(ctx context.Context, name string) error {
	stop := context.AfterFunc(ctx, func() { _ = p.control.SetReadDeadline(time.Unix(1, 0)) })
	said, err := io.ReadAll(io.LimitReader(p.control, 4))
	switch {
	case !stop():
		err = context.Cause(ctx)
	case err == nil && len(said) == 0:
		return p.control.Close()
	case len(said) == 4:
		errno := syscall.Errno(binary.NativeEndian.Uint32(said))
		err = &ExecError{Name: name, Reason: errno.Error(), Errno: errno}
	case err == nil:
		err = fmt.Errorf("sandbox status %q", said)
	}
	return p.fail(err)
}
