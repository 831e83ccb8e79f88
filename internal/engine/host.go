package engine

import (
	"context"

	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// hostPlan is what all networks and containers share. It comes up at first use
// and stays until reset: a network that owned it would cut the others off when
// it went.
func (e *Engine) hostPlan() plan.Plan { return append(routerPlan(), e.sharedPlan()...) }

// sharedPlan is all of that but for what makes the host a router.
func (e *Engine) sharedPlan() (p plan.Plan) {
	p.Do(&sandbox.NetnsDir{}, "where ip netns keeps the names of namespaces; shared, so that every mount namespace sees them")
	p.Do(&sandbox.LayersMount{Dir: e.dirs.Layers()}, "what containers change on their root file systems lives in memory")
	return append(p, e.firewall.Host()...)
}

// upHost makes the host plan true. The first time, it says when rules of the
// others could be in the way.
func (s *session) upHost(ctx context.Context) error {
	if err := s.keepFirewall(); err != nil {
		return err
	}
	first := !s.dirs.HasJournal(hostOwner)
	p := s.hostPlan()
	if !first { // a router it is again when all doors are closed: see heed
		p = s.sharedPlan()
	}
	if err := s.up(ctx, hostOwner, p); err != nil || !first {
		return err
	}
	for _, warning := range s.strangers() {
		s.say("WARNING: %s", warning)
	}
	return nil
}

// strangers tells of rules that can drop what ours let through, and that the
// firewall in use does not show.
func (e *Engine) strangers() (warnings []string) {
	if variant, err := nat.FindVariant(); err == nil { // nftables needs none
		if n, err := nat.Foreign(variant); err == nil && n > 0 {
			warnings = append(warnings, nat.ForeignWarning(variant, n))
		}
	}
	chains, err := nat.ForeignChains()
	if err != nil {
		return append(warnings, err.Error())
	}
	for _, c := range chains {
		warnings = append(warnings, foreignWarning(c))
	}
	return warnings
}
