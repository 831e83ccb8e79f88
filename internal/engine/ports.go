package engine

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
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
}

func (r *reservation) close() {
	for _, f := range r.files {
		f.Close()
	}
	r.files = nil
}

// reserve binds every port that the container publishes, and chooses those
// that it leaves open: those that it had the last time, where they are free.
// binding is the network's own choice for ports that name no host address.
func (s *session) reserve(c *state.Container, binding, target netip.Addr) (_ *reservation, err error) {
	specs, err := published(&c.Spec)
	if err != nil {
		return nil, err
	}
	for i := range specs {
		if !specs[i].HostIP.IsValid() {
			specs[i].HostIP = binding
		}
	}
	count := 0
	for _, spec := range specs {
		count += spec.Count()
	}
	if err := allowFiles(count); err != nil {
		return nil, err
	}
	r := &reservation{}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	for _, spec := range specs {
		if spec.HostIP.IsValid() && !spec.HostIP.Is4() {
			return nil, errorf("publishing on %s: only IPv4 host addresses can be published on", spec.HostIP)
		}
		if err := s.reserveSpec(r, spec, c.Last.Ports); err != nil {
			return nil, s.bindError(spec, c, r, target, err)
		}
	}
	return r, nil
}

// reserveSpec takes a spec's ports: those it names, or of the pool that it
// leaves the choice to the last ones, or the next free ones.
func (s *session) reserveSpec(r *reservation, spec nat.Spec, last []state.Port) error {
	if spec.Fixed() {
		return r.bind(spec.Mapping(spec.HostFirst))
	}
	low, high, pool, err := portPool(spec)
	if err != nil {
		return err
	}
	for _, port := range spec.Ports() {
		one := nat.Spec{HostIP: spec.HostIP, First: port.Number, Last: port.Number, Proto: port.Proto}
		got, err := r.again(one, low, high, last)
		if err == nil && !got {
			err = s.reserveNext(r, one, low, high, pool)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// again takes the host port that a container's port had the last time, if it
// is one of the pool and free.
func (r *reservation) again(spec nat.Spec, low, high uint16, last []state.Port) (bool, error) {
	m, ok := lastMapping(spec, low, high, last)
	if !ok {
		return false, nil
	}
	err := r.bind(m)
	if errors.Is(err, unix.EADDRINUSE) {
		return false, nil
	}
	return err == nil, err
}

// lastMapping is where a container's port was published the last time, if that
// is one of the pool.
func lastMapping(spec nat.Spec, low, high uint16, last []state.Port) (nat.Mapping, bool) {
	for _, p := range last {
		m := spec.Mapping(p.HostPort)
		if port(m) == p && p.HostPort >= low && p.HostPort <= high {
			return m, true
		}
	}
	return nat.Mapping{}, false
}

// reserveNext takes the next free port of a pool after the one given last.
func (s *session) reserveNext(r *reservation, spec nat.Spec, first, last uint16, pool string) error {
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
		err := r.bind(spec.Mapping(port))
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

func (r *reservation) bind(m nat.Mapping) error {
	files, err := nat.Reserve(m)
	if err != nil {
		return err
	}
	r.files = append(r.files, files...)
	r.ports = append(r.ports, port(m))
	return nil
}

// portPool is where a spec's host ports come from: the range it names, or the
// kernel's for ephemeral ports, read each time as it can be changed.
func portPool(spec nat.Spec) (first, last uint16, name string, err error) {
	if spec.HostFirst != 0 {
		return spec.HostFirst, spec.HostLast, fmt.Sprintf("%s/%d-%d", spec.Proto, spec.HostFirst, spec.HostLast), nil
	}
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, 0, "", err
	}
	var lo, hi uint16
	if _, err := fmt.Sscan(string(b), &lo, &hi); err != nil {
		return 0, 0, "", fmt.Errorf("ip_local_port_range: %w", err)
	}
	return lo, hi, spec.Proto, nil
}

// malformed is the exit code, of any verb, for the value of a flag that can't
// be read.
const malformed = 125

// published is what -p and, with -P, --expose ask for.
func published(spec *state.Spec) ([]nat.Spec, error) {
	specs, err := nat.ParseSpecs(spec.Publish)
	if err != nil {
		return nil, &Error{Text: err.Error(), Code: malformed}
	}
	if !spec.PublishAll {
		return specs, nil
	}
	ports, err := exposed(spec)
	if err != nil {
		return nil, err
	}
	for _, port := range ports {
		if !slices.ContainsFunc(specs, func(s nat.Spec) bool { return slices.Contains(s.Ports(), port) }) {
			specs = append(specs, nat.Spec{First: port.Number, Last: port.Number, Proto: port.Proto})
		}
	}
	return specs, nil
}

// exposed is what --expose names, in ascending order, tcp before udp.
func exposed(spec *state.Spec) ([]nat.Port, error) {
	var all []nat.Port
	for _, value := range spec.Expose {
		ports, err := nat.ParseExpose(value)
		if err != nil {
			return nil, &Error{Text: err.Error(), Code: malformed}
		}
		all = append(all, ports...)
	}
	return sortPorts(all), nil
}

// sortPorts sorts by number, then protocol, and drops what is there twice.
func sortPorts(all []nat.Port) []nat.Port {
	slices.SortFunc(all, func(a, b nat.Port) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Proto, b.Proto))
	})
	return slices.Compact(all)
}

// mappings and port turn published ports between the firewall's words and the
// record's.
func mappings(ports []state.Port) []nat.Mapping {
	all := make([]nat.Mapping, len(ports))
	for i, p := range ports {
		all[i] = nat.Mapping{HostIP: p.HostIP, HostPort: p.HostPort, Port: p.Port, Count: p.Count, Proto: p.Proto}
	}
	return all
}

func port(m nat.Mapping) state.Port {
	if !m.HostIP.IsValid() {
		m.HostIP = netip.IPv4Unspecified()
	}
	return state.Port{HostIP: m.HostIP, HostPort: m.HostPort, Port: m.Port, Count: m.Count, Proto: m.Proto}
}

// portKey is a port as Docker's JSON names it: 80/tcp.
func portKey(number uint16, proto string) string {
	return strconv.Itoa(int(number)) + "/" + strings.ToLower(proto)
}
