package engine

import (
	"net/netip"

	"github.com/minibridge/minibridge/internal/state"
)

// taken are the addresses on a network that a container can't have: those that
// somebody has, and those that other containers have asked for, whether they
// run or not.
func (e *Engine) taken(n *state.Network, id string) (map[netip.Addr]bool, error) {
	taken, err := e.dirs.Leases(n.ID)
	if err != nil {
		return nil, err
	}
	kept, err := e.dirs.Kept(n.Name)
	for addr, owner := range kept {
		if owner != id {
			taken[addr] = true
		}
	}
	return taken, err
}
