package dns

import (
	"net/netip"
	"slices"
	"strings"
)

// Network is one that a container is on, with everybody on it who has a name,
// the container itself too.
type Network struct {
	Name  string
	Peers []Peer
}

// Peer is a container on a network. Several may share a name.
type Peer struct {
	Names []string     // the first is the one for its addresses
	Addrs []netip.Addr // of both families
}

// Table is [Names] of a moment. It never changes, so it needs no lock: who
// follows changes makes another one.
type Table struct {
	networks []names
	reverse  map[netip.Addr]string
}

type names struct {
	network string
	addrs   map[string][]netip.Addr
}

// NewTable makes the table for a container on networks; where more than one
// knows a name, the first answers, alone.
func NewTable(networks []Network) *Table {
	t := &Table{reverse: map[netip.Addr]string{}}
	for _, n := range networks {
		known := names{strings.ToLower(n.Name), map[string][]netip.Addr{}}
		for _, p := range n.Peers {
			for _, name := range distinct(p.Names) {
				known.addrs[name] = append(known.addrs[name], p.Addrs...)
			}
			for _, addr := range p.Addrs {
				if _, twice := t.reverse[addr]; !twice && len(p.Names) > 0 {
					t.reverse[addr] = p.Names[0] + "." + n.Name
				}
			}
		}
		t.networks = append(t.networks, known)
	}
	return t
}

// distinct gives names in lower case, each once.
func distinct(names []string) []string {
	var lower []string
	for _, name := range names {
		if name = strings.ToLower(name); !slices.Contains(lower, name) {
			lower = append(lower, name)
		}
	}
	return lower
}

// Lookup knows NAME and NAME.NETWORK. As both parts may have dots, a.b.c is
// looked for whole, then as a.b on the network c, then as a on the network b.c.
func (t *Table) Lookup(name string) (addrs []netip.Addr, known bool) {
	for _, n := range t.networks {
		if addrs, known = n.addrs[name]; known {
			return addrs, true
		}
	}
	for dot := strings.LastIndexByte(name, '.'); dot >= 0; dot = strings.LastIndexByte(name[:dot], '.') {
		for _, n := range t.networks {
			if n.network != name[dot+1:] {
				continue
			}
			if addrs, known = n.addrs[name[:dot]]; known {
				return addrs, true
			}
		}
	}
	return nil, false
}

// Reverse gives NAME.NETWORK.
func (t *Table) Reverse(addr netip.Addr) (name string, known bool) {
	name, known = t.reverse[addr]
	return name, known
}
