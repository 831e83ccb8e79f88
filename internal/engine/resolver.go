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
	"sync"
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

// hasNames says whether containers of the network find each other by name:
// not on the default network, as in Docker.
func hasNames(n *state.Network) bool { return n.Driver == "bridge" && n.Name != defaultNetwork }

// namesOf are those by which its peers find a container: its own, its
// aliases, its short id, its host name.
func namesOf(c *state.Container, hostname string) []string {
	var names []string
	seen := make(map[string]bool)
	for _, name := range append(append([]string{c.Name}, first(&c.Spec).Aliases...), state.ShortID(c.ID), hostname) {
		if name != "" && !seen[strings.ToLower(name)] { // the empty one is the root's
			names = append(names, name)
		}
		seen[strings.ToLower(name)] = true
	}
	return names
}

// announceNames makes a container known to its peers; forgetNames takes that
// back.
func (s *session) announceNames(run *state.Run) error {
	for _, at := range run.Wired() {
		if len(at.Names) == 0 {
			continue
		}
		m := state.Member{ID: run.ID, Names: at.Names, IPv4: at.Address.Addr()}
		if err := s.held.Join(at.NetworkID, m); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) forgetNames(run *state.Run) error {
	for _, at := range run.Wired() {
		if len(at.Names) == 0 {
			continue
		}
		if err := s.held.Quit(at.NetworkID, run.ID); err != nil {
			return err
		}
	}
	return nil
}

// serveNames starts the container's name server, in its namespace. It ends
// with the supervisor.
func (k *keeper) serveNames(ctx context.Context) error {
	udp, tcp, err := listenIn(plan.NS(k.Run.Netns), netip.AddrPortFrom(resolverAddr, k.Run.DNS))
	if err != nil {
		return fmt.Errorf("name server: %w", err)
	}
	go dns.Serve(ctx, dns.Config{Names: newPeers(k.Dirs, k.Run), Upstreams: k.upstreams}, udp, tcp)
	return nil
}

// listenIn makes the server's two sockets in a network namespace; whoever
// uses them may be anywhere.
func listenIn(ns plan.NS, addr netip.AddrPort) (*net.UDPConn, net.Listener, error) {
	var packets, stream *os.File
	err := ns.Do(func() (err error) {
		if packets, err = boundSocket(unix.SOCK_DGRAM, addr); err != nil {
			return err
		}
		if stream, err = boundSocket(unix.SOCK_STREAM, addr); err != nil {
			return err
		}
		return unix.Listen(int(stream.Fd()), unix.SOMAXCONN)
	})
	defer packets.Close()
	defer stream.Close()
	if err != nil {
		return nil, nil, err
	}
	udp, err := net.FilePacketConn(packets)
	if err != nil {
		return nil, nil, err
	}
	tcp, err := net.FileListener(stream)
	return udp.(*net.UDPConn), tcp, err
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
	if !hasWayOut(k.Run) {
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
	err = plan.NS(k.Run.Netns).Do(func() (err error) {
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

// peers is what a container's name server knows: the members of its networks,
// as they are at each question.
type peers struct {
	mu       sync.Mutex
	networks []peerNetwork // in the order of the container's endpoints
	table    *dns.Table
}

type peerNetwork struct {
	name string
	list *state.MemberList
	now  []state.Member
}

func newPeers(dirs state.Dirs, run *state.Run) *peers {
	p := &peers{}
	for _, at := range run.Wired() {
		if len(at.Names) > 0 {
			p.networks = append(p.networks, peerNetwork{name: at.Network, list: dirs.Members(at.NetworkID)})
		}
	}
	return p
}

// Lookup implements [dns.Names].
func (p *peers) Lookup(name string) ([]netip.Addr, bool) { return p.current().Lookup(name) }

// Reverse implements [dns.Names].
func (p *peers) Reverse(addr netip.Addr) (string, bool) { return p.current().Reverse(addr) }

// current is the table of those who are there now. A list that can't be read
// leaves what was known.
func (p *peers) current() *dns.Table {
	p.mu.Lock()
	defer p.mu.Unlock()
	stale := p.table == nil
	for i := range p.networks {
		n := &p.networks[i]
		if members, changed, err := n.list.Load(); err == nil && changed {
			n.now, stale = members, true
		}
	}
	if stale {
		p.table = dns.NewTable(p.tabulate())
	}
	return p.table
}

func (p *peers) tabulate() []dns.Network {
	var all []dns.Network
	for _, n := range p.networks {
		network := dns.Network{Name: n.name}
		for _, m := range n.now {
			network.Peers = append(network.Peers, dns.Peer{Names: m.Names, Addrs: []netip.Addr{m.IPv4}})
		}
		all = append(all, network)
	}
	return all
}
