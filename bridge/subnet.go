package bridge

import (
	"net/netip"

	"github.com/vishvananda/netlink"
	"go4.org/netipx"
)

// A Subnet is a range of addresses that the host reaches without a gateway: a
// new network can't have it.
type Subnet struct {
	Prefix netip.Prefix
	Dev    string // the link that it is behind
}

// OnLink lists the subnets of the host's main routing table. A default route
// without a gateway is none.
func OnLink() (subnets []Subnet, err error) {
	err = in("", func(h *netlink.Handle) error {
		links, err := again(h.LinkList)
		if err != nil {
			return err
		}
		names := map[int]string{}
		for _, l := range links {
			names[l.Attrs().Index] = l.Attrs().Name
		}
		routes, err := again(func() ([]netlink.Route, error) { return h.RouteList(nil, netlink.FAMILY_ALL) })
		for _, r := range routes {
			if r.Dst == nil || r.Gw != nil || r.Via != nil || names[r.LinkIndex] == "" {
				continue
			}
			if p, ok := netipx.FromStdIPNet(r.Dst); ok && p.Bits() > 0 {
				subnets = append(subnets, Subnet{Prefix: p, Dev: names[r.LinkIndex]})
			}
		}
		return err
	})
	return subnets, err
}
