package bridge

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"go4.org/netipx"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// AddrAdd puts an address on a link (rtnetlink(7), RTM_NEWADDR). An IPv6
// address is there at once: nobody waits for duplicate address detection,
// which on a bridge with hairpin ports finds its own probe.
type AddrAdd struct {
	NS     plan.NS      `json:"ns,omitempty"`
	Dev    string       `json:"dev"`
	Prefix netip.Prefix `json:"prefix"`           // the address with its prefix length: 172.17.0.1/16
	Theirs bool         `json:"theirs,omitempty"` // the link is somebody else's: its MAC, which may change with its ports, proves nothing
}

// String has `brd +` where the subnet has a broadcast address (RFC 3021):
// without it ip(8) sets none.
func (s *AddrAdd) String() string {
	words := []string{"addr", "add", s.Prefix.String()}
	switch {
	case s.Prefix.Addr().Is6():
		words = append(words, "nodad")
	case s.Prefix.Bits() < 31:
		words = append(words, "brd", "+")
	}
	return s.NS.IP() + " " + plan.Command(append(words, "dev", s.Dev)...)
}

// Apply adds the address.
func (s *AddrAdd) Apply() error {
	return at(s.NS, s.Dev, func(h *netlink.Handle, link netlink.Link) error {
		return h.AddrAdd(link, address(s.Prefix)) // EEXIST stays an error: Undo saw no such address
	})
}

// Undo counts the same address with another prefix length as in the way.
func (s *AddrAdd) Undo() (plan.Step, error) {
	if !s.Prefix.IsValid() {
		return nil, fmt.Errorf("no address for %s", s.Dev)
	}
	there, del := false, &AddrDel{Dev: s.Dev, Prefix: s.Prefix}
	err := at(s.NS, s.Dev, func(h *netlink.Handle, link netlink.Link) error {
		if !s.Theirs {
			del.MAC = link.Attrs().HardwareAddr.String()
		}
		have, err := prefixes(h, link)
		for _, p := range have {
			if p.Addr() == s.Prefix.Addr() && p != s.Prefix {
				return fmt.Errorf("%s is on %s already, as %s", p.Addr(), s.Dev, p)
			}
			there = there || p == s.Prefix
		}
		return err
	})
	switch {
	case err != nil && !absent(err):
		return nil, err
	case there:
		return nil, nil
	case s.NS != "":
		return s.NS.Gone(), nil
	}
	return del, nil
}

// AddrDel takes an address from a link of the host.
type AddrDel struct {
	Dev    string       `json:"dev"`
	MAC    string       `json:"mac,omitempty"` // of the link that got the address
	Prefix netip.Prefix `json:"prefix"`
}

func (s *AddrDel) String() string {
	return plan.Command("ip", "addr", "del", s.Prefix.String(), "dev", s.Dev)
}

// Apply takes the address away.
func (s *AddrDel) Apply() error {
	err := at("", s.Dev, func(h *netlink.Handle, link netlink.Link) error {
		if err := stranger(link, s.MAC); err != nil {
			return err
		}
		return h.AddrDel(link, address(s.Prefix))
	})
	if absent(err) || errors.Is(err, unix.EADDRNOTAVAIL) {
		return nil
	}
	return err
}

func address(p netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: netipx.PrefixIPNet(p)}
	a.IP = p.Addr().AsSlice() // with its host bits, which PrefixIPNet cuts off
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

func prefixes(h *netlink.Handle, link netlink.Link) ([]netip.Prefix, error) {
	addrs, err := again(func() ([]netlink.Addr, error) { return h.AddrList(link, netlink.FAMILY_ALL) })
	var ps []netip.Prefix
	for _, a := range addrs {
		ip, _ := netip.AddrFromSlice(a.IP)
		bits, _ := a.Mask.Size()
		ps = append(ps, netip.PrefixFrom(ip.Unmap(), bits))
	}
	return ps, err
}
