package engine

import (
	"context"
	"slices"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// hostPlan6 is what networks with IPv6 share; nothing if none of these is one.
// It comes up with the first of them, behind the host's plan, and stays as that
// does: a machine without such a network needs no ip6tables and no IPv6.
func (e *Engine) hostPlan6(networks ...*state.Network) (plan.Plan, error) {
	if !slices.ContainsFunc(networks, func(n *state.Network) bool { return n.Subnet6.IsValid() }) {
		return nil, nil
	}
	uplinks, err := bridge.Advertised()
	return e.routerPlan6(uplinks), err
}

// routerPlan6 makes the host a router of IPv6. uplinks have their default route
// from another router.
func (e *Engine) routerPlan6(uplinks []string) plan.Plan {
	p := e.firewall.Host6()
	for _, dev := range uplinks {
		p.Do(&plan.SysctlSet{Key: plan.DeviceKey("ipv6", dev, "accept_ra"), Value: "2"},
			"a router listens to no other, but where it is told to: the host keeps its way out")
	}
	p.Do(&plan.SysctlSet{Key: forwardKey6, Value: "1"}, "and no router of IPv6 either")
	return p
}

// upHost6 makes that plan true.
func (s *session) upHost6(ctx context.Context, n *state.Network) error {
	p, err := s.hostPlan6(n)
	if err != nil || len(p) == 0 {
		return err
	}
	return s.up(ctx, hostOwner, p)
}
