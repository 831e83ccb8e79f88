package bridge

import (
	"net"
	"net/netip"

	"github.com/minibridge/minibridge/plan"
)

// An Endpoint is where a container meets a network: a cable from its network
// namespace into the network's bridge, and an address. What leads further is a
// [Way].
type Endpoint struct {
	NS       plan.NS          // the container's network namespace
	Bridge   string           // the network's bridge
	Veth     string           // the host's end of the cable, at most 15 bytes; new at each start
	Dev      string           // the container's end: eth0; without a dot
	MAC      net.HardwareAddr // of the container's end
	Address  netip.Prefix     // the container's, with the subnet's prefix length: 172.17.0.2/16; the zero value is none
	Address6 netip.Prefix     // the same of IPv6
	MTU      int              // bytes, without the Ethernet header; 0 is the kernel's 1500
	Alias    string           // what `ip link` says about the host's end; "" is nothing
	Isolated bool             // it reaches no other isolated container on the bridge, only the host
	KeepIPv6 bool             // don't switch IPv6 off in Dev where it has no address of it: for a kernel without
	Cabled   bool             // the cable is there, if not as it should be
}

// Plan plugs the namespace, which exists and has its [Loopback], into the bridge.
func (e Endpoint) Plan() (p plan.Plan) {
	if e.Cabled {
		p.Do(&PlugIn{Veth: e.Veth, Bridge: e.Bridge, Peer: e.Dev, NS: e.NS}, "the cable's end goes back into the bridge")
		p.Do(&LinkAddress{NS: e.NS, Dev: e.Dev, MAC: e.MAC}, "the address that its neighbours know")
	} else {
		p.Do(&VethAdd{Veth: e.Veth, Bridge: e.Bridge, Peer: e.Dev, NS: e.NS, MAC: e.MAC, MTU: e.MTU},
			"a cable: one end in the bridge, the other inside the container")
	}
	p.Do(&PortSet{Dev: e.Veth, Hairpin: true, Isolated: e.Isolated}, e.portWhy())
	if e.Alias != "" {
		p.Do(&LinkAlias{Dev: e.Veth, Alias: e.Alias}, "a note for people: whose cable this is")
	}
	p = append(p, e.settings()...)
	if e.Address.IsValid() {
		p.Do(&AddrAdd{NS: e.NS, Dev: e.Dev, Prefix: e.Address}, "the container's address; the kernel adds the route to its subnet")
	}
	if e.Address6.IsValid() {
		p.Do(&AddrAdd{NS: e.NS, Dev: e.Dev, Prefix: e.Address6}, "its IPv6 address, in use at once: nobody else was given it")
	}
	p.Do(&LinkUp{NS: e.NS, Dev: e.Dev}, "switched on inside: now the cable has a carrier")
	return p
}

// settings are those of the container's end, made before it can hear or say
// anything.
func (e Endpoint) settings() (p plan.Plan) {
	set := func(name, value, why string) {
		p.Do(&plan.SysctlSet{NS: e.NS, Key: plan.DeviceKey("ipv6", e.Dev, name), Value: value}, why)
	}
	switch {
	case e.Address6.IsValid():
		set("disable_ipv6", "0", "this network has IPv6, even where new links of this machine don't")
		set("accept_dad", "0", "and its address of the link: it is made of a MAC that is nobody else's")
		set("accept_ra", "0", "no neighbour can make itself the router (RFC 4861, section 11.1)")
	case !e.KeepIPv6:
		set("disable_ipv6", "1", "no IPv6 on this network: no link-local address either")
	}
	return p
}

// portWhy is the reason for the port's flags.
func (e Endpoint) portWhy() string {
	if e.Isolated {
		return "its own published ports are within reach, its neighbours on the bridge are not"
	}
	return "a frame may leave by the port it came in by: the container reaches its own published ports"
}

// Loopback makes a new network namespace, which has only `lo`, ready for
// programs: all that a container without a network gets.
func Loopback(ns plan.NS) (p plan.Plan) {
	p.Do(&LinkUp{NS: ns, Dev: "lo"}, "127.0.0.1 inside; a new namespace has it switched off")
	p.Do(&plan.SysctlSet{NS: ns, Key: "net.ipv4.ip_unprivileged_port_start", Value: "0"},
		"ports below 1024 need no root in here: nobody else's are at risk")
	p.Do(&plan.SysctlSet{NS: ns, Key: "net.ipv4.ping_group_range", Value: "0 2147483647"},
		"every user may ping without a raw socket")
	return p
}
