package engine

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// mend ends a move that a verb was killed in, or had to give up: what has a
// cable is connected, what has none is not, and the rest follows from that as in
// any move. The mark goes when all of it is so.
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
	now, lost, err := plugged(run)
	if err != nil {
		return err
	}
	was := *run // what of a name server and of ports was handed over is not known
	was.DNS = 0
	m := &move{session: s, c: c, was: &was, now: now, networks: networks}
	defer m.letGo()
	err = errors.Join(s.unplug(run, lost, nil), m.reopen())
	if err == nil {
		c.Spec.Endpoints = slices.DeleteFunc(slices.Clone(c.Spec.Endpoints), func(w Wish) bool {
			return !slices.ContainsFunc(now.Endpoints, func(at state.Attachment) bool { return at.Network == w.Network })
		})
		ctx := context.Background()
		err = errors.Join(s.held.WriteRun(now), s.held.WriteContainer(c), s.up(ctx, wayOwner(run.ID), s.wayPlan(now, &was)), s.republish(ctx, now, networks), s.announceNames(now), m.tell(), s.held.DropJournal(wayOwner(run.ID)))
	}
	if err != nil {
		s.clean = false
		return err
	}
	s.rewriteFiles(c, &state.Run{Endpoints: lost}, now)
	return s.held.ClearMoving(run.ID)
}

// plugged is a run with those of its endpoints that have a cable, or need none,
// and the others.
func plugged(run *state.Run) (now *state.Run, lost []state.Attachment, err error) {
	copied := *run
	now = &copied
	now.Endpoints = nil
	for _, at := range run.Endpoints {
		there, err := bridge.Exists(at.Veth)
		if err != nil {
			return nil, nil, err
		}
		if there || at.Dev == "" {
			now.Endpoints = append(now.Endpoints, at)
		} else {
			lost = append(lost, at)
		}
	}
	return now, lost, nil
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
	if _, out := wayOut(m.now); !out {
		m.now.Ports = nil
		return nil
	}
	sockets, err := reserveAll(m.now.Ports)
	if errors.Is(err, unix.EADDRINUSE) {
		return nil
	}
	m.sockets = append(m.sockets, sockets...)
	return err
}

// reserveAll binds ports that a record names, all or none.
func reserveAll(ports []state.Port) (sockets []*os.File, err error) {
	for _, mapping := range mappings(ports) {
		files, err := nat.Reserve(mapping)
		if err != nil {
			for _, f := range sockets {
				f.Close()
			}
			return nil, err
		}
		sockets = append(sockets, files...)
	}
	return sockets, nil
}

// republish makes the rules of a container's ports those of its record.
func (s *session) republish(ctx context.Context, run *state.Run, networks []*state.Network) error {
	p := s.publishPlan(run, networks)
	missing, err := plan.Drift(p)
	if err != nil || len(missing) == 0 && (len(p) > 0 || !s.dirs.HasJournal(portsOwner(run.ID))) {
		return err
	}
	return errors.Join(s.down(portsOwner(run.ID)), s.up(ctx, portsOwner(run.ID), p))
}
