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
		return errorf("endpoint %s not found", printable(ref))
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
	if err := s.disconnect(ctx, c, run, n, networks); err != nil {
		return err
	}
	c.Spec.Endpoints = withoutWish(c.Spec.Endpoints, n.Name)
	return s.held.WriteContainer(c)
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
		return errorf("container %s is not connected to the network %s", c.ID, printable(network))
	}
	return nil
}

// disconnect pulls a running container's cable. What depends on it moves
// first; when that fails, the container stays where it is.
func (s *session) disconnect(ctx context.Context, c *state.Container, run *state.Run, n *state.Network, networks []*state.Network) error {
	i := slices.IndexFunc(run.Endpoints, func(at state.Attachment) bool { return at.NetworkID == n.ID })
	if i < 0 {
		return errorf("container %s is not connected to network %s", c.ID, n.Name)
	}
	at := run.Endpoints[i]
	next := *run
	next.Endpoints = slices.Delete(slices.Clone(run.Endpoints), i, i+1)
	if err := s.held.SetMoving(run.ID, true); err != nil {
		return err
	}
	m := s.newMove(c, run, &next, networks)
	err := m.do(ctx)
	if err != nil {
		err = errors.Join(err, m.back(ctx))
	} else if err = s.unplug(run, []state.Attachment{at}, nil); err != nil {
		next.Endpoints = run.Endpoints // it is still there, to be tried again
		err = errors.Join(err, s.held.WriteRun(&next))
	} else {
		err = s.held.WriteRun(&next)
		s.rewriteFiles(c, run, &next)
	}
	return errors.Join(err, s.held.SetMoving(run.ID, false))
}
