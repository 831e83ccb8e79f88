package proxy

import (
	"errors"

	"golang.org/x/sys/unix"
)

// An end is one of the two sockets of a connection. Two flags say why it may
// not be read from: then the kernel keeps what comes in, and when its buffer is
// full the other side has to wait.
type end struct {
	id      uint64
	fd      int
	peer    *end
	events  uint32 // that it is watched for
	left    bool   // it is not watched
	client  bool   // else it is the container's
	dialing bool   // the container has not answered yet
	stuck   bool   // what came in here waits for room at the peer
	over    bool   // all of it came, and the peer has been told so
}

// join makes a connection of two sockets: the client's, and one that is to be
// connected to addr. When it can't, both are the caller's still.
func (p *Proxy) join(client, dialed int, addr unix.Sockaddr) bool {
	err := unix.Connect(dialed, addr)
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return false
	}
	c := &[2]end{{fd: client, client: true}, {fd: dialed, dialing: true, events: unix.EPOLLOUT}}
	c[0].peer, c[1].peer = &c[1], &c[0]
	for i := range c {
		if c[i].id, err = p.watch(&c[i], c[i].fd, c[i].events); err != nil {
			p.unwatch(c[0].id, client)
			return false
		}
	}
	return true
}

func (e *end) ready(p *Proxy, events uint32) {
	err := p.progress(e, events)
	if err == nil && e.over && e.peer.over {
		p.finish(e, closeFD)
		return
	}
	if err != nil || p.attend(e) != nil || p.attend(e.peer) != nil {
		p.finish(e, reset)
	}
}

// progress does what the events of an end allow. Its error means the end of
// the connection: a socket's own, or that it was reset.
func (p *Proxy) progress(e *end, events uint32) error {
	if e.dialing {
		errno, err := unix.GetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && errno != 0 {
			err = unix.Errno(errno)
		}
		if err != nil || events&unix.EPOLLOUT == 0 {
			return err
		}
		e.dialing = false
		return nil
	}
	if events&(unix.EPOLLIN|unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		if _, err := p.carry(e); err != nil {
			return err
		}
	}
	if events&unix.EPOLLOUT != 0 {
		if _, err := p.carry(e.peer); err != nil {
			return err
		}
	}
	// Who hangs up has ended both directions, as it should when this one is all
	// that is left; else it is a reset, which nobody reads of here.
	hung := events&unix.EPOLLERR != 0 || events&unix.EPOLLHUP != 0 && !e.peer.over
	if hung && (e.stuck || e.over || e.peer.dialing) {
		return unix.ECONNRESET
	}
	return nil
}

// carry moves one chunk of what has come in at e to its peer; when there is more
// the epoll instance says so again, and others have their turn. It looks first
// and takes only what the peer took (MSG_PEEK, MSG_TRUNC, tcp(7)): nothing has
// to be kept.
func (p *Proxy) carry(e *end) (moved bool, err error) {
	if e.over || e.dialing || e.peer.dialing {
		return false, nil
	}
	n, _, err := unix.Recvfrom(e.fd, p.buf, unix.MSG_PEEK)
	switch {
	case again(err):
		return false, nil
	case err != nil:
		return false, err
	case n == 0:
		e.over = true
		return false, unix.Shutdown(e.peer.fd, unix.SHUT_WR)
	}
	sent, err := unix.Write(e.peer.fd, p.buf[:n])
	if err != nil && !again(err) {
		return false, err
	}
	e.stuck = sent < n
	if sent <= 0 {
		return false, nil
	}
	_, _, err = unix.Recvfrom(e.fd, p.buf[:sent], unix.MSG_TRUNC)
	return true, err
}

func again(err error) bool {
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)
}

// attend watches an end for what it waits for now. Even with nothing to wait
// for, a reset is noticed; but one that has hung up as it should says so
// without end.
func (p *Proxy) attend(e *end) error {
	var events uint32
	if !e.stuck && !e.over && !e.dialing && !e.peer.dialing {
		events |= unix.EPOLLIN
	}
	if e.dialing || e.peer.stuck {
		events |= unix.EPOLLOUT
	}
	leave := events == 0 && e.peer.over
	if events == e.events && leave == e.left {
		return nil
	}
	op := unix.EPOLL_CTL_MOD
	switch {
	case leave:
		op = unix.EPOLL_CTL_DEL
	case e.left:
		op = unix.EPOLL_CTL_ADD
	}
	e.events, e.left = events, leave
	return p.control(op, e.id, e.fd, events)
}

// finish closes both sockets, which takes them out of the epoll instance:
// nobody else has them, and to be asked for it would cost the kernel 6 µs each.
func (p *Proxy) finish(e *end, how func(fd int)) {
	for _, e := range []*end{e, e.peer} {
		delete(p.watched, e.id)
		how(e.fd)
	}
}

// lastOf moves what is left of a container's to its client, and says how to
// close them.
func (p *Proxy) lastOf(e *end) func(fd int) {
	const most = 64 // chunks: a receive buffer has less (tcp_rmem, tcp(7))
	for range most {
		if moved, err := p.carry(e); err != nil {
			return reset
		} else if !moved {
			break
		}
	}
	if e.over {
		return closeFD
	}
	return reset
}

// endStreams ends every connection. What a container sent before it ended has
// arrived; it goes to the client, from where the kernel sees to it.
func (p *Proxy) endStreams() {
	for _, w := range p.watched {
		e, ok := w.(*end)
		if !ok {
			continue
		}
		if e.client {
			e = e.peer
		}
		e.dialing = false // the loop may have to hear yet that it was answered
		p.finish(e, p.lastOf(e))
	}
}
