// Package proxy carries TCP connections and UDP datagrams from IPv6 sockets of
// the host to where a container is, for those paths on which the kernel's DNAT
// can't: from the host's ::1, and from IPv6 to a container that has only IPv4.
//
// One goroutine does all of it, by one epoll instance that holds every socket
// (epoll(7)); the kernel's buffers are the only ones. So a port costs some
// 110 bytes and a connection 250, and while there is nothing to carry nothing runs.
package proxy

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	// chunk is how much is carried in one piece, in bytes. A datagram has at
	// most 64 KiB; with streams four times that is 1.6 times as fast.
	chunk = 256 << 10
	// spare is how many descriptors clients leave to the rest of the process,
	// all of which they could take, otherwise.
	spare = 256
	// idle is how long a client's flow of UDP lasts without a datagram either
	// way, as with Docker's proxy.
	idle = 90 * time.Second
	// maxFlows are there at once; a new one ends the one that is idle longest.
	maxFlows = 4096
)

// A Socket is an IPv6 socket that is bound to a port of the host, and not
// listening.
type Socket struct {
	File  *os.File
	Addr  netip.AddrPort // what it is bound to
	Proto string         // "tcp" or "udp"
	Port  uint16         // the port that it leads to
}

// A Proxy carries what comes in by its sockets to its target. Its methods may
// be called from everywhere but these two functions.
type Proxy struct {
	target func(port uint16) (netip.Addr, bool)
	admits func(link int) bool

	// mu is held while anything below is used or a socket is, but not while
	// target or admits are asked. Who holds a socket over that looks whether it is
	// still open.
	mu      sync.Mutex
	closed  bool
	sockets []*socket
	watched map[uint64]watched // what is in the epoll instance, by the number it has there
	last    uint64             // the last such number: a descriptor's own comes back while events of the one before are under way
	most    int                // descriptors below it are for clients
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
// for the address that a port is at now; false means nowhere; and whether it is
// for those who come in by a link of the host, given by its index. Everything
// that the proxy carries waits for the answers, and so does Close.
func New(target func(port uint16) (netip.Addr, bool), admits func(link int) bool) *Proxy {
	return &Proxy{target: target, admits: admits, watched: map[uint64]watched{}, flows: newFlows(idle, maxFlows)}
}

// Add gives the proxy more sockets. The files are closed in any case; after an
// error it has none of them.
func (p *Proxy) Add(sockets ...Socket) error {
	defer func() {
		for _, s := range sockets {
			s.File.Close()
		}
	}()
	if len(sockets) == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("proxy: %w", net.ErrClosed)
	}
	if err := errors.Join(p.start(), p.limit()); err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	had := len(p.sockets)
	batch := make([]socket, len(sockets)) // one piece of memory for all of a range
	for i, s := range sockets {
		if err := p.take(&batch[i], s); err != nil {
			for _, s := range p.sockets[had:] {
				p.letGo(s)
			}
			p.sockets = p.sockets[:had]
			return fmt.Errorf("proxy for %s/%s: %w", s.Addr, s.Proto, err)
		}
	}
	return nil
}

// Keep closes the sockets that are bound to other addresses than these, with
// their flows of UDP; connections go on.
func (p *Proxy) Keep(these func(addr netip.AddrPort, proto string) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sockets = slices.DeleteFunc(p.sockets, func(s *socket) bool {
		if these(s.addr, s.proto()) {
			return false
		}
		p.letGo(s)
		return true
	})
}

// Close ends everything: what came from a container to its last byte is still
// given to the client, any other connection is reset. When it returns, no
// goroutine is left.
func (p *Proxy) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		for _, s := range p.sockets {
			p.letGo(s)
		}
		p.sockets, p.resting = nil, nil
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

// letGo closes a socket, and ends the flows through it.
func (p *Proxy) letGo(s *socket) {
	for _, f := range p.flows.of(s) {
		p.drop(f)
	}
	p.unwatch(s.id, s.fd)
	s.close()
}

// mayCome leaves the lock while it asks whether the proxy is for a link.
func (p *Proxy) mayCome(link int) bool {
	p.mu.Unlock()
	defer p.mu.Lock()
	return p.admits(link)
}

// ask leaves the lock while it asks where a port is.
func (p *Proxy) ask(port uint16) (netip.Addr, bool) {
	p.mu.Unlock()
	defer p.mu.Lock()
	addr, ok := p.target(port)
	return addr.Unmap(), ok && addr.IsValid()
}
