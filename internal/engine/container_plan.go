package engine

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/driver"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// containerPlan is all of a container's own in the kernel: its namespace, its
// endpoints, its published ports. It can be made again from the record of the
// run, which is what script does.
func (e *Engine) containerPlan(run *state.Run, networks []*state.Network) plan.Plan {
	p := e.sandboxPlan(run)
	for _, at := range run.Wired() {
		p = append(p, e.endpointPlan(run, at, networks)...)
	}
	p = append(p, e.wayPlan(run, &state.Run{})...)
	return append(p, e.publishPlan(run, networks)...)
}

// sandboxPlan is the container's network namespace; nothing for one that is in
// the host's, or in another container's.
func (e *Engine) sandboxPlan(run *state.Run) (p plan.Plan) {
	if run.Netns == "" {
		return nil
	}
	p.Do(&sandbox.NetnsAdd{Name: run.Netns, Pin: e.dirs.NetnsPin(run.ID)}, "a network stack of its own: no devices but a loopback that is down")
	return append(p, bridge.Loopback(plan.NS(run.Netns))...)
}

// endpointPlan is the container on one of its networks.
func (e *Engine) endpointPlan(run *state.Run, at state.Attachment, networks []*state.Network) plan.Plan {
	n := networkByID(networks, at.NetworkID)
	return e.driver(n).Endpoint(n, driver.Endpoint{
		NS:         plan.NS(run.Netns),
		Alias:      cableNote(run, at),
		Attachment: at,
	})
}

// cableNote says to people whose a veth is.
func cableNote(run *state.Run, at state.Attachment) string { return run.Name + " on " + at.Network }

// wayPlan is what the container has once, whatever it is on: its default
// routes, in the place of those that it had, what --sysctl asked for, and the
// way to its name server.
func (e *Engine) wayPlan(run, was *state.Run) plan.Plan {
	if run.Netns == "" {
		return nil
	}
	p := wayOf(run).From(wayOf(was))
	if was.ID == "" { // it starts
		p = append(p, sysctlPlan(run)...)
	}
	if run.DNS != 0 && was.DNS == 0 { // it stands as long as the namespace does
		p = append(p, e.firewall.Redirect(nat.Redirect{ID: state.ShortID(run.ID), NS: plan.NS(run.Netns), Addr: resolverAddr, Port: run.DNS})...)
	}
	return p
}

// wayOf is how a container gets out.
func wayOf(run *state.Run) bridge.Way {
	way := bridge.Way{NS: plan.NS(run.Netns)}
	if at, ok := wayOut(run); ok {
		way.IPv4 = bridge.Hop{Gateway: at.Gateway, Dev: at.Dev}
	}
	if at, ok := wayOut6(run); ok {
		way.IPv6 = bridge.Hop{Gateway: at.Gateway6, Dev: at.Dev}
	}
	return way
}

// publishPlan is the run's ports. A container is published through the networks
// that give its default routes, each family's by its own; what the kernel can't
// lead there its supervisor carries.
func (e *Engine) publishPlan(run *state.Run, networks []*state.Network) (p plan.Plan) {
	for at, pub := range publications(run) {
		n := networkByID(networks, at.NetworkID)
		p = append(p, e.driver(n).Publish(n, pub)...)
	}
	return append(p, carryPlan(run)...)
}

// unpublishSteps take all of it back, where it was done.
func (e *Engine) unpublishSteps(run *state.Run, networks []*state.Network) (steps []plan.Step) {
	for at, pub := range publications(run) {
		n := networkByID(networks, at.NetworkID)
		steps = append(steps, e.driver(n).Unpublish(n, pub)...)
	}
	return steps
}

// publications are the run's ports, with each of its ways in.
func publications(run *state.Run) iter.Seq2[state.Attachment, driver.Publication] {
	pub := driver.Publication{ID: state.ShortID(run.ID), Mappings: mappings(run.Ports)}
	return func(yield func(state.Attachment, driver.Publication) bool) {
		if at, ok := wayOut(run); ok {
			pub.Target = at.Address.Addr()
			if !yield(at, pub) {
				return
			}
		}
		if at, ok := wayOut6(run); ok {
			pub.Target = at.Address6.Addr()
			yield(at, pub)
		}
	}
}

// wayOut is the endpoint that gives a container its IPv4 default route.
func wayOut(run *state.Run) (state.Attachment, bool) {
	return firstWith(run, func(at state.Attachment) netip.Addr { return at.Gateway })
}

// ways are the two families'.
var ways = []func(*state.Run) (state.Attachment, bool){wayOut, wayOut6}

// wayOut6 is the one that gives it its IPv6 default route.
func wayOut6(run *state.Run) (state.Attachment, bool) {
	return firstWith(run, func(at state.Attachment) netip.Addr { return at.Gateway6 })
}

func firstWith(run *state.Run, gateway func(state.Attachment) netip.Addr) (state.Attachment, bool) {
	for _, at := range ranked(run) {
		if gateway(at).IsValid() {
			return at, true
		}
	}
	return state.Attachment{}, false
}

// ranked are a container's endpoints, the one that it goes out by first:
// Docker's order. One with both families comes before one with a single one.
func ranked(run *state.Run) []state.Attachment {
	families := func(at state.Attachment) (n int) {
		for _, gateway := range []netip.Addr{at.Gateway, at.Gateway6} {
			if gateway.IsValid() {
				n++
			}
		}
		return n
	}
	all := run.Wired()
	slices.SortStableFunc(all, func(a, b state.Attachment) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(families(b), families(a)), cmp.Compare(a.Network, b.Network))
	})
	return all
}
