package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/driver/bridged"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// look compares the kernel's rules with those that the last verb has left. The
// kernel counts their changes, so that costs as much with a thousand rules as
// with one.
func (s *session) look() {
	mark, err := s.firewall.Mark()
	if err != nil {
		return // nobody counts: heed looks at all of them
	}
	s.mark, s.counted = mark, true
	s.whole = !s.held.Crashed && s.held.Rules == mark.Then()
}

// leaveWord tells the next verb what rules there are if nobody else changes any,
// and that all of ours are among them.
func (s *session) leaveWord() {
	if s.counted && s.whole && s.clean {
		s.held.Leave(s.mark.Now())
	}
}

// heed puts back what somebody has flushed of the rules of all that is up: what
// keeps doors closed, and what leads to published ports. Whoever comes next
// after a flush, whatever for, is to find no door open; so the host is made a
// router again behind that, and not where that fails.
func (s *session) heed(ctx context.Context) {
	if !s.whole {
		back, err := s.putBack(ctx)
		if len(back) > 0 {
			s.say("WARNING: rules of ours were missing, or behind those of others; put back: %s", sum(back))
		}
		if err != nil && ctx.Err() == nil { // who has lost patience hears so from the verb
			s.warn(fmt.Errorf("rules of ours may be missing: %w", err))
		}
		s.whole = err == nil
	}
	if !s.whole {
		return
	}
	back, err := s.forwardAgain(ctx)
	for _, key := range back {
		s.say("WARNING: %s was off; it is on again", key)
	}
	if err != nil && ctx.Err() == nil {
		s.warn(err)
	}
}

// heedAfter does that for a verb which has had others take the lock: a
// supervisor that takes down its own has no ear of a person.
func (e *Engine) heedAfter(ctx context.Context, verb string) error {
	if !e.dirs.HasJournal(hostOwner) {
		return nil
	}
	mark, err := e.firewall.Mark()
	whole := err == nil && e.dirs.RulesSeen() == mark.Then()
	off, err := e.switchedOff(e.dirs.Networks)
	if whole && err == nil && len(off) == 0 {
		return nil
	}
	return e.clean(ctx, verb)
}

// An owned is an owner's plan.
type owned struct {
	kind, name string
	owner      string
	plan       plan.Plan
	run        *state.Run // of ports
}

// lacking are those of all that is up whose rules are not all where they should
// be; the plan of each is what it lacks.
func (e *Engine) lacking(networks []*state.Network) (some []owned, err error) {
	all, err := e.ruled(networks)
	if err != nil {
		return nil, err
	}
	plans := make([]plan.Plan, len(all))
	for i, one := range all {
		plans[i] = one.plan
	}
	missing, err := e.firewall.Lacks(plans...)
	for i, one := range all {
		if len(missing[i]) > 0 {
			one.plan = missing[i]
			some = append(some, one)
		}
	}
	return some, err
}

// putBack gives those whose rules were put back.
func (s *session) putBack(ctx context.Context) (back []owned, err error) {
	if !s.dirs.HasJournal(hostOwner) {
		return nil, nil // nothing is up
	}
	networks, err := s.networks()
	if err != nil {
		return nil, err
	}
	some, err := s.lacking(networks)
	for _, one := range some {
		var failed error
		if one.run != nil {
			failed = s.publishAgain(ctx, one.run, networks)
		} else {
			failed = s.up(ctx, one.owner, one.plan)
		}
		if failed == nil {
			back = append(back, one)
		}
		err = errors.Join(err, failed)
	}
	if slices.ContainsFunc(back, func(one owned) bool { return one.run == nil }) {
		err = errors.Join(err, flushUnmasked(networks))
	}
	return back, err
}

// flushUnmasked ends what has left networks unmasqueraded.
func flushUnmasked(networks []*state.Network) error {
	var subnets []netip.Prefix
	for _, n := range networks {
		if n.Bridge == "" || !bridged.Masquerades(n) {
			continue
		}
		for _, s := range []netip.Prefix{n.Subnet, n.Subnet6} {
			if s.IsValid() {
				subnets = append(subnets, s)
			}
		}
	}
	return nat.FlushUnmasked(subnets...)
}

// ruled are all who have rules, the host first: nothing is led anywhere before
// the doors are closed that should be.
func (e *Engine) ruled(networks []*state.Network) (all []owned, err error) {
	up, _ := e.whatIsUp(networks) // of a record that can't be read, nobody knows rules
	host6, err := e.hostPlan6(up.networks...)
	if err != nil {
		return nil, err
	}
	all = append(all, owned{kind: "host", owner: hostOwner, plan: append(e.hostPlan(), host6...)})
	for _, n := range up.networks {
		all = append(all, owned{kind: "network", name: n.Name, owner: networkOwner(n.ID), plan: e.networkPlan(n)})
	}
	for _, run := range up.runs {
		all = append(all, owned{kind: "container", name: run.Name, owner: portsOwner(run.ID), plan: e.publishPlan(run, networks), run: run})
	}
	return all, nil
}

// fewNames is how many are told by name.
const fewNames = 4

// sum is who they are, in a few words: host, networks a and b, 50 containers.
func sum(all []owned) string {
	var words []string
	for _, kind := range []string{"host", "network", "container"} {
		var names []string
		for _, one := range all {
			if one.kind == kind {
				names = append(names, one.name)
			}
		}
		switch {
		case len(names) == 0:
		case kind == "host":
			words = append(words, kind)
		case len(names) == 1:
			words = append(words, kind+" "+names[0])
		case len(names) <= fewNames:
			words = append(words, kind+"s "+strings.Join(names[:len(names)-1], ", ")+" and "+names[len(names)-1])
		default:
			words = append(words, fmt.Sprintf("%d %ss", len(names), kind))
		}
	}
	return strings.Join(words, ", ")
}
