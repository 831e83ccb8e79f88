package bridge

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// VethAdd makes a pair of virtual Ethernet devices (veth(4)), a cable: one end
// in the host, plugged into the bridge and up, the other inside a network
// namespace. The other end is created in there at once: moving it afterwards
// takes ten times as long. The kernel refuses to create it up.
type VethAdd struct {
	Veth   string           `json:"veth"`          // the host's end: a new name each time, as a deleted namespace frees its names later
	Bridge string           `json:"bridge"`        // the bridge that it is plugged into
	Peer   string           `json:"peer"`          // the end inside: eth0
	NS     plan.NS          `json:"ns"`            // where inside is
	MAC    net.HardwareAddr `json:"mac"`           // of the end inside
	MTU    int              `json:"mtu,omitempty"` // of both ends, in bytes without the Ethernet header; 0 is the kernel's 1500
}

// String repeats the MTU after `peer`: options of one end don't count for the
// other.
func (s *VethAdd) String() string {
	var mtu []string
	if s.MTU != 0 {
		mtu = []string{"mtu", strconv.Itoa(s.MTU)}
	}
	words := append([]string{"ip", "link", "add", "name", s.Veth}, mtu...)
	words = append(words, "master", s.Bridge, "up", "type", "veth", "peer", "name", s.Peer)
	words = append(words, mtu...)
	words = append(words, "address", s.MAC.String(), "netns", string(s.NS))
	return plan.Command(words...)
}

// Apply sends the one message that does it all, which the netlink library
// would send as two.
func (s *VethAdd) Apply() error {
	inside, err := s.NS.Open()
	if err != nil {
		return err
	}
	defer inside.Close() // not before the kernel has read its number
	return at("", s.Bridge, func(_ *netlink.Handle, bridge netlink.Link) error {
		_, err := s.request(bridge.Attrs().Index, inside).Execute(unix.NETLINK_ROUTE, 0)
		return err
	})
}

// request leaves out what it doesn't set: a txqueuelen of 0 would be a real
// setting.
func (s *VethAdd) request(bridge int, inside *os.File) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
	up := nl.NewIfInfomsg(unix.AF_UNSPEC)
	up.Flags, up.Change = unix.IFF_UP, unix.IFF_UP
	req.AddData(up)
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(s.Veth)))
	req.AddData(nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(bridge))))
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("veth"))
	peer := info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(nl.VETH_INFO_PEER, nil)
	peer.AddChild(nl.NewIfInfomsg(unix.AF_UNSPEC))
	peer.AddRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(s.Peer))
	peer.AddRtAttr(unix.IFLA_ADDRESS, s.MAC)
	peer.AddRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(inside.Fd())))
	if s.MTU != 0 {
		mtu := nl.Uint32Attr(uint32(s.MTU))
		req.AddData(nl.NewRtAttr(unix.IFLA_MTU, mtu))
		peer.AddRtAttr(unix.IFLA_MTU, mtu)
	}
	req.AddData(info)
	return req
}

// Undo knows the pair by its two ends, each the other's peer. A cable that
// was pulled out of the bridge, or switched off, is an error: the creating
// message can't put it back.
func (s *VethAdd) Undo() (plan.Step, error) {
	if s.NS == "" || len(s.MAC) != 6 {
		return nil, fmt.Errorf("veth %s: its end %s needs a network namespace and a MAC address of 6 bytes", s.Veth, s.Peer)
	}
	host, master, err := s.host()
	if err != nil && !absent(err) {
		return nil, err
	}
	inside, err := s.inside()
	switch {
	case err != nil && !absent(err):
		return nil, err
	case host == nil && inside == nil:
		return &VethDel{Veth: s.Veth, NS: s.NS}, nil
	case host == nil:
		return nil, fmt.Errorf("%s has a link %s already (%s)", s.NS, s.Peer, describe(inside))
	case inside == nil || !paired(host, inside) || inside.Attrs().HardwareAddr.String() != s.MAC.String():
		return nil, fmt.Errorf("%s exists already and is not the other end of %s in %s (%s)", s.Veth, s.Peer, s.NS, describe(host))
	case master != s.Bridge:
		return nil, fmt.Errorf("%s is not plugged into %s (ip link set dev %s master %s)", s.Veth, s.Bridge, s.Veth, s.Bridge)
	case host.Attrs().Flags&net.FlagUp == 0:
		return nil, fmt.Errorf("%s is switched off (ip link set dev %s up)", s.Veth, s.Veth)
	}
	return nil, nil
}

