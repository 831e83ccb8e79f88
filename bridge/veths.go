package bridge

import "github.com/vishvananda/netlink"

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
