package engine

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// A reservation is a container's published ports and the bound sockets that
// keep others from them.
type reservation struct {
	ports []state.Port
	files []*os.File
	held  []state.Port // those whose sockets the container's supervisor has already
}

func (r *reservation) close() { r.drop(0, 0) }

// drop gives up what was taken last.
func (r *reservation) drop(ports, files int) {
	for _, f := range r.files[files:] {
		f.Close()
	}
	r.ports, r.files = r.ports[:ports], r.files[:files]
}

// reserve binds every port that the container publishes, and chooses those
// that it leaves open: those in last, where they are free. Ports that are held
// already need no more than that.
func (s *session) reserve(c *state.Container, in entrance, last, held []state.Port) (*reservation, error) {
	specs, err := published(&c.Spec)
	if err != nil {
		return nil, err
	}
	return s.reserveSpecs(c, in, specs, last, held)
}

func (s *session) reserveSpecs(c *state.Container, in entrance, specs []nat.Spec, last, held []state.Port) (*reservation, error) {
	count := 0
	for _, spec := range specs {
		count += spec.Count() * len(in.hostIPs(spec))
	}
	if err := allowFiles(count); err != nil {
		return nil, err
	}
	r := &reservation{held: held}
	for _, spec := range specs {
		if spec.HostIP.Is6() && spec.HostIP.IsLinkLocalUnicast() {
			r.close()
			return nil, errorf("publishing on %s: many links have that address; [::] takes it in", spec.HostIP).
				hint("minibridge run -p [::]:%s …", strings.TrimPrefix(spec.String(), "["+spec.HostIP.String()+"]:"))
		}
		ips := in.hostIPs(spec)
		if len(ips) == 0 {
			s.say("WARNING: Published port %s is discarded: %s", spec, dead(spec, c))
			continue
		}
		if err := s.reserveSpec(r, spec, ips, last); err != nil {
			err = s.bindError(spec, c, r, in, err)
			r.close()
			return nil, err
		}
	}
	return r, nil
}

// reserveSpec takes a spec's ports: those it names, or of the pool that it
// leaves the choice to the last ones, or the next free ones.
func (s *session) reserveSpec(r *reservation, spec nat.Spec, ips []netip.Addr, last []state.Port) error {
	if spec.Fixed() {
		return r.bind(spec.Mapping(spec.HostFirst), ips)
	}
	low, high, pool, err := portPool(spec)
	if err != nil {
		return err
	}
	for _, port := range spec.Ports() {
		one := nat.Spec{First: port.Number, Last: port.Number, Proto: port.Proto}
		got, err := r.again(one, ips, low, high, last)
		if err == nil && !got {
			err = s.reserveNext(r, one, ips, low, high, pool)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// again takes the host port that a container's port had the last time, if it
// is one of the pool and free.
func (r *reservation) again(spec nat.Spec, ips []netip.Addr, low, high uint16, last []state.Port) (bool, error) {
	m, ok := lastMapping(spec, ips[0], low, high, missing(last, r.ports))
	if !ok {
		return false, nil
	}
	err := r.bind(m, ips)
	if errors.Is(err, unix.EADDRINUSE) {
		return false, nil
	}
	return err == nil, err
}

// lastMapping is where a container's port was published the last time, if that
// is one of the pool.
func lastMapping(spec nat.Spec, ip netip.Addr, low, high uint16, last []state.Port) (nat.Mapping, bool) {
	spec.HostIP = ip
	for _, p := range last {
		m := spec.Mapping(p.HostPort)
		if port(m) == p && p.HostPort >= low && p.HostPort <= high {
			return m, true
		}
	}
	return nat.Mapping{}, false
}

// reserveNext takes the next free port of a pool after the one given last.
func (s *session) reserveNext(r *reservation, spec nat.Spec, ips []netip.Addr, first, last uint16, pool string) error {
	from, err := s.held.LastPort(pool)
	if err != nil {
		return err
	}
	size := int(last-first) + 1
	for i := range size {
		port := first + uint16(i)
		if from >= first && from <= last {
			port = first + uint16((int(from-first)+1+i)%size)
		}
		err := r.bind(spec.Mapping(port), ips)
		if errors.Is(err, unix.EADDRINUSE) {
			continue
		}
		if err != nil {
			return err
		}
		return s.held.SetLastPort(pool, port)
	}
	return errAllAllocated
}

var errAllAllocated = errors.New("all ports are allocated")

// bind takes a host port, or a run of them, on all of the addresses or on none.
// What is held is held for one only.
func (r *reservation) bind(m nat.Mapping, ips []netip.Addr) error {
	ports, files := len(r.ports), len(r.files)
	for _, m.HostIP = range ips {
		var fresh []*os.File
		var err error
		switch {
		case slices.Contains(r.ports, port(m)):
			err = &nat.BindError{Mapping: m, Err: unix.EADDRINUSE}
		case !slices.Contains(r.held, port(m)):
			fresh, err = nat.Reserve(m)
		}
		if err != nil {
			r.drop(ports, files)
			return err
		}
		r.files = append(r.files, fresh...)
		r.ports = append(r.ports, port(m))
	}
	return nil
}
