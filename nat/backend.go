// Package nat puts ports of containers on the host: it publishes them (DNAT),
// lets containers out (masquerading) and keeps networks apart, all of it as
// plans of package plan.
//
// A [Backend] makes three kinds of plan: one for the host, one for each
// network, one for each container with published ports. They go up in that
// order and down in the other. The rest of the package is what stands beside
// the rules: Docker's port grammar ([ParseSpecs]), sockets that reserve host
// ports ([Reserve]), who holds one ([FindHolder]), and the flows that a change
// of UDP ports, or of who has an address, leaves behind ([FlushFlows]).
//
// Networks have IPv4, IPv6 or both, and so have published ports. There are two
// backends, [Iptables] and [Nftables].
package nat

import (
	"net/netip"

	"github.com/minibridge/minibridge/plan"
)

// A Backend writes the rules of one kind of firewall. It is chosen once for a
// host; its plans make no system call.
type Backend interface {
	// Host is what all networks share: chains, the jumps into them, and the
	// guard without which no bridge may route 127.0.0.0/8.
	Host() plan.Plan
	// Host6 is what all networks with IPv6 share, beyond Host. Without one,
	// nothing of it is needed, not even ip6tables(8).
	Host6() plan.Plan
	// Guard is that guard, for [plan.Drift] to look whether it stands.
	Guard() plan.Plan
	// Network lets a network's containers out and nothing unasked in. Its
	// bridge's route_localnet is set after the rules of IPv4.
	Network(Network) plan.Plan
	// Publish lets the given host ports in. It is one op, so all of the
	// ports open at once.
	Publish(Publish) plan.Plan
	// Unpublish are steps that take a Publish back, as its undo does: for a
	// journal where a part of the ports is to go alone.
	Unpublish(Publish) []plan.Step
	// Redirect leads questions to a container's name server.
	Redirect(Redirect) plan.Plan
	// Mark says which state the host's rules are in; an error where that can't
	// be told without a look at all of them.
	Mark() (Mark, error)
	// Lacks gives of each plan the lines that are rules of the host and that
	// are missing, all of them at the same moment.
	Lacks(plans ...plan.Plan) (missing []plan.Plan, err error)
	// Sweep looks for what is ours by its marks alone, whoever has the
	// journals that tell of it. It returns the steps that remove it; none
	// when nothing of that is left.
	Sweep() ([]plan.Step, error)
	// Adopt takes in an undo step that was read from a journal: it shares what
	// the backend knows of the rules.
	Adopt(undo plan.Step)
}

// A Redirect is a name server in a container's network namespace.
type Redirect struct {
	ID   string     // the container's short id, for the rules' comments
	NS   plan.NS    // the container's
	Addr netip.Addr // that programs in it ask, on port 53
	Port uint16     // that the server listens on, at the same address
}

// A Network is a bridge with the addresses behind it.
type Network struct {
	ID      string       // short id, for the rules' comments
	Bridge  string       // name of the bridge: see [CheckBridge]
	Subnet  netip.Prefix // 172.17.0.0/16; the zero value is none
	Subnet6 netip.Prefix // the same of IPv6

	Internal   bool // no way out and no way in, but to the host's own address on the bridge
	KeepSource bool // packets go out with the containers' addresses
	Isolated   bool // its containers don't reach each other, but by published ports

	Apart []string // bridges of others, behind which it reaches published ports alone: see [Apart]
}

// A Publish is the published ports of one container, of the family of Target.
// Of its mappings those of the other family get no rule, nor does ::1: the
// kernel can't lead them there.
type Publish struct {
	ID       string     // the container's short id, for the rules' comments
	Bridge   string     // the bridge that leads to Target
	Target   netip.Addr // the container's address there
	Mappings []Mapping
}

// kernels are the mappings that the kernel can lead to the target. What it
// sends to ::1 can't leave the host, and there is no switch as route_localnet.
func (p Publish) kernels() (all []Mapping) {
	for _, m := range p.Mappings {
		if m.IPv6() == p.Target.Is6() && !(m.IPv6() && m.HostIP.IsLoopback()) {
			all = append(all, m)
		}
	}
	return all
}

// A Mapping is a run of host ports that lead to as many ports of a container,
// one to one.
type Mapping struct {
	HostIP   netip.Addr `json:"host_ip,omitzero"` // unspecified: every address of its family; zero: every IPv4 address
	HostPort uint16     `json:"host_port"`        // the first one
	Port     uint16     `json:"port"`             // the container's first one
	Count    int        `json:"count"`            // 1 for a single port
	Proto    string     `json:"proto"`            // "tcp", "udp" or "sctp"
}

// IPv6 says that the mapping is of an IPv6 address of the host, or of all.
func (m Mapping) IPv6() bool { return m.HostIP.Is6() }

// Any says that the mapping is for every address of its family.
func (m Mapping) Any() bool {
	return !m.HostIP.IsValid() || m.HostIP.IsUnspecified()
}

// last is the highest of count ports.
func last(first uint16, count int) uint16 {
	return first + uint16(max(count, 1)-1)
}
