package proxy

import (
	"encoding/binary"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A destination is the address of the host that a client sent to. Answers have
// to come from there, or the client takes them for a stranger's.
type destination struct {
	addr netip.Addr
	link uint32 // index of the device that it came in by
}

// tellDestination has each datagram come with its destination, and each
// connection know its own.
func (s *socket) tellDestination() error {
	if s.six {
		return unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	}
	return unix.SetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
}

// name gives the key of a datagram's flow from its sender and its control
// messages.
func name(s *socket, from unix.Sockaddr, oob []byte) (k key, ok bool) {
	k.socket = s
	switch from := from.(type) {
	case *unix.SockaddrInet6:
		k.client, k.link = netip.AddrPortFrom(netip.AddrFrom16(from.Addr), uint16(from.Port)), from.ZoneId
	case *unix.SockaddrInet4:
		k.client = netip.AddrPortFrom(netip.AddrFrom4(from.Addr), uint16(from.Port))
	default:
		return k, false
	}
	k.dest = readDestination(oob)
	return k, true
}

// readDestination finds the packet information (struct in6_pktinfo, ipv6(7);
// struct in_pktinfo, ip(7)) among control messages.
func readDestination(oob []byte) (d destination) {
	for len(oob) >= unix.SizeofCmsghdr {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return d
		}
		oob = rest
		switch {
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			d.addr = netip.AddrFrom16([16]byte(data))
			d.link = binary.NativeEndian.Uint32(data[16:])
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			d.addr = netip.AddrFrom4([4]byte(data[4:])) // ipi_spec_dst: the host's own, whatever the packet says
			d.link = binary.NativeEndian.Uint32(data)
		}
	}
	return d
}

// source is the control message that has an answer come from the destination;
// none leaves the choice to the kernel, as after a multicast.
func (k *key) source() []byte {
	d := k.dest
	switch {
	case !d.addr.IsValid() || d.addr.IsUnspecified() || d.addr.IsMulticast():
		return nil
	case d.addr.Is4():
		return unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: d.addr.As4()})
	}
	info := unix.Inet6Pktinfo{Addr: d.addr.As16()}
	if d.addr.IsLinkLocalUnicast() {
		info.Ifindex = d.link
	}
	return unix.PktInfo6(&info)
}

// incomingLink is the index of the device that a connection's first packet came
// in by, as the kernel tells it of a socket that asked for packet information
// (IPV6_2292PKTOPTIONS; IP_PKTOPTIONS).
func incomingLink(fd int, six bool) (int, error) {
	level, option := unix.IPPROTO_IP, unix.IP_PKTOPTIONS
	if six {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_2292PKTOPTIONS
	}
	oob := make([]byte, 64)
	size := uint32(len(oob))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(option),
		uintptr(unsafe.Pointer(&oob[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0, os.NewSyscallError("getsockopt", errno)
	}
	return int(readDestination(oob[:size]).link), nil
}
