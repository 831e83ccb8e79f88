package proxy

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

func TestTheTargetIsAskedEachTime(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		hello := func(c *net.TCPConn) { io.WriteString(c, c.LocalAddr().(*net.TCPAddr).IP.String()); echo(c) }
		at := listen(t, "127.0.0.2:0", hello)
		listen(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.3"), at.Port()).String(), hello)
		listen(t, netip.AddrPortFrom(netip.MustParseAddr("::1"), at.Port()).String(), hello)

		var target atomic.Pointer[netip.Addr]
		s, addr := bound(t, "tcp", "[::1]:0", at.Port())
		start(t, func(port uint16) (netip.Addr, bool) {
			if addr := target.Load(); addr != nil && port == at.Port() {
				return *addr, true
			}
			return netip.Addr{}, false
		}, s)
		broken(t, addr)
		var clients []net.Conn
		for _, where := range []string{"127.0.0.2", "127.0.0.3", "::1"} {
			there := netip.MustParseAddr(where)
			target.Store(&there)
			c := dial(t, addr)
			hear(t, c, where)
			clients = append(clients, c)
		}
		target.Store(nil)
		for _, c := range clients {
			say(t, c, "still there?", "still there?")
		}
	})
}

// nothing is what Keep may be told.
func nothing(netip.AddrPort, string) bool { return false }

func TestSocketsComeAndGo(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		at := listen(t, somewhere, echo)
		first, old := bound(t, "tcp", "[::1]:8080", at.Port())
		copied, err := unix.Dup(int(first.File.Fd())) // somebody has the socket too
		if err != nil {
			t.Fatal(err)
		}
		p := start(t, to(at.Addr()), first)
		c := dial(t, old)
		say(t, c, "hello", "hello")

		second, addr := bound(t, "tcp", "[::1]:0", at.Port())
		if err := p.Add(second); err != nil {
			t.Fatal(err)
		}
		say(t, dial(t, old), "hello", "hello")
		p.Keep(func(a netip.AddrPort, proto string) bool { return a == addr && proto == "tcp" })
		say(t, dial(t, addr), "hello", "hello")
		say(t, c, "still there?", "still there?")
		refused(t, old)
		taken(t, old)

		p.Keep(nothing)
		refused(t, addr)
		say(t, c, "still there?", "still there?")

		again := Socket{File: os.NewFile(uintptr(copied), "copy"), Proto: "tcp", Port: at.Port()}
		if err := p.Add(again); err != nil {
			t.Fatal(err)
		}
		say(t, dial(t, old), "hello", "hello")
	})
}

// Whoever has the socket too has one that keeps the port, and fills no queue.
func TestDatagramsThatNobodyServes(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		at := answer(t, somewhere)
		s, addr := bound(t, "udp", "[::1]:8080", at.Port())
		copied, err := unix.Dup(int(s.File.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(copied)
		p := start(t, to(at.Addr()), s)
		c := client(t, addr)
		exchange(t, c, "hello")
		p.Keep(nothing)
		c.Write([]byte("nobody hears this"))
		if _, _, err := unix.Recvfrom(copied, make([]byte, 100), unix.MSG_DONTWAIT); !errors.Is(err, unix.EAGAIN) {
			t.Errorf("in place of nothing: %v", err)
		}
		fd, err := unix.Dup(copied)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Add(Socket{File: os.NewFile(uintptr(fd), "copy"), Proto: "udp", Port: at.Port()}); err != nil {
			t.Fatal(err)
		}
		exchange(t, c, "hello again")
	})
}

// taken wants that nobody else can have the port, not with SO_REUSEADDR either,
// which net.Listen sets.
func taken(t *testing.T, at netip.AddrPort) {
	t.Helper()
	l, err := net.Listen("tcp", at.String())
	if err == nil {
		l.Close()
	}
	if !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("somebody else listens on %s: %v", at, err)
	}
}

