package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/driver/bridged"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// The default network's name and device.
const (
	defaultNetwork = bridged.Default
	defaultBridge  = "minibr0"
)

// newID makes an id as Docker's: 64 hex digits. One whose first twelve are all
// decimal is passed over: as a host name it would look like a number.
func newID() string {
	for {
		b := make([]byte, 32)
		rand.Read(b)
		id := hex.EncodeToString(b)
		for _, c := range state.ShortID(id) {
			if c >= 'a' {
				return id
			}
		}
	}
}

// predefined are the networks that are always there.
func predefined() []*state.Network {
	now := time.Now().UTC()
	return []*state.Network{
		{ID: newID(), Name: defaultNetwork, Driver: "bridge", Created: now, Bridge: defaultBridge},
		{ID: newID(), Name: "host", Driver: "host", Created: now},
		{ID: newID(), Name: "none", Driver: "null", Created: now},
	}
}

// networks returns all networks by name, after writing down the predefined ones
// that are missing.
func (s *session) networks() ([]*state.Network, error) {
	if s.known != nil {
		return slices.Clone(s.known), nil
	}
	all, err := s.dirs.Networks()
	if err != nil {
		return nil, err
	}
	for _, n := range predefined() {
		if slices.ContainsFunc(all, func(o *state.Network) bool { return o.Name == n.Name }) {
			continue
		}
		if n.Bridge != "" {
			if err := s.choosePools(n, all, true, false); err != nil {
				return nil, err
			}
		}
		if err := s.held.WriteNetwork(n); err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b *state.Network) int { return cmp.Compare(a.Name, b.Name) })
	s.known = all
	return slices.Clone(all), nil
}

// Networks lists all networks by name. It writes only when the predefined
// ones were never listed.
func (e *Engine) Networks(ctx context.Context) (_ []*state.Network, err error) {
	all, err := e.dirs.Networks()
	if err != nil {
		return nil, err
	}
	if len(all) >= len(predefined()) {
		slices.SortFunc(all, func(a, b *state.Network) int { return cmp.Compare(a.Name, b.Name) })
		return all, nil
	}
	s, err := e.lock(ctx, "network ls")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	return s.networks()
}

// upNetwork makes a network's plan true. Before its bridge is there, its
// range may have been taken by somebody else; one that containers have
// addresses of stays.
func (s *session) upNetwork(ctx context.Context, n *state.Network) error {
	if _, known := s.drivers[n.Driver]; !known {
		return errorf("network %s is of a kind that this minibridge doesn't know: %s", n.Name, Printable(n.Driver))
	}
	if n.Bridge == "" {
		return nil
	}
	there, err := bridge.Exists(n.Bridge)
	if err != nil {
		return err
	}
	if !there && n.Adopted {
		return errorf("network %s: its bridge %s, which it was given, is missing", n.Name, n.Bridge).hint("ip link add name %s type bridge", n.Bridge)
	}
	used := false
	if !there {
		leases, err := s.dirs.Leases(n.ID)
		if used = len(leases) > 0; err == nil && !used && (n.Chosen || n.Chosen6) {
			err = s.rechoose(n)
		}
		if err != nil {
			return err
		}
	}
	if err := s.upHost6(ctx, n); err != nil {
		return fmt.Errorf("network %s: %w", n.Name, err)
	}
	if err := s.up(ctx, networkOwner(n.ID), s.networkPlan(n)); err != nil {
		err = fmt.Errorf("network %s: %w", n.Name, err)
		if there { // somebody else's, or changed by somebody
			return &Error{Text: err.Error(), Hint: "ip -details addr show dev " + n.Bridge, Err: err}
		}
		return err
	}
	if used && s.put == nil { // else they are repaired, too
		s.say("WARNING: the bridge of network %s was missing and is made again; containers on it are not plugged in; try: minibridge repair %s", n.Name, n.Name)
	}
	return nil
}

// networkPlan is one network's own: its bridge and its rules.
func (e *Engine) networkPlan(n *state.Network) plan.Plan { return e.driver(n).Network(n) }
