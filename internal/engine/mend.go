package engine

import (
	"context"
	"errors"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// mend brings a running container to where it can be after a verb was killed
// while it moved it between networks: what has a cable stays connected, what
// has none is not, and the rest follows from that as in any move.
func (s *session) mend(run *state.Run) error {
	if !s.dirs.Moving(run.ID) {
		return nil
	}
	networks, err := s.networks()
	if err != nil {
		return err
	}
	now := *run
	now.Endpoints = nil
	var lost []state.Attachment
	for _, at := range run.Endpoints {
		there, err := bridge.Exists(at.Veth)
		if err != nil {
			return err
		}
		if there || at.Dev == "" {
			now.Endpoints = append(now.Endpoints, at)
		} else {
			lost = append(lost, at)
		}
	}
	ctx := context.Background()
	if _, out := wayOut(&now); !out {
		now.Ports = nil
	}
	return errors.Join(
		s.unplug(run, lost, nil),
		s.held.WriteRun(&now),
		s.upWay(ctx, &now, run),
		s.republish(ctx, &now, networks),
		s.announceNames(&now),
		s.held.SetMoving(run.ID, false),
	)
}

// republish makes the rules of a container's ports those of its record.
func (s *session) republish(ctx context.Context, run *state.Run, networks []*state.Network) error {
	p := s.publishPlan(run, networks)
	missing, err := plan.Drift(p)
	if err != nil || len(missing) == 0 && (len(p) > 0 || !s.held.HasJournal(portsOwner(run.ID))) {
		return err
	}
	return errors.Join(s.down(portsOwner(run.ID)), s.up(ctx, portsOwner(run.ID), p))
}
