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

// A move is what follows for a running container when it comes to another
// network, or leaves one: its default route, its published ports and its name
// server go with the endpoint that is now the first. The endpoint that comes
// must be there already, the one that leaves must still be there.
type move struct {
	*session
	c        *state.Container
	was, now *state.Run
	networks []*state.Network
	sockets  []*os.File // of ports that are published from now on
	names    []*os.File // of a name server that it hadn't
}

func (s *session) newMove(c *state.Container, was, now *state.Run, networks []*state.Network) *move {
	return &move{session: s, c: c, was: was, now: now, networks: networks}
}

// do makes the move. What the container's supervisor has to know goes out
// last, and is not waited for: it carries all that is needed. The record is the
// caller's to write: with the endpoint, as long as there is one.
func (m *move) do(ctx context.Context) error {
	if err := m.prepare(); err != nil {
		m.letGo()
		return err
	}
	var err error
	if m.republishes() {
		err = m.down(portsOwner(m.now.ID))
	}
	if err == nil {
		err = m.upWay(ctx, m.now, m.was)
	}
	if err == nil && m.republishes() {
		err = m.up(ctx, portsOwner(m.now.ID), m.publishPlan(m.now, m.networks))
		err = errors.Join(err, nat.FlushFlows(mappings(slices.Concat(m.was.Ports, m.now.Ports))))
	}
	if err == nil {
		err = m.announceNames(m.now)
	}
	if err == nil {
		err = m.tell()
	}
	if err != nil {
		m.letGo()
	}
	return err
}

// back undoes a move that went wrong half-way.
func (m *move) back(ctx context.Context) error {
	if !m.republishes() {
		return m.upWay(ctx, m.was, m.now)
	}
	return errors.Join(
		m.down(portsOwner(m.was.ID)),
		m.upWay(ctx, m.was, m.now),
		m.up(ctx, portsOwner(m.was.ID), m.publishPlan(m.was, m.networks)),
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
	at, out := wayOut(m.now)
	_, wasOut := wayOut(m.was)
	switch {
	case !out:
		m.now.Ports = nil
	case !wasOut:
		r, err := m.reserve(m.c, m.traits(networkByID(m.networks, at.NetworkID)).Binding, at.Address.Addr())
		if err != nil {
			return err
		}
		m.now.Ports, m.sockets = r.ports, r.files
	}
	return nil
}

func (m *move) republishes() bool { return republishes(m.was, m.now) }

// republishes says that the rules of the ports change.
func republishes(was, now *state.Run) bool {
	from, wasOut := wayOut(was)
	to, out := wayOut(now)
	if len(was.Ports)+len(now.Ports) == 0 {
		return false
	}
	return out != wasOut || from.EndpointID != to.EndpointID
}

// A change is what a supervisor hears of a move. Descriptors come just before:
// those of the name server first.
type change struct {
	Names int  `json:"names,omitempty"` // how many of them are a name server's to begin: its packets', its streams'
	Ports bool `json:"ports,omitempty"` // the others are its ports' from now on, in the place of those it has
}

// tell hands everything over to the supervisor.
func (m *move) tell() error {
	if len(m.names) == 0 && len(m.sockets) == 0 && len(m.was.Ports) == len(m.now.Ports) {
		return nil
	}
	w, err := dial(m.dirs.Socket(m.now.ID))
	if err != nil {
		return err
	}
	defer w.close()
	files := slices.Concat(m.names, m.sockets)
	if err := w.sendFiles(files); err != nil {
		return err
	}
	c := change{Names: len(m.names), Ports: len(m.sockets) > 0 || len(m.now.Ports) == 0}
	if err := w.sendJSON(frameChange, c); err != nil {
		return err
	}
	m.letGo()
	return nil
}

// letGo closes our copies of the sockets.
func (m *move) letGo() {
	for _, f := range slices.Concat(m.names, m.sockets) {
		f.Close()
	}
	m.names, m.sockets = nil, nil
}
