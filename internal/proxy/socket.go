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

// Keepalive as Go's own: a client that is cut off goes after 2½ minutes.
const (
	keepIdle     = 15 // seconds
	keepInterval = 15
	keepCount    = 9
)

// A socket is one of those that clients come to.
type socket struct {
	id   uint64
	fd   int
	port uint16 // where it leads to
	udp  bool
	six  bool // of AF_INET6
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
	s.fd, s.port, s.udp = fd, from.Port, from.Proto == "udp"
	p.sockets = append(p.sockets, s)
	if err := s.open(); err != nil {
		return err
	}
	s.id, err = p.watch(s, fd, unix.EPOLLIN)
	return err
}

// name is what the socket is bound to.
func (s *socket) name() (addr netip.AddrPort, proto string) {
	proto = "tcp"
	if s.udp {
		proto = "udp"
	}
	switch sa, _ := unix.Getsockname(s.fd); sa := sa.(type) {
	case *unix.SockaddrInet4:
		addr = netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		addr = netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	}
	return addr, proto
}

// open lets the socket have what comes. What it accepts has its options from it.
func (s *socket) open() error {
	if err := unix.SetNonblock(s.fd, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	domain, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return os.NewSyscallError("getsockopt", err)
	}
	s.six = domain == unix.AF_INET6
	err = s.tellDestination()
	if err == nil && !s.udp {
		err = settle(s.fd)
	}
	if err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	// Whoever reserved the port may have had the kernel drop all. Without a
	// filter this is ENOENT.
	unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
	if s.udp {
		return nil
	}
	return s.listen()
}

func (s *socket) listen() error {
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

// settle sets what a connection should have: what comes is passed on at once,
// and a peer that has gone without a word is noticed.
func settle(fd int) error {
	for _, o := range []struct{ level, name, value int }{
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepIdle},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, keepInterval},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepCount},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return err
		}
	}
	return nil
}

// rest leaves a socket alone for a moment: what can't be accepted would else be
// announced again at once, without end.
func (p *Proxy) rest(s *socket) {
	p.control(unix.EPOLL_CTL_DEL, s.id, s.fd, 0)
	p.resting = append(p.resting, s)
	p.wake(time.Now().Add(rest))
}

// limit sets how many descriptors the proxy may have.
func (p *Proxy) limit() error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return os.NewSyscallError("getrlimit", err)
	}
	p.most = max(int(min(l.Cur, math.MaxInt32))-spare, spare)
	return nil
}

// full says that the proxy has as many descriptors as it may, without n more.
func (p *Proxy) full(n int) bool { return len(p.watched)+n > p.most }
