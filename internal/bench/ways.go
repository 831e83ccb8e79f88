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

var (
	localhost = netip.MustParseAddr("127.0.0.1")
	container = netip.MustParseAddr("172.17.0.2") // the first of the default network
)

var ways = []way{
	{"host to itself", "", netip.AddrPortFrom(localhost, port), 0},
	{"host to container", "", netip.AddrPortFrom(container, port), 0},
	{"host to published port", "", netip.AddrPortFrom(localhost, published), 0},
	{"outside to host", machine.Outside, netip.AddrPortFrom(machine.Address, port), 3},
	{"outside to published port", machine.Outside, netip.AddrPortFrom(machine.Address, published), 3},
}