func refused(t *testing.T, at netip.AddrPort) {
	t.Helper()
	c, err := net.Dial("tcp", at.String())
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		t.Fatalf("%s: in place of a refusal: %v", at, err)
	}
}

// Who ends a connection first keeps its port in TIME_WAIT for a minute.
func TestThePortIsFreeForTheNext(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		at := listen(t, somewhere, func(c *net.TCPConn) { io.WriteString(c, "goodbye") })
		for range 2 {
			s, addr := bound(t, "tcp", "[::1]:8080", at.Port())
			p := start(t, to(at.Addr()), s)
			taken(t, addr)
			c := dial(t, addr)
			hear(t, c, "goodbye")
			ended(t, c)
			c.Close()
			p.Close()
			if out := m.Sh(t, "ss -tan sport = :8080"); !strings.Contains(out, "TIME-WAIT") {
				t.Fatalf("nothing is in the way: %s", out)
			}
		}
	})
}

func TestASocketThatCantBeServed(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		at := listen(t, somewhere, echo)
		p := start(t, to(at.Addr()))
		for _, proto := range []string{"sctp", "tcp"} {
			file, err := unix.MemfdCreate("no socket", unix.MFD_CLOEXEC)
			if err != nil {
				t.Fatal(err)
			}
			good, addr := bound(t, "tcp", "[::1]:0", at.Port())
			bad := Socket{File: os.NewFile(uintptr(file), "no socket"), Proto: proto, Port: 80}
			if err := p.Add(good, bad); err == nil {
				t.Errorf("a file was served as %s", proto)
			}
			refused(t, addr)
			for _, s := range []Socket{good, bad} {
				if err := s.File.Close(); err == nil {
					t.Error("a file is open after an error")
				}
			}
		}
		good, addr := bound(t, "tcp", "[::1]:0", at.Port())
		if err := p.Add(good); err != nil {
			t.Fatal(err)
		}
		say(t, dial(t, addr), "hello", "hello")
	})
}

func TestClose(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		at := listen(t, somewhere, echo)
		s, addr := bound(t, "tcp", "[::1]:0", at.Port())
		u, udp := bound(t, "udp", "[::1]:0", answer(t, somewhere).Port())
		p := start(t, to(at.Addr()), s, u)
		exchange(t, client(t, udp), "hello")
		clients := make([]net.Conn, 1000)
		for i := range clients {
			clients[i] = dial(t, addr)
			say(t, clients[i], "hello", "hello")
		}
		p.Close()
		for _, c := range clients {
			isReset(t, c)
		}
		refused(t, addr)
		p.Close()
		late, _ := bound(t, "tcp", "[::1]:0", 80)
		if err := p.Add(late); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a closed proxy: %v", err)
		}
	})
}

// A container that says its last word and ends takes its proxy along.
func TestTheLastWordIsGiven(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		said := make(chan bool)
		at := listen(t, somewhere, func(c *net.TCPConn) {
			io.WriteString(c, "goodbye")
			c.Close()
			said <- true
		})
		s, addr := bound(t, "tcp", "[::1]:0", at.Port())
		p := start(t, to(at.Addr()), s)
		c := dial(t, addr)
		<-said
		p.Close()
		hear(t, c, "goodbye")
		ended(t, c)
	})
}

// While the target is asked, everything may happen.
func TestAskedWhenItCloses(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for _, proto := range []string{"tcp", "udp"} {
			s, addr := bound(t, proto, "[::1]:0", 80)
			asked, answer := make(chan bool), make(chan bool)
			p := start(t, func(uint16) (netip.Addr, bool) {
				asked <- true
				<-answer
				return netip.MustParseAddr("127.0.0.2"), true
			}, s)
			c, err := net.Dial(proto, addr.String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			io.WriteString(c, "hello")
			<-asked
			p.Keep(nothing)
			closed := make(chan bool)
			go func() {
				p.Close()
				close(closed)
			}()
			close(answer)
			<-closed
		}
	})
}
