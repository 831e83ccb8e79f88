package bridge

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"

	"github.com/minibridge/minibridge/plan"
)

// BridgeAdd makes a bridge: a switch made of software (ip-link(8)).
type BridgeAdd struct {
	Name string           `json:"name"` // at most 15 bytes
	MAC  net.HardwareAddr `json:"mac"`  // one of its own: else it borrows the lowest of its ports', and changes with them
}

func (s *BridgeAdd) String() string {
	return plan.Command("ip", "link", "add", "name", s.Name, "address", s.MAC.String(), "type", "bridge")
}

// Apply makes the bridge.
func (s *BridgeAdd) Apply() error {
	return in("", func(h *netlink.Handle) error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.HardwareAddr = s.Name, s.MAC
		return h.LinkAdd(&netlink.Bridge{LinkAttrs: attrs})
	})
}

// Undo knows the bridge by its name and MAC address. Any other link of that
// name is in the way.
func (s *BridgeAdd) Undo() (plan.Step, error) {
	if len(s.MAC) != 6 {
		return nil, fmt.Errorf("bridge %s: the MAC address %q has not 6 bytes: by it the bridge is known as ours", s.Name, s.MAC)
	}
	undo := plan.Step(&LinkDel{Name: s.Name, MAC: s.MAC.String()})
	err := at("", s.Name, func(_ *netlink.Handle, link netlink.Link) error {
		if link.Type() != "bridge" || link.Attrs().HardwareAddr.String() != s.MAC.String() {
			return fmt.Errorf("%s exists already and is not ours (%s)", s.Name, describe(link))
		}
		undo = nil
		return nil
	})
	if err != nil && !absent(err) {
		return nil, err
	}
	return undo, nil
}
