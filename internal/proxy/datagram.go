package proxy

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// turn is how many datagrams one socket may have carried before the others
// come to their turn.
const turn = 64

// receive carries datagrams of clients to the container.
func (p *Proxy) receive(s *socket) {
	for range turn {
		n, oobn, _, from, err := unix.Recvmsg(s.fd, p.buf[:], p.oob[:], 0)
		if err != nil {
			return
		}
		k, ok := name(s, from, p.oob[:oobn])
		if !ok {
			continue
		}
		now := time.Now()
		f := p.flows.find(k, now)
		if f == nil {
			f = p.begin(k, from, now)
		}
		if f != nil {
			f.send(p.buf[:n])
		}
		if s.fd == gone {
			return
		}
	}
}

// send gives a datagram to the container. What the error of the datagram
// before it was is said once, in the place of sending this one (udp(7)).
func (f *flow) send(datagram []byte) {
	if _, err := unix.Write(f.fd, datagram); errors.Is(err, unix.ECONNREFUSED) {
		unix.Write(f.fd, datagram)
	}
}

// begin makes a flow for a client that has none, or none where there is
// nowhere to go to or no descriptor to be had.
func (p *Proxy) begin(k key, from unix.Sockaddr, now time.Time) *flow {
	addr, ok := p.ask(k.socket.port)
	if !ok || k.socket.fd == gone {
		return nil
	}
	if old := p.flows.oldest(); old != nil && (p.flows.full() || p.full(1)) {
		p.drop(old)
	}
	if p.full(1) {
		return nil
	}
	fd, err := unix.Socket(family(addr), unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	f := &flow{key: k, fd: fd, client: from, source: k.source()}
	if err := unix.Connect(fd, sockaddr(addr, k.socket.port)); err == nil {
		f.id, err = p.watch(f, fd, unix.EPOLLIN)
		if err == nil {
			p.flows.add(f, now)
			p.wake(p.flows.end(f))
			return f
		}
	}
	unix.Close(fd)
	return nil
}

// ready carries answers of the container to the client, from the address that
// the client sent to. An error is that of a datagram before: nobody listens
// now, which doesn't say that nobody will.
func (f *flow) ready(p *Proxy, _ uint32) {
	for range turn {
		n, err := unix.Read(f.fd, p.buf[:])
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		if err != nil {
			continue
		}
		p.flows.touch(f, time.Now())
		unix.Sendmsg(f.socket.fd, p.buf[:n], f.source, f.client, 0) // who can't be reached asks again
	}
}

func (p *Proxy) drop(f *flow) {
	p.flows.remove(f)
	p.unwatch(f.id, f.fd)
	unix.Close(f.fd)
}
