package proxy

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// only waits until the proxy has no descriptors but n.
func only(t *testing.T, p *Proxy, n int) {
	t.Helper()
	tick, late := time.NewTicker(time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		p.mu.Lock()
		have := len(p.watched)
		p.mu.Unlock()
		if have == n {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("the proxy has %d descriptors, not %d", have, n)
		}
	}
}

func TestClientsThatComeAndGo(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		at := listen(t, somewhere, echo)
		s, addr := bound(t, "tcp", "[::1]:0", at.Port())
		p := start(t, to(at.Addr()), s)
		for i := range 1000 {
			c, err := net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(addr))
			if err != nil {
				t.Fatal(err)
			}
			if i%3 > 0 {
				io.WriteString(c, "hello")
			}
			if i%2 > 0 {
				c.SetLinger(0)
			}
			c.Close()
		}
		only(t, p, 1)
		say(t, dial(t, addr), "hello", "hello")
	})
}

// A client that gives up while the container has not answered is let go of.
func TestNobodyAnswers(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "iptables -A INPUT -d 127.0.0.2 -j DROP")
		s, addr := bound(t, "tcp", "[::1]:0", 80)
		p := start(t, to(netip.MustParseAddr("127.0.0.2")), s)
		impatient, patient := dial(t, addr), dial(t, addr)
		io.WriteString(impatient, "anybody?")
		io.WriteString(patient, "anybody?")
		only(t, p, 5)
		impatient.SetLinger(0)
		impatient.Close()
		only(t, p, 3)
		p.Close()
		isReset(t, patient)
	})
}

// One connection that never stops doesn't keep another one waiting.
func TestAGreedyConnection(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		greedy := listen(t, somewhere, func(c *net.TCPConn) {
			piece := make([]byte, 1<<20)
			for {
				if _, err := c.Write(piece); err != nil {
					return
				}
			}
		})
		modest := listen(t, somewhere, echo)
		one, much := bound(t, "tcp", "[::1]:0", greedy.Port())
		two, little := bound(t, "tcp", "[::1]:0", modest.Port())
		start(t, to(greedy.Addr()), one, two)
		stream := dial(t, much)
		ended := make(chan error)
		go func() {
			_, err := io.Copy(io.Discard, struct{ io.Reader }{stream})
			ended <- err
		}()
		c := dial(t, little)
		for range 100 {
			say(t, c, "hello", "hello")
		}
		stream.CloseRead()
		stream.Close()
		<-ended
	})
}

// What is sent to all nodes of a link (ff02::1) is answered from an address of
// the host's own.
func TestAMulticast(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		address(t, m, "", "fe80::1/64", "uplink")
		address(t, m, "outside", "fe80::2/64", "eth0")
		at := answer(t, somewhere)
		s, _ := bound(t, "udp", "[::]:80", at.Port())
		start(t, to(at.Addr()), s)
		c := outsider(t, unix.SOCK_DGRAM)
		defer unix.Close(c.fd)
		all := &unix.SockaddrInet6{Addr: [16]byte{0: 0xff, 1: 2, 15: 1}, ZoneId: c.link, Port: 80}
		if err := unix.Sendto(c.fd, []byte("hello"), 0, all); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 10)
		n, from, err := unix.Recvfrom(c.fd, buf, 0)
		if err != nil || string(buf[:n]) != "hello" {
			t.Fatalf("%q came back: %v", buf[:max(n, 0)], err)
		}
		if from, ok := from.(*unix.SockaddrInet6); !ok || !netip.AddrFrom16(from.Addr).IsLinkLocalUnicast() || from.Port != 80 {
			t.Errorf("the answer is from %v", from)
		}
	})
}
