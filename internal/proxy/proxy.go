// Package proxy carries TCP connections and UDP datagrams from sockets of the
// host to where a container is, for those paths on which the kernel's DNAT
// can't: from the host's ::1, and from IPv6 to a container that has only IPv4.
//
// One goroutine does all of it, by one epoll instance that holds every socket
// (epoll(7)); the kernel's buffers are the only ones. So a port costs some 70
// bytes and a connection 250, and while there is nothing to carry nothing runs.
package proxy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

const (
	// chunk is how much is carried in one piece, in bytes. A datagram has at
	// most 64 KiB; with streams four times that is 1.6 times as fast.
	chunk = 256 << 10
	// spare is how many descriptors the proxy leaves to the rest of the
	// process, which a client could take all of, otherwise.
	spare = 256
	// idle is how long a client's flow of UDP lasts without a datagram either
	// way, as with Docker's proxy.
	idle = 90 * time.Second
	// maxFlows are there at once; a new one ends the one that is idle longest.
	maxFlows = 4096
)

// A Socket is a socket that is bound to a port of the host, and not listening.
type Socket struct {
	File  *os.File
	Proto string // "tcp" or "udp"
	Port  uint16 // the port that it leads to
}

// A Proxy carries what comes in by its sockets to its target. Its methods may
// be called from everywhere but the target function.
type Proxy struct {
	target func(port uint16) (netip.Addr, bool)

	// mu is held while anything below is used or a socket is, but not while
	// the target is asked. Who holds a socket over that looks whether it is
	// still open.
	mu      sync.Mutex
	closed  bool
	sockets []socket
	watched map[uint64]watched // what is in the epoll instance, by the number it has there
	last    uint64             // the last such number: a descriptor's own comes back while events of the one before are under way
	most    int                // descriptors at once
	flows   flows
	resting []*socket // those that wait to accept
	alarm   time.Time // when the loop has to look at the clock; zero is never

	epoll *os.File      // none until there are sockets
	fd    int           // its descriptor
	ended chan struct{} // closed when the loop has ended

	buf []byte // of the loop
	oob [64]byte
}

// New makes a proxy that asks at each new connection, and when datagrams come,
// for the address that a port is at now; false means nowhere. Everything that
// the proxy carries waits for the answer, and so does Close.
func New(target func(port uint16) (netip.Addr, bool)) *Proxy {
	return &Proxy{target: target, watched: map[uint64]watched{}, flows: newFlows(idle, maxFlows)}
}

// Serve takes these sockets in the place of those that the proxy had: they are
// closed, with their flows of UDP; connections go on. The files are closed in
// any case. After an error the proxy has no sockets.
func (p *Proxy) Serve(sockets []Socket) error {
	defer func() {
		for _, s := range sockets {
			s.File.Close()
		}
	}()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("proxy: %w", net.ErrClosed)
	}
	p.letGo()
	if len(sockets) == 0 {
		return nil
	}
	if err := errors.Join(p.start(), p.limit()); err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	p.sockets = make([]socket, 0, len(sockets)) // the loop keeps pointers into it
	for _, s := range sockets {
		if err := p.take(s); err != nil {
			p.letGo()
			return fmt.Errorf("proxy for %d/%s: %w", s.Port, s.Proto, err)
		}
	}
	return nil
}

// Close ends everything: what came from a container to its last byte is still
// given to the client, any other connection is reset. When it returns, no
// goroutine is left.
func (p *Proxy) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		p.letGo()
		p.endStreams()
		if p.epoll != nil {
			p.epoll.Close()
		}
	}
	p.mu.Unlock()
	if p.ended != nil {
		<-p.ended
	}
}

// letGo closes all sockets, and the flows through them.
func (p *Proxy) letGo() {
	for f := p.flows.oldest(); f != nil; f = p.flows.oldest() {
		p.drop(f)
	}
	for i := range p.sockets {
		s := &p.sockets[i]
		p.unwatch(s.id, s.fd)
		s.close()
	}
	p.sockets, p.resting = nil, nil
}

// ask leaves the lock while it asks where a port is.
func (p *Proxy) ask(port uint16) (netip.Addr, bool) {
	p.mu.Unlock()
	defer p.mu.Lock()
	addr, ok := p.target(port)
	return addr.Unmap(), ok && addr.IsValid()
}
