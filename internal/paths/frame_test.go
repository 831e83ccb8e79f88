package paths_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// datagram is a UDP datagram in its IP packet, from whatever address.
func datagram(from, to netip.AddrPort, text string) []byte {
	const header = 8
	be := binary.BigEndian
	udp := be.AppendUint16(nil, from.Port())
	udp = be.AppendUint16(udp, to.Port())
	udp = be.AppendUint16(udp, uint16(header+len(text)))
	udp = append(be.AppendUint16(udp, 0), text...)
	return packet(unix.IPPROTO_UDP, from.Addr(), to.Addr(), udp, 6)
}

// opening is the first segment of a TCP connection, likewise.
func opening(from, to netip.AddrPort, sequence uint32) []byte {
	const words, syn, window = 5 << 4, 2, 65535
	be := binary.BigEndian
	tcp := be.AppendUint16(nil, from.Port())
	tcp = be.AppendUint16(tcp, to.Port())
	tcp = be.AppendUint32(tcp, sequence)
	tcp = be.AppendUint32(tcp, 0)
	tcp = append(tcp, words, syn)
	tcp = be.AppendUint16(tcp, window)
	tcp = be.AppendUint32(tcp, 0)
	return packet(unix.IPPROTO_TCP, from.Addr(), to.Addr(), tcp, 16)
}

// opened is the sequence number of such a segment, and the port that it is for.
func opened(tcp []byte) (sequence uint32, port uint16, ok bool) {
	const flags, syn = 13, 2
	if len(tcp) < 20 || tcp[flags] != syn {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(tcp[4:]), binary.BigEndian.Uint16(tcp[2:]), true
}

// packet puts a body, whose checksum belongs at an offset, into an IP packet.
func packet(proto byte, from, to netip.Addr, body []byte, sum int) []byte {
	be := binary.BigEndian
	src, dst := from.AsSlice(), to.AsSlice()
	pseudo := slices.Concat(src, dst, []byte{0, proto, 0, byte(len(body))})
	be.PutUint16(body[sum:], checksum(pseudo, body))
	if to.Is6() {
		return slices.Concat([]byte{6 << 4, 0, 0, 0, 0, byte(len(body)), proto, 64}, src, dst, body)
	}
	ip := slices.Concat([]byte{0x45, 0, 0, byte(20 + len(body)), 0, 0, 0, 0, 64, proto, 0, 0}, src, dst)
	be.PutUint16(ip[10:], checksum(ip))
	return append(ip, body...)
}

// checksum is that of RFC 1071; every part but the last has an even length.
func checksum(parts ...[]byte) uint16 {
	var sum uint32
	for _, part := range parts {
		for i, b := range part {
			sum += uint32(b) << (8 * (1 - i%2))
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// transmit sends a packet by a device of the thread's namespace, in a frame to
// the MAC address, as CAP_NET_RAW allows.
func transmit(dev string, to net.HardwareAddr, packet []byte) error {
	link, err := net.InterfaceByName(dev)
	if err != nil {
		return err
	}
	kind := uint16(unix.ETH_P_IP)
	if packet[0]>>4 == 6 {
		kind = unix.ETH_P_IPV6
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	at := &unix.SockaddrLinklayer{Ifindex: link.Index, Protocol: binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, kind)), Halen: 6}
	copy(at.Addr[:], to)
	return unix.Sendto(fd, packet, 0, at)
}

// router is the MAC of the host's device on the link of a container, or of the
// outside world.
func router(t *testing.T, of string) net.HardwareAddr {
	t.Helper()
	links, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		addrs, err := link.Addrs()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range addrs {
			for _, f := range []family{ipv4, ipv6} {
				if at := address(of, f); at.IsValid() && a.(*net.IPNet).Contains(at.AsSlice()) {
					return link.HardwareAddr
				}
			}
		}
	}
	t.Fatalf("the host has no address on the link of %s", of)
	return nil
}
