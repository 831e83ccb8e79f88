package bridge

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Advertised lists the host's links that the kernel has an IPv6 default route
// by because a router said so. A host that becomes a router believes routers no
// more, and the kernel drops those routes at once (rt6_purge_dflt_routers in
// net/ipv6/route.c), but for links whose accept_ra is 2. Those that a program
// looks after (systemd-networkd, NetworkManager) are none of them.
func Advertised() (links []string, err error) {
	err = in("", func(h *netlink.Handle) error {
		routes, err := again(func() ([]netlink.Route, error) { return h.RouteList(nil, netlink.FAMILY_V6) })
		if err != nil {
			return err
		}
		for _, r := range routes {
			if r.Protocol != unix.RTPROT_RA || !isDefault(r) {
				continue
			}
			link, err := again(func() (netlink.Link, error) { return h.LinkByIndex(r.LinkIndex) })
			if _, gone := errors.AsType[netlink.LinkNotFoundError](err); gone {
				continue
			}
			if err != nil {
				return fmt.Errorf("link %d: %w", r.LinkIndex, err)
			}
			name := link.Attrs().Name
			listens, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + name + "/accept_ra")
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if on := strings.TrimSpace(string(listens)); (on == "1" || on == "2") && !slices.Contains(links, name) {
				links = append(links, name)
			}
		}
		return nil
	})
	slices.Sort(links)
	return links, err
}
