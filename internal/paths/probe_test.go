package paths_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/plan"
)

// patience is how long something that must come is waited for.
const patience = 20 * time.Second

// A probe is a connection, or a datagram, down a path.
type probe struct {
	path  string
	from  plan.NS
	as    netip.Addr // the source address, where it is not the kernel's choice
	to    netip.AddrPort
	proto string
	want  string

	datagram string // what it says, which no other does
	fd       int
	got      string // "" until something comes back
}

func (p *probe) String() string {
	from := p.from
	if from == "" {
		from = "host"
	}
	return fmt.Sprintf("%s: %s to %s %s", p.path, from, p.proto, p.to)
}

// dropped is what became of a probe of which nothing arrives, and no word
// comes back.
const dropped = "dropped"

// walk sends the probes and says which of them do not end as they should.
func walk(t *testing.T, s *seer, probes []*probe) {
	t.Helper()
	of := map[plan.NS][]*probe{}
	for _, p := range probes {
		s.asked++
		p.datagram = fmt.Sprint("question ", s.asked)
		of[p.from] = append(of[p.from], p)
	}
	var all sync.WaitGroup
	for ns, probes := range of {
		all.Go(func() {
			if err := send(ns, probes); err != nil {
				t.Errorf("from %q: %v", ns, err)
			}
		})
	}
	all.Wait()
	s.flush()
	for _, p := range probes {
		if p.got == "" {
			p.got = p.silence(s)
		}
		unix.Close(p.fd)
		if p.got != p.want {
			t.Errorf("%s: %s, want %s", p, p.got, p.want)
		}
	}
}

// send sends one namespace's probes and waits for the answers.
func send(ns plan.NS, probes []*probe) error {
	err := through(ns, func() error {
		for _, p := range probes {
			if err := p.send(); err != nil {
				return fmt.Errorf("%s: %w", p, err)
			}
		}
		return nil
	})
	for _, p := range probes {
		if p.want == dropped {
			p.look()
		}
	}
	await(probes)
	return err
}

// through returns when what f sends from a namespace has gone as far as it
// goes: then what was sent behind it has been answered. Between network
// namespaces packets go through a queue of the CPU that sends them
// (enqueue_to_backlog in net/core/dev.c), so that of what one CPU sends nothing
// overtakes. What goes there and back behind them leaves them at least one
// queue further, and no path has as many as are tried here, with the questions
// on its way for who has an address.
func through(ns plan.NS, f func() error) error {
	return plan.OnThread(func() error {
		if err := errors.Join(stay(), ns.Enter()); err != nil {
			return err
		}
		if err := f(); err != nil {
			return err
		}
		for i := range 16 {
			behind := &probe{to: open(ns), proto: "udp", datagram: fmt.Sprint("behind ", i)}
			if err := behind.send(); err != nil {
				return err
			}
			await([]*probe{behind})
			unix.Close(behind.fd)
			if !strings.Contains(behind.got, " sees ") {
				return fmt.Errorf("%s, which is open: %q", behind.to, behind.got)
			}
		}
		return nil
	})
}

// stay keeps the thread on the CPU that it is on.
func stay() error {
	var cpu unix.CPUSet
	if err := unix.SchedGetaffinity(0, &cpu); err != nil {
		return err
	}
	for i := range len(cpu) * 64 {
		if cpu.IsSet(i) {
			cpu.Zero()
			cpu.Set(i)
			return unix.SchedSetaffinity(0, &cpu)
		}
	}
	return errors.New("no CPU")
}

// open is a service that answers whoever asks from a namespace.
func open(ns plan.NS) netip.AddrPort {
	switch ns {
	case "":
		return netip.AddrPortFrom(address("web", ipv4), 80)
	case "outside":
		return netip.AddrPortFrom(address("host", ipv4), 22)
	case "app":
		return netip.AddrPortFrom(address("db", ipv4), 80)
	case "db":
		return netip.AddrPortFrom(address("app", ipv4), 80)
	case "alone":
		return netip.AddrPortFrom(address("outside", ipv6), 90)
	}
	return netip.AddrPortFrom(address("outside", ipv4), 90)
}

