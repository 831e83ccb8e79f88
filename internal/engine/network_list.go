package engine

import (
	"context"
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
			list = append(list, ListedNetwork{
				ID: n.ID, Name: n.Name, Driver: n.Driver, Internal: n.Internal, Labels: n.Labels, Created: n.Created,
				IPv4: n.Subnet.IsValid() || !n.Subnet6.IsValid(), // Docker's word for host and none, too
				IPv6: n.Subnet6.IsValid(),
			})
		}
	}
	slices.SortFunc(list, func(a, b ListedNetwork) int { return sortorder.NaturalCompare(a.Name, b.Name) })
	return list, nil
}

// networkSieve reads the filters of network ls.
func (e *Engine) networkSieve(f Filters) (passes func(*state.Network) bool, err error) {
	if err := f.known("dangling", "driver", "id", "label", "name", "scope", "type"); err != nil {
		return nil, err
	}
	for _, kind := range f["type"] {
		if kind != "builtin" && kind != "custom" {
			return nil, errorf("invalid filter: 'type'='%s'", printable(kind))
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
		if isPredefined(n) {
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
