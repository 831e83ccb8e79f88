package bridge

import (
	"github.com/vishvananda/netlink"

	"github.com/minibridge/minibridge/plan"
)

// Links lists the names of the links in a network namespace.
func Links(ns plan.NS) (names []string, err error) {
	err = in(ns, func(h *netlink.Handle) error {
		links, err := again(h.LinkList)
		for _, l := range links {
			names = append(names, l.Attrs().Name)
		}
		return err
	})
	return names, err
}

// Veths lists the host's ends of cables by name, each with the bridge that it
// is plugged into, or "".
func Veths() (map[string]string, error) {
	veths := map[string]string{}
	err := in("", func(h *netlink.Handle) error {
		links, err := again(h.LinkList)
		names := map[int]string{}
		for _, l := range links {
			names[l.Attrs().Index] = l.Attrs().Name
		}
		for _, l := range links {
			if l.Type() == "veth" {
				veths[l.Attrs().Name] = names[l.Attrs().MasterIndex]
			}
		}
		return err
	})
	return veths, err
}
