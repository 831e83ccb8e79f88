package hosttest

import (
	"golang.org/x/sys/unix"
)

// A Hold keeps whoever opens a file waiting, until he is killed or it is
// released: nobody answers the kernel, which asks for permission (fanotify(7)).
type Hold struct{ fd int }

// NewHold holds those who open a file that is there. It ends by Release, or with
// the machine.
func NewHold(t TB, path string) *Hold {
	t.Helper()
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_CONTENT|unix.FAN_CLOEXEC, unix.O_RDONLY)
	if err == nil {
		err = unix.FanotifyMark(fd, unix.FAN_MARK_ADD, unix.FAN_OPEN_PERM, unix.AT_FDCWD, path)
	}
	if err != nil {
		t.Fatalf("hold %s: %v", path, err)
	}
	return &Hold{fd}
}

// Release lets all of them go on.
func (h *Hold) Release() {
	if h.fd >= 0 {
		unix.Close(h.fd)
		h.fd = -1
	}
}

// Wait waits until there is one more.
func (h *Hold) Wait(t TB) {
	t.Helper()
	awaitInput(t, h.fd, "nobody opens it")
	buf := make([]byte, 4096)
	if _, err := unix.Read(h.fd, buf); err != nil {
		t.Fatalf("read what is opened: %v", err)
	}
	unix.Close(int(buf[16]) | int(buf[17])<<8) // of the file (struct fanotify_event_metadata)
}

// awaitInput waits until there is something to be read.
func awaitInput(t TB, fd int, otherwise string) {
	t.Helper()
	const late = 30000 // milliseconds
	n, err := 0, error(unix.EINTR)
	for err == unix.EINTR {
		n, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, late)
	}
	if n != 1 || err != nil {
		t.Fatalf("%s: %v", otherwise, err)
	}
}
