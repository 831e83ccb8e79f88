package nat

import "github.com/minibridge/minibridge/plan"

// Reasons that do not depend on the kind of firewall.
const (
	whyOpen     = "containers get out as the host; in comes what was asked for or published"
	whyClosed   = "nothing leaves this network, and nothing comes in; only the host's own address on it answers"
	whyPublish  = "packets to these ports of the host go to the container"
	whyRedirect = "questions to the name server go to the port it listens on: 53 stays free for the container's own"
)

// localnet comes after a network's rules: with it a neighbour could reach what
// the host serves on 127.0.0.1, if the guard were not there. IPv6 has no such
// thing: what the host sends to ::1 stays in the host.
func localnet(n Network) (p plan.Plan) {
	if n.Subnet.IsValid() && !n.Internal {
		p.Do(&plan.SysctlSet{Key: plan.DeviceKey("ipv4", n.Bridge, "route_localnet"), Value: "1"},
			"so that 127.0.0.1 on the host leads to published ports")
	}
	return p
}
