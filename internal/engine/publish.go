package engine

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// Publish publishes more ports of a container: at once when it runs, else when
// it is started. values are those of -p. It returns what [Engine.Ports] tells
// of the new ones.
func (e *Engine) Publish(ctx context.Context, ref string, values []string) (lines []string, err error) {
	more, err := e.changePorts(ctx, "publish", ref, values, publishing)
	return nat.PortLines(mappings(more)), err
}

// Unpublish takes ports of a container back: those that were published by such
// a value of -p, or that were chosen as a value says.
func (e *Engine) Unpublish(ctx context.Context, ref string, values []string) error {
	_, err := e.changePorts(ctx, "unpublish", ref, values, unpublishing)
	return err
}

// changePorts returns the ports that are published now and were not before.
func (e *Engine) changePorts(ctx context.Context, verb, ref string, values []string, edit portEdit) (more []state.Port, err error) {
	asked, err := parsePublish(values)
	if err != nil {
		return nil, err
	}
	s, c, networks, err := e.openContainer(ctx, verb, ref)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	if err := s.ownPorts(c, networks); err != nil {
		return nil, err
	}
	run, st := s.status(c)
	if run == nil && st.Status == state.Running {
		_, err := s.running(c)
		return nil, err
	}
	ports, err := edit(c, run, values, asked)
	if err != nil {
		return nil, err
	}
	if run == nil {
		c.Spec.Publish = ports.publish
		return nil, s.held.WriteContainer(c)
	}
	now := *run
	m := &move{session: s, c: c, was: run, now: &now, networks: networks}
	defer m.letGo()
	return m.publishAs(ctx, ports)
}

// parsePublish reads values of -p, each by itself.
func parsePublish(values []string) ([]nat.Spec, error) {
	asked := make([]nat.Spec, len(values))
	for i, v := range values {
		var err error
		if asked[i], err = nat.ParseSpec(v); err != nil {
			return nil, &Error{Text: err.Error(), Code: malformed}
		}
	}
	return asked, nil
}

// ownPorts refuses a container that is in somebody else's network namespace.
func (e *Engine) ownPorts(c *state.Container, networks []*state.Network) error {
	if id, ok := strings.CutPrefix(c.Spec.Network, "container:"); ok {
		other := id
		if o, err := e.find(id); err == nil {
			other = o.Name
		}
		return errorf("container %s shares the network of container %s: its ports are published there", c.Name, other).
			hint("minibridge port %s", other)
	}
	if e.sharesHost(c, networks) {
		return errorf("container %s shares the host's network: its ports are the host's already", c.Name)
	}
	return nil
}

// publishAs changes the ports of a running container: what comes is there
// before what goes is gone, and all others stay. On an error all is as it was.
func (m *move) publishAs(ctx context.Context, ports edited) (more []state.Port, err error) {
	before := m.c.Spec.Publish
	m.c.Spec.Publish = ports.publish
	in, out := m.entranceOf(m.now, m.networks)
	if !out {
		if wired := m.now.Wired(); len(wired) > 0 && len(ports.more) > 0 {
			m.say("WARNING: %s", discarded(wired[0]))
		}
		return nil, m.held.WriteContainer(m.c)
	}
	r, err := m.reserver().reserveSpecs(m.c, in, ports.more, nil, nil)
	if err != nil {
		return nil, err
	}
	m.sockets = r.files
	m.now.Ports = slices.Concat(missing(m.was.Ports, ports.less), r.ports)
	// A port that is written down for a run and not for its container is one
	// that came to nothing; so it is with one that goes.
	err = errors.Join(
		m.held.MarkMoving(m.now.ID),
		m.held.WriteRun(m.with(slices.Concat(m.was.Ports, r.ports))),
		m.held.WriteContainer(m.c),
		m.held.WriteRun(m.now),
	)
	if err == nil {
		err = m.exchange(ctx, r.ports, ports.less)
	}
	if err == nil {
		return r.ports, m.held.ClearMoving(m.now.ID)
	}
	m.c.Spec.Publish = before
	return nil, m.gaveUp(err, m.restore(r.ports, ports.less), m.held.WriteContainer(m.c), m.held.WriteRun(m.was))
}

// restore makes the rules those of before, if exchange came so far.
func (m *move) restore(more, less []state.Port) error {
	if !m.begun {
		return nil
	}
	if err := m.withdraw(more, m.was.Ports); err != nil || len(less) == 0 {
		return err
	}
	if err := m.up(context.Background(), portsOwner(m.was.ID), m.publishPlan(m.was, m.networks)); err != nil {
		return err
	}
	_, j, err := m.executor(portsOwner(m.was.ID))
	if err != nil {
		return err
	}
	return j.Rewrite(m.unpublishSteps(m.was, m.networks))
}

// exchange opens ports, then closes others.
func (m *move) exchange(ctx context.Context, more, less []state.Port) error {
	if err := m.upHost(ctx); err != nil {
		return err
	}
	if err := m.upWayOut(ctx); err != nil {
		return err
	}
	if err := m.up(ctx, portsOwner(m.now.ID), m.publishPlan(m.with(more), m.networks)); err != nil {
		return err
	}
	m.begun = true
	if err := m.withdraw(less, m.now.Ports); err != nil {
		return err
	}
	return errors.Join(nat.FlushFlows(mappings(slices.Concat(more, less))), m.tell())
}

// withdraw closes ports of the container and leaves it the rest: its journal
// says so first, in steps that can go apart.
func (m *move) withdraw(gone, rest []state.Port) error {
	if len(gone) == 0 {
		return nil
	}
	ex, j, err := m.executor(portsOwner(m.now.ID))
	if err != nil {
		return err
	}
	stay := m.unpublishSteps(m.with(rest), m.networks)
	if err := j.Rewrite(slices.Concat(stay, m.unpublishSteps(m.with(gone), m.networks))); err != nil {
		return err
	}
	for _, undo := range j.Steps() {
		m.firewall.Adopt(undo)
	}
	return ex.Down(len(stay))
}

// with is the run with other ports.
func (m *move) with(ports []state.Port) *state.Run {
	run := *m.now
	run.Ports = ports
	return &run
}

// missing are those of ports that have lacks.
func missing(ports, have []state.Port) (all []state.Port) {
	for _, p := range ports {
		if !slices.Contains(have, p) {
			all = append(all, p)
		}
	}
	return all
}
