package bridge

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// RouteSet makes a gateway the way to everywhere else: it adds the default
// route of the gateway's family (IPv4 or IPv6), or puts it in the place of
// another one, in one message, so that no packet finds none. The link must be
// up, and the gateway in one of its subnets.
type RouteSet struct {
	NS      plan.NS    `json:"ns,omitempty"`
	Gateway netip.Addr `json:"gateway"`
	Dev     string     `json:"dev"`
	Back    bool       `json:"back,omitempty"` // it brings back what was there: a link that has gone since took its route along
}

func (s *RouteSet) String() string { return routeCommand(s.NS, "replace", s.Gateway, s.Dev) }

// Apply sets the route.
func (s *RouteSet) Apply() error {
	err := at(s.NS, s.Dev, func(h *netlink.Handle, link netlink.Link) error {
		return h.RouteReplace(defaultRoute(s.Gateway, link))
	})
	if s.Back && absent(err) {
		return nil
	}
	return err
}

// Undo brings back the default route that there is. One that has no gateway,
// or several, it could not: such are in the way.
func (s *RouteSet) Undo() (plan.Step, error) {
	if !s.Gateway.IsValid() {
		return nil, fmt.Errorf("no gateway behind %s", s.Dev)
	}
	have, err := defaultHop(s.NS, s.Gateway.Is6())
	switch {
	case err != nil && !absent(err):
		return nil, err
	case have == Hop{s.Gateway, s.Dev}:
		return nil, nil
	case have.Gateway.IsValid():
		return &RouteSet{NS: s.NS, Gateway: have.Gateway, Dev: have.Dev, Back: true}, nil
	case s.NS != "":
		return s.NS.Gone(), nil
	}
	return &RouteDel{Gateway: s.Gateway, Dev: s.Dev}, nil
}

// RouteDel removes the default route by this gateway and link; another one
// stays.
type RouteDel struct {
	NS      plan.NS    `json:"ns,omitempty"`
	Gateway netip.Addr `json:"gateway"`
	Dev     string     `json:"dev"`
}

func (s *RouteDel) String() string { return routeCommand(s.NS, "del", s.Gateway, s.Dev) }

// Apply removes the route.
func (s *RouteDel) Apply() error {
	err := at(s.NS, s.Dev, func(h *netlink.Handle, link netlink.Link) error {
		return h.RouteDel(defaultRoute(s.Gateway, link))
	})
	if absent(err) || errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// Undo sets the route again, if it is there now.
func (s *RouteDel) Undo() (plan.Step, error) {
	have, err := defaultHop(s.NS, s.Gateway.Is6())
	if err != nil && !absent(err) {
		return nil, err
	}
	if have != (Hop{s.Gateway, s.Dev}) {
		return nil, nil
	}
	return &RouteSet{NS: s.NS, Gateway: s.Gateway, Dev: s.Dev, Back: true}, nil
}

func routeCommand(ns plan.NS, verb string, gateway netip.Addr, dev string) string {
	ip := ns.IP()
	if gateway.Is6() {
		ip += " -6"
	}
	return ip + " " + plan.Command("route", verb, "default", "via", gateway.String(), "dev", dev)
}

func defaultRoute(gateway netip.Addr, link netlink.Link) *netlink.Route {
	return &netlink.Route{LinkIndex: link.Attrs().Index, Gw: net.IP(gateway.AsSlice())}
}

// metric6 is what the kernel makes of no metric at all, for IPv6
// (IP6_RT_PRIO_USER, net/ip6_fib.h).
const metric6 = 1024

// defaultHop is where the default route of a namespace leads: that of the main
// table which has the metric of a route given none. The zero value is none.
func defaultHop(ns plan.NS, ipv6 bool) (hop Hop, err error) {
	family, metric := netlink.FAMILY_V4, 0
	if ipv6 {
		family, metric = netlink.FAMILY_V6, metric6
	}
	err = in(ns, func(h *netlink.Handle) error {
		routes, err := again(func() ([]netlink.Route, error) { return h.RouteList(nil, family) })
		if err != nil {
			return err
		}
		for _, r := range routes {
			if !isDefault(r) || r.Priority != metric {
				continue
			}
			gateway, ok := netip.AddrFromSlice(r.Gw)
			if !ok || hop.Gateway.IsValid() {
				return fmt.Errorf("there is a default route already that can't be brought back: it has no gateway, or several (%s route show default)", ns.IP())
			}
			link, err := again(func() (netlink.Link, error) { return h.LinkByIndex(r.LinkIndex) })
			if err != nil {
				return err
			}
			hop = Hop{gateway.Unmap(), link.Attrs().Name}
		}
		return nil
	})
	return hop, err
}

func isDefault(r netlink.Route) bool {
	if r.Dst == nil {
		return true
	}
	ones, _ := r.Dst.Mask.Size()
	return ones == 0
}
