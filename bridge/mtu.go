package bridge

import (
	"fmt"
	"strconv"

	"github.com/vishvananda/netlink"

	"github.com/minibridge/minibridge/plan"
)

// LinkMTU sets the largest packet that a link takes. A bridge that gets its
// MTU when it is created loses it again: it follows its ports' smallest, and
// without ports goes back to 1500, until somebody sets it (br_mtu_auto_adjust
// in net/bridge/br_if.c).
type LinkMTU struct {
	NS  plan.NS `json:"ns,omitempty"`
	Dev string  `json:"dev"`
	MTU int     `json:"mtu"`           // bytes, without the Ethernet header
	If  int     `json:"if,omitempty"`  // unless 0, set only while the MTU is still this one
	MAC string  `json:"mac,omitempty"` // unless "", only on the link with this address
}

func (s *LinkMTU) String() string {
	set := s.NS.IP() + " " + plan.Command("link", "set", "dev", s.Dev, "mtu", strconv.Itoa(s.MTU))
	if s.If == 0 {
		return set
	}
	return fmt.Sprintf("test \"$(cat %s)\" != %d || %s", plan.Quote("/sys/class/net/"+s.Dev+"/mtu"), s.If, set)
}

// Apply sets the MTU. A conditional one whose link is gone has succeeded.
func (s *LinkMTU) Apply() error {
	err := at(s.NS, s.Dev, func(h *netlink.Handle, link netlink.Link) error {
		if err := stranger(link, s.MAC); err != nil {
			return err
		}
		if s.If != 0 && link.Attrs().MTU != s.If {
			return nil
		}
		return h.LinkSetMTU(link, s.MTU)
	})
	if s.If != 0 && absent(err) {
		return nil
	}
	return err
}

// Covers is for the MTU of the same link, whatever it was meanwhile.
func (s *LinkMTU) Covers(later plan.Step) bool {
	o, ok := later.(*LinkMTU)
	return ok && o.NS == s.NS && o.Dev == s.Dev && o.If == s.If && o.MAC == s.MAC
}

// Undo gives the old MTU back, if by then it is still ours.
func (s *LinkMTU) Undo() (plan.Step, error) {
	back := &LinkMTU{Dev: s.Dev, If: s.MTU}
	err := at(s.NS, s.Dev, func(_ *netlink.Handle, link netlink.Link) error {
		back.MTU = link.Attrs().MTU
		back.MAC = link.Attrs().HardwareAddr.String()
		return nil
	})
	switch {
	case err != nil && !absent(err):
		return nil, err
	case back.MTU == s.MTU:
		return nil, nil
	case s.NS != "":
		return s.NS.Gone(), nil
	case back.MTU == 0:
		return &plan.Leave{Why: "the MTU goes with " + s.Dev}, nil
	}
	return back, nil
}
