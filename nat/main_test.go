package nat_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

// eachVariant runs a test in one machine for each variant of iptables, which
// is the one that programs find there.
func eachVariant(t *testing.T, f func(t *testing.T, m *hosttest.Machine)) {
	for _, v := range []nat.Variant{nat.NFT, nat.Legacy} {
		t.Run(string(v), func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				hosttest.UseIptables(t, string(v))
				f(t, m)
			})
		})
	}
}

// A firewall is a backend, and what a person types to change what it has
// written.
type firewall struct {
	backend func(t *testing.T) nat.Backend // made once the machine is set up
	refuse  string                         // in the administrator's chain: the outside world
}

// eachFirewall runs a test in one machine for each kind of firewall.
func eachFirewall(t *testing.T, f func(t *testing.T, m *hosttest.Machine, fw firewall)) {
	eachVariant(t, func(t *testing.T, m *hosttest.Machine) {
		f(t, m, firewall{
			backend: func(*testing.T) nat.Backend { return nat.Iptables() },
			refuse:  "iptables -A MINIBRIDGE-USER -s 192.0.2.2 -j DROP",
		})
	})
	t.Run("nftables", func(t *testing.T) {
		hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) { f(t, m, nftables) })
	})
}

// nftables is the firewall of that name, beside iptables where that drops.
var nftables = firewall{
	backend: func(t *testing.T) nat.Backend {
		beside, err := nat.Forwarding()
		if err != nil {
			t.Fatal(err)
		}
		return nat.Nftables(beside...)
	},
	refuse: "nft add rule inet minibridge user ip saddr 192.0.2.2 drop",
}

var (
	network = nat.Network{ID: "5f0c1b2a3d4e", Bridge: "minibr0", Subnet: netip.MustParsePrefix("172.17.0.0/16")}
	other   = nat.Network{ID: "77aa77aa77aa", Bridge: "mb-77aa77aa77aa", Subnet: netip.MustParsePrefix("172.18.0.0/16"), Apart: []string{"docker0"}}
)

// ipv6 is the network with an IPv6 range alone.
func ipv6(n nat.Network, subnet string) nat.Network {
	n.Subnet, n.Subnet6 = netip.Prefix{}, netip.MustParsePrefix(subnet)
	return n
}

// web6 is web at an address of IPv6.
func web6(t *testing.T, ports ...string) nat.Publish {
	p := web(t, ports...)
	p.Target = netip.MustParseAddr("fd00:17::2")
	return p
}

// ports6 are mappings of each kind.
var ports6 = []string{"[::]:8080:80", "[2001:db8:2::1]:53:53/udp", "[::]:8000-8100:8000-8100", "[2001:db8:2::1]:7000-7010:7000-7010", "[::]:9000-9100:8000-8100/udp"}

// all6 is what IPv6 adds to what all networks share: the host's share, an open
// network, an internal one, published ports.
func all6(t *testing.T) plan.Plan {
	b := nat.Iptables()
	inner := ipv6(other, "fd00:18::/64")
	inner.Internal = true
	return slices.Concat(b.Host6(), b.Network(ipv6(network, "fd00:17::/64")), b.Network(inner), b.Publish(web6(t, ports6...)))
}

// web publishes ports of the container 172.17.0.2.
func web(t *testing.T, ports ...string) nat.Publish {
	t.Helper()
	specs, err := nat.ParseSpecs(ports)
	if err != nil {
		t.Fatal(err)
	}
	p := nat.Publish{ID: "c0ffee123456", Bridge: network.Bridge, Target: netip.MustParseAddr("172.17.0.2")}
	for _, s := range specs {
		p.Mappings = append(p.Mappings, s.Mapping(s.HostFirst))
	}
	return p
}
