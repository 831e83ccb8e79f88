package engine

import (
	"context"

	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// hostPlan is what all networks and containers share. It comes up at first use
// and stays until reset: a network that owned it would cut the others off when
// it went.
func (e *Engine) hostPlan() plan.Plan {
	var p plan.Plan
	p.Do(&plan.SysctlSet{Key: "net.ipv4.ip_forward", Value: "1"}, "a Linux box is no router until it is told")
	p.Do(&sandbox.NetnsDir{}, "where ip netns keeps the names of namespaces; shared, so that every mount namespace sees them")
	p.Do(&sandbox.LayersMount{Dir: e.dirs.Layers()}, "what containers change on their root file systems lives in memory")
	return append(p, e.firewall.Host()...)
}

// upHost makes the host plan true.
func (s *session) upHost(ctx context.Context) error {
	return s.up(ctx, hostOwner, s.hostPlan())
}
