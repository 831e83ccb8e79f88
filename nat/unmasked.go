package nat

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// FlushUnmasked makes the kernel forget the UDP flows that began while nobody
// masqueraded these subnets: their packets left with addresses that nobody
// outside can answer to, and would for as long as more of them come. Flows to the
// host and inside a subnet are none of these.
func FlushUnmasked(subnets ...netip.Prefix) error {
	families := map[netlink.InetFamily]bool{}
	f := &unmasked{subnets: subnets}
	for _, s := range subnets {
		if s.Addr().Is4() {
			families[unix.AF_INET] = true
		} else {
			families[unix.AF_INET6] = true
		}
	}
	if len(families) == 0 {
		return nil
	}
	var err error
	if f.host, err = hostAddresses(); err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	for family := range families {
		_, err := whole(func() (uint, error) {
			return netlink.ConntrackDeleteFilters(netlink.ConntrackTable, family, f)
		})
		if err != nil {
			return fmt.Errorf("conntrack -D -p udp --orig-src %s: %w", subnets[0], err)
		}
	}
	return nil
}

// An unmasked filter matches flows from subnets to elsewhere whose answers would
// go to the sender's own address.
type unmasked struct {
	subnets []netip.Prefix
	host    map[netip.Addr]bool
}

// MatchConntrackFlow implements netlink's CustomConntrackFilter.
func (f *unmasked) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	from, ok := netip.AddrFromSlice(flow.Forward.SrcIP)
	if !ok || flow.Forward.Protocol != unix.IPPROTO_UDP || !flow.Reverse.DstIP.Equal(flow.Forward.SrcIP) {
		return false
	}
	to, ok := netip.AddrFromSlice(flow.Forward.DstIP)
	if from, to = from.Unmap(), to.Unmap(); !ok || f.host[to] {
		return false
	}
	for _, s := range f.subnets {
		if s.Contains(from) {
			return !s.Contains(to)
		}
	}
	return false
}
