package proxy

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// answer gives each datagram back as a container would, with the address that
// it came from before it, until the test ends.
func answer(t testing.TB, addr string) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		buf := make([]byte, chunk)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			c.WriteToUDPAddrPort(buf[:n], from)
		}
	})
	t.Cleanup(func() {
		c.Close()
		work.Wait()
	})
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// client is a socket that hears nobody but the address.
func client(t testing.TB, at netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { c.Close() })
	return c
}

// exchange sends a datagram and wants it back.
func exchange(t testing.TB, c net.Conn, datagram string) {
	t.Helper()
	if _, err := c.Write([]byte(datagram)); err != nil {
		t.Fatal(err)
	}
	back(t, c, datagram)
}

func back(t testing.TB, c net.Conn, datagram string) {
	t.Helper()
	buf := make([]byte, chunk)
	n, err := c.Read(buf)
	if err != nil || !bytes.Equal(buf[:n], []byte(datagram)) {
		t.Fatalf("%v: %d bytes of %d came back, or others: %v", c.RemoteAddr(), n, len(datagram), err)
	}
}

func TestAnswersComeFromWhereOneAsked(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		address(t, m, "", "fd00::1/128", "lo")
		address(t, m, "", "fd00::2/128", "uplink")
		at := answer(t, somewhere)
		s, _ := bound(t, "udp", "[::]:8080", at.Port())
		p := start(t, to(at.Addr()), s)
		var clients []*net.UDPConn
		for i := range 30 {
			where := []string{"[::1]:8080", "[fd00::1]:8080", "[fd00::2]:8080"}[i%3]
			clients = append(clients, client(t, netip.MustParseAddrPort(where)))
		}
		for range 3 {
			for i, c := range clients {
				fmt.Fprintf(c, "client %d", i)
			}
			for i, c := range clients {
				back(t, c, fmt.Sprintf("client %d", i))
			}
		}
		if n := flowsOf(p); n != len(clients) {
			t.Errorf("%d clients have %d flows", len(clients), n)
		}
	})
}

func flowsOf(p *Proxy) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.flows.byKey)
}

// One socket of a client that asks two addresses has two flows.
func TestOneClientAndTwoAddresses(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		address(t, m, "", "fd00::1/128", "lo")
		at := answer(t, somewhere)
		s, _ := bound(t, "udp", "[::]:8080", at.Port())
		start(t, to(at.Addr()), s)
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv6unspecified})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		for _, where := range []string{"[::1]:8080", "[fd00::1]:8080", "[::1]:8080"} {
			to := netip.MustParseAddrPort(where)
			c.WriteToUDPAddrPort([]byte(where), to)
			buf := make([]byte, 100)
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil || from != to || string(buf[:n]) != where {
				t.Errorf("%s: %q came back from %s: %v", where, buf[:n], from, err)
			}
		}
	})
}

func TestDatagramsOfAnyLength(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		c := client(t, proxied(t, "udp", answer(t, somewhere)))
		for _, length := range []int{0, 1, 1500, 65_507} { // at most, by IPv4
			datagram := bytes.Repeat([]byte("abcdefg"), length/7+1)[:length]
			exchange(t, c, string(datagram))
		}
		six := client(t, proxied(t, "udp", answer(t, "[::1]:0")))
		exchange(t, six, string(make([]byte, 65_527))) // at most, by IPv6
	})
}

// A port that nobody listens on says so (ICMP), which a client needn't know:
// the same flow goes on when somebody does.
func TestNobodyListensYet(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		at := netip.MustParseAddrPort("127.0.0.2:5353")
		s, addr := bound(t, "udp", "[::1]:0", at.Port())
		p := start(t, to(at.Addr()), s)
		c := client(t, addr)
		for range 100 {
			c.Write([]byte("anybody?"))
		}
		answer(t, at.String())
		// What was sent before may have arrived just now.
		c.Write([]byte("now?"))
		buf := make([]byte, 10)
		for {
			n, err := c.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			if string(buf[:n]) == "now?" {
				break
			}
		}
		if n := flowsOf(p); n != 1 {
			t.Errorf("one client has %d flows", n)
		}
	})
}

func TestLinkLocalClients(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		address(t, m, "", "fe80::1/64", "uplink")
		address(t, m, "outside", "fe80::2/64", "eth0")
		tcp, udp := listen(t, somewhere, echo), answer(t, somewhere)
		one, _ := bound(t, "tcp", "[::]:80", tcp.Port())
		two, _ := bound(t, "udp", "[::]:80", udp.Port())
		start(t, to(tcp.Addr()), one, two)
		say(t, outside(t, unix.SOCK_STREAM), "hello", "hello")
		exchange(t, outside(t, unix.SOCK_DGRAM), "hello")
	})
}

// A client whose container is somewhere else now is heard there.
func TestAFlowFollowsTheContainer(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		at := answer(t, somewhere)
		answer(t, netip.AddrPortFrom(netip.IPv6Loopback(), at.Port()).String())
		var target atomic.Pointer[netip.Addr]
		s, addr := bound(t, "udp", "[::1]:0", at.Port())
		p := start(t, func(uint16) (netip.Addr, bool) { return *target.Load(), true }, s)
		c := client(t, addr)
		for _, where := range []netip.Addr{at.Addr(), netip.IPv6Loopback(), at.Addr()} {
			target.Store(&where)
			exchange(t, c, where.String())
		}
		if n := flowsOf(p); n != 1 {
			t.Errorf("one client has %d flows", n)
		}
	})
}

func TestNoMoreFlowsThanThereMayBe(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		at := answer(t, somewhere)
		s, addr := bound(t, "udp", "[::1]:0", at.Port())
		p := New(to(at.Addr()), everybody)
		defer p.Close()
		p.flows.most = 10
		if err := p.Add(s); err != nil {
			t.Fatal(err)
		}
		first := client(t, addr)
		for range 100 {
			exchange(t, first, "the first goes on")
			exchange(t, client(t, addr), "one of many")
		}
		if n := flowsOf(p); n != 10 {
			t.Errorf("there are %d flows", n)
		}
	})
}

func TestAFlowEndsByItself(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		at := answer(t, somewhere)
		s, addr := bound(t, "udp", "[::1]:0", at.Port())
		p := start(t, to(at.Addr()), s)
		for range 3 {
			exchange(t, client(t, addr), "hello")
			lasts(p, time.Millisecond)
			tick := time.NewTicker(time.Millisecond)
			for flowsOf(p) > 0 {
				<-tick.C
			}
			tick.Stop()
			lasts(p, idle)
		}
	})
}

// lasts makes this how long flows last.
func lasts(p *Proxy, idle time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flows.idle = idle
	p.wake(time.Now())
}
