package nat

import (
	"fmt"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A BindError says that a host port can't be had: Err is [unix.EADDRINUSE]
// when another program has it, [unix.EADDRNOTAVAIL] when HostIP is not an
// address of this host, or one of many hosts, [unix.EPROTONOSUPPORT] when the
// kernel has no SCTP: see [LoadSCTP].
type BindError struct {
	Mapping // the port, with Count 1
	Err     error
}

func (e *BindError) Error() string {
	return fmt.Sprintf("bind host port %s/%s: %v", e.HostAddr(), e.Proto, e.Err)
}

func (e *BindError) Unwrap() error { return e.Err }

// HostAddr is the mapping's first host port, with 0.0.0.0 for every IPv4 address.
func (m Mapping) HostAddr() netip.AddrPort {
	if !m.HostIP.IsValid() {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), m.HostPort)
	}
	return netip.AddrPortFrom(m.HostIP, m.HostPort)
}

// Reserve binds a socket to every host port of ms, so that no other program
// can have it while the files are open. Nothing listens: packets to the port
// go where the rules send them. It takes all ports or none, and ports of IPv6
// without those of IPv4, which are mappings of their own.
func Reserve(ms ...Mapping) ([]*os.File, error) {
	var files []*os.File
	for _, m := range ms {
		count := max(m.Count, 1)
		m.Count = 1
		if !m.Any() && ofMany(m.HostIP) {
			closeAll(files)
			return nil, &BindError{m, unix.EADDRNOTAVAIL}
		}
		for ; count > 0; count-- {
			f, err := reserve(m)
			if err != nil {
				closeAll(files)
				return nil, &BindError{m, err}
			}
			files = append(files, f)
			m.HostPort++
			m.Port++
		}
	}
	return files, nil
}

// HasIPv6 says that the host can be reached by IPv6, if only by itself.
func HasIPv6() bool {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return unix.Bind(fd, &unix.SockaddrInet6{Addr: netip.IPv6Loopback().As16()}) == nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// ofMany says that an address is a broadcast or multicast one. The kernel binds
// sockets to those as well, but packets to them are no local ones, which alone
// are rewritten. An address without a route may yet come: the bind tells.
func ofMany(ip netip.Addr) bool {
	if ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return true
	}
	routes, err := netlink.RouteGet(ip.AsSlice())
	return err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_BROADCAST
}

// reserve binds one port.
func reserve(m Mapping) (*os.File, error) {
	kind, proto := unix.SOCK_STREAM, unix.IPPROTO_TCP
	switch m.Proto {
	case "udp":
		kind, proto = unix.SOCK_DGRAM, unix.IPPROTO_UDP
	case "sctp":
		proto = unix.IPPROTO_SCTP
	}
	domain := unix.AF_INET
	if m.IPv6() {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return nil, err
	}
	if m.IPv6() {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	switch {
	case err != nil:
	case m.Proto == "udp":
		err = bindUDP(fd, m.HostAddr())
	case m.Proto == "sctp":
		// No option: the port is shared with all who set SO_REUSEADDR, once its
		// first socket was bound with it (sctp_get_port_local in net/sctp/socket.c).
		err = unix.Bind(fd, sockaddr(m.HostAddr()))
	default:
		err = bindTCP(fd, m.HostAddr())
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), fmt.Sprintf("reserved %s/%s", m.HostAddr(), m.Proto)), nil
}

// bindTCP sets SO_REUSEADDR for the bind alone. Without it, connections of an
// earlier server in TIME_WAIT would be in the way for a minute; left on, it
// would let any other program that sets it bind the port too. So it would all
// the same with older kernels (6.1, for one), which go on from what the first
// socket of the port was bound with; but to listen is to be the only one, from
// then on too (inet_csk_get_port in net/ipv4/inet_connection_sock.c). Nobody
// listens for longer than that takes.
func bindTCP(fd int, addr netip.AddrPort) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	if err := unix.Bind(fd, sockaddr(addr)); err != nil {
		return err
	}
	if err := unix.Listen(fd, 0); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 0); err != nil {
		return err
	}
	return unix.Shutdown(fd, unix.SHUT_RD)
}

// bindUDP sets no option, as with SO_REUSEADDR two UDP sockets share a port,
// and has the kernel drop what arrives, so that no queue fills.
func bindUDP(fd int, addr netip.AddrPort) error {
	drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0} // socket(7), SO_ATTACH_FILTER
	prog := unix.SockFprog{Len: 1, Filter: &drop}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog); err != nil {
		return err
	}
	return unix.Bind(fd, sockaddr(addr))
}

func sockaddr(addr netip.AddrPort) unix.Sockaddr {
	if addr.Addr().Is6() {
		return &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}
	}
	return &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
}
