package engine

import (
	"fmt"
	"maps"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/proxy"
	"github.com/minibridge/minibridge/internal/state"
)

// A socketName is what no two bound sockets share.
type socketName struct {
	addr  netip.AddrPort
	proto string
}

// keepPorts makes the sockets of these ports those that the supervisor has:
// fresh ones come to those that it has already, and what belongs to no port is
// let go of, for others. lost is why not all of them may have come. Those of
// IPv6 are the proxy's. On an error it has what it had.
func (k *keeper) keepPorts(ports []state.Port, fresh []*os.File, lost error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	wanted := make(map[socketName]uint16)
	for _, p := range ports {
		for i := range uint16(p.Count) {
			wanted[socketName{netip.AddrPortFrom(p.HostIP, p.HostPort+i), p.Proto}] = p.Port + i
		}
	}
	more, carried, err := k.sort(wanted, fresh, lost)
	if err == nil {
		err = k.proxy.Add(carried...)
	}
	if err != nil {
		closeSockets(more)
		return err
	}
	maps.Copy(k.held, more)
	for _, s := range carried {
		k.held[socketName{s.Addr, s.Proto}] = nil
	}
	maps.DeleteFunc(k.held, func(name socketName, f *os.File) bool {
		_, ok := wanted[name]
		if !ok && f != nil {
			f.Close()
		}
		return !ok
	})
	k.proxy.Keep(func(addr netip.AddrPort, proto string) bool {
		_, ok := wanted[socketName{addr, proto}]
		return ok
	})
	return nil
}

// sort tells fresh sockets that only keep a port from those that the proxy is to
// carry from, and closes what nobody wants. A port without a socket is an error,
// and then all of them are closed.
func (k *keeper) sort(wanted map[socketName]uint16, fresh []*os.File, lost error) (kept map[socketName]*os.File, carried []proxy.Socket, err error) {
	all := make(map[socketName]*os.File)
	for _, f := range fresh {
		name, err := nameSocket(f)
		if _, ok := wanted[name]; err != nil || !ok {
			f.Close()
			continue
		}
		all[name] = f
	}
	for name := range wanted {
		_, had := k.held[name]
		if _, came := all[name]; !came && !had {
			closeSockets(all)
			return nil, nil, noSocket(name, lost)
		}
	}
	for name, f := range all {
		if name.addr.Addr().Is6() && name.proto != "sctp" {
			carried = append(carried, proxy.Socket{File: f, Addr: name.addr, Proto: name.proto, Port: wanted[name]})
			delete(all, name)
		}
	}
	return all, carried, nil
}

// noSocket is what is said of a port that nothing has come for, as some were
// lost, or as there is somebody else who has it.
func noSocket(name socketName, lost error) error {
	if lost == nil {
		return fmt.Errorf("no socket came for port %s/%s, and there was none", name.addr, name.proto)
	}
	return fmt.Errorf("no socket came for port %s/%s: %w", name.addr, name.proto, lost)
}

func closeSockets(sockets map[socketName]*os.File) {
	for _, f := range sockets {
		f.Close()
	}
}

// nameSocket asks the kernel what a socket is bound to.
func nameSocket(f *os.File) (name socketName, err error) {
	fd := int(f.Fd())
	proto, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	if err != nil {
		return name, os.NewSyscallError("getsockopt", err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return name, os.NewSyscallError("getsockname", err)
	}
	name.proto = map[int]string{unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp", unix.IPPROTO_SCTP: "sctp"}[proto]
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		name.addr = netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		name.addr = netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	default:
		return name, fmt.Errorf("a socket of family %T is no port's", sa)
	}
	return name, nil
}

// whereNow is where the proxy carries what comes in for a port: to the
// container's address of now, which its moves may change.
func (k *keeper) whereNow(uint16) (netip.Addr, bool) {
	in, ok := waysOf(k.peers.run())
	return in.target(netip.IPv6Unspecified()), ok
}

// admits says whether the proxy serves who comes in by a link of the host. An
// internal network's containers reach nothing behind the host; here no rule of
// the firewall sees that they do.
func (k *keeper) admits(link int) bool {
	return !k.closed.has(link)
}
