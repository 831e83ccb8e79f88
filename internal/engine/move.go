package engine

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// A move takes a running container from where it was to where it is now: to
// one more network, or off one. What is the container's once goes with the
// endpoint that comes first: its default route, its published ports, its name
// server.
//
// It is marked in the run's folder for as long as records and kernel may differ.
// The container's record says first where it is to be; the run's has an endpoint
// before that has a cable, and as long as it may have one. So whoever comes
// after a verb that was killed can end it (mend.go).
type move struct {
	*session
	c        *state.Container
	was, now *state.Run
	networks []*state.Network
	sockets  []*os.File // of ports that are published from now on
	names    []*os.File // of a name server that it hadn't
	unsure   bool       // whether its supervisor has heard of its ports is not known
	begun    bool       // something of what it has was changed
}

// arrive plugs the container into the network that it has come to, as wished.
// On an error all is as it was.
func (m *move) arrive(ctx context.Context, at state.Attachment, w Wish) error {
	if err := m.prepare(); err != nil {
		return err
	}
	defer m.letGo()
	before := m.c.Spec.Endpoints
	m.c.Spec.Endpoints = append(withoutWish(before, w.Network), w)
	err := errors.Join(m.held.MarkMoving(m.now.ID), m.held.WriteContainer(m.c), m.held.WriteRun(m.now))
	if err == nil {
		err = m.plug(ctx, m.now, at, m.networks)
	}
	if err == nil {
		err = m.follow(ctx)
	}
	if err == nil {
		m.rewriteFiles(m.c, m.was, m.now)
		m.cabled(m.now.ID, "connect", []state.Attachment{at})
		return m.held.ClearMoving(m.now.ID)
	}
	m.c.Spec.Endpoints = before
	return m.gaveUp(err, m.back(), m.unplug(m.now, []state.Attachment{at}, nil), m.held.WriteContainer(m.c), m.held.WriteRun(m.was))
}

// leave takes the container off a network. What depends on the endpoint moves
// first; when that fails, it stays where it is.
func (m *move) leave(ctx context.Context, at state.Attachment) error {
	if err := m.prepare(); err != nil {
		return err
	}
	defer m.letGo()
	before := m.c.Spec.Endpoints
	m.c.Spec.Endpoints = withoutWish(before, at.Network)
	err := errors.Join(m.held.MarkMoving(m.now.ID), m.held.WriteContainer(m.c))
	if err == nil {
		err = m.follow(ctx)
	}
	if err != nil {
		m.c.Spec.Endpoints = before
		return m.gaveUp(err, m.back(), m.held.WriteContainer(m.c))
	}
	err = m.unplug(m.was, []state.Attachment{at}, nil)
	if err == nil {
		err = m.held.WriteRun(m.now)
	}
	if err != nil {
		return m.gaveUp(err, err) // it may be there still: the next verb sees
	}
	m.rewriteFiles(m.c, m.was, m.now)
	m.cabled(m.now.ID, "disconnect", []state.Attachment{at})
	return m.held.ClearMoving(m.now.ID)
}

// gaveUp ends a move that failed for cause. If the way back did, too, or the
// supervisor has not heard of it, the mark stays, and the next verb goes on from
// there.
func (m *move) gaveUp(cause error, back ...error) error {
	if errors.Is(cause, errUnheard) {
		back = append(back, cause)
	}
	if failed := errors.Join(back...); failed != nil {
		m.clean = false
		if errors.Is(failed, cause) {
			return cause
		}
		return errors.Join(cause, failed)
	}
	return errors.Join(cause, m.held.ClearMoving(m.now.ID))
}

// follow lets all that the container has once go with its endpoints: the one
// that came is there already, the one that leaves is there still. What its
// supervisor has to know goes out last.
func (m *move) follow(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.begun = true
	if republishes(m.was, m.now) {
		if err := m.down(portsOwner(m.now.ID)); err != nil {
			return err
		}
	}
	if err := m.up(ctx, wayOwner(m.now.ID), m.wayPlan(m.now, m.was)); err != nil {
		return err
	}
	if republishes(m.was, m.now) {
		if err := m.upWayOut(ctx); err != nil {
			return err
		}
		if err := m.up(ctx, portsOwner(m.now.ID), m.publishPlan(m.now, m.networks)); err != nil {
			return err
		}
		if err := nat.FlushFlows(mappings(slices.Concat(m.was.Ports, m.now.Ports))); err != nil {
			return err
		}
	}
	if err := errors.Join(m.announceNames(m.now), m.tell()); err != nil {
		return err
	}
	return m.held.DropJournal(wayOwner(m.now.ID)) // it goes with the namespace
}

// upWayOut makes sure of the networks that the ports are published on now. That
// of an endpoint that has just come was brought up for it.
func (m *move) upWayOut(ctx context.Context) error {
	for _, way := range ways {
		at, ok := way(m.now)
		if !ok || !isOn(m.was, at.Network) {
			continue
		}
		if err := m.upNetwork(ctx, networkByID(m.networks, at.NetworkID)); err != nil {
			return err
		}
	}
	return nil
}

// back undoes what follow has done, whoever has lost patience meanwhile.
func (m *move) back() error {
	if !m.begun {
		return nil
	}
	if !republishes(m.was, m.now) {
		return m.down(wayOwner(m.was.ID))
	}
	return errors.Join(
		m.down(portsOwner(m.was.ID)),
		m.down(wayOwner(m.was.ID)),
		m.up(context.Background(), portsOwner(m.was.ID), m.publishPlan(m.was, m.networks)),
	)
}

// prepare opens what the container will need that it has not: a name server's
// sockets, those of its ports.
func (m *move) prepare() (err error) {
	if m.now.DNS == 0 && needsNames(m.now) {
		if m.now.DNS, m.names, err = openResolver(plan.NS(m.now.Netns)); err != nil {
			return err
		}
	}
	r, err := m.reserver().movePorts(m.c, m.was, m.now, m.networks)
	if err != nil {
		m.letGo()
		return err
	}
	if len(r.ports) == 0 && len(m.was.Ports) > 0 {
		m.c.Last.Ports = m.was.Ports // for when it has a way in again
	}
	m.now.Ports, m.sockets = r.ports, r.files
	return nil
}

// republishes says that the rules of the ports change.
func republishes(was, now *state.Run) bool {
	if len(was.Ports)+len(now.Ports) == 0 {
		return false
	}
	for _, way := range ways {
		from, _ := way(was)
		to, _ := way(now)
		if from.EndpointID != to.EndpointID {
			return true
		}
	}
	return false
}

// letGo closes our copies of the sockets.
func (m *move) letGo() {
	for _, f := range slices.Concat(m.names, m.sockets) {
		f.Close()
	}
	m.names, m.sockets = nil, nil
}
