package engine

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// cantRepair names the container, and how it gets all of it anew.
func cantRepair(run *state.Run, err error) error {
	text := fmt.Sprintf("container %s: %v", run.Name, err)
	return &Error{Text: text, Hint: "minibridge restart " + run.Name, Err: err}
}

// container repairs a running container, but for what it has on networks that
// could not be repaired.
func (r *repair) container(ctx context.Context, run *state.Run) error {
	if run.Netns == "" {
		return nil
	}
	p, err := r.keptSandbox(run)
	if err == nil {
		err = r.up(ctx, containerOwner(run.ID), p)
	}
	if err != nil {
		return err
	}
	for _, at := range run.Wired() {
		if r.broken[at.NetworkID] {
			continue
		}
		if err := r.endpoint(ctx, run, at); err != nil {
			return err
		}
	}
	open := r.open(run)
	if err := r.up(ctx, wayOwner(run.ID), r.wayPlan(open, &state.Run{})); err != nil {
		return err
	}
	if err := r.held.DropJournal(wayOwner(run.ID)); err != nil { // it goes with the namespace
		return err
	}
	if err := r.publishAgain(ctx, open, r.networks); err != nil {
		return err
	}
	return r.names(run)
}

// open is a run with no endpoints but those that it goes out by, each for its
// family alone, and none of a network that could not be repaired.
func (r *repair) open(run *state.Run) *state.Run {
	open := *run
	open.Endpoints = nil
	if at, ok := wayOut(run); ok && !r.broken[at.NetworkID] {
		at.Gateway6 = netip.Addr{}
		open.Endpoints = append(open.Endpoints, at)
	}
	if at, ok := wayOut6(run); ok && !r.broken[at.NetworkID] {
		at.Gateway = netip.Addr{}
		open.Endpoints = append(open.Endpoints, at)
	}
	return &open
}

// names makes a container known to its peers again, where its entry has gone.
func (r *repair) names(run *state.Run) error {
	for _, at := range run.Wired() {
		members, _, err := r.dirs.Members(at.NetworkID).Load()
		if err != nil {
			return err
		}
		if len(at.Names) > 0 && !slices.ContainsFunc(members, func(m state.Member) bool { return m.ID == run.ID }) {
			r.steps++
			fmt.Fprintf(r.out, "%s: its names on %s: %s\n", r.what, at.Network, strings.Join(at.Names, ", "))
			return r.announceNames(run)
		}
	}
	return nil
}

// endpoint repairs a cable and what is at its ends. Where something was
// missing, the neighbours are told again where it leads.
func (r *repair) endpoint(ctx context.Context, run *state.Run, at state.Attachment) error {
	p, err := r.keptEndpoint(run, at, r.networks)
	if err != nil {
		return err
	}
	before := r.steps
	err = r.up(ctx, endpointOwner(run.ID, at.EndpointID), p)
	if n := networkByID(r.networks, at.NetworkID); err == nil && r.steps > before && n.Bridge != "" {
		err = bridge.Announce(n.Bridge, []byte(at.MAC), at.Addresses()...)
	}
	return err
}

// publishAgain leads those of a container's ports to it that lead nowhere. UDP
// flows to them that began meanwhile would go on past it; others go on as they
// are.
func (s *session) publishAgain(ctx context.Context, run *state.Run, networks []*state.Network) error {
	again, err := s.unpublished(run, networks)
	if err != nil {
		return err
	}
	if err := s.up(ctx, portsOwner(run.ID), s.publishPlan(run, networks)); err != nil {
		return err
	}
	return nat.FlushFlows(mappings(again))
}

// unpublished are the ports of a container that lead nowhere.
func (e *Engine) unpublished(run *state.Run, networks []*state.Network) (ports []state.Port, err error) {
	missing, err := plan.Drift(e.publishPlan(run, networks))
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	for _, p := range run.Ports {
		one := *run
		one.Ports = []state.Port{p}
		missing, err := plan.Drift(e.publishPlan(&one, networks))
		if err != nil {
			return nil, err
		}
		if len(missing) > 0 {
			ports = append(ports, p)
		}
	}
	return ports, nil
}
