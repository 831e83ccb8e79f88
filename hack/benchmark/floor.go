package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// A floor makes the network of one container, the same objects and settings as
// minibridge, with as few system calls as can be. It looks at nothing first,
// writes nothing down, and knows how to take things back because it is still
// there.
type floor struct {
	own     int // our network namespace
	sockets map[int]*nl.SocketHandle
	bridge  int // its index
	veths   int // so many were made
}

const (
	floorBridge         = "floor0"
	firstVeth           = 1 << 16 // index; the name alone does not do to set up a port
	floorNetns  plan.NS = "floor"
)

var (
	floorGateway = net.IPv4(172, 17, 0, 1)
	floorAddress = net.IPv4(172, 17, 0, 2)
)

// newFloor makes what containers share: a bridge. Its thread is the only one
// that goes to other namespaces.
func newFloor() (f *floor, err error) {
	runtime.LockOSThread()
	f = &floor{}
	if f.own, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return nil, err
	}
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	f.sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: socket}}
	if link, err := netlink.LinkByName(floorBridge); err == nil {
		f.bridge = link.Attrs().Index // by an earlier process
		return f, nil
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.Flags = floorBridge, net.FlagUp
	bridge := &netlink.Bridge{LinkAttrs: attrs}
	if err := netlink.LinkAdd(bridge); err != nil {
		return nil, err
	}
	f.bridge = bridge.Index
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return nil, err
	}
	return f, netlink.AddrAdd(bridge, &netlink.Addr{IPNet: &net.IPNet{IP: floorGateway, Mask: net.CIDRMask(16, 32)}})
}

// plug makes a named network namespace with one end of a cable to the bridge.
func (f *floor) plug() error {
	ns, inside, err := f.netns()
	if err != nil {
		return err
	}
	defer unix.Close(ns)
	defer inside.Close()
	f.veths++
	index := firstVeth + f.veths
	for _, req := range []*nl.NetlinkRequest{f.cable(ns, index), hairpin(index)} {
		req.Sockets = f.sockets
		if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil {
			return err
		}
	}
	if err := f.in(ns, func() error {
		return os.WriteFile("/proc/sys/net/ipv6/conf/eth0/disable_ipv6", []byte("1"), 0)
	}); err != nil {
		return err
	}
	lo := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: 1}}
	eth0 := &netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Index: 2}}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: floorAddress, Mask: net.CIDRMask(16, 32)}}
	for _, err := range []error{
		inside.LinkSetUp(lo),
		inside.AddrAdd(eth0, address),
		inside.LinkSetUp(eth0),
		inside.RouteAdd(&netlink.Route{LinkIndex: 2, Gw: floorGateway}),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}

// netns makes the namespace, with a name, two settings and a socket in it.
func (f *floor) netns() (ns int, inside *netlink.Handle, err error) {
	if err := os.WriteFile(floorNetns.Path(), nil, 0o600); err != nil {
		return -1, nil, err
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return -1, nil, err
	}
	if err := unix.Mount("/proc/thread-self/ns/net", floorNetns.Path(), "", unix.MS_BIND, ""); err != nil {
		return -1, nil, err
	}
	if ns, err = unix.Open(floorNetns.Path(), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return -1, nil, err
	}
	err = f.in(ns, func() (err error) {
		if err := os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0); err != nil {
			return err
		}
		if err := os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 2147483647"), 0); err != nil {
			return err
		}
		inside, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	return ns, inside, err
}

// in has this thread do something in a namespace, and come back.
func (f *floor) in(ns int, do func() error) error {
	if err := unix.Setns(ns, unix.CLONE_NEWNET); err != nil {
		return err
	}
	return errors.Join(do(), unix.Setns(f.own, unix.CLONE_NEWNET))
}

// cable is one message: the pair, our end up and in the bridge, the other
// inside already.
func (f *floor) cable(ns, index int) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
	up := nl.NewIfInfomsg(unix.AF_UNSPEC)
	up.Index, up.Flags, up.Change = int32(index), unix.IFF_UP, unix.IFF_UP
	req.AddData(up)
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(fmt.Sprintf("v%x.%x", os.Getpid(), f.veths))))
	req.AddData(nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(f.bridge))))
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("veth"))
	peer := info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(nl.VETH_INFO_PEER, nil)
	inside := nl.NewIfInfomsg(unix.AF_UNSPEC)
	inside.Index = 2
	peer.AddChild(inside)
	peer.AddRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated("eth0"))
	peer.AddRtAttr(unix.IFLA_ADDRESS, []byte{2, 0x42, 172, 17, 0, 2})
	peer.AddRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(ns)))
	req.AddData(info)
	return req
}

func hairpin(index int) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_BRIDGE)
	msg.Index = int32(index)
	req.AddData(msg)
	info := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
	info.AddRtAttr(nl.IFLA_BRPORT_MODE, []byte{1})
	req.AddData(info)
	return req
}

// unplug lets go of the namespace, which takes the cable along.
func (f *floor) unplug() error {
	return errors.Join(unix.Unmount(floorNetns.Path(), unix.MNT_DETACH), os.Remove(floorNetns.Path()))
}

// asFloor is the first argument of a floor that is a process of its own.
const asFloor = "floor"

// beFloor runs true with no network, on a bridge, or there with a port, in the
// namespaces that a container has. It is as much of a process as minibridge is.
func beFloor(kind string) error {
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC}
	if kind == "none" {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWNET
		return cmd.Run()
	}
	f, err := newFloor()
	if err != nil {
		return err
	}
	if err := f.plug(); err != nil {
		return err
	}
	rule := floorIptables{}
	if kind == "port" {
		if err := rule.add(8000); err != nil {
			return err
		}
	}
	if err := floorNetns.Do(cmd.Start); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return err
	}
	if kind == "port" {
		if err := rule.del(8000); err != nil {
			return err
		}
	}
	return f.unplug()
}
