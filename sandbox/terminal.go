package sandbox

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// peer opens the side of a terminal that a command has, by none of its names
// (ioctl_tty(2)).
func peer(master int) (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

// hold keeps a terminal open at the command's side until it is closed. With
// nobody there, reading at ours ends (EIO), though a command that has closed
// its streams may come back, by /dev/tty or /dev/console.
func hold(terminal *os.File) (*os.File, error) {
	conn, err := terminal.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var opened error
	err = conn.Control(func(master uintptr) { fd, opened = peer(int(master)) })
	if err = errors.Join(err, opened); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "terminal"), nil
}

// Handle is a descriptor of the process for another program (pidfd_open(2)).
// Of one that has been waited for there is none: [os.ErrProcessDone].
func (p *Process) Handle() (handle *os.File, err error) {
	err2 := p.proc.WithHandle(func(pidfd uintptr) {
		var fd int
		if fd, err = unix.FcntlInt(pidfd, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			handle = os.NewFile(uintptr(fd), "pidfd")
		}
	})
	return handle, errors.Join(err, err2)
}

// Drain reads a terminal that nobody looks at until the process, given by its
// [Process.Handle], has ended and nobody else has the terminal open: one that
// is not read stops who writes. Without a process it has ended. Drain closes
// both.
func Drain(terminal, process *os.File) {
	defer terminal.Close()
	if process != nil {
		if held, err := hold(terminal); err == nil {
			go func() {
				defer process.Close()
				defer held.Close()
				awaitEnd(process)
			}()
		}
	}
	_, _ = io.Copy(io.Discard, terminal) // EIO is how it ends
}

// awaitEnd waits for the end of a process.
func awaitEnd(handle *os.File) {
	fds := []unix.PollFd{{Fd: int32(handle.Fd()), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(fds, -1); err != unix.EINTR {
			return
		}
	}
}

// closeTerminal closes the terminal, if it came that far.
func (p *Process) closeTerminal() {
	_, _ = p.Terminal.Close(), p.held.Close()
}
