package nat

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// FlushFlows makes the kernel forget the flows to the UDP ports of ms, once
// they have come or gone: a flow keeps the NAT, or the lack of it, that it
// began with, and with UDP a peer that keeps sending never begins another. Of
// the addresses in gone, which nobody has any more, it forgets all flows, as
// the next one to have the address would get what was sent to the last. Other
// flows are left alone, also those of a container to the same port elsewhere.
func FlushFlows(ms []Mapping, gone ...netip.Addr) error {
	f := flowFilter{gone: gone}
	for _, m := range ms {
		if m.Proto == "udp" {
			f.mappings = append(f.mappings, m)
		}
	}
	if len(f.mappings) == 0 && len(gone) == 0 {
		return nil
	}
	if len(f.mappings) > 0 {
		var err error
		if f.host, err = hostAddresses(); err != nil {
			return fmt.Errorf("list addresses: %w", err)
		}
	}
	for _, family := range f.families() {
		_, err := whole(func() (uint, error) {
			return netlink.ConntrackDeleteFilters(netlink.ConntrackTable, family, &f)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
	}
	return nil
}

// families are those that have a flow to look for.
func (f flowFilter) families() (all []netlink.InetFamily) {
	ipv4 := func(m Mapping) bool { return !m.IPv6() }
	if slices.ContainsFunc(f.mappings, ipv4) || slices.ContainsFunc(f.gone, netip.Addr.Is4) {
		all = append(all, unix.AF_INET)
	}
	if slices.ContainsFunc(f.mappings, Mapping.IPv6) || slices.ContainsFunc(f.gone, netip.Addr.Is6) {
		all = append(all, unix.AF_INET6)
	}
	return all
}

// A flowFilter matches flows by where they were sent to at first, and by who
// sent them or answers.
type flowFilter struct {
	mappings []Mapping
	host     map[netip.Addr]bool // addresses of the host
	gone     []netip.Addr
}

// String is a command that does what the filter is for, in part.
func (f flowFilter) String() string {
	if len(f.gone) > 0 {
		return "conntrack -D --orig-src " + f.gone[0].String()
	}
	return "conntrack -D -p udp --orig-port-dst " + portRange(f.mappings[0].HostPort, f.mappings[0].Count, "-")
}

// hostAddresses lists the host's addresses. 127.0.0.0/8 is not listed whole.
func hostAddresses() (map[netip.Addr]bool, error) {
	host := map[netip.Addr]bool{}
	addrs, err := whole(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_ALL) })
	for _, a := range addrs {
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			host[ip.Unmap()] = true
		}
	}
	return host, err
}

// MatchConntrackFlow implements netlink's CustomConntrackFilter.
func (f *flowFilter) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	return f.ofGone(flow.Forward.SrcIP) || f.ofGone(flow.Reverse.SrcIP) || f.toMapping(flow.Forward)
}

func (f *flowFilter) ofGone(ip net.IP) bool {
	addr, ok := netip.AddrFromSlice(ip)
	return ok && slices.Contains(f.gone, addr.Unmap())
}

func (f *flowFilter) toMapping(to netlink.IPTuple) bool {
	ip, ok := netip.AddrFromSlice(to.DstIP)
	if !ok || to.Protocol != unix.IPPROTO_UDP {
		return false
	}
	ip = ip.Unmap()
	for _, m := range f.mappings {
		if to.DstPort < m.HostPort || to.DstPort > last(m.HostPort, m.Count) {
			continue
		}
		if ip == m.HostIP || m.Any() && m.IPv6() == ip.Is6() && (f.host[ip] || ip.IsLoopback()) {
			return true
		}
	}
	return false
}
