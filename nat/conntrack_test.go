package nat_test

import (
	"net"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// A client that keeps sending from one socket keeps its flow, and with it the
// NAT that the flow began with.
func TestFlushUDP(t *testing.T) {
	eachVariant(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, world)
		pub := web(t, "53:53/udp")
		host := &plan.Memory{}
		up(t, host, publishing(t))
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
		up(t, j, nat.Iptables().Publish(pub))
		if n := natted(t); n != 0 {
			t.Fatalf("%d flows lead to the container before the flush", n)
		}
		if err := nat.FlushUDP(pub.Mappings); err != nil {
			t.Fatal(err)
		}
		if got := talk(t, client, patience); got != "53 from 192.0.2.2" || natted(t) != 1 {
			t.Errorf("published: %s, %d flows lead to the container", got, natted(t))
		}
		down(t, j)
		if err := nat.FlushUDP(pub.Mappings); err != nil {
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

func dialUDP(t *testing.T, ns plan.NS, addr string) (c net.Conn) {
	t.Helper()
	inside(t, ns, func() (err error) { c, err = net.Dial("udp4", addr); return err })
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

func count(t *testing.T, match func(*netlink.ConntrackFlow) bool) (n int) {
	t.Helper()
	flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range flows {
		if match(f) {
			n++
		}
	}
	return n
}
