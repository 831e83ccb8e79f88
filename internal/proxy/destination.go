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
	return unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
}

// keyOf gives the key of a datagram's flow from its sender and its control
// messages.
func keyOf(s *socket, from unix.Sockaddr, oob []byte) (k key, ok bool) {
	sa, ok := from.(*unix.SockaddrInet6)
	if !ok {
		return k, false
	}
	client := netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	return key{socket: s, client: client, link: sa.ZoneId, dest: readDestination(oob)}, true
}

// readDestination finds the packet information (struct in6_pktinfo, ipv6(7))
// among control messages.
func readDestination(oob []byte) (d destination) {
	for len(oob) >= unix.SizeofCmsghdr {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return d
		}
		oob = rest
		if h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo {
			d.addr = netip.AddrFrom16([16]byte(data))
			d.link = binary.NativeEndian.Uint32(data[16:])
		}
	}
	return d
}

// source is the control message that has an answer come from the destination;
// none leaves the choice to the kernel, as after a multicast.
func (k *key) source() []byte {
	d := k.dest
	if !d.addr.IsValid() || d.addr.IsUnspecified() || d.addr.IsMulticast() {
		return nil
	}
	info := unix.Inet6Pktinfo{Addr: d.addr.As16()}
	if d.addr.IsLinkLocalUnicast() {
		info.Ifindex = d.link
	}
	return unix.PktInfo6(&info)
}

// incomingLink is the index of the device that a connection's first packet came
// in by, as the kernel tells it of a socket that asked for packet information
// (IPV6_2292PKTOPTIONS).
func incomingLink(fd int) (int, error) {
	oob := make([]byte, 64)
	size := uint32(len(oob))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_IPV6, unix.IPV6_2292PKTOPTIONS,
		uintptr(unsafe.Pointer(&oob[0])), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0, os.NewSyscallError("getsockopt", errno)
	}
	return int(readDestination(oob[:size]).link), nil
}
