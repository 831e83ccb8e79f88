package nat_test

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// A client that keeps sending from one socket keeps its flow, and with it the
// NAT that the flow began with.
func TestFlowsOfAPortThatComesOrGoes(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine, fw firewall) {
		m.Sh(t, world)
		pub := web(t, "53:53/udp")
		host := &plan.Memory{}
		up(t, host, publishing(t, fw))
		serve(t, "", "udp", "192.0.2.1:53") // the host's own, before
		serve(t, "c1", "udp", "0.0.0.0:53")
		serve(t, "outside", "udp", "0.0.0.0:53")

		client := dialUDP(t, "outside", "192.0.2.1:53")
		if got := talk(t, client, patience); got != "53 from 192.0.2.2" {
			t.Fatalf("before: %s", got)
		}
		elsewhere := dialUDP(t, "c1", "192.0.2.2:53")
		if got := talk(t, elsewhere, patience); got != "53 from 192.0.2.1" {
			t.Fatalf("a container's own flow: %s", got)
		}

		j := &plan.Memory{}
		up(t, j, fw.backend(t).Publish(pub))
		if n := natted(t); n != 0 {
			t.Fatalf("%d flows lead to the container before the flush", n)
		}
		if err := nat.FlushFlows(pub.Mappings); err != nil {
			t.Fatal(err)
		}
		if got := talk(t, client, patience); got != "53 from 192.0.2.2" || natted(t) != 1 {
			t.Errorf("published: %s, %d flows lead to the container", got, natted(t))
		}
		down(t, j)
		if err := nat.FlushFlows(pub.Mappings); err != nil {
			t.Fatal(err)
		}
		if got := talk(t, client, patience); got != "53 from 192.0.2.2" || natted(t) != 0 {
			t.Errorf("taken back: %s, %d flows lead to the container", got, natted(t))
		}
		if flows := flowsTo(t, "192.0.2.2"); flows != 1 {
			t.Errorf("%d flows of the container to the same port elsewhere, want the 1 there was", flows)
		}
	})
}

// So it is with IPv6, and IPv4's flows to a port of that number stay.
func TestFlowsOfAnIPv6PortThatComes(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine, fw firewall) {
		m.Sh(t, world6)
		b, both := fw.backend(t), network
		both.Subnet6 = ipv6(network, "fd00:17::/64").Subnet6
		up(t, &plan.Memory{}, slices.Concat(b.Host(), b.Host6(), b.Network(both)))
		serve(t, "", "udp", "[2001:db8:2::1]:53")
		serve(t, "", "udp", "192.0.2.1:53")
		serve(t, "c1", "udp", "[::]:53")
		client, ipv4 := dialUDP(t, "outside", "[2001:db8:2::1]:53"), dialUDP(t, "outside", "192.0.2.1:53")
		if before := talk(t, client, patience) + ", " + talk(t, ipv4, patience); before != "53 from 2001:db8:2::2, 53 from 192.0.2.2" {
			t.Fatalf("before: %s", before)
		}
		pub := web6(t, "[::]:53:53/udp")
		up(t, &plan.Memory{}, b.Publish(pub))
		if err := nat.FlushFlows(pub.Mappings); err != nil {
			t.Fatal(err)
		}
		if got := talk(t, client, patience); got != "53 from 2001:db8:2::2" || flowsOf(t, "fd00:17::2") != 1 {
			t.Errorf("published: %s, %d flows lead to the container", got, flowsOf(t, "fd00:17::2"))
		}
		if n := flowsTo(t, "192.0.2.1"); n != 1 {
			t.Errorf("%d flows of IPv4 are left, want the 1 there was", n)
		}
	})
}

