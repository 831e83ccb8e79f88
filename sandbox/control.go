package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// An order is what the program started again reads from orderFD.
type order struct {
	Config
	Bound uint64 // the capabilities it may keep
	Join  bool   // enter the sandbox of pidfdFD, instead of making one

	overDev string // what was mounted over /dev
	devices []tree // that were there before
	capSet  capSet
	shm     tree // somebody else's /dev/shm; none if it has no file
	base    base // the mounts of a root file system that is to be read-only
	master  int  // with Terminal, the caller's end of it
}

// file writes the order to memory that the child can read.
func (o *order) file() (*os.File, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return memory("order", data)
}

// memory is a file of nothing but memory.
func memory(name string, data []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.WriteAt(data, 0); err != nil {
		f.Close()
		return nil, fmt.Errorf("memfd: %w", err)
	}
	return f, nil
}

func readOrder() (*order, error) {
	unix.CloseOnExec(controlFD)
	f := os.NewFile(orderFD, "order")
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	o := new(order)
	if err := json.Unmarshal(data, o); err != nil {
		return nil, fmt.Errorf("sandbox order: %w", err)
	}
	if o.Join || o.guest() {
		unix.CloseOnExec(statusFD)
	}
	if !o.Init {
		unix.Close(exeFD)
	}
	o.capSet = capSet(o.Bound)
	return o, nil
}

// control is the child's end of the socket to the caller. Down it comes one
// byte, go, perhaps with a network namespace; up it goes one byte just before
// execve, perhaps with a terminal, and a report if anything failed. Its end
// without a report means that the command has been executed. One who joins says
// that byte first, and is told go then.
type control int

const executing = '!'

// A report is an error on its way to the caller.
type report struct {
	Text  string
	Errno syscall.Errno
	Exec  *ExecError `json:",omitempty"`
}

func (c control) report(err error) {
	r := report{Text: err.Error()}
	r.Exec, _ = errors.AsType[*ExecError](err)
	r.Errno, _ = errors.AsType[syscall.Errno](err)
	data, _ := json.Marshal(r)
	_, _ = unix.Write(int(c), data) // a caller that is gone needs no report
}

// executing also hands over the terminal. A caller that is gone needs neither.
func (o *order) executing(c control) {
	var rights []byte
	if o.Terminal != nil {
		rights = unix.UnixRights(o.master)
	}
	_ = unix.Sendmsg(int(c), []byte{executing}, rights, nil, unix.MSG_NOSIGNAL)
}

// waitGo waits for the go, and enters the network namespace that came with it.
func (c control) waitGo() error {
	buf, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := unix.Recvmsg(int(c), buf, oob, unix.MSG_CMSG_CLOEXEC)
	switch {
	case err != nil:
		return fmt.Errorf("wait for go: %w", err)
	case n == 0:
		os.Exit(125) // the caller is gone
	case oobn == 0:
		return nil
	}
	ns, err := passed(oob[:oobn])
	if err != nil {
		return fmt.Errorf("network namespace: %w", err)
	}
	defer unix.Close(ns)
	if err := unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace: %w", err)
	}
	return nil
}

// passed is the one descriptor that a message brought.
func passed(oob []byte) (int, error) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return -1, err
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil {
		return -1, err
	}
	return fds[0], nil
}

// Read takes what the child says, and keeps the terminal that comes beside it.
func (p said) Read(buf []byte) (n int, err error) {
	conn, err := p.control.SyscallConn()
	if err != nil {
		return 0, err
	}
	oob, oobn := make([]byte, unix.CmsgSpace(4)), 0
	waited := conn.Read(func(fd uintptr) bool {
		n, oobn, _, _, err = unix.Recvmsg(int(fd), buf, oob, unix.MSG_CMSG_CLOEXEC)
		return err != unix.EAGAIN && err != unix.EINTR
	})
	if err = errors.Join(waited, err); err != nil {
		return 0, err
	}
	if oobn > 0 {
		fd, err := passed(oob[:oobn])
		if err != nil {
			return 0, fmt.Errorf("terminal: %w", err)
		}
		p.Terminal = os.NewFile(uintptr(fd), "terminal")
		if p.held, err = hold(p.Terminal); err != nil {
			return 0, fmt.Errorf("terminal: %w", err)
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// said is a process as its caller hears it.
type said struct{ *Process }

// exitIfAlone ends the process when the caller died while no signal told so.
func (c control) exitIfAlone() {
	fds := []unix.PollFd{{Fd: int32(c), Events: unix.POLLRDHUP}}
	if n, err := unix.Poll(fds, 0); err == nil && n > 0 && fds[0].Revents != 0 {
		os.Exit(125)
	}
}

// prepared waits until one who joins asks for its go.
func prepared(r io.Reader) error {
	said := make([]byte, 1)
	n, _ := r.Read(said)
	if n == 1 && said[0] == executing {
		return nil
	}
	return outcome(io.MultiReader(bytes.NewReader(said[:n]), r))
}

// outcome reads what the child says up to its execve or end.
func outcome(f io.Reader) error {
	said, err := io.ReadAll(f)
	// A child that ends before it has read its go resets the connection.
	if err != nil && !errors.Is(err, unix.ECONNRESET) {
		return fmt.Errorf("sandbox: %w", err)
	}
	executed := len(said) > 0 && said[0] == executing
	if executed {
		said = said[1:]
	}
	if len(said) == 0 {
		if executed {
			return nil
		}
		return ErrEnded
	}
	var r report
	if err := json.Unmarshal(said, &r); err != nil {
		return fmt.Errorf("sandbox report %q: %w", said, err)
	}
	if r.Exec != nil {
		return r.Exec
	}
	return &SetupError{Text: r.Text, Errno: r.Errno}
}

// ErrEnded is a sandbox that was killed before its command was executed.
var ErrEnded = errors.New("the sandbox ended before its command was executed")

// A SetupError is a sandbox that could not be made.
type SetupError struct {
	Text  string
	Errno syscall.Errno // 0 when it was no system call's
}

// Error tells what could not be made, and why.
func (e *SetupError) Error() string { return e.Text }

// Unwrap gives the errno.
func (e *SetupError) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}
