package engine

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/minibridge/minibridge/internal/ipam"
	"github.com/minibridge/minibridge/internal/state"
)

// attach chooses an endpoint on the network: an address of each family that
// it has, a MAC, names. It is written down as a lease once the container's run
// record says whose it is. taken is what others have there.
func (e *Engine) attach(n *state.Network, w state.Wish, c *state.Container, taken map[netip.Addr]bool) (at state.Attachment, err error) {
	at = state.Attachment{NetworkID: n.ID, Network: n.Name, EndpointID: newID(), Priority: w.Priority}
	t := e.traits(n)
	if !t.Wired {
		return at, nil
	}
	last := c.Last.Addresses[n.ID]
	v4, v6 := families(n)[0], families(n)[1]
	if at.Address, err = v4.allot(n, w.IP, last, taken); err != nil {
		return at, err
	}
	if at.Address6, err = v6.allot(n, w.IP6, last, taken); err != nil {
		return at, err
	}
	if !n.Internal { // no way out
		at.Gateway, at.Gateway6 = n.Gateway, n.Gateway6
	}
	at.Veth = newVeth()
	if t.Names {
		at.Aliases = w.Aliases
		at.Names = namesOf(c, w.Aliases)
	}
	at.MAC, err = macOf(w, at)
	return at, err
}

// allot chooses one address, if the network has the family: the one asked for,
// the one it had last, or the lowest that is free.
func (f family) allot(n *state.Network, wish string, last []netip.Addr, taken map[netip.Addr]bool) (netip.Prefix, error) {
	if !f.subnet.IsValid() {
		return netip.Prefix{}, nil
	}
	p := f.plot(n)
	in := func(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, p.Subnet.Bits()) }
	free := func(a netip.Addr) bool { return p.Subnet.Contains(a) && !taken[a] && !p.Reserved(a) }
	if wish != "" {
		addr, err := netip.ParseAddr(wish)
		if err != nil || !free(addr) {
			return netip.Prefix{}, errorf("Address already in use").hint("minibridge network inspect %s", n.Name)
		}
		return in(addr), nil
	}
	inRange := func(a netip.Addr) bool { return free(a) && (!p.Range.IsValid() || p.Range.Contains(a)) }
	if i := slices.IndexFunc(last, inRange); i >= 0 {
		return in(last[i]), nil
	}
	addr, ok := p.Free(taken)
	if !ok {
		return netip.Prefix{}, errorf("no available %s addresses on this network's address pools: %s (%s)", f.name, n.Name, n.ID)
	}
	return in(addr), nil
}

// macOf is the MAC that was asked for, or the one that goes with the address.
func macOf(w state.Wish, at state.Attachment) (state.MAC, error) {
	if w.MAC != "" {
		mac, err := net.ParseMAC(w.MAC)
		return state.MAC(mac), err
	}
	if at.Address.IsValid() {
		return state.MAC(ipam.MAC(at.Address.Addr())), nil
	}
	return state.MAC(ipam.MAC(at.Address6.Addr())), nil
}

// attachHere is attach with what this machine's records say is taken.
func (e *Engine) attachHere(n *state.Network, w state.Wish, c *state.Container) (state.Attachment, error) {
	taken, err := e.taken(n, c.ID)
	if err != nil {
		return state.Attachment{}, err
	}
	return e.attach(n, w, c, taken)
}

// sortEndpoints puts those of a container that starts in the order in which they
// come up: the highest priority first, then in the order of connecting.
func sortEndpoints(run *state.Run) {
	slices.SortStableFunc(run.Endpoints, func(a, b state.Attachment) int { return cmp.Compare(b.Priority, a.Priority) })
}

// nameLinks gives the new endpoints' links their names in the container, in
// their order: the lowest numbers that are free. links are those that are there.
func (e *Engine) nameLinks(run *state.Run, networks []*state.Network, links []string, wishes []state.Wish) {
	used := make(map[string]bool)
	for _, name := range links {
		used[name] = true
	}
	var order []*state.Attachment
	for i := range run.Endpoints {
		if at := &run.Endpoints[i]; at.Veth != "" && at.Dev == "" {
			order = append(order, at)
		} else if at.Dev != "" {
			used[at.Dev] = true
		}
	}
	for _, at := range order {
		if w := wishFor(wishes, at.Network); w.DriverOpts[optIfname] != "" {
			at.Dev = w.DriverOpts[optIfname]
			used[at.Dev] = true
		}
	}
	for _, at := range order {
		prefix := e.traits(networkByID(networks, at.NetworkID)).Prefix
		for i := 0; at.Dev == ""; i++ {
			if name := prefix + strconv.Itoa(i); !used[name] {
				at.Dev, used[name] = name, true
			}
		}
	}
}

// wishFor is what was asked of the endpoint on a network.
func wishFor(wishes []state.Wish, network string) state.Wish {
	for _, w := range wishes {
		if w.Network == network {
			return w
		}
	}
	return state.Wish{Network: network}
}

// vethPrefix begins the names of the host's ends.
const vethPrefix = "mbv"

// newVeth is a fresh name for the host's end: after a namespace is deleted the
// kernel frees its links' names late.
func newVeth() string {
	b := make([]byte, 4)
	rand.Read(b)
	return vethPrefix + hex.EncodeToString(b)
}

func networkByID(networks []*state.Network, id string) *state.Network {
	for _, n := range networks {
		if n.ID == id {
			return n
		}
	}
	return &state.Network{ID: id}
}