// An address that is free again goes to the next container, and what was sent
// to the last one must not reach it; whatever else passes the host goes on.
func TestFlowsOfAnAddressThatGoes(t *testing.T) {
	eachFirewall(t, func(t *testing.T, m *hosttest.Machine, fw firewall) {
		m.Sh(t, world)
		up(t, &plan.Memory{}, publishing(t, fw, "80:80"))
		serve(t, "outside", "udp", "0.0.0.0:53")
		echo(t, "outside", "0.0.0.0:90")
		serve(t, "c1", "tcp", "0.0.0.0:80")

		asked := dialUDP(t, "c1", "192.0.2.2:53")
		if got := talk(t, asked, patience); got != "53 from 192.0.2.1" {
			t.Fatalf("c1 asks outside: %s", got)
		}
		if got := ask(t, "outside", "tcp", "192.0.2.1:80", patience); got != "80 from 192.0.2.2" {
			t.Fatalf("outside asks c1: %s", got)
		}
		neighbour := dialUDP(t, "c2", "192.0.2.2:53")
		talk(t, neighbour, patience)
		lasting := dial(t, "c2", "192.0.2.2:90")
		exchange(t, lasting)

		if err := nat.FlushFlows(nil, netip.MustParseAddr("172.17.0.2")); err != nil {
			t.Fatal(err)
		}
		if n := flowsOf(t, "172.17.0.2"); n != 0 {
			t.Errorf("%d flows of the address are left", n)
		}
		if n := flowsOf(t, "172.17.0.3"); n != 2 {
			t.Errorf("%d flows of its neighbour are left, want both", n)
		}
		exchange(t, lasting)
	})
}

// An IPv6 address goes as an IPv4 one does.
func TestFlowsOfAnIPv6AddressThatGoes(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, world6)
		b := nat.Iptables()
		up(t, &plan.Memory{}, slices.Concat(b.Host(), b.Host6(), b.Network(ipv6(network, "fd00:17::/64"))))
		serve(t, "outside", "udp", "[::]:53")
		for _, ns := range []plan.NS{"c1", "c2"} {
			if got := ask(t, ns, "udp", "[2001:db8:2::2]:53", patience); got != "53 from 2001:db8:2::1" {
				t.Fatalf("%s asks outside: %s", ns, got)
			}
		}
		if err := nat.FlushFlows(nil, netip.MustParseAddr("172.17.0.2"), netip.MustParseAddr("fd00:17::2")); err != nil {
			t.Fatal(err)
		}
		for ip, want := range map[string]int{"fd00:17::2": 0, "fd00:17::3": 1} {
			if n := flowsOf(t, ip); n != want {
				t.Errorf("%d flows of %s are left, not %d", n, ip, want)
			}
		}
	})
}

// echo answers each byte of a connection with one.
func echo(t *testing.T, ns plan.NS, addr string) {
	t.Helper()
	var l net.Listener
	inside(t, ns, func() (err error) { l, err = net.Listen("tcp4", addr); return err })
	var running sync.WaitGroup
	t.Cleanup(func() { l.Close(); running.Wait() })
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				b := make([]byte, 1)
				for _, err := c.Read(b); err == nil; _, err = c.Read(b) {
					c.Write(b)
				}
			})
		}
	})
}

// exchange sends a byte over a connection and gets it back.
func exchange(t *testing.T, c net.Conn) {
	t.Helper()
	err := c.SetDeadline(time.Now().Add(patience))
	if err == nil {
		_, err = c.Write([]byte("x"))
	}
	if err == nil {
		_, err = c.Read(make([]byte, 1))
	}
	if err != nil {
		t.Fatalf("a connection that stands: %v", err)
	}
}

func dial(t *testing.T, ns plan.NS, addr string) (c net.Conn) {
	t.Helper()
	inside(t, ns, func() (err error) { c, err = net.DialTimeout("tcp4", addr, patience); return err })
	t.Cleanup(func() { c.Close() })
	return c
}

func dialUDP(t *testing.T, ns plan.NS, addr string) (c net.Conn) {
	t.Helper()
	inside(t, ns, func() (err error) { c, err = net.Dial("udp", addr); return err })
	t.Cleanup(func() { c.Close() })
	return c
}

// natted counts the flows to the host that the container answers.
func natted(t *testing.T) int {
	t.Helper()
	return count(t, func(f *netlink.ConntrackFlow) bool {
		return f.Forward.DstIP.String() == "192.0.2.1" && f.Reverse.SrcIP.String() == "172.17.0.2"
	})
}

func flowsTo(t *testing.T, ip string) int {
	t.Helper()
	return count(t, func(f *netlink.ConntrackFlow) bool { return f.Forward.DstIP.String() == ip })
}

// flowsOf counts those that an address began, or answers.
func flowsOf(t *testing.T, ip string) int {
	t.Helper()
	return count(t, func(f *netlink.ConntrackFlow) bool {
		return f.Forward.SrcIP.String() == ip || f.Reverse.SrcIP.String() == ip
	})
}

func count(t *testing.T, match func(*netlink.ConntrackFlow) bool) (n int) {
	t.Helper()
	for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, family)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range flows {
			if match(f) {
				n++
			}
		}
	}
	return n
}
