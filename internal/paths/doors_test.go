package paths_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

// A door is somewhere that a forged packet must not get to: it is sent from a
// container to its gateway, or from the outside to the host, with any source
// address, and would reach a service if the rules did not stand that guard it.
type door struct {
	from, as string
	to       string
	reaches  string // nothing where the kernel itself keeps the door
	only     family
}

// doors are all of them, by what guards them: the kinds of rules, as their
// comments name them.
var doors = []struct {
	name   string
	guards string
	doors  []door
}{
	{"the host's 127.0.0.1", "guard", []door{
		{from: "outside", as: "outside", to: "localhost:7000", reaches: "web:80", only: ipv4},
		{from: "web", as: "web", to: "localhost:7000", reaches: "web:80", only: ipv4},
		{from: "other", as: "other", to: "localhost:7000", reaches: "web:80", only: ipv4},
		{from: "web", as: "web", to: "localhost:631", reaches: "localhost:631", only: ipv4},
		{from: "outside", as: "outside", to: "localhost:631"},
		{from: "web", as: "web", to: "localhost:631", only: ipv6},
		{from: "web", as: "itself", to: "one:22", reaches: "one:22", only: ipv4},
		{from: "web", as: "localhost", to: "one:22", only: ipv6},
		{from: "outside", as: "localhost", to: "host:22", only: ipv6},
	}},
	{"addresses of containers", "direct isolate spoof", []door{
		{from: "outside", as: "outside", to: "web:80", reaches: "web:80"},
		{from: "outside", as: "outside", to: "peer:80", reaches: "peer:80"},
		{from: "outside", as: "peer", to: "web:80", reaches: "web:80"},
		{from: "outside", as: "outside", to: "plain:80", reaches: "plain:80"},
		{from: "other", as: "other", to: "web:80", reaches: "web:80"},
		{from: "other", as: "peer", to: "web:80", reaches: "web:80"},
		{from: "web", as: "web", to: "other:80", reaches: "other:80"},
		{from: "old", as: "old", to: "web:80", reaches: "web:80"},
		{from: "alone", as: "alone", to: "web:80", reaches: "web:80"},
	}},
	{"a neighbour, by way of the host", "peers isolate", []door{
		{from: "q1", as: "q1", to: "q2:80", reaches: "q2:80"},
		{from: "q1", as: "outside", to: "q2:80", reaches: "q2:80"},
	}},
	{"out of an internal network", "internal direct isolate spoof", []door{
		{from: "app", as: "app", to: "host:22", reaches: "host:22"},
		{from: "app", as: "app", to: "outside:90", reaches: "outside:90"},
		{from: "app", as: "stranger", to: "outside:90", reaches: "outside:90"},
		{from: "app", as: "app", to: "web:80", reaches: "web:80"},
		{from: "app", as: "web", to: "peer:80", reaches: "peer:80"},
		{from: "app", as: "app", to: "back:8080", reaches: "web:80"},
		{from: "app", as: "app", to: "host:8080", reaches: "web:80"},
	}},
	{"into an internal network", "internal direct isolate spoof", []door{
		{from: "outside", as: "outside", to: "db:80", reaches: "db:80"},
		{from: "outside", as: "app", to: "db:80", reaches: "db:80"},
		{from: "web", as: "web", to: "db:80", reaches: "db:80"},
	}},
	{"a family that a network has not", "family", []door{
		{from: "alone", as: "stranger", to: "outside:90", reaches: "outside:90", only: ipv4},
		{from: "old", as: "stranger", to: "outside:90", reaches: "outside:90", only: ipv6},
	}},
	{"as a container", "spoof", []door{
		{from: "outside", as: "peer", to: "host:8080", reaches: "web:80"},
		{from: "outside", as: "other", to: "host:8080", reaches: "web:80"},
		{from: "outside", as: "app", to: "host:8080", reaches: "web:80"},
		{from: "outside", as: "plain", to: "host:8080", reaches: "web:80"},
		{from: "outside", as: "one", to: "host:8080", reaches: "web:80", only: ipv6},
		{from: "other", as: "peer", to: "host:8080", reaches: "web:80"},
		{from: "other", as: "plain", to: "one:8080", reaches: "web:80"},
		{from: "web", as: "other", to: "outside:90", reaches: "outside:90"},
		{from: "web", as: "alone", to: "outside:90", reaches: "outside:90"},
	}},
	{"as the host itself", "", []door{
		{from: "outside", as: "one", to: "host:8080", only: ipv4},
		{from: "web", as: "host", to: "one:22", only: ipv4},
		{from: "web", as: "one", to: "outside:90", only: ipv4},
	}},
}

