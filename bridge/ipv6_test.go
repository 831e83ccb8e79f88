package bridge_test

import (
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

// dual is what a container on a network of both families has.
func dual(t hosttest.TB) (bridge.Network, bridge.Endpoint, bridge.Way) {
	n, e, w := network(t), endpoint(t), way()
	n.Gateway6, e.Address6 = prefix("fd00:17::1/64"), prefix("fd00:17::2/64")
	w.IPv6 = bridge.Hop{Gateway: address("fd00:17::1"), Dev: "eth0"}
	return n, e, w
}

func whole(n bridge.Network, e bridge.Endpoint, w bridge.Way) plan.Plan {
	p := n.Plan()
	p.Do(netns("web"), "a network stack of its own")
	return slices.Concat(p, bridge.Loopback("web"), e.Plan(), w.Plan())
}

func TestIPv6PlanTwin(t *testing.T) {
	n, e, w := dual(t)
	t.Run("both", func(t *testing.T) { hosttest.TwinPlan(t, whole(n, e, w)) })
	n.Bridge, e.Bridge = "br.10", "br.10"
	n.Gateway, e.Address, w.IPv4 = netip.Prefix{}, netip.Prefix{}, bridge.Hop{}
	for name, prepare := range map[string]string{
		"alone":            "",
		"where it was off": "sysctl -qw net.ipv6.conf.default.disable_ipv6=1",
	} {
		t.Run(name, func(t *testing.T) { hosttest.TwinPlan(t, whole(n, e, w), prepare) })
	}
}

func TestIPv6NoTrace(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) { m.NoTrace(t, whole(dual(t))) })
}

// The addresses answer at once: nobody waits for duplicate address detection.
func TestIPv6EndpointReachesGateway(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "sysctl -qw net.ipv6.conf.default.disable_ipv6=1")
		n, e, w := dual(t)
		n.Gateway, e.Address, w.IPv4 = netip.Prefix{}, netip.Prefix{}, bridge.Hop{}
		up(t, whole(n, e, w))
		m.In(t, "web", "ping -c1 -W2 fd00:17::1")
		m.Sh(t, "ping -c1 -W2 fd00:17::2")
		if out := m.In(t, "web", "ip -4 -br addr show dev eth0; ip -6 route show default"); out != "default via fd00:17::1 dev eth0 metric 1024 pref medium" {
			t.Errorf("of an IPv6 endpoint alone: %q", out)
		}
	})
}

// From its link-local address the host looks for a neighbour that it forwards
// to: what comes in for the first container doesn't wait for that.
func TestTheBridgesLinkLocalAddressIsGoodAtOnce(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		up(t, whole(dual(t)))
		m.Sh(t, "until ip -6 addr show dev minibr0 scope link | grep -q fe80; do :; done")
		if got := m.Sh(t, "ip -6 addr show dev minibr0 tentative"); got != "" {
			t.Error(got)
		}
	})
}

// A container with a cable of its own making.
const rogue = `
ip netns add rogue
ip link add name other master minibr0 up type veth peer name eth0 netns rogue
ip -n rogue addr add fe80::bad/64 nodad dev eth0
ip -n rogue link set dev eth0 up
until bridge link show dev other | grep -q 'state forwarding'; do :; done
until ip -n rogue -6 route show table local dev eth0 | grep -q ff00; do :; done`

// Nor on a network without IPv6, where it has its own ways to send packets.
func TestNoContainerIsTheRouterWithoutIPv6(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		up(t, network(t).Plan())
		m.Sh(t, rogue)
		advertise(t, "rogue")
		m.Sh(t, "ip -n rogue addr add 172.17.0.9/16 dev eth0; ping -q -c1 -W2 172.17.0.9") // behind it
		const asks = "ip -6 route show default proto ra"
		if got := m.Sh(t, asks); got != "" {
			t.Errorf("the host believes the rogue router: %s", got)
		}
		m.Sh(t, "sysctl -qw net.ipv6.conf.minibr0.disable_ipv6=0 net.ipv6.conf.minibr0.accept_ra=1")
		advertise(t, "rogue")
		m.Sh(t, "until "+asks+" | grep -q via; do :; done")
	})
}

// A container that says it is the router is not believed, neither by its
// neighbours nor by the host.
func TestNoContainerIsTheRouter(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		n, e, w := dual(t)
		up(t, whole(n, e, w))
		m.Sh(t, rogue+`
until bridge link show dev mbv1a2b3c4d | grep -q 'state forwarding'; do :; done`)
		asks := "ip -6 route show default proto ra; ip -6 -br addr show scope global | grep -o 2001:db8:bad: || true"
		advertise(t, "rogue")
		m.Sh(t, "ping -q -c1 -W2 fd00:17::2") // behind it
		for _, ns := range []plan.NS{"", "web"} {
			if got := m.Sh(t, ns.Exec()+"sh -c '"+asks+"'"); got != "" {
				t.Errorf("%q believes the rogue router: %s", ns, got)
			}
		}
		m.Sh(t, "sysctl -qw net.ipv6.conf.minibr0.accept_ra=1; ip netns exec web sysctl -qw net.ipv6.conf.eth0.accept_ra=1")
		advertise(t, "rogue")
		for _, ns := range []plan.NS{"", "web"} {
			m.Sh(t, "until "+ns.Exec()+"sh -c '"+asks+"' | grep -q via; do :; done")
		}
	})
}

// advertise sends a router advertisement (RFC 4861, section 4.2) from a
// namespace's eth0 to all of its neighbours.
func advertise(t *testing.T, ns plan.NS) {
	t.Helper()
	network := address("2001:db8:bad::").As16()
	message := append([]byte{134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, // a router for half an hour
		3, 4, 64, 0xc0, 0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10, 0, 0, 0, 0}, network[:]...) // and a prefix for addresses
	err := ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMPV6)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255); err != nil {
			return err
		}
		if err := unix.BindToDevice(fd, "eth0"); err != nil {
			return err
		}
		return unix.Sendto(fd, message, 0, &unix.SockaddrInet6{Addr: address("ff02::1").As16()})
	})
	if err != nil {
		t.Fatal(err)
	}
}
