package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
)

// RemoveNetwork takes a network down and forgets it. Nobody may be on it;
// containers that don't run are nobody.
func (e *Engine) RemoveNetwork(ctx context.Context, ref string) (err error) {
	s, err := e.lock(ctx, "network rm")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	all, err := s.networks()
	if err != nil {
		return err
	}
	n, err := findNetwork(all, ref)
	if err != nil {
		return err
	}
	if err := s.removable(n); err != nil {
		return err
	}
	return s.removeNetwork(n)
}

func (s *session) removeNetwork(n *state.Network) error {
	return errors.Join(s.down(networkOwner(n.ID)), s.held.RemoveNetwork(n.ID))
}

func isPredefined(n *state.Network) bool {
	return n.Name == defaultNetwork || n.Name == "host" || n.Name == "none"
}

// removable refuses predefined networks, and those that somebody is on.
func (e *Engine) removable(n *state.Network) error {
	if isPredefined(n) {
		return errorf("%s is a pre-defined network and cannot be removed", n.Name)
	}
	active, err := e.active(n)
	if err != nil {
		return err
	}
	if len(active) > 0 {
		return errorf("error while removing network: network %s has active endpoints (%s)", n.Name, strings.Join(active, ", ")).
			hint("minibridge network inspect %s", n.Name)
	}
	return nil
}

// active names the endpoints on a network.
func (e *Engine) active(n *state.Network) (names []string, err error) {
	members := make(map[string]memberJSON)
	if err := e.members(n, members); err != nil {
		return nil, err
	}
	for _, m := range members {
		names = append(names, fmt.Sprintf("name:%q id:%q", m.Name, state.ShortID(m.EndpointID)))
	}
	slices.Sort(names)
	return names, nil
}

// PruneNetworks removes all networks that people made and nobody is on. It
// returns their names.
func (e *Engine) PruneNetworks(ctx context.Context) (removed []string, err error) {
	s, err := e.lock(ctx, "network prune")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	all, err := s.networks()
	if err != nil {
		return nil, err
	}
	for _, n := range all {
		if isPredefined(n) {
			continue
		}
		if active, err := s.active(n); err != nil || len(active) > 0 {
			if err != nil {
				return removed, err
			}
			continue
		}
		if err := s.removeNetwork(n); err != nil {
			return removed, err
		}
		removed = append(removed, n.Name)
	}
	return removed, nil
}
