package paths_test

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

// services are the ports that somebody listens on, of each protocol.
var services = map[string][]int{
	"outside": {90},
	"host":    {22}, "second": {22}, "bridge": {22}, "one": {22}, "two": {22}, "back": {22}, "quiet": {22}, "bare": {22}, "six": {22},
	"localhost": {631},
	"old":       {80}, "web": {80, 8000, 8003, 8005, 8100}, "peer": {80}, "other": {80}, "db": {80}, "app": {80}, "q1": {80}, "q2": {80},
	"plain": {80}, "alone": {80},
}

// A seer has seen datagrams, and where they came from.
type seer struct {
	asked   int    // how many probes there were
	sent    uint16 // … and forged ones
	mu      sync.Mutex
	seen    map[string]string
	flushes []func()
}

// answering opens all services. Each tells its clients which one it is, and
// the address that it sees: "web:80 sees 192.0.2.2".
func answering(t *testing.T) *seer {
	t.Helper()
	s := &seer{seen: map[string]string{}}
	protocols := hosttest.Protocols(t)
	t.Log("protocols:", protocols)
	for name, ports := range services {
		for _, f := range []family{ipv4, ipv6} {
			if at := address(name, f); at.IsValid() {
				s.openings(t, places[name].ns, at, name)
			}
			for _, port := range ports {
				if at := address(name, f); at.IsValid() {
					where := netip.AddrPortFrom(at, uint16(port))
					for _, proto := range protocols {
						s.answer(t, proto, places[name].ns, where, fmt.Sprintf("%s:%d", name, port))
					}
				}
			}
		}
	}
	return s
}

func (s *seer) answer(t *testing.T, proto string, ns plan.NS, at netip.AddrPort, name string) {
	t.Helper()
	if proto == "udp" {
		s.udp(t, ns, at, name)
		return
	}
	s.stream(t, proto, ns, at, name)
}

// stream does not wait for what a client says.
func (s *seer) stream(t *testing.T, proto string, ns plan.NS, at netip.AddrPort, name string) {
	t.Helper()
	var l net.Listener
	if err := ns.Do(func() (err error) { l, err = listen(proto, at); return err }); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() { l.Close(); running.Wait() })
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(c, "%s sees %s", name, host(c.RemoteAddr()))
			c.Close()
		}
	})
}

// listen opens a server of one family. For Go one of SCTP is as one of TCP.
func listen(proto string, at netip.AddrPort) (net.Listener, error) {
	if proto == "tcp" {
		return net.Listen(proto, at.String())
	}
	fd, err := socket(proto, at.Addr())
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), at.String())
	defer f.Close()
	if err := cmp.Or(unix.Bind(fd, sockaddr(at.Addr(), int(at.Port()))), unix.Listen(fd, unix.SOMAXCONN)); err != nil {
		return nil, err
	}
	return net.FileListener(f)
}

// openings notes the TCP segments that a forger sends to an address, once they
// have passed all rules, whether a connection comes of them or not (raw(7)).
func (s *seer) openings(t *testing.T, ns plan.NS, at netip.Addr, name string) {
	t.Helper()
	s.hear(t, ns, "ip:tcp", at.String(), func(c net.PacketConn, tcp []byte, client net.Addr) {
		if number, port, ok := opened(tcp); ok {
			s.note(forgery(int(number)), fmt.Sprintf("%s:%d sees %s", name, port, client))
		}
	})
}

func (s *seer) udp(t *testing.T, ns plan.NS, at netip.AddrPort, name string) {
	t.Helper()
	s.hear(t, ns, "udp", at.String(), func(c net.PacketConn, datagram []byte, client net.Addr) {
		s.note(string(datagram), name+" sees "+host(client))
		c.WriteTo(fmt.Appendf(nil, "%s sees %s", name, host(client)), client)
	})
}

// hear has all that comes to an address heard.
func (s *seer) hear(t *testing.T, ns plan.NS, network, at string, heard func(c net.PacketConn, said []byte, by net.Addr)) {
	t.Helper()
	var c net.PacketConn
	if err := ns.Do(func() (err error) { c, err = net.ListenPacket(network, at); return err }); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() { c.Close(); running.Wait() })
	flushed := make(chan struct{}, 1)
	running.Go(func() {
		b := make([]byte, 64)
		for {
			n, client, err := c.ReadFrom(b)
			switch {
			case err != nil:
				return
			case string(b[:n]) == flush:
				flushed <- struct{}{}
			default:
				heard(c, b[:n], client)
			}
		}
	})
	s.flushes = append(s.flushes, func() {
		if _, err := c.WriteTo([]byte(flush), c.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		select {
		case <-flushed:
		case <-time.After(patience):
			t.Fatalf("%s does not hear itself", at)
		}
	})
}

// flush is what a service says to itself alone, and is too short for TCP.
const flush = "?"

// port is one that nobody has sent from yet: a packet is no answer, and none of
// a flow that goes on.
func (s *seer) port() uint16 {
	s.sent++
	return 10000 + s.sent
}

func host(a net.Addr) string {
	ip, _, _ := net.SplitHostPort(a.String())
	return ip
}

func (s *seer) note(datagram, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[datagram] = what
}

// saw is which service has seen a datagram, and as whose; "" is none.
func (s *seer) saw(datagram string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[datagram]
}

// flush returns when all datagrams that have arrived by now are noted: each
// service gets one from itself, behind them.
func (s *seer) flush() {
	for _, flush := range s.flushes {
		flush()
	}
}
