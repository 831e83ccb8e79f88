package bridge

import (
	"bytes"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// PortSet sets how a bridge treats one of its ports (bridge(8)).
type PortSet struct {
	Dev     string `json:"dev"`
	Hairpin bool   `json:"hairpin"` // may a frame leave by the port that it came in by
}

func (s *PortSet) String() string {
	value := "off"
	if s.Hairpin {
		value = "on"
	}
	return plan.Command("bridge", "link", "set", "dev", s.Dev, "hairpin", value)
}

// Apply sets the flags.
func (s *PortSet) Apply() error {
	return at("", s.Dev, func(h *netlink.Handle, link netlink.Link) error {
		return h.LinkSetHairpin(link, s.Hairpin)
	})
}

// Undo leaves the flags to the port: unplugged, it has none.
func (s *PortSet) Undo() (plan.Step, error) {
	undo := plan.Step(&plan.Leave{Why: "goes with the bridge port " + s.Dev})
	err := at("", s.Dev, func(_ *netlink.Handle, link netlink.Link) error {
		on, err := again(func() (bool, error) { return hairpin(link) })
		if err == nil && on == s.Hairpin {
			undo = nil
		}
		return err
	})
	if err != nil && !absent(err) {
		return nil, err
	}
	return undo, nil
}

// hairpin asks for one port alone, where netlink.LinkGetProtinfo lists every
// port of every bridge: with a thousand containers that is the longest look.
func hairpin(link netlink.Link) (bool, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(link.Attrs().Index)
	req.AddData(msg)
	answers, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
	if err != nil {
		return false, err
	}
	for _, answer := range answers {
		info, err := attribute(answer[msg.Len():], unix.IFLA_LINKINFO)
		if err != nil {
			return false, err
		}
		kind, err := attribute(info, nl.IFLA_INFO_SLAVE_KIND)
		if err != nil || !bytes.Equal(kind, nl.ZeroTerminated("bridge")) {
			continue
		}
		port, err := attribute(info, nl.IFLA_INFO_SLAVE_DATA)
		if err != nil {
			return false, err
		}
		mode, err := attribute(port, nl.IFLA_BRPORT_MODE)
		return len(mode) == 1 && mode[0] == 1, err
	}
	return false, fmt.Errorf("%s is not plugged into a bridge", link.Attrs().Name)
}

// attribute picks one out of a list of netlink attributes; nil when it is not
// in there.
func attribute(list []byte, kind uint16) ([]byte, error) {
	attrs, err := nl.ParseRouteAttr(list)
	for _, a := range attrs {
		if a.Attr.Type&^unix.NLA_F_NESTED == kind {
			return a.Value, nil
		}
	}
	return nil, err
}
