package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/driver/bridged"
	"github.com/minibridge/minibridge/internal/ipam"
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
	all, err := s.dirs.Networks()
	if err != nil {
		return nil, err
	}
	for _, n := range predefined() {
		if slices.ContainsFunc(all, func(o *state.Network) bool { return o.Name == n.Name }) {
			continue
		}
		if n.Bridge != "" {
			if err := s.choosePool(n, all); err != nil {
				return nil, err
			}
		}
		if err := s.held.WriteNetwork(n); err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b *state.Network) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
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

// choosePool gives a network the first of Docker's default pools that is free
// on this machine, and says who has the ones passed over.
func (e *Engine) choosePool(n *state.Network, others []*state.Network) error {
	taken, err := taken(n, others)
	if err != nil {
		return err
	}
	subnet, err := ipam.Pool(taken)
	if err != nil {
		return errorf("%v", err)
	}
	if first := ipam.Pools()[0]; n.Name == defaultNetwork && subnet != first {
		holder, _ := ipam.Conflict(first, taken)
		e.say("%s is taken by %s: the network %s gets %s", first, holder.By, n.Name, subnet)
	}
	n.Subnet, n.Chosen = subnet, true
	n.Gateway, _ = plot(n).FirstGateway()
	return nil
}

// plot and plot6 are a network's addresses as they are chosen from.
func plot(n *state.Network) ipam.Plot {
	return ipam.Plot{Subnet: n.Subnet, Range: n.Range, Gateway: n.Gateway, Aux: slices.Collect(maps.Values(n.Aux))}
}

func plot6(n *state.Network) ipam.Plot {
	return ipam.Plot{Subnet: n.Subnet6, Range: n.Range6, Gateway: n.Gateway6, Aux: slices.Collect(maps.Values(n.Aux))}
}

// taken is what a network can't have: the other networks' subnets and the
// host's on-link routes, its own bridge's left out.
func taken(n *state.Network, others []*state.Network) ([]ipam.Taken, error) {
	var all []ipam.Taken
	for _, o := range others {
		if o.Subnet.IsValid() && o.ID != n.ID {
			all = append(all, ipam.Taken{Prefix: o.Subnet, By: "network " + o.Name})
		}
	}
	routes, err := bridge.OnLink()
	for _, r := range routes {
		if r.Dev != n.Bridge {
			all = append(all, ipam.Taken{Prefix: r.Prefix, By: r.Dev})
		}
	}
	return all, err
}

// upNetwork makes a network's plan true. Before its bridge is there, its
// range may have been taken by somebody else.
func (s *session) upNetwork(ctx context.Context, n *state.Network) error {
	if n.Bridge == "" {
		return nil
	}
	there, err := bridge.Exists(n.Bridge)
	if err != nil {
		return err
	}
	if !there && n.Chosen {
		if err := s.rechoose(n); err != nil {
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
	return nil
}

// rechoose gives the network another pool when its own was taken while its
// bridge was down.
func (s *session) rechoose(n *state.Network) error {
	others, err := s.dirs.Networks()
	if err != nil {
		return err
	}
	taken, err := taken(n, others)
	if err != nil {
		return err
	}
	if _, hit := ipam.Conflict(n.Subnet, taken); !hit {
		return nil
	}
	if err := s.choosePool(n, others); err != nil {
		return err
	}
	return s.held.WriteNetwork(n)
}

// networkPlan is one network's own: its bridge and its rules.
func (e *Engine) networkPlan(n *state.Network) plan.Plan { return e.driver(n).Network(n) }
