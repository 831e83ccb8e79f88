package bridge

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"go4.org/netipx"
	"golang.org/x/sys/unix"
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
	var routes []netlink.Route
	err = in("", func(h *netlink.Handle) (err error) {
		routes, err = again(func() ([]netlink.Route, error) { return h.RouteList(nil, netlink.FAMILY_ALL) })
		return err
	})
	if err != nil {
		return nil, err
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(socket)
	for _, r := range routes {
		if r.Dst == nil || r.Gw != nil || r.Via != nil {
			continue
		}
		p, ok := netipx.FromStdIPNet(r.Dst)
		if !ok || p.Bits() == 0 {
			continue
		}
		dev, err := linkName(socket, r.LinkIndex)
		switch {
		case errors.Is(err, unix.ENODEV): // of no link, or one that has just gone
		case err != nil:
			return nil, fmt.Errorf("name of link %d: %w", r.LinkIndex, err)
		default:
			subnets = append(subnets, Subnet{Prefix: p, Dev: dev})
		}
	}
	return subnets, nil
}

// linkName asks for one link alone (netdevice(7)): to list them all takes
// 30 µs for each.
func linkName(socket, index int) (string, error) {
	r, err := unix.NewIfreq("")
	if err != nil {
		return "", err
	}
	r.SetUint32(uint32(index))
	err = unix.IoctlIfreq(socket, unix.SIOCGIFNAME, r)
	return r.Name(), err
}