// send starts a connection, or sends the datagram.
func (p *probe) send() error {
	var err error
	if p.fd, err = socket(p.proto, p.to.Addr()); err != nil {
		return err
	}
	if p.proto == "sctp" && !p.as.IsValid() {
		// Else it tells the peer of all its addresses, also of those that no rule translates.
		if p.as, err = source(p.to); err != nil {
			return err
		}
	}
	if p.as.IsValid() {
		if err := unix.Bind(p.fd, sockaddr(p.as, 0)); err != nil {
			return err
		}
	}
	err = unix.Connect(p.fd, sockaddr(p.to.Addr(), int(p.to.Port())))
	if err == nil && p.proto == "udp" {
		_, err = unix.Write(p.fd, []byte(p.datagram))
	}
	if err != nil && !errors.Is(err, unix.EINPROGRESS) {
		p.got = err.Error()
	}
	return nil
}

// source is the address that the kernel takes to speak to another.
func source(to netip.AddrPort) (netip.Addr, error) {
	fd, err := socket("udp", to.Addr())
	if err != nil {
		return netip.Addr{}, err
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, sockaddr(to.Addr(), int(to.Port()))); err != nil {
		return netip.Addr{}, err
	}
	switch sa, err := unix.Getsockname(fd); sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(sa.Addr), err
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(sa.Addr).WithZone(to.Addr().Zone()), err
	default:
		return netip.Addr{}, err
	}
}

// socket opens one of the address's family.
func socket(proto string, a netip.Addr) (int, error) {
	domain, kind, number := unix.AF_INET, unix.SOCK_STREAM, 0
	if a.Is6() {
		domain = unix.AF_INET6
	}
	switch proto {
	case "udp":
		kind = unix.SOCK_DGRAM
	case "sctp":
		number = unix.IPPROTO_SCTP
	}
	return unix.Socket(domain, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, number)
}

func sockaddr(a netip.Addr, port int) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4(), Port: port}
	}
	to := &unix.SockaddrInet6{Addr: a.As16(), Port: port}
	if link, err := net.InterfaceByName(a.Zone()); err == nil {
		to.ZoneId = uint32(link.Index)
	}
	return to
}

// await takes in answers until each probe has the one that it wants.
func await(probes []*probe) {
	for late := time.Now().Add(patience); ; {
		var fds []unix.PollFd
		var of []*probe
		for _, p := range probes {
			if p.got == "" && p.want != dropped {
				fds, of = append(fds, unix.PollFd{Fd: int32(p.fd), Events: unix.POLLIN}), append(of, p)
			}
		}
		left := time.Until(late).Milliseconds()
		if len(fds) == 0 || left <= 0 {
			return
		}
		if _, err := unix.Poll(fds, int(left)); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		for i, fd := range fds {
			if fd.Revents != 0 {
				of[i].look()
			}
		}
	}
}

// look takes in what has come back.
func (p *probe) look() {
	if p.got != "" {
		return
	}
	b := make([]byte, 64)
	switch n, err := unix.Read(p.fd, b); {
	case errors.Is(err, unix.EAGAIN):
	case errors.Is(err, unix.ECONNREFUSED):
		p.got = refused
	case errors.Is(err, unix.ECONNRESET):
		p.got = reset
	case err != nil:
		p.got = err.Error()
	case n == 0:
		p.got = "closed"
	default:
		p.got = string(b[:n])
	}
}

// silence is what became of a probe that nothing came back of.
func (p *probe) silence(s *seer) string {
	if _, err := unix.Getpeername(p.fd); p.proto != "udp" && err == nil {
		return "connected, and no answer"
	}
	if what := s.saw(p.datagram); what != "" {
		return what + ", and no answer"
	}
	return dropped
}

// at is an address and port that a row names: "web:80".
func at(service string, f family) netip.AddrPort {
	name, port, _ := strings.Cut(service, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		panic(err)
	}
	return netip.AddrPortFrom(address(name, f), uint16(n))
}
