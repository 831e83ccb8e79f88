package bridge

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// PlugIn puts the host's end of a cable that is there into its bridge and
// switches it on: what [VethAdd] did in the message that made the cable, for one
// that was pulled out since, or whose bridge was deleted.
type PlugIn struct {
	Veth   string  `json:"veth"`
	Bridge string  `json:"bridge"`
	Peer   string  `json:"peer"` // the end inside
	NS     plan.NS `json:"ns"`   // where inside is
}

func (s *PlugIn) String() string {
	return plan.Command("ip", "link", "set", "dev", s.Veth, "master", s.Bridge, "up")
}

// Apply sends one message for both.
func (s *PlugIn) Apply() error {
	return at("", s.Bridge, func(h *netlink.Handle, bridge netlink.Link) error {
		veth, err := get(h, s.Veth)
		if err != nil {
			return err
		}
		req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
		msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
		msg.Index = int32(veth.Attrs().Index)
		msg.Flags, msg.Change = unix.IFF_UP, unix.IFF_UP
		req.AddData(msg)
		req.AddData(nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(bridge.Attrs().Index))))
		_, err = req.Execute(unix.NETLINK_ROUTE, 0)
		return err
	})
}

// Undo leaves the cable where it is, until it goes. Two ends that are not each
// other's are in the way.
func (s *PlugIn) Undo() (plan.Step, error) {
	cable := VethAdd{Veth: s.Veth, Peer: s.Peer, NS: s.NS}
	host, master, err := cable.host()
	if err != nil {
		return nil, err
	}
	inside, err := cable.inside()
	switch {
	case err != nil && !absent(err):
		return nil, err
	case inside == nil || !paired(host, inside):
		return nil, fmt.Errorf("%s is not the other end of %s in %s (%s)", s.Veth, s.Peer, s.NS, describe(host))
	case master == s.Bridge && host.Attrs().Flags&net.FlagUp != 0:
		return nil, nil
	}
	return &plan.Leave{Why: "plugged in for as long as there is " + s.Veth}, nil
}

// paired says that a link of the host and one in a namespace are the two ends
// of a cable: each has the other's number, as it is in the other's namespace.
func paired(host, inside netlink.Link) bool {
	return host.Type() == "veth" && host.Attrs().ParentIndex == inside.Attrs().Index &&
		inside.Attrs().ParentIndex == host.Attrs().Index
}

// LinkAddress gives a link in a network namespace its MAC address again.
type LinkAddress struct {
	NS  plan.NS          `json:"ns"`
	Dev string           `json:"dev"`
	MAC net.HardwareAddr `json:"mac"`
}

func (s *LinkAddress) String() string {
	return s.NS.IP() + " " + plan.Command("link", "set", "dev", s.Dev, "address", s.MAC.String())
}

// Apply sets the address, which a veth takes while it is up.
func (s *LinkAddress) Apply() error {
	return at(s.NS, s.Dev, func(h *netlink.Handle, link netlink.Link) error {
		return h.LinkSetHardwareAddr(link, s.MAC)
	})
}

// Undo leaves it to the namespace.
func (s *LinkAddress) Undo() (plan.Step, error) {
	same := false
	err := at(s.NS, s.Dev, func(_ *netlink.Handle, link netlink.Link) error {
		same = link.Attrs().HardwareAddr.String() == s.MAC.String()
		return nil
	})
	switch {
	case err != nil && !absent(err):
		return nil, err
	case same:
		return nil, nil
	}
	return s.NS.Gone(), nil
}
