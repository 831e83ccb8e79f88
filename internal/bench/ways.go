package bench

import (
	"net/netip"

	"github.com/minibridge/minibridge/internal/machine"
	"github.com/minibridge/minibridge/plan"
)

// A way leads to a server: the host's own, or that in the container.
type way struct {
	name   string
	from   plan.NS
	to     netip.AddrPort
	beside int // index of the way that it is compared with
}

// The host's server has the first port, and so has the container's, which is
// published as the second.
const (
	port      = 5201 // as iperf3
	published = 5202
)

// A family is the addresses on the ways, of one IP version.
type family struct {
	any, localhost, host, container netip.Addr
	network                         string // the container's
	setUp                           string // what the machine needs for it: a script for minibridge, $0, and a firewall, $1
}

var ipv4 = family{
	any:       netip.IPv4Unspecified(),
	localhost: netip.MustParseAddr("127.0.0.1"),
	host:      machine.Address,
	container: netip.MustParseAddr("172.17.0.2"), // the first of the default network
	network:   "bridge",
}

var ipv6 = family{
	any:       netip.IPv6Unspecified(),
	localhost: netip.IPv6Loopback(),
	host:      netip.MustParseAddr("2001:db8::1"),
	container: netip.MustParseAddr("fd00:6::2"),
	network:   "six",
	setUp: `
echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6
ip addr add 2001:db8::1/64 dev uplink nodad
ip -n outside addr add 2001:db8::2/64 dev eth0 nodad
"$0" --firewall "$1" network create --ipv6 --subnet fd00:6::/64 six
`,
}

// family is the one that was asked for.
func (o Options) family() family {
	if o.IPv6 {
		return ipv6
	}
	return ipv4
}

func (f family) ways() []way {
	return []way{
		{"host to itself", "", netip.AddrPortFrom(f.localhost, port), 0},
		{"host to container", "", netip.AddrPortFrom(f.container, port), 0},
		{"host to published port", "", netip.AddrPortFrom(f.localhost, published), 0},
		{"outside to host", machine.Outside, netip.AddrPortFrom(f.host, port), 3},
		{"outside to published port", machine.Outside, netip.AddrPortFrom(f.host, published), 3},
	}
}
