package nat

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/docker/go-connections/nat"
)

// A Port is a port of a container: 80/tcp.
type Port struct {
	Number uint16 `json:"number"`
	Proto  string `json:"proto"` // "tcp", "udp" or "sctp"
}

func (p Port) String() string {
	return fmt.Sprintf("%d/%s", p.Number, p.Proto)
}

// A Spec is what -p asks for. Three forms are told apart by the host's range:
// none (0) asks for one ephemeral port for each of the container's; one as
// long as the container's pairs them; a longer one, which only a single
// container port can have, asks for any free port of it.
type Spec struct {
	HostIP    netip.Addr `json:"host_ip,omitzero"` // invalid when not given
	HostFirst uint16     `json:"host_first,omitempty"`
	HostLast  uint16     `json:"host_last,omitempty"`
	First     uint16     `json:"first"` // the container's range
	Last      uint16     `json:"last"`
	Proto     string     `json:"proto"` // "tcp", "udp" or "sctp"
}

// Count is how many ports of the container are published.
func (s Spec) Count() int { return int(s.Last-s.First) + 1 }

// Ephemeral says that the host's ports are to be chosen.
func (s Spec) Ephemeral() bool { return s.HostFirst == 0 }

// Fixed says that each port of the container has its host port.
func (s Spec) Fixed() bool {
	return !s.Ephemeral() && s.HostLast-s.HostFirst == s.Last-s.First
}

// Mapping is the whole of a spec from a host port on: HostFirst when it is
// [Spec.Fixed], otherwise one that was chosen.
func (s Spec) Mapping(hostPort uint16) Mapping {
	return Mapping{HostIP: s.HostIP, HostPort: hostPort, Port: s.First, Count: s.Count(), Proto: s.Proto}
}

// Ports are the ports of the container, each by itself.
func (s Spec) Ports() []Port { return ports(s.First, s.Last, s.Proto) }

// String is the spec in Docker's short form, with the protocol.
func (s Spec) String() string {
	var b strings.Builder
	switch {
	case s.HostIP.Is6():
		b.WriteString("[" + s.HostIP.String() + "]:")
	case s.HostIP.IsValid():
		b.WriteString(s.HostIP.String() + ":")
	}
	if !s.Ephemeral() {
		b.WriteString(dashed(s.HostFirst, s.HostLast))
	}
	if b.Len() > 0 {
		b.WriteString(":")
	}
	b.WriteString(dashed(s.First, s.Last) + "/" + s.Proto)
	return b.String()
}

func dashed(first, last uint16) string {
	if first == last {
		return strconv.Itoa(int(first))
	}
	return fmt.Sprintf("%d-%d", first, last)
}

// ParseSpecs reads the values of all -p of one command. One that asks for the
// same as an earlier one is left out, unless it asks for a new port each time.
func ParseSpecs(values []string) ([]Spec, error) {
	var specs []Spec
	seen := map[Spec]bool{}
	for _, v := range values {
		s, err := ParseSpec(v)
		if err != nil {
			return nil, err
		}
		if seen[s] && s.Fixed() {
			continue
		}
		seen[s] = true
		specs = append(specs, s)
	}
	return specs, nil
}

// ParseSpec reads one value of -p, with Docker's grammar and error texts:
// [[HOSTIP:][HOSTPORT|HOSTRANGE]:]PORT|RANGE[/PROTO], or
// published=8080,target=80,protocol=tcp. Of several mistakes it names the one
// that Docker does, which looks at the protocol last.
func ParseSpec(value string) (Spec, error) {
	short, err := shortForm(value)
	if err != nil {
		return Spec{}, err
	}
	host, ctr := cutLast(short)
	port, asked := cutProto(ctr)
	if port == "" {
		return Spec{}, fmt.Errorf("no port specified: %s<empty>", short)
	}
	pairs, err := nat.ParsePortSpec(host + port)
	if err != nil {
		return Spec{}, err
	}
	if err := checkSigns(host, port); err != nil {
		return Spec{}, err
	}
	proto, err := parseProto(asked)
	if err != nil {
		return Spec{}, err
	}
	return fromPairs(pairs, proto)
}

// shortForm turns the long form into the short one, which Docker does without
// a look at the keys.
func shortForm(value string) (string, error) {
	if !strings.Contains(value, "=") {
		return value, nil
	}
	opts := map[string]string{"protocol": "tcp"}
	for param := range strings.SplitSeq(value, ",") {
		k, v, ok := strings.Cut(param, "=")
		if !ok || k == "" {
			return "", fmt.Errorf("invalid publish opts format (should be name=value but got '%s')", param)
		}
		opts[k] = v
	}
	return fmt.Sprintf("%s:%s/%s", opts["published"], opts["target"], opts["protocol"]), nil
}

// cutLast cuts behind the last colon.
func cutLast(s string) (host, ctr string) {
	i := strings.LastIndexByte(s, ':') + 1
	return s[:i], s[i:]
}

// checkSigns refuses numbers with a sign, +80 and 0--0, which go-connections'
// parser takes and the one in Docker 28 does not.
func checkSigns(host, port string) error {
	signed := func(s string) bool { return strings.Contains(s, "+") || strings.Contains(s, "--") }
	if signed(port) {
		return errors.New("invalid containerPort: " + port)
	}
	if _, hostPort := cutLast(strings.TrimSuffix(host, ":")); signed(hostPort) {
		return errors.New("invalid hostPort: " + hostPort)
	}
	return nil
}

// fromPairs makes one range again of the pairs that the parser took it apart
// into. Docker takes 0 for a container port, which nothing can listen on, and
// for the first of a host range, where it can only be meant as "any".
func fromPairs(pairs []nat.PortMapping, proto string) (Spec, error) {
	first, last := pairs[0], pairs[len(pairs)-1]
	s := Spec{First: uint16(first.Port.Int()), Last: uint16(last.Port.Int()), Proto: proto}
	if s.First == 0 {
		return Spec{}, fmt.Errorf("invalid containerPort: %s (a port of a container is 1 to 65535)", dashed(s.First, s.Last))
	}
	if ip := first.Binding.HostIP; ip != "" {
		addr, err := netip.ParseAddr(ip)
		if err != nil {
			return Spec{}, errors.New("invalid IP address: " + ip)
		}
		s.HostIP = addr.Unmap()
	}
	if first.Binding.HostPort == "" {
		return s, nil
	}
	lo, hi, err := nat.ParsePortRange(first.Binding.HostPort)
	if err == nil && len(pairs) > 1 {
		_, hi, err = nat.ParsePortRange(last.Binding.HostPort)
	}
	if err != nil || lo == 0 && hi != 0 {
		return Spec{}, fmt.Errorf("invalid hostPort: %d-%d (a range begins at 1 or above)", lo, hi)
	}
	s.HostFirst, s.HostLast = uint16(lo), uint16(hi)
	return s, nil
}

func ports(first, last uint16, proto string) []Port {
	list := make([]Port, 0, int(last-first)+1)
	for n := int(first); n <= int(last); n++ {
		list = append(list, Port{uint16(n), proto})
	}
	return list
}
