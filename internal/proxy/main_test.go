package proxy

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// The first thread can't end: no goroutine that enters a namespace may have it.
func init() { runtime.LockOSThread() }

// patience is how long something that must come may take on a busy machine.
const patience = 20 * time.Second

// bound is a socket as whoever reserved a port hands it over, and where it is.
func bound(t testing.TB, proto, addr string, port uint16) (Socket, netip.AddrPort) {
	t.Helper()
	at := netip.MustParseAddrPort(addr)
	kind := map[string]int{"tcp": unix.SOCK_STREAM, "udp": unix.SOCK_DGRAM}[proto]
	fd, err := unix.Socket(unix.AF_INET6, kind|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if err == nil && proto == "udp" {
		drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
		err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop})
	}
	for _, reuse := range []int{1, 0} {
		if err == nil && proto == "tcp" {
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, reuse)
		}
		if err == nil && reuse == 1 {
			err = unix.Bind(fd, sockaddr(at.Addr(), at.Port()))
		}
	}
	if err != nil {
		t.Fatalf("%s %s: %v", proto, addr, err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at = netip.AddrPortFrom(at.Addr(), uint16(name.(*unix.SockaddrInet6).Port))
	return Socket{File: os.NewFile(uintptr(fd), addr), Addr: at, Proto: proto, Port: port}, at
}

// to is a target that never moves.
func to(addr netip.Addr) func(uint16) (netip.Addr, bool) {
	return func(uint16) (netip.Addr, bool) { return addr, true }
}

// start serves sockets until the test ends, and wants nothing left then.
func start(t testing.TB, target func(uint16) (netip.Addr, bool), sockets ...Socket) *Proxy {
	t.Helper()
	return startFor(t, everybody, target, sockets...)
}

// everybody comes by a link that the proxy is for.
func everybody(int) bool { return true }

// startFor is start, for those who come by some links alone.
func startFor(t testing.TB, admits func(link int) bool, target func(uint16) (netip.Addr, bool), sockets ...Socket) *Proxy {
	t.Helper()
	before := epolls(t)
	p := New(target, admits)
	t.Cleanup(func() {
		p.Close()
		if n := len(p.watched) + len(p.flows.byKey) + p.flows.order.Len() + epolls(t) - before; n != 0 {
			t.Errorf("a closed proxy has %d things left", n)
		}
	})
	if err := p.Add(sockets...); err != nil {
		t.Fatal(err)
	}
	return p
}

// epolls counts this process's epoll instances. Go's own is one of them, which
// the first pipe makes at the latest.
func epolls(t testing.TB) (n int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	w.Close()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if target, _ := os.Readlink("/proc/self/fd/" + e.Name()); strings.HasSuffix(target, "[eventpoll]") {
			n++
		}
	}
	return n
}

// proxied serves one port of ::1 that leads to the address, and says where.
func proxied(t testing.TB, proto string, at netip.AddrPort) netip.AddrPort {
	t.Helper()
	s, addr := bound(t, proto, "[::1]:0", at.Port())
	start(t, to(at.Addr()), s)
	return addr
}

// listen serves connections at an address as a container would, until the test
// ends.
func listen(t testing.TB, addr string, serve func(c *net.TCPConn)) netip.AddrPort {
	t.Helper()
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.AcceptTCP()
			if err != nil {
				return
			}
			work.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(patience))
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		work.Wait()
	})
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// echo says what it hears. The reader hides that both are sockets: Go's way to
// copy between those leaves pipes to the garbage collector.
func echo(c *net.TCPConn) { io.Copy(c, struct{ io.Reader }{c}) }

// dial connects to an address until the test ends.
func dial(t testing.TB, at netip.AddrPort) *net.TCPConn {
	t.Helper()
	c, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return c
}

// say writes a text and wants another one back.
func say(t testing.TB, c net.Conn, text, want string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	hear(t, c, want)
}

func hear(t testing.TB, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("heard %q, not %q: %v", got, want, err)
	}
}

// ended wants that the other side has no more to say.
func ended(t testing.TB, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		t.Fatalf("in place of the end: %d bytes, %v", n, err)
	}
}

// broken wants a connection to the address to be reset, at the latest when it
// is read from.
func broken(t testing.TB, at netip.AddrPort) {
	t.Helper()
	c, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(at))
	if errors.Is(err, unix.ECONNRESET) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	isReset(t, c)
}

// isReset wants that the connection was reset.
func isReset(t testing.TB, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n > 0 || !errors.Is(err, unix.ECONNRESET) {
		t.Fatalf("in place of a reset: %d bytes, %v", n, err)
	}
}
