package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
	err := s.down(networkOwner(n.ID))
	if err != nil && s.dirs.HasJournal(networkOwner(n.ID)) {
		return err // it can be tried again
	}
	if err = errors.Join(err, s.held.RemoveNetwork(n.ID)); err == nil {
		s.networkHappened(n, "destroy")
	}
	return err
}

func isPredefined(name string) bool {
	return name == defaultNetwork || name == "host" || name == "none"
}

// removable refuses predefined networks, and those that somebody is on.
func (e *Engine) removable(n *state.Network) error {
	if isPredefined(n.Name) {
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

// PruneOptions are which of those that nobody uses are to go.
type PruneOptions struct {
	Filters Filters   // label, and label! for those that haven't got it
	Until   time.Time // made before; the zero time is any
}

// PruneNetworks removes networks that people made and nobody is on. It returns
// their names.
func (e *Engine) PruneNetworks(ctx context.Context, o PruneOptions) (removed []string, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s, err := e.lock(ctx, "network prune")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	all, err := s.networks()
	if err != nil {
		return nil, err
	}
	unused, err := s.unusedNetworks(all, o)
	for _, n := range unused {
		if err := s.removeNetwork(n); err != nil {
			return removed, err
		}
		removed = append(removed, n.Name)
	}
	if err == nil {
		s.pruned("network", 0)
	}
	return removed, err
}

func (o PruneOptions) check() error { return o.Filters.known("label", "label!") }

// takes says that one made then, with these labels, is among those to go.
func (o PruneOptions) takes(made time.Time, labels map[string]string) bool {
	without := len(o.Filters["label!"]) == 0 || !o.Filters.labels("label!", labels)
	return without && o.Filters.labels("label", labels) && (o.Until.IsZero() || !made.After(o.Until))
}

// unusedNetworks are those that prune removes.
func (e *Engine) unusedNetworks(all []*state.Network, o PruneOptions) (unused []*state.Network, err error) {
	used, err := e.usedNetworks()
	if err != nil {
		return nil, err // whoever can't be read may be on any
	}
	for _, n := range all {
		if !isPredefined(n.Name) && !used[n.ID] && o.takes(n.Created, n.Labels) {
			unused = append(unused, n)
		}
	}
	return unused, nil
}
