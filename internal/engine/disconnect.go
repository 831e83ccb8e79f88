package engine

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/minibridge/minibridge/internal/state"
)

// Disconnect takes a container off a network. With force, one that is not
// there is Docker's error of its own.
func (e *Engine) Disconnect(ctx context.Context, network, ref string, force bool) (err error) {
	s, c, networks, err := e.openContainer(ctx, "network disconnect", ref)
	if force && errors.Is(err, fs.ErrNotExist) {
		return e.noEndpoint(network, ref)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	run, st := s.status(c)
	stopped := run == nil && st.Status != state.Running
	n, err := findNetwork(networks, network)
	switch {
	case errors.Is(err, fs.ErrNotExist) && (stopped || force):
		return s.forgo(c, network)
	case err != nil:
		return err
	case !s.traits(n).Namespace && s.sharesHost(c, networks):
		return errorf("cannot disconnect container from host network - container was created in host network mode")
	case stopped:
		return s.forgo(c, n.Name)
	case run == nil:
		_, err := s.running(c)
		return err
	}
	now, at, err := departure(c, run, n)
	if err != nil {
		return err
	}
	m := &move{session: s, c: c, was: run, now: now, networks: networks}
	return m.leave(ctx, at)
}

// noEndpoint is Docker's word for a container that isn't there, if the network
// is.
func (e *Engine) noEndpoint(network, ref string) error {
	all, err := e.dirs.Networks()
	if err != nil {
		return err
	}
	if _, err := findNetwork(all, network); err != nil {
		return err
	}
	return errorf("endpoint %s not found", Printable(ref))
}

// forgo takes a container that doesn't run off a network that may have gone
// meanwhile, which keeps the container from being started.
func (s *session) forgo(c *state.Container, network string) error {
	if err := wished(c, network); err != nil {
		return err
	}
	c.Spec.Endpoints = withoutWish(c.Spec.Endpoints, network)
	return s.held.WriteContainer(c)
}

// wished refuses a network that a container is not to be on.
func wished(c *state.Container, network string) error {
	if !slices.ContainsFunc(c.Spec.Endpoints, func(w Wish) bool { return w.Network == network }) {
		return errorf("container %s is not connected to the network %s", c.ID, Printable(network))
	}
	return nil
}

// departure is a running container's run without its endpoint on a network.
func departure(c *state.Container, run *state.Run, n *state.Network) (now *state.Run, at state.Attachment, err error) {
	i := slices.IndexFunc(run.Endpoints, func(at state.Attachment) bool { return at.NetworkID == n.ID })
	if i < 0 {
		return nil, at, errorf("container %s is not connected to network %s", c.ID, n.Name)
	}
	next := *run
	next.Endpoints = slices.Delete(slices.Clone(run.Endpoints), i, i+1)
	return &next, run.Endpoints[i], nil
}
