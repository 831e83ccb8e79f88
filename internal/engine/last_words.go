package engine

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lastWords is how long what a command wrote to is read when the command has
// ended. Somebody else may have it open for ever: what it left behind, or whom
// it handed it to (SCM_RIGHTS, unix(7)). It is Docker's time.
const lastWords = 2 * time.Second

// hearOut gives what a command wrote to until then, from now on.
func hearOut(from *os.File) { from.SetReadDeadline(time.Now().Add(lastWords)) }

// A hearer reads a pipe or a terminal to its end, or until its deadline
// (see hearOut). What a command wrote before it ended fits into the pipe: that
// is read after the deadline, too, should the reader be late.
type hearer struct {
	from *os.File
	late bool
	left int // bytes to read when it is late
}

func (l *hearer) Read(p []byte) (int, error) {
	if !l.late {
		n, err := l.from.Read(p)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		l.late, l.left = true, capacity(l.from)
	}
	n, err := readNow(l.from, p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

// capacity is how many bytes a pipe holds (pipe(7)). A terminal doesn't tell, and
// holds less than what is taken for it.
func capacity(f *os.File) int {
	n := 1 << 20
	conn, err := f.SyscallConn()
	if err != nil {
		return n
	}
	conn.Control(func(fd uintptr) {
		if size, err := unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0); err == nil {
			n = size
		}
	})
	return n
}

// readNow reads what is there; without any it is at the end.
func readNow(f *os.File, p []byte) (n int, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = conn.Control(func(fd uintptr) { n, failed = unix.Read(int(fd), p) })
	if err != nil || failed != nil || n <= 0 {
		return 0, io.EOF
	}
	return n, nil
}
