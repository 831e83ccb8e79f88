package engine

import (
	"net/netip"
	"os"
	"strings"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/ipam"
	"github.com/minibridge/minibridge/internal/state"
)

// choosePools gives a network a subnet of each family that it is to have and
// has none of: the first default pool that is free on this machine. It says who
// has the ones passed over.
func (e *Engine) choosePools(n *state.Network, others []*state.Network, ipv4, ipv6 bool) error {
	if n.Subnet.IsValid() && n.Subnet6.IsValid() {
		return nil
	}
	taken, err := takenRanges(n, others)
	if err != nil {
		return err
	}
	if ipv4 && !n.Subnet.IsValid() {
		subnet, err := ipam.Pool(taken)
		if err != nil {
			return errorf("%v (%s)", err, holders(taken)).hint("minibridge network create --subnet 10.20.0.0/24 …")
		}
		if first := ipam.Pools()[0]; n.Name == defaultNetwork && subnet != first {
			holder, _ := ipam.Conflict(first, taken)
			e.say("%s is taken by %s: the network %s gets %s", first, holder.By, n.Name, subnet)
		}
		n.Subnet, n.Chosen = subnet, true
	}
	if ipv6 && !n.Subnet6.IsValid() {
		subnet, err := ipam.Pool6(ipam.ULA(machineID()), taken)
		if err != nil {
			return errorf("%v", err)
		}
		n.Subnet6, n.Chosen6 = subnet, true
	}
	return chooseGateways(n)
}

// holders names who else than networks has the default pools.
func holders(taken []ipam.Taken) string {
	var by []string
	seen := make(map[string]bool)
	for _, pool := range ipam.Pools() {
		if t, hit := ipam.Conflict(pool, taken); hit && !seen[t.By] && !strings.HasPrefix(t.By, "network ") {
			by, seen[t.By] = append(by, t.By), true
		}
	}
	if len(by) == 0 {
		return "by networks"
	}
	return "by networks, " + strings.Join(by, ", ")
}

// machineID is machine-id(5); without one, a new one each time.
func machineID() string {
	b, err := os.ReadFile("/etc/machine-id")
	if id := strings.TrimSpace(string(b)); err == nil && id != "" {
		return id
	}
	return newID()
}

// nameServer begins the name of a holder that is one.
const nameServer = "the name server "

// takenRanges is what a network can't have: the other networks' subnets, the host's
// on-link routes, its own bridge's left out, and the name servers that the host
// asks.
func takenRanges(n *state.Network, others []*state.Network) ([]ipam.Taken, error) {
	var all []ipam.Taken
	for _, o := range others {
		for _, f := range families(o) {
			if f.subnet.IsValid() && o.ID != n.ID {
				all = append(all, ipam.Taken{Prefix: *f.subnet, By: "network " + o.Name})
			}
		}
	}
	routes, err := bridge.OnLink()
	if err != nil {
		return nil, err
	}
	for _, r := range routes {
		if r.Dev != n.Bridge {
			all = append(all, ipam.Taken{Prefix: r.Prefix, By: r.Dev})
		}
	}
	r, err := readResolv()
	if err != nil {
		return nil, err
	}
	for _, s := range r.nameservers {
		if addr, err := netip.ParseAddr(s); err == nil {
			all = append(all, ipam.Taken{Prefix: netip.PrefixFrom(addr.WithZone(""), addr.BitLen()), By: nameServer + s})
		}
	}
	return all, nil
}

// rechoose gives the network other pools when its own were taken while its
// bridge was down. Those that were asked for stay.
func (s *session) rechoose(n *state.Network) error {
	others, err := s.dirs.Networks()
	if err != nil {
		return err
	}
	taken, err := takenRanges(n, others)
	if err != nil {
		return err
	}
	again := false
	for _, f := range families(n) {
		if _, hit := ipam.Conflict(*f.subnet, taken); hit && *f.chosen {
			*f.subnet, *f.gateway, again = netip.Prefix{}, netip.Addr{}, true
		}
	}
	if !again {
		return nil
	}
	if err := s.choosePools(n, others, n.Chosen, n.Chosen6); err != nil {
		return err
	}
	return s.held.WriteNetwork(n)
}
