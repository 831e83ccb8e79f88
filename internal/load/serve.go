package load

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// Wishes, the first byte of a connection.
const (
	drain  = 'd' // read all, say nothing
	echo   = 'e' // say what was said, byte by byte
	answer = 'a' // one byte, and close
)

// room is how much garbage a server gathers before it collects it, in bytes:
// that takes time from what is timed.
const room = 64 << 20

// serve serves until it is killed, one connection after the other.
func serve(at netip.AddrPort) error {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(room)
	own, err := ownCPUs()
	if err != nil {
		return err
	}
	tcp, err := listen(unix.SOCK_STREAM, at)
	if err != nil {
		return err
	}
	udp, err := listen(unix.SOCK_DGRAM, at)
	if err != nil {
		return err
	}
	failed := make(chan error)
	go func() { failed <- own.serveTCP(tcp) }()
	go func() { failed <- own.serveUDP(udp) }()
	fmt.Println("ready")
	return <-failed
}

func (c *cpus) serveTCP(listener int) error {
	buf := make([]byte, chunk)
	for {
		if err := c.share(); err != nil {
			return err
		}
		conn, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNABORTED) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("accept", err)
		}
		err = c.serveOne(conn, buf)
		unix.Close(conn)
		if err != nil {
			return err
		}
	}
}

// serveOne serves until the client has gone, which is no failure.
func (c *cpus) serveOne(conn int, buf []byte) error {
	wish := buf[:1]
	if receive(conn, wish) != nil {
		return nil
	}
	switch wish[0] {
	case answer:
		unix.Write(conn, wish)
	case echo:
		for receive(conn, wish) == nil {
			unix.Write(conn, wish)
		}
	case drain:
		if err := c.roam(); err != nil {
			return err
		}
		for receive(conn, buf) == nil {
		}
	}
	return nil
}

func (c *cpus) serveUDP(fd int) error {
	if err := c.share(); err != nil {
		return err
	}
	buf := make([]byte, datagram)
	for {
		n, from, err := unix.Recvfrom(fd, buf, 0)
		switch {
		case errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNREFUSED): // udp(7): of an earlier answer
			continue
		case err != nil:
			return os.NewSyscallError("recvfrom", err)
		}
		_ = unix.Sendto(fd, buf[:n], 0, from) // who asked may have gone
	}
}
