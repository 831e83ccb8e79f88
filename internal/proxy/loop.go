package proxy

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// watched is what has a socket in the epoll instance.
type watched interface {
	ready(p *Proxy, events uint32)
}

// start makes the epoll instance and starts the loop, once.
func (p *Proxy) start() error {
	if p.epoll != nil {
		return nil
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that Go's own poller waits for it: no thread does
		unix.Close(fd)
		return os.NewSyscallError("fcntl", err)
	}
	epoll := os.NewFile(uintptr(fd), "epoll")
	raw, err := epoll.SyscallConn()
	if err != nil {
		return err
	}
	p.epoll, p.fd = epoll, fd
	p.buf, p.ended = make([]byte, chunk), make(chan struct{})
	go p.loop(raw)
	return nil
}

func (p *Proxy) loop(raw syscall.RawConn) {
	defer close(p.ended)
	events := make([]unix.EpollEvent, 128)
	for {
		n, err := wait(raw, events)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return // closed
		}
		p.mu.Lock()
		for _, e := range events[:n] {
			// What an event before this one closed is not there any more.
			if w := p.watched[uint64(uint32(e.Fd))|uint64(uint32(e.Pad))<<32]; w != nil {
				w.ready(p, e.Events)
			}
		}
		if now := time.Now(); !p.alarm.IsZero() && !now.Before(p.alarm) {
			p.ring(now)
		}
		p.mu.Unlock()
	}
}

// wait waits for events, or for the alarm, which is the file's deadline.
func wait(raw syscall.RawConn, events []unix.EpollEvent) (n int, err error) {
	err = raw.Read(func(fd uintptr) bool {
		for {
			var err error
			n, err = unix.EpollWait(int(fd), events, 0)
			if n > 0 || err != nil || !more(int(fd)) {
				return n > 0 || err != nil
			}
		}
	})
	return max(n, 0), err
}

// more says whether an epoll instance has events, under its lock. epoll_wait
// with no timeout looks without it and may find none, as long as Go's poller
// looks too (ep_poll in fs/eventpoll.c: "This call is racy"). It is told of each
// event once, so nobody would look again.
func more(fd int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return n > 0 || err != nil
}

// wake has the loop look at the clock then, if not before.
func (p *Proxy) wake(at time.Time) {
	if p.alarm.IsZero() || at.Before(p.alarm) {
		p.alarm = at
		p.epoll.SetReadDeadline(at)
	}
}

// ring does what the clock brings.
func (p *Proxy) ring(now time.Time) {
	p.alarm = time.Time{}
	p.epoll.SetReadDeadline(time.Time{})
	for _, s := range p.resting {
		p.control(unix.EPOLL_CTL_ADD, s.id, s.fd, unix.EPOLLIN)
	}
	p.resting = nil
	for f := p.flows.oldest(); f != nil; f = p.flows.oldest() {
		if end := p.flows.end(f); now.Before(end) {
			p.wake(end)
			return
		}
		p.drop(f)
	}
}

// watch gives w what becomes of the descriptor, under a new number.
func (p *Proxy) watch(w watched, fd int, events uint32) (id uint64, err error) {
	p.last++
	if err := p.control(unix.EPOLL_CTL_ADD, p.last, fd, events); err != nil {
		return 0, err
	}
	p.watched[p.last] = w
	return p.last, nil
}

// unwatch comes before the close: while somebody has another descriptor of the
// socket, epoll would go on with this one.
func (p *Proxy) unwatch(id uint64, fd int) {
	if id != 0 {
		p.control(unix.EPOLL_CTL_DEL, id, fd, 0)
		delete(p.watched, id)
	}
}

func (p *Proxy) control(op int, id uint64, fd int, events uint32) error {
	event := unix.EpollEvent{Events: events, Fd: int32(uint32(id)), Pad: int32(uint32(id >> 32))}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, op, fd, &event))
}
