package engine

import (
	"net/netip"
	"slices"
	"sync"

	"github.com/minibridge/minibridge/internal/dns"
	"github.com/minibridge/minibridge/internal/state"
)

// peers is what a container's name server knows: the members of the networks
// that the container is on, both as they are at each question. That costs a
// stat(2) of each file.
type peers struct {
	dirs state.Dirs
	self *state.RunFile

	mu       sync.Mutex
	now      *state.Run
	networks []peerNetwork // in the order in which the container goes out
	table    *dns.Table
}

type peerNetwork struct {
	id, name string
	list     *state.MemberList
	now      []state.Member
}

func newPeers(dirs state.Dirs, run *state.Run) *peers {
	return &peers{dirs: dirs, self: dirs.RunFile(run.ID), now: run}
}

// Lookup implements [dns.Names].
func (p *peers) Lookup(name string) ([]netip.Addr, bool) { return p.current().Lookup(name) }

// Reverse implements [dns.Names].
func (p *peers) Reverse(addr netip.Addr) (string, bool) { return p.current().Reverse(addr) }

// run is where the container is now.
func (p *peers) run() *state.Run {
	p.current()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// current is the table of those who are there now. A file that can't be read
// leaves what was known.
func (p *peers) current() *dns.Table {
	p.mu.Lock()
	defer p.mu.Unlock()
	stale := p.table == nil
	if run, changed, err := p.self.Load(); err == nil && changed {
		p.now, stale = run, true
	}
	if stale {
		p.follow()
	}
	for i := range p.networks {
		n := &p.networks[i]
		if members, changed, err := n.list.Load(); err == nil && changed {
			n.now, stale = members, true
		}
	}
	if stale {
		p.table = dns.NewTable(p.tabulate())
	}
	return p.table
}

// follow opens the lists of networks that the container has come to.
func (p *peers) follow() {
	var networks []peerNetwork
	for _, at := range ranked(p.now) {
		if len(at.Names) == 0 {
			continue
		}
		i := slices.IndexFunc(p.networks, func(n peerNetwork) bool { return n.id == at.NetworkID })
		if i >= 0 {
			networks = append(networks, p.networks[i])
			continue
		}
		networks = append(networks, peerNetwork{id: at.NetworkID, name: at.Network, list: p.dirs.Members(at.NetworkID)})
	}
	p.networks = networks
}

func (p *peers) tabulate() []dns.Network {
	var all []dns.Network
	for _, n := range p.networks {
		network := dns.Network{Name: n.name}
		for _, m := range n.now {
			network.Peers = append(network.Peers, dns.Peer{Names: m.Names, Addrs: m.Addrs()})
		}
		all = append(all, network)
	}
	return all
}
