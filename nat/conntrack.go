package nat

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// dumpTries is how often an interrupted dump is asked for again: a busy host
// changes its flows while they are listed.
const dumpTries = 5

// FlushUDP makes the kernel forget the flows to the UDP ports of ms, once they
// have come or gone: a flow keeps the NAT, or the lack of it, that it began
// with, and with UDP a peer that keeps sending never begins another. Other
// flows are left alone, also those of a container to the same port elsewhere.
func FlushUDP(ms []Mapping) error {
	var f flowFilter
	for _, m := range ms {
		if m.Proto == "udp" {
			f.mappings = append(f.mappings, m)
		}
	}
	if len(f.mappings) == 0 {
		return nil
	}
	if err := f.findHost(); err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	var err error
	for range dumpTries {
		_, err = netlink.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, &f)
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("conntrack -D -p udp --orig-port-dst %s: %w", portRange(f.mappings[0].HostPort, f.mappings[0].Count, "-"), err)
	}
	return nil
}

// A flowFilter matches flows by where they were sent to at first.
type flowFilter struct {
	mappings []Mapping
	host     map[netip.Addr]bool // addresses of the host
}

// findHost lists the host's addresses. 127.0.0.0/8 is not listed whole.
func (f *flowFilter) findHost() error {
	f.host = map[netip.Addr]bool{}
	addrs, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	for _, a := range addrs {
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			f.host[ip.Unmap()] = true
		}
	}
	return err
}

// MatchConntrackFlow implements netlink's CustomConntrackFilter.
func (f *flowFilter) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	to := flow.Forward
	ip, ok := netip.AddrFromSlice(to.DstIP)
	if !ok || to.Protocol != unix.IPPROTO_UDP {
		return false
	}
	ip = ip.Unmap()
	for _, m := range f.mappings {
		if to.DstPort < m.HostPort || to.DstPort > last(m.HostPort, m.Count) {
			continue
		}
		if ip == m.HostIP || m.Any() && (f.host[ip] || ip.IsLoopback()) {
			return true
		}
	}
	return false
}
