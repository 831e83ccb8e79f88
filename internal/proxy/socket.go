package proxy

import (
	"fmt"
	"math"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// gone is the descriptor of what is closed.
	gone = -1
	// backlog is more than the kernel gives: net.core.somaxconn.
	backlog = 1 << 16
	// rest is how long a socket is left alone when there is no room for what
	// it has.
	rest = 100 * time.Millisecond
)

// A socket is one of those that clients come to.
type socket struct {
	id   uint64
	fd   int
	addr netip.AddrPort
	port uint16 // where it leads to
	udp  bool
}

func (s *socket) ready(p *Proxy, events uint32) {
	if s.udp {
		p.receive(s)
		return
	}
	p.accept(s)
}

// take makes a socket one of the proxy's. A descriptor of its own costs less
// memory than an os.File does.
func (p *Proxy) take(s *socket, from Socket) error {
	if from.Proto != "tcp" && from.Proto != "udp" {
		return fmt.Errorf("a proxy can't carry %q", from.Proto)
	}
	fd, err := unix.FcntlInt(from.File.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	from.File.Close() // now: there may be as many as the process can have open
	s.fd, s.addr, s.port, s.udp = fd, from.Addr, from.Port, from.Proto == "udp"
	p.sockets = append(p.sockets, s)
	if err := s.open(); err != nil {
		return err
	}
	s.id, err = p.watch(s, fd, unix.EPOLLIN)
	return err
}

func (s *socket) proto() string {
	if s.udp {
		return "udp"
	}
	return "tcp"
}

// open lets the socket have what comes, with as few system calls as can be:
// there may be thousands.
func (s *socket) open() error {
	if _, err := unix.FcntlInt(uintptr(s.fd), unix.F_SETFL, unix.O_NONBLOCK); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if err := s.tellDestination(); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if s.udp {
		// Whoever reserved the port may have had the kernel drop all. Without a
		// filter this is ENOENT.
		unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
		return nil
	}
	// Without it, connections of an earlier server to this port, in TIME_WAIT
	// too, are in the way of listen; and so would be what this one accepts. A
	// port that is listened on nobody can bind even so.
	if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	return os.NewSyscallError("listen", unix.Listen(s.fd, backlog))
}

// close leaves the socket, for somebody who may have another descriptor of it,
// as one that keeps the port and does no more.
func (s *socket) close() {
	if s.udp {
		drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K} // none of each packet, socket(7)
		unix.SetsockoptSockFprog(s.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop})
	} else {
		unix.Shutdown(s.fd, unix.SHUT_RDWR)
		unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0)
	}
	unix.Close(s.fd)
	s.fd = gone
}

// rest leaves a socket alone for a moment: what can't be accepted would else be
// announced again at once, without end.
func (p *Proxy) rest(s *socket) {
	p.control(unix.EPOLL_CTL_DEL, s.id, s.fd, 0)
	p.resting = append(p.resting, s)
	p.wake(time.Now().Add(rest))
}

// limit sets which descriptors the proxy may have: those below most.
func (p *Proxy) limit() error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	all := int(min(l.Cur, math.MaxInt32))
	p.most = max(all-spare, all/2)
	return nil
}

// full says that there are not n descriptors more for the proxy. The kernel
// gives the lowest that is free (dup(2)): a high one means that the process has
// all below, for whatever it needs them.
func (p *Proxy) full(n int) bool {
	last := -1
	for range n {
		fd, err := unix.FcntlInt(uintptr(p.fd), unix.F_DUPFD_CLOEXEC, last+1)
		if err != nil {
			return true
		}
		unix.Close(fd)
		if fd >= p.most {
			return true
		}
		last = fd
	}
	return false
}
