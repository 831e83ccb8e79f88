package engine

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// Connect puts a container on one more network: at once when it runs, else
// when it is started. w.Network is what a person calls the network.
func (e *Engine) Connect(ctx context.Context, ref string, w Wish) (err error) {
	s, c, networks, err := e.openContainer(ctx, "network connect", ref)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	n, err := findNetwork(networks, w.Network)
	if err != nil {
		return err
	}
	w.Network, w.Connected = n.Name, true
	if err := s.connectable(c, n, w, networks); err != nil {
		return err
	}
	run, st := s.status(c)
	if run == nil && st.Status == state.Running {
		_, err := s.running(c)
		return err
	}
	if run == nil {
		c.Spec.Endpoints = append(withoutWish(c.Spec.Endpoints, n.Name), w)
		return s.held.WriteContainer(c)
	}
	if err := s.upHost(ctx); err != nil {
		return err
	}
	if err := s.upNetwork(ctx, n); err != nil {
		return err
	}
	now, at, err := s.arrival(c, run, n, w, networks)
	if err != nil {
		return err
	}
	m := &move{session: s, c: c, was: run, now: now, networks: networks}
	return m.arrive(ctx, at, w)
}

// openContainer takes the lock for a verb that changes where a container is.
func (e *Engine) openContainer(ctx context.Context, verb, ref string) (*session, *state.Container, []*state.Network, error) {
	if _, err := e.find(ref); err != nil { // nobody waits for the lock to hear that
		return nil, nil, nil, err
	}
	s, err := e.lock(ctx, verb)
	if err != nil {
		return nil, nil, nil, err
	}
	c, err := s.find(ref)
	if err != nil {
		return nil, nil, nil, errors.Join(err, s.unlock())
	}
	networks, err := s.networks()
	if err != nil {
		return nil, nil, nil, errors.Join(err, s.unlock())
	}
	return s, c, networks, nil
}

// connectable refuses what can't be, with Docker's texts.
func (e *Engine) connectable(c *state.Container, n *state.Network, w Wish, networks []*state.Network) error {
	if !e.traits(n).Namespace {
		return errorf("cannot connect container to host network - container must be created in host network mode")
	}
	if strings.HasPrefix(c.Spec.Network, "container:") || e.sharesHost(c, networks) {
		return errorf("container sharing network namespace with another container or host cannot be connected to any other network")
	}
	for _, on := range c.Spec.Endpoints {
		if on.Network == n.Name {
			continue
		}
		if o, err := findNetwork(networks, on.Network); err == nil && !(e.traits(o).Wired && e.traits(n).Wired) {
			return errorf("container cannot be connected to multiple networks with one of the networks in private (none) mode").
				hint("minibridge network disconnect %s %s", o.Name, c.Name)
		}
	}
	if err := checkLinks(append(withoutWish(c.Spec.Endpoints, n.Name), w)); err != nil {
		return err
	}
	return checkEndpoint(n, &w)
}

// sharesHost says that a container is in the host's namespace.
func (e *Engine) sharesHost(c *state.Container, networks []*state.Network) bool {
	return slices.ContainsFunc(c.Spec.Endpoints, func(w Wish) bool {
		n, err := findNetwork(networks, w.Network)
		return err == nil && !e.traits(n).Namespace
	})
}

func withoutWish(all []Wish, network string) []Wish {
	return slices.DeleteFunc(slices.Clone(all), func(w Wish) bool { return w.Network == network })
}

// arrival is a running container's run with an endpoint on one more network.
func (e *Engine) arrival(c *state.Container, run *state.Run, n *state.Network, w Wish, networks []*state.Network) (now *state.Run, at state.Attachment, err error) {
	if slices.ContainsFunc(run.Endpoints, func(at state.Attachment) bool { return at.NetworkID == n.ID }) {
		return nil, at, errorf("endpoint with name %s already exists in network %s", c.Name, n.Name)
	}
	if at, err = e.attachHere(n, w, c); err != nil {
		return nil, at, err
	}
	links, err := bridge.Links(plan.NS(run.Netns))
	if err != nil {
		return nil, at, err
	}
	next := *run
	next.Endpoints = append(slices.Clone(run.Endpoints), at)
	e.nameLinks(&next, networks, links, []Wish{w})
	return &next, next.Endpoints[len(next.Endpoints)-1], nil
}
