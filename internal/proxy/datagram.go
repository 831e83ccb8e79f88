package proxy

import (
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// turn is how many datagrams one socket may have carried before the others
// come to their turn.
const turn = 64

// receive carries datagrams of clients to where the container is now.
func (p *Proxy) receive(s *socket) {
	to, somewhere := p.ask(s.port)
	if s.fd == gone {
		return
	}
	for range turn {
		n, oobn, _, from, err := unix.Recvmsg(s.fd, p.buf, p.oob[:], 0)
		if err != nil {
			return
		}
		k, ok := keyOf(s, from, p.oob[:oobn])
		if !ok || !somewhere {
			continue
		}
		if f := p.flow(k, from, to); f != nil {
			f.send(p.buf[:n])
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

// flow finds the flow of a datagram or makes one; none where no descriptor is to
// be had. A client whose container is elsewhere now begins anew.
func (p *Proxy) flow(k key, from unix.Sockaddr, to netip.Addr) *flow {
	now := time.Now()
	f := p.flows.find(k)
	if f != nil && f.to == to {
		p.flows.touch(f, now)
		return f
	}
	if !p.mayCome(int(k.dest.link)) || k.socket.fd == gone {
		return nil
	}
	f = p.flows.find(k) // the lock was open
	if f == nil && (p.flows.full() || p.full(1)) {
		f = p.flows.oldest()
	}
	if f != nil {
		p.drop(f)
	}
	if p.full(1) {
		return nil
	}
	fd, err := unix.Socket(family(to), unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	f = &flow{key: k, to: to, fd: fd, client: from, source: k.source()}
	if err = unix.Connect(fd, sockaddr(to, k.socket.port)); err == nil {
		f.id, err = p.watch(f, fd, unix.EPOLLIN)
	}
	if err != nil {
		unix.Close(fd)
		return nil
	}
	p.flows.add(f, now)
	p.wake(p.flows.end(f))
	return f
}

// ready carries answers of the container to the client, from the address that
// the client sent to. An error is that of a datagram before: nobody listens
// now, which doesn't say that nobody will.
func (f *flow) ready(p *Proxy, _ uint32) {
	for range turn {
		n, err := unix.Read(f.fd, p.buf)
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
