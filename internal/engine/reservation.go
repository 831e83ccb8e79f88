package engine

import (
	"errors"
	"net/netip"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// A reservation is a container's published ports and the bound sockets that
// keep others from them.
type reservation struct {
	ports  []state.Port
	files  []*os.File
	held   []state.Port // those whose sockets the container's supervisor has already
	others []state.Port // those that others were given, and that no socket keeps
	take   taker
}

// A taker binds sockets to ports of the host, as [nat.Reserve] does.
type taker func(...nat.Mapping) ([]*os.File, error)

func (r *reservation) close() { r.drop(0, 0) }

// drop gives up what was taken last.
func (r *reservation) drop(ports, files int) {
	for _, f := range r.files[files:] {
		f.Close()
	}
	r.ports, r.files = r.ports[:ports], r.files[:files]
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

// bind takes a host port, or a run of them, on all of the addresses or on none.
// What is held is held for one only.
func (r *reservation) bind(m nat.Mapping, ips []netip.Addr) error {
	ports, files := len(r.ports), len(r.files)
	for _, m.HostIP = range ips {
		fresh, err := r.takeOne(m)
		if err != nil {
			r.drop(ports, files)
			return err
		}
		r.files = append(r.files, fresh...)
		r.ports = append(r.ports, port(m))
	}
	return nil
}

// takeOne takes it on one address. What the container has asked for before, or
// others were given, is taken, without a look at the machine, too.
func (r *reservation) takeOne(m nat.Mapping) ([]*os.File, error) {
	for _, ports := range [][]state.Port{r.ports, r.others} {
		for _, p := range ports {
			if number, both := shared(p, m); both {
				m.Port, m.HostPort, m.Count = m.Port+number-m.HostPort, number, 1
				return nil, &nat.BindError{Mapping: m, Err: unix.EADDRINUSE}
			}
		}
	}
	if slices.Contains(r.held, port(m)) {
		return nil, nil
	}
	return r.take(m)
}
