package engine

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// mend ends a move that a verb was killed in, or had to give up: a container is
// on those networks that it is to be on and has a cable to, and the rest follows
// from that as in any move. The mark goes when all of it is so.
func (s *session) mend(run *state.Run) error {
	if !s.dirs.Moving(run.ID) {
		return nil
	}
	networks, err := s.networks()
	if err != nil {
		return err
	}
	c, err := s.dirs.ReadContainer(run.ID)
	if err != nil {
		return err
	}
	now, off, err := plugged(c, run)
	if err != nil {
		return err
	}
	was := *run // what of a name server and of ports was handed over is not known
	was.DNS = 0
	m := &move{session: s, c: c, was: &was, now: now, networks: networks, unsure: true}
	defer m.letGo()
	if err = m.reopen(); err == nil {
		err = m.settle(off)
	}
	if err != nil {
		s.clean = false
		return err
	}
	s.rewriteFiles(c, &state.Run{Endpoints: off}, now)
	return s.held.ClearMoving(run.ID)
}

// settle makes all of it so.
func (m *move) settle(off []state.Attachment) error {
	ctx := context.Background()
	id := m.now.ID
	m.c.Spec.Endpoints = slices.DeleteFunc(slices.Clone(m.c.Spec.Endpoints), func(w Wish) bool { return !isOn(m.now, w.Network) })
	return errors.Join(
		m.up(ctx, wayOwner(id), m.wayPlan(m.now, m.was)),
		m.republish(ctx),
		m.unplug(m.was, off, nil),
		m.held.WriteRun(m.now),
		m.held.WriteContainer(m.c),
		m.announceNames(m.now),
		m.tell(),
		m.held.DropJournal(wayOwner(id)),
	)
}

func isOn(run *state.Run, network string) bool {
	return slices.ContainsFunc(run.Endpoints, func(at state.Attachment) bool { return at.Network == network })
}

// plugged is a run with those of its endpoints that it is to have, and that have
// a cable or need none; and the others.
func plugged(c *state.Container, run *state.Run) (now *state.Run, off []state.Attachment, err error) {
	copied := *run
	now = &copied
	now.Endpoints = nil
	for _, at := range run.Endpoints {
		there, err := bridge.Exists(at.Veth)
		if err != nil {
			return nil, nil, err
		}
		wished := slices.ContainsFunc(c.Spec.Endpoints, func(w Wish) bool { return w.Network == at.Network })
		if wished && (there || at.Dev == "") {
			now.Endpoints = append(now.Endpoints, at)
		} else {
			off = append(off, at)
		}
	}
	return now, off, nil
}

// reopen opens those sockets that the container's supervisor was to get and
// has not: an address that is in use is one that it has.
func (m *move) reopen() error {
	if m.now.DNS != 0 {
		sockets, err := listenIn(plan.NS(m.now.Netns).Do, netip.AddrPortFrom(resolverAddr, m.now.DNS))
		if err != nil && !errors.Is(err, unix.EADDRINUSE) {
			return err
		}
		m.names = sockets
	} else if needsNames(m.now) {
		if err := m.prepare(); err != nil {
			return err
		}
	}
	specs, err := published(&m.c.Spec)
	if err != nil {
		return err
	}
	in, out := m.entranceOf(m.now, m.networks)
	asked := claimed(specs, m.now.Ports)
	var ports []state.Port
	for _, p := range m.now.Ports {
		if !slices.Contains(asked, p) || !out || !in.leads(p.HostIP, p.Proto) {
			continue // it was not to be, or nothing leads there any more
		}
		ports = append(ports, p)
		sockets, err := nat.Reserve(mappings([]state.Port{p})...)
		if err != nil && !errors.Is(err, unix.EADDRINUSE) {
			return err
		}
		m.sockets = append(m.sockets, sockets...)
	}
	m.now.Ports = ports
	return nil
}

// republish makes the rules of a container's ports those of its record: of what
// was there before, only its journal still knows.
func (m *move) republish(ctx context.Context) error {
	owner := portsOwner(m.now.ID)
	return errors.Join(m.down(owner), m.up(ctx, owner, m.publishPlan(m.now, m.networks)),
		nat.FlushFlows(mappings(slices.Concat(m.was.Ports, m.now.Ports))))
}
