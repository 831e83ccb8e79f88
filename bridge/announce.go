package bridge

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Announce tells all that are plugged into a bridge which MAC address has these
// IP addresses from now on: who knows another one believes the new one at once
// (RFC 5227, section 3; RFC 4861, section 7.2.6), where otherwise he would send
// to the old for half a minute. The host itself forgets what it knows.
//
// The bridge speaks for the container: a link that has just come up may be
// heard by nobody yet, as the kernel opens a bridge's port a moment later.
// Therefore the kernel's own way, arp_notify and ndisc_notify, loses one
// announcement in three.
func Announce(bridge string, mac net.HardwareAddr, addrs ...netip.Addr) error {
	return at("", bridge, func(h *netlink.Handle, link netlink.Link) error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		var errs []error
		for _, addr := range addrs {
			from := link.Attrs().HardwareAddr
			frame := arpAnnouncement(from, mac, addr)
			if addr.Is6() {
				frame = neighborAdvertisement(from, mac, addr)
			}
			errs = append(errs, unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: link.Attrs().Index}))
			err := h.NeighDel(&netlink.Neigh{LinkIndex: link.Attrs().Index, IP: addr.AsSlice()})
			if !errors.Is(err, unix.ENOENT) {
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	})
}

// arpAnnouncement is a question of addr for itself (RFC 826).
func arpAnnouncement(from, mac net.HardwareAddr, addr netip.Addr) []byte {
	return slices.Concat(
		[]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, from, []byte{0x08, 0x06},
		[]byte{0, 1, 0x08, 0, 6, 4, 0, 1}, // Ethernet, IPv4, lengths of both, a request
		mac, addr.AsSlice(), make([]byte, len(mac)), addr.AsSlice(),
	)
}

// neighborAdvertisement is one that nobody asked for, and that overrides what
// is known (RFC 4861, section 4.4).
func neighborAdvertisement(from, mac net.HardwareAddr, addr netip.Addr) []byte {
	const override = 0x20
	target := addr.AsSlice()
	all := netip.MustParseAddr("ff02::1").AsSlice()
	message := slices.Concat([]byte{136, 0, 0, 0, override, 0, 0, 0}, target, []byte{2, 1}, mac)
	length := []byte{0, byte(len(message))}
	// The pseudo header of RFC 8200, section 8.1.
	sum := checksum(slices.Concat(target, all, []byte{0, 0}, length, []byte{0, 0, 0, unix.IPPROTO_ICMPV6}, message))
	binary.BigEndian.PutUint16(message[2:], sum)
	return slices.Concat(
		[]byte{0x33, 0x33, 0, 0, 0, 1}, from, []byte{0x86, 0xdd},
		[]byte{0x60, 0, 0, 0}, length, []byte{unix.IPPROTO_ICMPV6, 255}, target, all, message,
	)
}

// checksum is the Internet's, of an even number of bytes (RFC 1071).
func checksum(b []byte) uint16 {
	var sum uint32
	for pair := range slices.Chunk(b, 2) {
		sum += uint32(binary.BigEndian.Uint16(pair))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
