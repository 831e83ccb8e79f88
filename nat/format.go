package nat

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// PortLines is what `port CONTAINER` prints: "80/tcp -> 0.0.0.0:8080", in
// order of container port, protocol and host address.
func PortLines(ms []Mapping) []string {
	list := singles(ms)
	slices.SortFunc(list, func(a, b single) int {
		return cmp.Or(cmp.Compare(a.port, b.port), cmp.Compare(a.proto, b.proto),
			a.ip.Compare(b.ip), cmp.Compare(a.hostPort, b.hostPort))
	})
	lines := make([]string, len(list))
	for i, s := range list {
		lines[i] = s.ctr() + " -> " + s.host()
	}
	return lines
}

// HostAddrs is what `port CONTAINER PORT` prints: "0.0.0.0:8080", none when
// the port is not published.
func HostAddrs(ms []Mapping, p Port) (lines []string) {
	for _, line := range PortLines(ms) {
		if addr, ok := strings.CutPrefix(line, p.String()+" -> "); ok {
			lines = append(lines, addr)
		}
	}
	return lines
}

// PortsColumn is what `ps` shows of the published ports, and of the exposed
// ones among which no published one is. Ports with an equal host port run
// together where they follow each other; the others stand behind, one by one.
func PortsColumn(ms []Mapping, exposed []Port) string {
	list := singles(ms)
	published := map[Port]bool{}
	for _, s := range list {
		published[Port{s.port, s.proto}] = true
	}
	for _, p := range exposed {
		if !published[p] {
			list = append(list, single{port: p.Number, proto: p.Proto})
		}
	}
	// Docker compares addresses as text.
	slices.SortFunc(list, func(a, b single) int {
		return cmp.Or(cmp.Compare(a.port, b.port), cmp.Compare(a.addr(), b.addr()),
			cmp.Compare(a.hostPort, b.hostPort), cmp.Compare(a.proto, b.proto))
	})
	var g groups
	var shifted []string
	for _, s := range list {
		if s.ip.IsValid() && s.hostPort != s.port {
			shifted = append(shifted, s.host()+"->"+s.ctr())
			continue
		}
		g.add(s)
	}
	return strings.Join(append(g.text(), shifted...), ", ")
}

// A single is one port of a mapping; without an address it is only exposed.
type single struct {
	ip             netip.Addr
	hostPort, port uint16
	proto          string
}

func singles(ms []Mapping) (list []single) {
	for _, m := range ms {
		s := single{m.HostIP, m.HostPort, m.Port, m.Proto}
		if !s.ip.IsValid() {
			s.ip = netip.IPv4Unspecified()
		}
		for range max(m.Count, 1) {
			list = append(list, s)
			s.hostPort++
			s.port++
		}
	}
	return list
}

func (s single) addr() string {
	if !s.ip.IsValid() {
		return ""
	}
	return s.ip.String()
}

func (s single) host() string {
	return net.JoinHostPort(s.addr(), strconv.Itoa(int(s.hostPort)))
}

func (s single) ctr() string { return Port{s.port, s.proto}.String() }

// groups runs ports together, with one open run for each address and
// protocol. A run is written when a port does not continue it; those still
// open at the end come last, in the order in which their kind began.
type groups struct {
	open []run
	done []string
}

// A run is consecutive ports, from the single on.
type run struct {
	single
	last uint16
}

func (g *groups) add(s single) {
	for i := range g.open {
		r := &g.open[i]
		if r.ip != s.ip || r.proto != s.proto {
			continue
		}
		if s.port == r.last+1 {
			r.last = s.port
			return
		}
		g.done = append(g.done, r.String())
		*r = run{s, s.port}
		return
	}
	g.open = append(g.open, run{s, s.port})
}

func (g *groups) text() []string {
	for _, r := range g.open {
		g.done = append(g.done, r.String())
	}
	return g.done
}

func (r run) String() string {
	ports := dashed(r.port, r.last)
	if r.ip.IsValid() {
		ports = net.JoinHostPort(r.addr(), ports) + "->" + ports
	}
	return ports + "/" + r.proto
}
