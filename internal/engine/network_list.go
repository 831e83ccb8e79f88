package engine

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/fvbommel/sortorder"

	"github.com/minibridge/minibridge/internal/state"
)

// A ListedNetwork is one network of a list.
type ListedNetwork struct {
	ID       string
	Name     string
	Driver   string
	IPv4     bool
	IPv6     bool
	Internal bool
	Labels   map[string]string
	Created  time.Time
}

// ListNetworks lists the networks that the filters let through, by name.
func (e *Engine) ListNetworks(ctx context.Context, f Filters) ([]ListedNetwork, error) {
	passes, err := e.networkSieve(f)
	if err != nil {
		return nil, err
	}
	all, err := e.Networks(ctx)
	if err != nil {
		return nil, err
	}
	var list []ListedNetwork
	for _, n := range all {
		if passes(n) {
			list = append(list, listedNetwork(n))
		}
	}
	slices.SortFunc(list, byName)
	return list, nil
}

// KnownNetworks lists what is known of networks, by name, without a lock and
// without writing the predefined ones down. What can't be read is left out.
func (e *Engine) KnownNetworks() (list []ListedNetwork) {
	all, err := e.dirs.Networks()
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	for _, n := range predefined() {
		if !slices.ContainsFunc(all, func(o *state.Network) bool { return o.Name == n.Name }) {
			all = append(all, n)
		}
	}
	for _, n := range all {
		list = append(list, listedNetwork(n))
	}
	slices.SortFunc(list, byName)
	return list
}

func byName(a, b ListedNetwork) int { return sortorder.NaturalCompare(a.Name, b.Name) }

func listedNetwork(n *state.Network) ListedNetwork {
	return ListedNetwork{
		ID: n.ID, Name: n.Name, Driver: n.Driver, Internal: n.Internal, Labels: n.Labels, Created: n.Created,
		IPv4: n.Subnet.IsValid() || !n.Subnet6.IsValid(), // Docker's word for host and none, too
		IPv6: n.Subnet6.IsValid(),
	}
}

// Predefined says whether a network is one of those that are always there.
func (n ListedNetwork) Predefined() bool { return isPredefined(n.Name) }

// networkSieve reads the filters of network ls.
func (e *Engine) networkSieve(f Filters) (passes func(*state.Network) bool, err error) {
	if err := f.known("dangling", "driver", "id", "label", "name", "scope", "type"); err != nil {
		return nil, err
	}
	for _, kind := range f["type"] {
		if kind != "builtin" && kind != "custom" {
			return nil, errorf("invalid filter: 'type'='%s'", Printable(kind))
		}
	}
	var dangling bool
	var used map[string]bool
	if len(f["dangling"]) > 0 {
		if dangling, err = f.boolean("dangling"); err != nil {
			return nil, err
		}
		if used, err = e.usedNetworks(); err != nil {
			return nil, err
		}
	}
	return func(n *state.Network) bool {
		kind := "custom"
		if isPredefined(n.Name) {
			kind = "builtin"
		}
		if used != nil && dangling != (kind == "custom" && !used[n.ID]) {
			return false
		}
		return f.exact("driver", n.Driver) && f.match("id", n.ID) && f.match("name", n.Name) &&
			f.labels("label", n.Labels) && f.exact("scope", "local") && f.exact("type", kind)
	}, nil
}

// usedNetworks are the ids of those that a running container is on.
func (e *Engine) usedNetworks() (map[string]bool, error) {
	used := make(map[string]bool)
	runs, err := e.dirs.Runs()
	for _, run := range e.alive(runs) {
		for _, at := range run.Endpoints {
			used[at.NetworkID] = true
		}
	}
	return used, err
}
