package machine

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// Outside is the world beyond the machine. It knows the machine's uplink and no
// container behind it.
const Outside plan.NS = "outside"

// Address is the machine's, as the outside world knows it.
var Address = netip.AddrFrom4([4]byte{192, 0, 2, 1})

// network wires the machine to its outside world.
func network() error {
	if err := sysctls(); err != nil {
		return err
	}
	ns, err := addOutside()
	if err != nil {
		return fmt.Errorf("network namespace %s: %w", Outside, err)
	}
	defer ns.Close()
	there, err := netlink.NewHandleAt(netns.NsHandle(ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("netlink socket in %s: %w", Outside, err)
	}
	defer there.Close()
	here, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("netlink socket: %w", err)
	}
	defer here.Close()

	attrs := netlink.NewLinkAttrs()
	attrs.Name = "uplink"
	if err := here.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(ns.Fd())}); err != nil {
		return fmt.Errorf("cable to %s: %w", Outside, err)
	}
	runtime.KeepAlive(ns)
	return errors.Join(
		up(there, "lo", ""),
		up(there, "eth0", "192.0.2.2/24"),
		up(here, "lo", ""),
		up(here, "uplink", Address.String()+"/24"),
		here.RouteAdd(&netlink.Route{Gw: net.IPv4(192, 0, 2, 2)}),
	)
}

// sysctls sets what a new network namespace copies from the first one
// (net.core.devconf_inherit_init_net), so that a machine is the same on any host.
func sysctls() error {
	for _, s := range []plan.SysctlSet{
		{Key: "net.ipv4.ip_forward", Value: "0"},
		{Key: "net.ipv4.conf.all.rp_filter", Value: "0"},
		{Key: "net.ipv4.conf.default.rp_filter", Value: "0"},
		{Key: "net.ipv4.conf.all.route_localnet", Value: "0"},
		{Key: "net.ipv4.conf.default.route_localnet", Value: "0"},
	} {
		if err := s.Apply(); err != nil {
			return err
		}
	}
	return nil
}

func up(h *netlink.Handle, dev, prefix string) error {
	link, err := h.LinkByName(dev)
	if err != nil {
		return fmt.Errorf("%s: %w", dev, err)
	}
	if prefix != "" {
		addr, err := netlink.ParseAddr(prefix)
		if err != nil {
			return err
		}
		if err := h.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("%s: address %s: %w", dev, prefix, err)
		}
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("%s: up: %w", dev, err)
	}
	return nil
}

// addOutside does as `ip netns add outside` does (ip-netns(8)): /run/netns is a
// shared mount, so that a namespace deleted here is deleted in every mount
// namespace that has a copy.
func addOutside() (*os.File, error) {
	if err := os.Mkdir(plan.NetnsDir, 0o755); err != nil {
		return nil, err
	}
	if err := unix.Mount(plan.NetnsDir, plan.NetnsDir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return nil, err
	}
	if err := unix.Mount("", plan.NetnsDir, "", unix.MS_SHARED|unix.MS_REC, ""); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(Outside.Path(), os.O_RDONLY|os.O_CREATE|os.O_EXCL, 0)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			err = unix.Mount("/proc/thread-self/ns/net", Outside.Path(), "", unix.MS_BIND, "")
		}
		done <- err
	}()
	if err := <-done; err != nil {
		return nil, err
	}
	return Outside.Open()
}
