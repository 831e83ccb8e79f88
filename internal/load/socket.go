package load

import (
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// patience is how long a client waits for one answer, in seconds.
const patience = 5

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

// listen binds a socket, and listens with one of TCP.
func listen(kind int, at netip.AddrPort) (fd int, err error) {
	fd, err = unix.Socket(family(at.Addr()), kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return -1, os.NewSyscallError("setsockopt", err)
	}
	if err := unix.Bind(fd, sockaddr(at)); err != nil {
		return -1, fmt.Errorf("bind %s: %w", at, err)
	}
	if kind == unix.SOCK_STREAM {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	return fd, os.NewSyscallError("listen", err)
}

// dial connects a socket that gives up when nobody answers. With a timeout of
// its own, connect(2) would not go on after a signal (signal(7)), and the runtime
// sends its threads some.
func dial(kind int, to netip.AddrPort) (fd int, err error) {
	fd, err = unix.Socket(family(to.Addr()), kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if kind == unix.SOCK_STREAM {
		err = os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_SYNCNT, 1)) // seconds: tcp(7)
	}
	if err == nil {
		err = os.NewSyscallError("connect", unix.Connect(fd, sockaddr(to)))
	}
	if err == nil {
		err = os.NewSyscallError("setsockopt", unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: patience}))
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// open dials by TCP and says what is wanted of the server.
func open(to netip.AddrPort, wish byte) (fd int, err error) {
	fd, err = dial(unix.SOCK_STREAM, to)
	if err != nil {
		return -1, err
	}
	if _, err := send(fd, []byte{wish}); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
