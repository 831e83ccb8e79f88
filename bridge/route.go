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

// RouteAdd sets the default route. The link must be up, and the gateway in one
// of its subnets.
type RouteAdd struct {
	NS      plan.NS    `json:"ns,omitempty"`
	Gateway netip.Addr `json:"gateway"`
	Dev     string     `json:"dev"`
}

func (s *RouteAdd) String() string {
	return s.NS.IP() + " " + plan.Command("route", "add", "default", "via", s.Gateway.String(), "dev", s.Dev)
}

// Apply adds the route.
func (s *RouteAdd) Apply() error {
	return at(s.NS, s.Dev, func(h *netlink.Handle, link netlink.Link) error {
		return h.RouteAdd(defaultRoute(s.Gateway, link))
	})
}

// Undo counts another default route of the same metric as in the way.
func (s *RouteAdd) Undo() (plan.Step, error) {
	if !s.Gateway.IsValid() {
		return nil, fmt.Errorf("no gateway behind %s", s.Dev)
	}
	there := false
	err := in(s.NS, func(h *netlink.Handle) error {
		index := -1
		link, err := get(h, s.Dev)
		switch {
		case err == nil:
			index = link.Attrs().Index
		case !absent(err):
			return err
		}
		routes, err := defaultRoutes(h, s.Gateway)
		for _, r := range routes {
			if r.LinkIndex != index || !r.Gw.Equal(s.Gateway.AsSlice()) {
				return fmt.Errorf("there is another default route already (gateway %s)", r.Gw)
			}
			there = true
		}
		return err
	})
	switch {
	case err != nil && !absent(err):
		return nil, err
	case there:
		return nil, nil
	case s.NS != "":
		return s.NS.Gone(), nil
	}
	return &RouteDel{Gateway: s.Gateway, Dev: s.Dev}, nil
}

// RouteDel removes the host's default route by this gateway and link.
type RouteDel struct {
	Gateway netip.Addr `json:"gateway"`
	Dev     string     `json:"dev"`
}

func (s *RouteDel) String() string {
	return plan.Command("ip", "route", "del", "default", "via", s.Gateway.String(), "dev", s.Dev)
}

// Apply removes the route.
func (s *RouteDel) Apply() error {
	err := at("", s.Dev, func(h *netlink.Handle, link netlink.Link) error {
		return h.RouteDel(defaultRoute(s.Gateway, link))
	})
	if absent(err) || errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// metric6 is what the kernel makes of no metric at all, for IPv6
// (IP6_RT_PRIO_USER, net/ip6_fib.h).
const metric6 = 1024

func defaultRoute(gateway netip.Addr, link netlink.Link) *netlink.Route {
	return &netlink.Route{LinkIndex: link.Attrs().Index, Gw: net.IP(gateway.AsSlice())}
}

// defaultRoutes lists those of the main table, of the gateway's family, that
// have the metric of a route given none.
func defaultRoutes(h *netlink.Handle, gateway netip.Addr) ([]netlink.Route, error) {
	family, metric := netlink.FAMILY_V4, 0
	if gateway.Is6() {
		family, metric = netlink.FAMILY_V6, metric6
	}
	routes, err := again(func() ([]netlink.Route, error) { return h.RouteList(nil, family) })
	var found []netlink.Route
	for _, r := range routes {
		ones := 0
		if r.Dst != nil {
			ones, _ = r.Dst.Mask.Size()
		}
		if ones == 0 && r.Priority == metric {
			found = append(found, r)
		}
	}
	return found, err
}
