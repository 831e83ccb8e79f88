package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/dns"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// resolverAddr is what programs in a container on a network that people made
// ask for names, as Docker has it.
var resolverAddr = netip.MustParseAddr("127.0.0.11")

// newResolverPort is a port for a name server in a namespace where nothing
// runs yet: any of those that programs don't choose for themselves.
func newResolverPort() uint16 { return uint16(32768 + rand.IntN(28232)) }

// namesOf are those by which its peers find a container: its own, its
// aliases, its short id, its host name.
func namesOf(c *state.Container, aliases []string) []string {
	var names []string
	seen := make(map[string]bool)
	for _, name := range append(append([]string{c.Name}, aliases...), state.ShortID(c.ID), hostname(c)) {
		if name != "" && !seen[strings.ToLower(name)] { // the empty one is the root's
			names = append(names, name)
		}
		seen[strings.ToLower(name)] = true
	}
	return names
}

// announceNames makes a container known to its peers.
func (s *session) announceNames(run *state.Run) error {
	for _, at := range run.Wired() {
		if len(at.Names) == 0 {
			continue
		}
		m := state.Member{ID: run.ID, Names: at.Names, IPv4: at.Address.Addr(), IPv6: at.Address6.Addr()}
		if err := s.held.Join(at.NetworkID, m); err != nil {
			return err
		}
	}
	return nil
}

// serveNames starts the container's name server, in its namespace. It ends
// with the supervisor.
func (k *keeper) serveNames(ctx context.Context) error {
	sockets, err := listenIn(k.inside, netip.AddrPortFrom(resolverAddr, k.Run.DNS))
	if err != nil {
		return fmt.Errorf("name server: %w", err)
	}
	return k.serveNamesOn(ctx, sockets)
}

// serveNamesOn starts it on sockets that somebody else has made: packets,
// streams.
func (k *keeper) serveNamesOn(ctx context.Context, sockets []*os.File) error {
	packets, stream := sockets[0], sockets[1]
	defer packets.Close()
	defer stream.Close()
	udp, err := net.FilePacketConn(packets)
	if err != nil {
		return err
	}
	tcp, err := net.FileListener(stream)
	if err != nil {
		return errors.Join(err, udp.Close())
	}
	go dns.Serve(ctx, dns.Config{Names: k.peers, Upstreams: k.upstreams}, udp.(*net.UDPConn), tcp)
	return nil
}

// openResolver makes a name server's sockets in a namespace where programs
// run already: on whichever port is free for both.
func openResolver(ns plan.NS) (port uint16, sockets []*os.File, err error) {
	for range 16 {
		port = newResolverPort()
		sockets, err = listenIn(ns.Do, netip.AddrPortFrom(resolverAddr, port))
		if !errors.Is(err, unix.EADDRINUSE) {
			break
		}
	}
	return port, sockets, err
}

// listenIn makes the server's two sockets in a network namespace; whoever
// uses them may be anywhere.
func listenIn(inside func(func() error) error, addr netip.AddrPort) (sockets []*os.File, err error) {
	err = inside(func() error {
		for _, kind := range []int{unix.SOCK_DGRAM, unix.SOCK_STREAM} {
			f, err := boundSocket(kind, addr)
			if err != nil {
				return err
			}
			sockets = append(sockets, f)
		}
		return unix.Listen(int(sockets[1].Fd()), unix.SOMAXCONN)
	})
	if err != nil {
		for _, f := range sockets {
			f.Close()
		}
		return nil, err
	}
	return sockets, nil
}

func boundSocket(kind int, addr netip.AddrPort) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("bind %s: %w", addr, err)
	}
	return os.NewFile(uintptr(fd), "names"), nil
}

// upstreams are the servers that were asked for, asked from the container's
// namespace, or the host's, from the host's; none of these when the container
// has no way out, so that its questions don't have one either
// (CVE-2024-29018).
func (k *keeper) upstreams() []dns.Upstream {
	spec := &k.Container.Spec
	if len(spec.DNS) > 0 {
		return upstreamsAt(spec.DNS, k.dialInside)
	}
	if !hasWayOut(k.peers.run()) {
		return nil
	}
	r, err := readResolv()
	if err != nil {
		return nil
	}
	return upstreamsAt(r.nameservers, (&net.Dialer{}).DialContext)
}

func upstreamsAt(servers []string, dial func(context.Context, string, string) (net.Conn, error)) []dns.Upstream {
	var all []dns.Upstream
	for _, s := range servers {
		if addr, err := netip.ParseAddr(s); err == nil {
			all = append(all, dns.Upstream{Addr: netip.AddrPortFrom(addr, 53), Dial: dial})
		}
	}
	return all
}

// dialInside connects from the container's namespace: its socket is made
// there, and connects by itself.
func (k *keeper) dialInside(ctx context.Context, network, address string) (conn net.Conn, err error) {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	kind := unix.SOCK_DGRAM
	if strings.HasPrefix(network, "tcp") {
		kind = unix.SOCK_STREAM
	}
	fd := -1
	err = k.inside(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return err
	})
	if err != nil {
		return nil, err
	}
	begun := beginConnect(fd, addr)
	socket := os.NewFile(uintptr(fd), "question")
	defer socket.Close() // the connection has one of its own
	if begun == unix.EINPROGRESS {
		begun = awaitConnect(ctx, socket)
	}
	if begun != nil {
		return nil, begun
	}
	return net.FileConn(socket)
}

// beginConnect is connect(2), which does not wait for what takes a while: the
// error then is EINPROGRESS.
func beginConnect(fd int, addr netip.AddrPort) error {
	if !addr.Addr().Is4() {
		return unix.EAFNOSUPPORT
	}
	return unix.Connect(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()})
}

// awaitConnect waits for a connection that has begun, until ctx ends. It costs
// no thread, however many wait.
func awaitConnect(ctx context.Context, socket *os.File) error {
	defer context.AfterFunc(ctx, func() { socket.SetDeadline(time.Unix(1, 0)) })()
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Write(func(fd uintptr) (done bool) {
		code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && code != 0 {
			err = unix.Errno(code)
		}
		if err == nil {
			if _, err = unix.Getpeername(int(fd)); err == unix.ENOTCONN {
				return false // not yet
			}
		}
		failed = err
		return true
	})
	return errors.Join(err, failed)
}
