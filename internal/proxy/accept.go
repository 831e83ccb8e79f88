package proxy

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Keepalive as Go's own: a client that is cut off goes after 2½ minutes.
const (
	keepIdle     = 15 // seconds
	keepInterval = 15
	keepCount    = 9
)

// accept takes one connection. All that it needs comes first: where that can't
// be had, the client keeps its place in the queue.
func (p *Proxy) accept(s *socket) {
	if p.full(2) {
		p.rest(s)
		return
	}
	addr, somewhere := p.ask(s.port)
	if s.fd == gone {
		return
	}
	dialed := gone
	if somewhere {
		var err error
		if dialed, err = dialer(addr); err != nil {
			p.rest(s)
			return
		}
	}
	client, _, err := unix.Accept4(s.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		closeFD(dialed)
		if !passing(err) {
			p.rest(s)
		}
		return
	}
	if !somewhere || !p.welcome(s, client) || !p.join(client, dialed, sockaddr(addr, s.port)) {
		reset(client)
		closeFD(dialed)
	}
}

// welcome says whether a connection may come by the link that it comes by, to
// a socket that is still open by then, and makes it one that is carried.
func (p *Proxy) welcome(s *socket, client int) bool {
	link, err := incomingLink(client)
	return err == nil && p.mayCome(link) && s.fd != gone && settle(client) == nil
}

// passing tells the errors of accept4 that are about one connection (accept(2))
// from those that will come again.
func passing(err error) bool {
	for _, one := range []unix.Errno{
		unix.EAGAIN, unix.EINTR, unix.ECONNABORTED, unix.EPROTO, unix.ENOPROTOOPT, unix.EOPNOTSUPP,
		unix.ENETDOWN, unix.EHOSTDOWN, unix.ENONET, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EPERM,
	} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// dialer is a socket to reach addr by.
func dialer(addr netip.Addr) (fd int, err error) {
	fd, err = unix.Socket(family(addr), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return gone, err
	}
	if err := settle(fd); err != nil {
		unix.Close(fd)
		return gone, err
	}
	return fd, nil
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

func family(addr netip.Addr) int {
	if addr.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func sockaddr(addr netip.Addr, port uint16) unix.Sockaddr {
	if addr.Is4() {
		return &unix.SockaddrInet4{Port: int(port), Addr: addr.As4()}
	}
	return &unix.SockaddrInet6{Port: int(port), Addr: addr.As16()}
}

// reset closes a connection so that the other side hears of an error, not of
// an end (SO_LINGER of 0, socket(7)).
func reset(fd int) {
	unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	unix.Close(fd)
}

func closeFD(fd int) {
	if fd != gone {
		unix.Close(fd)
	}
}
