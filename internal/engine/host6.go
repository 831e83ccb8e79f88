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
	p, err := e.sharedPlan6(networks...)
	return append(p, routerPlan6(networks...)...), err
}

// sharedPlan6 is all of that but for what makes the host a router.
func (e *Engine) sharedPlan6(networks ...*state.Network) (plan.Plan, error) {
	if !slices.ContainsFunc(networks, hasIPv6Subnet) {
		return nil, nil
	}
	uplinks, err := bridge.Advertised()
	return append(e.firewall.Host6(), uplinkPlan(uplinks)...), err
}

func hasIPv6Subnet(n *state.Network) bool { return n.Subnet6.IsValid() }

// uplinkPlan keeps the host's way out by links whose default route is from
// another router.
func uplinkPlan(uplinks []string) (p plan.Plan) {
	for _, dev := range uplinks {
		p.Do(&plan.SysctlSet{Key: plan.DeviceKey("ipv6", dev, "accept_ra"), Value: "2"},
			"a router listens to no other, but where it is told to: the host keeps its way out")
	}
	return p
}

// upHost6 makes that plan true.
func (s *session) upHost6(ctx context.Context, n *state.Network) error {
	if !hasIPv6Subnet(n) {
		return nil
	}
	networks, err := s.networks()
	if err != nil {
		return err
	}
	wanted := s.hostPlan6
	if _, up := s.needRouter(networks); up {
		wanted = s.sharedPlan6 // a router it is again when all doors are closed: see heed
	}
	p, err := wanted(n)
	if err != nil {
		return err
	}
	return s.up(ctx, hostOwner, p)
}