// host looks at the host's end, and at the name of the bridge that it is in.
func (s *VethAdd) host() (link netlink.Link, master string, err error) {
	err = at("", s.Veth, func(h *netlink.Handle, l netlink.Link) error {
		link = l
		if l.Attrs().MasterIndex == 0 {
			return nil
		}
		m, err := again(func() (netlink.Link, error) { return h.LinkByIndex(l.Attrs().MasterIndex) })
		if err == nil {
			master = m.Attrs().Name
		}
		return err
	})
	return link, master, err
}

// inside looks at the end in the namespace.
func (s *VethAdd) inside() (link netlink.Link, err error) {
	err = at(s.NS, s.Peer, func(_ *netlink.Handle, l netlink.Link) error {
		link = l
		return nil
	})
	return link, err
}

// VethDel is the undo of [VethAdd]. The namespace takes the pair along when it
// goes, ten milliseconds sooner than deleting would; the kernel gets to that
// later, when the next container may have its address already, so the port is
// closed at once. If a process of someone else is in it (ip netns exec web
// tcpdump) and keeps it, or a connection that nobody has closed at its other end,
// the pair is deleted.
type VethDel struct {
	Veth string  `json:"veth"`
	NS   plan.NS `json:"ns"`
}

func (s *VethDel) String() string {
	return fmt.Sprintf("test -z \"$(ip netns pids %[1]s; ss -N %[1]s -Htn state connected exclude time-wait)\" && %[2]s || %[3]s",
		plan.Quote(string(s.NS)), plan.Command("ip", "link", "set", "dev", s.Veth, "type", "bridge_slave", "state", "0", "fdb_flush"),
		plan.Command("ip", "link", "del", "dev", s.Veth))
}

// Apply deletes a veth of that name alone; a new name each time is its mark.
func (s *VethDel) Apply() error {
	err := at("", s.Veth, func(h *netlink.Handle, link netlink.Link) error {
		if link.Type() != "veth" {
			return &plan.NotOurs{What: fmt.Sprintf("%s is not ours any more (%s)", s.Veth, describe(link))}
		}
		goes, err := s.goes(h, link)
		if err != nil {
			return err
		}
		if goes {
			if err = mute(link); !errors.Is(err, unix.EBUSY) {
				return err
			}
		}
		return h.LinkDel(link)
	})
	if absent(err) {
		return nil
	}
	return err
}

// goes tells whether the namespace will take the link along: its name still
// stands for the one that the other end is in, and neither a process nor a
// connection is in there. Who has the name no more (ip netns del web) may live on
// unseen.
func (s *VethDel) goes(h *netlink.Handle, link netlink.Link) (bool, error) {
	inside, err := s.NS.Open()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer inside.Close()
	id, err := h.GetNetNsIdByFd(int(inside.Fd()))
	if errors.Is(err, unix.EINVAL) || err == nil && id != link.Attrs().NetNsID {
		return false, nil // EINVAL: a file like any other
	}
	if err != nil {
		return false, err
	}
	used, err := inhabited(inside)
	if err != nil || used {
		return false, err
	}
	held, err := connected(inside)
	return !held, err
}

// connected tells whether a namespace has a TCP connection. One whose program
// has ended waits for the other end to hear of that, for minutes where nothing
// gets there any more (tcp_orphan_retries, tcp(7)), and keeps its namespace.
func connected(ns *os.File) (yes bool, err error) {
	err = plan.Within(ns, func() error {
		for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
			sockets, err := again(func() ([]*netlink.Socket, error) { return netlink.SocketDiagTCP(family) })
			if errors.Is(err, unix.ENOENT) {
				return nil // the kernel can't tell
			}
			if err != nil {
				return fmt.Errorf("list connections: %w", err)
			}
			for _, s := range sockets {
				switch s.State {
				case netlink.TCP_LISTEN, netlink.TCP_TIME_WAIT, netlink.TCP_CLOSE, netlink.TCP_NEW_SYN_REC:
				default:
					yes = true
				}
			}
		}
		return nil
	})
	return yes, err
}

// inhabited tells whether a process is in the namespace. One that came or went
// meanwhile counts as it was found.
func inhabited(ns *os.File) (bool, error) {
	var want, have unix.Stat_t
	if err := unix.Fstat(int(ns.Fd()), &want); err != nil {
		return false, fmt.Errorf("network namespace %s: %w", ns.Name(), err)
	}
	proc, err := os.Open("/proc")
	if err != nil {
		return false, err
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	for _, name := range names {
		if name[0] < '1' || name[0] > '9' {
			continue
		}
		err := unix.Stat("/proc/"+name+"/ns/net", &have)
		if err == nil && have.Dev == want.Dev && have.Ino == want.Ino {
			return true, nil
		}
	}
	return false, err
}
