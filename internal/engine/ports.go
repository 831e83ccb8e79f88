package engine

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

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
	named := make(map[nat.Port]bool)
	for _, s := range specs {
		for _, port := range s.Ports() {
			named[port] = true
		}
	}
	for _, port := range ports {
		if !named[port] {
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
