package bridge

import (
	"bytes"
	"errors"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// PortSet sets how a bridge treats one of its ports (bridge(8)).
type PortSet struct {
	Dev      string `json:"dev"`
	Hairpin  bool   `json:"hairpin"`            // may a frame leave by the port that it came in by
	Isolated bool   `json:"isolated,omitempty"` // it reaches no other isolated port, only those that are not
}

func (s *PortSet) String() string {
	words := []string{"bridge", "link", "set", "dev", s.Dev, "hairpin", onOff(s.Hairpin)}
	if s.Isolated {
		words = append(words, "isolated", "on")
	}
	return plan.Command(words...)
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// Apply sets the flags, all in one message.
func (s *PortSet) Apply() error {
	return at("", s.Dev, func(_ *netlink.Handle, link netlink.Link) error {
		info := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
		info.AddRtAttr(nl.IFLA_BRPORT_MODE, flag(s.Hairpin))
		if s.Isolated {
			info.AddRtAttr(nl.IFLA_BRPORT_ISOLATED, flag(true))
		}
		return setPort(link, info)
	})
}

// setPort sends what is to be set of a bridge's port.
func setPort(link netlink.Link, info *nl.RtAttr) error {
	req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_BRIDGE)
	msg.Index = int32(link.Attrs().Index)
	req.AddData(msg)
	req.AddData(info)
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// mute lets nothing more through a bridge's port, in either direction, and
// forgets what was learned by it. It is EBUSY where the bridge runs STP, which
// decides by itself.
func mute(link netlink.Link) error {
	if link.Attrs().MasterIndex == 0 {
		return nil
	}
	info := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
	info.AddRtAttr(nl.IFLA_BRPORT_STATE, []byte{portDisabled})
	info.AddRtAttr(nl.IFLA_BRPORT_FLUSH, nil)
	return setPort(link, info)
}

// portDisabled is BR_STATE_DISABLED of linux/if_bridge.h.
const portDisabled = 0

func flag(on bool) []byte {
	if on {
		return []byte{1}
	}
	return []byte{0}
}

// Undo leaves the flags to the port: unplugged, it has none, and is about to be
// plugged in.
func (s *PortSet) Undo() (plan.Step, error) {
	undo := plan.Step(&plan.Leave{Why: "goes with the bridge port " + s.Dev})
	err := at("", s.Dev, func(_ *netlink.Handle, link netlink.Link) error {
		have, err := again(func() (PortSet, error) { return portOf(link) })
		if errors.Is(err, errUnplugged) {
			return nil
		}
		if err == nil && have.Hairpin == s.Hairpin && (have.Isolated || !s.Isolated) {
			undo = nil
		}
		return err
	})
	if err != nil && !absent(err) {
		return nil, err
	}
	return undo, nil
}

// portOf asks for one port alone, where netlink.LinkGetProtinfo lists every
// port of every bridge: with a thousand containers that is the longest look.
func portOf(link netlink.Link) (p PortSet, err error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(link.Attrs().Index)
	req.AddData(msg)
	answers, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
	if err != nil {
		return p, err
	}
	for _, answer := range answers {
		info, err := attribute(answer[msg.Len():], unix.IFLA_LINKINFO)
		if err != nil {
			return p, err
		}
		kind, err := attribute(info, nl.IFLA_INFO_SLAVE_KIND)
		if err != nil || !bytes.Equal(kind, nl.ZeroTerminated("bridge")) {
			continue
		}
		port, err := attribute(info, nl.IFLA_INFO_SLAVE_DATA)
		if err != nil {
			return p, err
		}
		if p.Hairpin, err = isOn(port, nl.IFLA_BRPORT_MODE); err != nil {
			return p, err
		}
		p.Isolated, err = isOn(port, nl.IFLA_BRPORT_ISOLATED)
		return p, err
	}
	return p, errUnplugged
}

var errUnplugged = errors.New("not plugged into a bridge")

func isOn(list []byte, kind uint16) (bool, error) {
	value, err := attribute(list, kind)
	return len(value) == 1 && value[0] == 1, err
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