// Each door is open without its guards, and closed as soon as they are back.
func TestClosedDoors(t *testing.T) {
	inWorlds(t, func(t *testing.T, m *hosttest.Machine, fw firewall) {
		s := answering(t)
		m.Sh(t, condition{policy: "ACCEPT"}.set())
		var all []door
		for _, group := range doors {
			all = append(all, group.doors...)
			m.Sh(t, fw.unguard(group.guards))
			for _, f := range s.force(t, group.doors) {
				if f.got != f.reaches {
					t.Errorf("%s, without its guards: %s reaches %q, not %q", group.name, f, f.got, f.reaches)
				}
			}
			m.Sh(t, "minibridge repair")
		}
		for _, bridged := range []bool{false, true} {
			m.Sh(t, condition{bridged: bridged, policy: "ACCEPT"}.set())
			for _, f := range s.force(t, all) {
				if f.got != "" {
					t.Errorf("bridged %v: %s reaches %s", bridged, f, f.got)
				}
			}
		}
	})
}

// A forced door is one that was tried in a family, and what was behind it.
type forced struct {
	door
	family
	proto  string
	number int // that no other has: in what a datagram says, or as a segment's sequence number
	got    string
}

func (f *forced) String() string {
	return fmt.Sprintf("%s, %s from %s, as %s, to %s", f.proto, f.family, f.from, f.as, f.to)
}

// forgery is a forced door's packet, as who sees it notes it.
func forgery(number int) string { return fmt.Sprint("forged ", number) }

// packet is what is sent from a port.
func (f *forced) packet(port uint16) []byte {
	from, to := netip.AddrPortFrom(address(f.as, f.family), port), at(f.to, f.family)
	if f.proto == "tcp" {
		return opening(from, to, uint32(f.number))
	}
	return datagram(from, to, forgery(f.number))
}

// force sends forged packets and says where they got to.
func (s *seer) force(t *testing.T, doors []door) (all []*forced) {
	t.Helper()
	from := map[string][]*forced{}
	for _, d := range doors {
		for _, f := range []family{ipv4, ipv6} {
			if d.only == "" || d.only == f {
				if src, dst := address(d.as, f), at(d.to, f); src.IsValid() && dst.IsValid() {
					for _, proto := range []string{"udp", "tcp"} {
						s.asked++
						all = append(all, &forced{door: d, family: f, proto: proto, number: s.asked})
						from[d.from] = append(from[d.from], all[len(all)-1])
					}
				}
			}
		}
	}
	for ns, doors := range from {
		router := router(t, ns)
		err := through(plan.NS(ns), func() error {
			for _, f := range doors {
				if err := transmit("eth0", router, f.packet(s.port())); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.flush()
	for _, f := range all {
		f.got, _, _ = strings.Cut(s.saw(forgery(f.number)), " sees ")
	}
	return all
}

// unguard removes all rules of these kinds. A family that a network has not may
// have no rules at all: then the bridge takes none of it.
func (fw firewall) unguard(kinds string) string {
	var script strings.Builder
	if strings.Contains(kinds, "family") {
		script.WriteString("sysctl -qw net.ipv6.conf.minibr0.disable_ipv6=0\n")
	}
	for _, kind := range strings.Fields(kinds) {
		if fw.choice == "nftables" {
			fmt.Fprintf(&script, `nft -a list table inet minibridge |
awk '/^\tchain / { chain = $2 } /minibridge:%s:.* # handle [0-9]*$/ { print "delete rule inet minibridge", chain, "handle", $NF }' | nft -f -
`, kind)
			continue
		}
		for _, tool := range []string{"iptables", "ip6tables"} {
			fmt.Fprintf(&script, "%s-save | sed -n '/^[*]/p; /^COMMIT/p; /minibridge:%s:/s/^-A/-D/p' | %s-restore --noflush\n", tool, kind, tool)
		}
	}
	return script.String()
}
