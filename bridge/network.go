package bridge

import (
	"net"
	"net/netip"

	"github.com/minibridge/minibridge/plan"
)

// A Network is a bridge that containers are plugged into.
type Network struct {
	Bridge   string           // its name, at most 15 bytes
	Adopted  bool             // it is there, and somebody else's: it gets addresses, and stays when they go
	MAC      net.HardwareAddr // of the bridge
	Gateway  netip.Prefix     // the bridge's address, with the subnet's prefix length: 172.17.0.1/16; the zero value is none
	Gateway6 netip.Prefix     // the same of IPv6
	NoIPv6   bool             // the kernel has none, and nobody to listen to
	MTU      int              // bytes, without the Ethernet header; 0 is the smallest of its ports'
}

// Plan builds the network's bridge.
func (n Network) Plan() (p plan.Plan) {
	if !n.Adopted {
		p.Do(&BridgeAdd{Name: n.Bridge, MAC: n.MAC}, "a switch made of software")
	}
	if n.MTU != 0 {
		p.Do(&LinkMTU{Dev: n.Bridge, MTU: n.MTU}, "the largest packet; set by hand, so that its ports don't change it")
	}
	if n.Gateway.IsValid() {
		p.Do(&AddrAdd{Dev: n.Bridge, Prefix: n.Gateway, Theirs: n.Adopted}, "the host's leg in it: the containers' gateway")
	}
	n.ipv6(&p)
	p.Do(&LinkUp{Dev: n.Bridge, Theirs: n.Adopted}, "switched on; no carrier until the first cable is plugged in")
	if n.Gateway6.IsValid() {
		p.Do(&AddrAdd{Dev: n.Bridge, Prefix: n.Gateway6, Theirs: n.Adopted}, "the gateway of IPv6; a link that is switched off would lose it")
	}
	return p
}

// ipv6 switches it on where the network has it, and off where it has not: the
// kernel then drops what comes in of it, and so does not route it, whatever
// addresses a container makes up (ip6_rcv_core, net/ipv6/ip6_input.c). An
// adopted bridge may have its own use for it.
func (n Network) ipv6(p *plan.Plan) {
	key := func(name string) string { return plan.DeviceKey("ipv6", n.Bridge, name) }
	switch {
	case n.Gateway6.IsValid():
		p.Do(&plan.SysctlSet{Key: key("disable_ipv6"), Value: "0"}, "this network has IPv6, even where new links of this machine don't")
	case n.NoIPv6:
		return
	case !n.Adopted:
		p.Do(&plan.SysctlSet{Key: key("disable_ipv6"), Value: "1"}, "this network has no IPv6: the host takes none from it, and routes none")
		return
	}
	p.Do(&plan.SysctlSet{Key: key("accept_dad"), Value: "0"}, "its link-local address is good at once: from there the host looks for whom it forwards to")
	p.Do(&plan.SysctlSet{Key: key("accept_ra"), Value: "0"}, "no container can make itself the host's router (RFC 4861, section 11.1)")
}
