package proxy

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// A client that finds no room waits in the queue, and is served when there is
// some. To wait takes no time of the processor.
func TestAsManyAsThereIsRoomFor(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		at := listen(t, somewhere, echo)
		s, addr := bound(t, "tcp", "[::1]:0", at.Port())
		p := start(t, to(at.Addr()), s)
		var clients []*net.TCPConn
		for range 10 {
			c := dial(t, addr)
			say(t, c, "hello", "hello")
			clients = append(clients, c)
		}
		noMore(t, p)
		late := dial(t, addr)
		late.Write([]byte("hello"))
		waits(t, func() error {
			late.SetReadDeadline(time.Now().Add(3 * rest))
			_, err := late.Read(make([]byte, 1))
			return err
		})
		say(t, clients[1], "hello", "hello")
		clients[0].Close()
		late.SetReadDeadline(time.Now().Add(patience))
		hear(t, late, "hello")
	})
}

// noMore leaves the proxy the descriptors that are taken now.
func noMore(t *testing.T, p *Proxy) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = lowest(t)
}

// lowest is the lowest descriptor that is free.
func lowest(t *testing.T) int {
	t.Helper()
	fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	return fd
}

// The client of datagrams that was silent longest makes room for the next.
func TestNoRoomForOneMoreFlow(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		at := answer(t, somewhere)
		s, addr := bound(t, "udp", "[::1]:0", at.Port())
		p := start(t, to(at.Addr()), s)
		first, second, third := client(t, addr), client(t, addr), client(t, addr)
		exchange(t, first, "hello")
		exchange(t, second, "hello")
		noMore(t, p)
		exchange(t, third, "hello")
		if n := flowsOf(p); n != 2 {
			t.Errorf("there are %d flows", n)
		}
	})
}

// What the rest of the process has counts, too: clients leave it as much as
// they should.
func TestOthersHaveDescriptors(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		at := listen(t, somewhere, echo)
		s, addr := bound(t, "tcp", "[::1]:0", at.Port())
		var others []int
		for range 2 * spare {
			fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			others = append(others, fd)
		}
		var before unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
			t.Fatal(err)
		}
		limit(t, unix.Rlimit{Cur: uint64(lowest(t)) + spare, Max: before.Max})
		defer limit(t, before)
		start(t, to(at.Addr()), s)
		c := dial(t, addr)
		io.WriteString(c, "hello")
		waits(t, func() error {
			c.SetReadDeadline(time.Now().Add(3 * rest))
			_, err := c.Read(make([]byte, 1))
			return err
		})
		for _, fd := range others {
			unix.Close(fd)
		}
		c.SetReadDeadline(time.Now().Add(patience))
		hear(t, c, "hello")
	})
}

func TestTheProcessHasNoMoreDescriptors(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		there, err := net.Listen("tcp", somewhere)
		if err != nil {
			t.Fatal(err)
		}
		defer there.Close()
		at := there.Addr().(*net.TCPAddr).AddrPort()
		s, addr := bound(t, "tcp", "[::1]:0", at.Port())
		start(t, to(at.Addr()), s)
		for _, left := range []uint64{0, 1} { // none for a dialer, none for accept4
			client, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(client)
			var before unix.Rlimit
			if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
				t.Fatal(err)
			}
			limit(t, unix.Rlimit{Cur: uint64(lowest(t)) + left, Max: before.Max})
			if err := unix.Connect(client, sockaddr(addr.Addr(), addr.Port())); err != nil {
				t.Fatal(err)
			}
			read := func(patience time.Duration) error {
				tv := unix.NsecToTimeval(int64(patience))
				if err := unix.SetsockoptTimeval(client, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
					return err
				}
				_, err := unix.Read(client, make([]byte, 5))
				if errors.Is(err, unix.EAGAIN) {
					return unix.ETIMEDOUT
				}
				return err
			}
			waits(t, func() error { return read(3 * rest) })
			limit(t, before)
			c, err := there.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.Write([]byte("hello"))
			if err := read(patience); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func limit(t *testing.T, l unix.Rlimit) {
	t.Helper()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
}

// waits wants that f times out and that meanwhile next to nothing was done.
func waits(t *testing.T, f func() error) {
	t.Helper()
	before := processor(t)
	err := f()
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatalf("in place of a timeout: %v", err)
	}
	if took := processor(t) - before; took > rest {
		t.Errorf("to wait took %v of the processor", took)
	}
}

// processor is the time that this process has had.
func processor(t testing.TB) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
