package nat_test

import (
	"slices"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// world6 adds IPv6 to world, and an uplink with it.
const world6 = world + `
address() { # DEV ADDRESS [NAME GATEWAY]
	ip ${3:+-n $3} addr add $2 nodad dev $1
	test -z "$4" || ip -n $3 -6 route add default via $4
}
sysctl -qw net.ipv6.conf.all.disable_ipv6=0
address uplink 2001:db8:2::1/64
address eth0 2001:db8:2::2/64 outside
address minibr0 fd00:17::1/64
address mb-77aa77aa77aa fd00:18::1/64
address eth0 fd00:17::2/64 c1 fd00:17::1
address eth0 fd00:17::3/64 c2 fd00:17::1
address eth0 fd00:18::2/64 c3 fd00:18::1
ip -n outside route add fd00:17::/64 via 2001:db8:2::1 # which nobody should have
sysctl -qw net.ipv6.conf.all.forwarding=1
bridged() {
	! test -e /proc/sys/net/bridge || sysctl -qw net.bridge.bridge-nf-call-ip6tables=$1
}
`

// serve6 are services of everybody's, and of the host alone.
func serve6(t *testing.T, proto string) {
	for _, ns := range []plan.NS{"c1", "c3", "outside"} {
		serve(t, ns, proto, "[::]:80")
	}
	serve(t, "", proto, "[fd00:17::1]:22")
	serve(t, "", proto, "[fd00:18::1]:22")
	serve(t, "", proto, "[2001:db8:2::1]:22")
}

func TestIPv6Paths(t *testing.T) {
	open := []path{
		{"c2", "[fd00:17::2]:80", "80 from fd00:17::3"},
		{"", "[fd00:17::2]:80", "80 from fd00:17::1"},
		{"c1", "[fd00:17::1]:22", "22 from fd00:17::2"},
		{"c1", "[2001:db8:2::1]:22", "22 from fd00:17::2"},
		{"", "[fd00:17::1]:22", "22 from fd00:17::1"},         // over lo
		{"c1", "[2001:db8:2::2]:80", "80 from 2001:db8:2::1"}, // out
		{"outside", "[2001:db8:2::1]:22", "22 from 2001:db8:2::2"},
		{"c3", "[fd00:17::2]:80", "nothing"}, // networks are apart
		{"c1", "[fd00:18::2]:80", "nothing"},
		{"outside", "[fd00:17::2]:80", "nothing"}, // even with a route
	}
	of := map[string][]path{
		"open": append(open, path{"c3", "[2001:db8:2::2]:80", "80 from 2001:db8:2::1"}),
		"internal": append(open,
			path{"", "[fd00:18::2]:80", "80 from fd00:18::1"},
			path{"c3", "[fd00:18::1]:22", "22 from fd00:18::2"}, // its own gateway address
			path{"c3", "[fd00:17::1]:22", "nothing"},
			path{"c3", "[2001:db8:2::1]:22", "nothing"},
			path{"c3", "[2001:db8:2::2]:80", "nothing"}),
	}
	for name, paths := range of {
		for proto, settings := range map[string]string{
			"tcp": "ip6tables -P FORWARD ACCEPT; bridged 0",
			"udp": "ip6tables -P FORWARD DROP; bridged 1",
		} {
			t.Run(name+" "+proto, func(t *testing.T) {
				eachFirewall(t, func(t *testing.T, m *hosttest.Machine, fw firewall) {
					m.Sh(t, world6+settings)
					b := fw.backend(t)
					second := ipv6(other, "fd00:18::/64")
					second.Internal = name == "internal"
					up(t, &plan.Memory{}, slices.Concat(b.Host(), b.Host6(), b.Network(ipv6(network, "fd00:17::/64")), b.Network(second)))
					serve6(t, proto)
					walk(t, proto, paths)
				})
			})
		}
	}
}

// A machine without ip6tables has networks, as long as they have no IPv6.
func TestNoIP6tables(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		use(t, nat.NFT)
		m.Sh(t, bridge+"; rm $(dirname $(command -v iptables))/ip6tables*")
		t.Setenv("PATH", m.Sh(t, "dirname $(command -v iptables)"))
		j := &plan.Memory{}
		up(t, j, all(t))
		down(t, j)
		if steps, err := nat.Iptables().Sweep(); len(steps) > 0 || err != nil {
			t.Errorf("%v, %v", steps, err)
		}
		if _, err := plan.Drift(all6()); err == nil {
			t.Error("a network with IPv6 is no error")
		}
	})
}
