package paths_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

func TestMain(m *testing.M) {
	hosttest.Main(m, "github.com/minibridge/minibridge/cmd/minibridge")
}

// A row is a path to an address and port, and what comes of it: which service
// is reached, and whose address that sees. It is from a container, the outside
// world or the host, by whichever of its addresses the kernel takes: "one" is
// the host that speaks as one's gateway.
type row struct {
	from, to string
	reaches  string // or refused, or dropped
	seen     string
	proxy    bool   // for IPv6, which carries no SCTP: that is refused
	only     string // of a family or a protocol; "bridged": what a bridge switches passes the host's rules, "switched": it does not
}

const (
	refused = "refused"
	reset   = "reset"
)

// table has every path that a packet may want to take.
var table = []struct {
	path string
	rows []row
}{
	{"container to container, same network", []row{
		{from: "peer", to: "web:80", reaches: "web:80", seen: "peer"},
		{from: "web", to: "peer:80", reaches: "peer:80", seen: "web"},
		{from: "web", to: "web:80", reaches: "web:80", seen: "web"},
		{from: "app", to: "db:80", reaches: "db:80", seen: "app"},
		{from: "web", to: "web:81", reaches: refused},
		{from: "peer", to: "web:81", reaches: refused},
		{from: "q2", to: "q1:80", reaches: dropped}, // ICC is off
		{from: "q1", to: "q2:80", reaches: dropped},
	}},
	{"container to another network's, by its address", []row{
		{from: "other", to: "web:80", reaches: dropped},
		{from: "web", to: "other:80", reaches: dropped},
		{from: "other", to: "web:8080", reaches: dropped}, // the host's port
		{from: "old", to: "web:80", reaches: dropped},
		{from: "web", to: "old:80", reaches: dropped},
		{from: "alone", to: "web:80", reaches: dropped},
		{from: "web", to: "alone:80", reaches: dropped},
		{from: "q1", to: "web:80", reaches: dropped},
		{from: "web", to: "q1:80", reaches: dropped},
		{from: "web", to: "db:80", reaches: dropped},
		{from: "plain", to: "web:80", reaches: dropped},
		{from: "web", to: "plain:80", reaches: dropped},
	}},
	{"container to a published port: its own", []row{
		{from: "web", to: "one:8080", reaches: "web:80", seen: "one"},
		{from: "web", to: "host:8080", reaches: "web:80", seen: "one"},
		{from: "web", to: "second:8080", reaches: "web:80", seen: "one"},
		{from: "web", to: "two:8080", reaches: "web:80", seen: "one"},
		{from: "web", to: "back:8080", reaches: "web:80", seen: "one"},
		{from: "web", to: "host:7001", reaches: "web:80", seen: "one"},
		{from: "web", to: "host:8003", reaches: "web:8003", seen: "one"},
		{from: "web", to: "host:9003", reaches: "web:8003", seen: "one"},
		{from: "q1", to: "host:8082", reaches: "q1:80", seen: "quiet", only: "switched"},
		{from: "q1", to: "quiet:8082", reaches: "q1:80", seen: "quiet", only: "switched"},
		{from: "old", to: "bridge:8083", reaches: "old:80", seen: "bridge"},
	}},
	{"container to a published port: a peer's", []row{
		{from: "peer", to: "one:8080", reaches: "web:80", seen: "one"},
		{from: "peer", to: "host:8080", reaches: "web:80", seen: "one"},
		{from: "peer", to: "two:8080", reaches: "web:80", seen: "one"},
		{from: "peer", to: "host:7001", reaches: "web:80", seen: "one"},
		{from: "peer", to: "second:7001", reaches: refused},
		{from: "peer", to: "host:7000", reaches: refused}, // published on 127.0.0.1
		{from: "q2", to: "host:8082", reaches: "q1:80", seen: "quiet", only: "switched"},
		{from: "q2", to: "quiet:8082", reaches: "q1:80", seen: "quiet", only: "switched"},
		{from: "q2", to: "host:8082", reaches: dropped, only: "bridged"},
	}},
	{"container to a published port: another network's", []row{
		{from: "other", to: "two:8080", reaches: "web:80", seen: "one"},
		{from: "other", to: "one:8080", reaches: "web:80", seen: "one"},
		{from: "other", to: "host:8080", reaches: "web:80", seen: "one"},
		{from: "other", to: "host:7001", reaches: "web:80", seen: "one"},
		{from: "other", to: "second:7001", reaches: refused},
		{from: "other", to: "host:8003", reaches: "web:8003", seen: "one"},
		{from: "other", to: "host:9003", reaches: "web:8003", seen: "one"},
		{from: "web", to: "host:8081", reaches: "other:80", seen: "two"},
		{from: "old", to: "bridge:8080", reaches: "web:80", seen: "one"},
		{from: "old", to: "host:8080", reaches: "web:80", seen: "one"},
		{from: "web", to: "one:8083", reaches: "old:80", seen: "bridge", proxy: true},
		{from: "web", to: "host:8084", reaches: "alone:80", seen: "six", only: "IPv6"},
		{from: "q1", to: "host:8080", reaches: "web:80", seen: "one"},
		{from: "web", to: "one:8082", reaches: "q1:80", seen: "quiet"},
		{from: "plain", to: "host:8080", reaches: "web:80", seen: "plain"}, // not masqueraded
	}},
	{"container to outside", []row{
		{from: "web", to: "outside:90", reaches: "outside:90", seen: "host"},
		{from: "other", to: "outside:90", reaches: "outside:90", seen: "host"},
		{from: "q1", to: "outside:90", reaches: "outside:90", seen: "host"},
		{from: "old", to: "outside:90", reaches: "outside:90", seen: "host"},
		{from: "alone", to: "outside:90", reaches: "outside:90", seen: "host"},
		{from: "plain", to: "outside:90", reaches: "outside:90", seen: "plain"}, // not masqueraded
		{from: "app", to: "outside:90", reaches: dropped},                       // internal
	}},
	{"container to the host", []row{
		{from: "web", to: "one:22", reaches: "one:22", seen: "web"},
		{from: "web", to: "host:22", reaches: "host:22", seen: "web"},
		{from: "web", to: "two:22", reaches: "two:22", seen: "web"},
		{from: "q1", to: "quiet:22", reaches: "quiet:22", seen: "q1"},
		{from: "alone", to: "six:22", reaches: "six:22", seen: "alone"},
		{from: "web", to: "host:23", reaches: refused},
	}},
	{"internal network to anything but itself and its own gateway", []row{
		{from: "app", to: "back:22", reaches: "back:22", seen: "app"},
		{from: "app", to: "back:23", reaches: refused},
		{from: "app", to: "back:8080", reaches: dropped}, // also published ports
		{from: "app", to: "back:8083", reaches: dropped, only: "IPv4"},
		{from: "app", to: "back:8083", reaches: dropped, only: "IPv6 udp"},
		{from: "app", to: "back:8083", reaches: reset, only: "IPv6 tcp"}, // by the proxy
		{from: "app", to: "back:8083", reaches: refused, only: "IPv6 sctp"},
		{from: "app", to: "host:8080", reaches: dropped},
		{from: "app", to: "one:8080", reaches: dropped},
		{from: "app", to: "host:22", reaches: dropped},
		{from: "app", to: "one:22", reaches: dropped},
		{from: "app", to: "web:80", reaches: dropped},
		{from: "app", to: "old:80", reaches: dropped},
		{from: "app", to: "second:22", reaches: dropped},
	}},
	{"outside to a published port", []row{
		{from: "outside", to: "host:8080", reaches: "web:80", seen: "outside"},
		{from: "outside", to: "second:8080", reaches: "web:80", seen: "outside"},
		{from: "outside", to: "host:7001", reaches: "web:80", seen: "outside"},
		{from: "outside", to: "host:8000", reaches: "web:8000", seen: "outside"}, // a range
		{from: "outside", to: "host:8005", reaches: "web:8005", seen: "outside"},
		{from: "outside", to: "host:9000", reaches: "web:8000", seen: "outside"}, // a shifted one
		{from: "outside", to: "host:9005", reaches: "web:8005", seen: "outside"},
		{from: "outside", to: "host:8100", reaches: "web:8100", seen: "outside"}, // one on one address
		{from: "outside", to: "host:8081", reaches: "other:80", seen: "outside"},
		{from: "outside", to: "host:8082", reaches: "q1:80", seen: "outside"},
		{from: "outside", to: "host:8083", reaches: "old:80", seen: "outside", only: "IPv4"},
		{from: "outside", to: "host:8083", reaches: "old:80", seen: "bridge", proxy: true, only: "IPv6"},
		{from: "outside", to: "host:8084", reaches: "alone:80", seen: "outside", only: "IPv6"},
		{from: "outside", to: "host:8084", reaches: refused, only: "IPv4"},    // published on [::] alone
		{from: "outside", to: "one:8080", reaches: "web:80", seen: "outside"}, // an address of the host is one
	}},
	{"outside to a published port, by the host's address on the link", []row{
		{from: "outside", to: "link:8080", reaches: "web:80", seen: "one", proxy: true},
		{from: "outside", to: "link:8083", reaches: "old:80", seen: "bridge", proxy: true},
		{from: "outside", to: "link:8006", reaches: refused},
		{from: "outside", to: "link:7000", reaches: refused},
	}},
	{"host, localhost to a published port", []row{
		{from: "host", to: "localhost:8080", reaches: "web:80", seen: "one", proxy: true},
		{from: "host", to: "localhost:8081", reaches: "other:80", seen: "two", proxy: true},
		{from: "host", to: "localhost:8082", reaches: "q1:80", seen: "quiet", proxy: true},
		{from: "host", to: "localhost:8083", reaches: "old:80", seen: "bridge", proxy: true},
		{from: "host", to: "localhost:8003", reaches: "web:8003", seen: "one", proxy: true},
		{from: "host", to: "localhost:9003", reaches: "web:8003", seen: "one", proxy: true},
		{from: "host", to: "localhost:7000", reaches: "web:80", seen: "one", proxy: true},
		{from: "host", to: "localhost:8084", reaches: "alone:80", seen: "six", proxy: true, only: "IPv6"},
		{from: "host", to: "localhost:7001", reaches: refused},
		{from: "host", to: "localhost:9090", reaches: refused}, // an internal network's
	}},
	{"host, an own address to a published port", []row{
		{from: "host", to: "host:8080", reaches: "web:80", seen: "host"},
		{from: "host", to: "second:8080", reaches: "web:80", seen: "second"},
		{from: "host", to: "one:8080", reaches: "web:80", seen: "one"},
		{from: "host", to: "two:8080", reaches: "web:80", seen: "one"}, // two's subnet is masqueraded
		{from: "host", to: "host:7001", reaches: "web:80", seen: "host"},
		{from: "host", to: "second:7001", reaches: refused},
		{from: "host", to: "host:7000", reaches: refused},
		{from: "host", to: "host:8083", reaches: "old:80", seen: "host", only: "IPv4"},
		{from: "host", to: "host:8083", reaches: "old:80", seen: "bridge", proxy: true, only: "IPv6"},
		{from: "host", to: "host:8084", reaches: "alone:80", seen: "host", only: "IPv6"},
	}},
	{"host to a container's address", []row{
		{from: "host", to: "web:80", reaches: "web:80", seen: "one"},
		{from: "host", to: "db:80", reaches: "db:80", seen: "back"},
		{from: "host", to: "q1:80", reaches: "q1:80", seen: "quiet"},
		{from: "host", to: "alone:80", reaches: "alone:80", seen: "six"},
		{from: "host", to: "one:22", reaches: "one:22", seen: "one"}, // its own, over lo
		{from: "host", to: "outside:90", reaches: "outside:90", seen: "host"},
		{from: "one", to: "outside:90", reaches: "outside:90", seen: "host"}, // which has no way back to it
	}},
	{"outside to an unpublished port, or a container's address", []row{
		{from: "outside", to: "host:80", reaches: refused},
		{from: "outside", to: "host:8006", reaches: refused},
		{from: "outside", to: "host:9006", reaches: refused},
		{from: "outside", to: "host:9090", reaches: refused}, // an internal network's
		{from: "outside", to: "second:7001", reaches: refused},
		{from: "outside", to: "second:8100", reaches: refused},
		{from: "outside", to: "web:80", reaches: dropped},
		{from: "outside", to: "web:8080", reaches: dropped},
		{from: "outside", to: "peer:80", reaches: dropped},
		{from: "outside", to: "old:80", reaches: dropped},
		{from: "outside", to: "q1:80", reaches: dropped},
		{from: "outside", to: "db:80", reaches: dropped},
		{from: "outside", to: "alone:80", reaches: dropped},
		{from: "outside", to: "plain:80", reaches: dropped},
	}},
	{"outside to a port published on localhost", []row{
		{from: "outside", to: "host:7000", reaches: refused},
		{from: "outside", to: "second:7000", reaches: refused},
		{from: "outside", to: "one:7000", reaches: refused},
	}},
}

// A condition is what the host's administrator may have set.
type condition struct {
	bridged bool // what a bridge switches passes the host's rules (br_netfilter)
	strict  bool // reverse paths are looked at
	policy  string
}

func (c condition) set() string {
	bit := map[bool]int{true: 1}
	return fmt.Sprintf(`
sysctl -qw net.bridge.bridge-nf-call-iptables=%d net.bridge.bridge-nf-call-ip6tables=%d
for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo %d >$f; done
iptables -P FORWARD %s
ip6tables -P FORWARD %s
`, bit[c.bridged], bit[c.bridged], bit[c.strict], c.policy, c.policy)
}

func TestPaths(t *testing.T) {
	inWorlds(t, func(t *testing.T, m *hosttest.Machine, fw firewall) {
		s := answering(t)
		for _, bridged := range []bool{false, true} {
			for _, strict := range []bool{false, true} {
				for _, policy := range []string{"ACCEPT", "DROP"} {
					c := condition{bridged, strict, policy}
					if policy == "DROP" && !fw.drops {
						continue
					}
					t.Run(fmt.Sprintf("bridged %v, rp_filter %v, policy %s", bridged, strict, policy), func(t *testing.T) {
						m.Sh(t, c.set())
						walk(t, s, probes(c, hosttest.Protocols(t)))
					})
				}
			}
		}
	})
}

// probes are all rows that are true under a condition, in both families and
// protocols.
func probes(c condition, protocols []string) (all []*probe) {
	kind := map[bool]string{false: "switched", true: "bridged"}[c.bridged]
	for _, group := range table {
		for _, r := range group.rows {
			for _, f := range []family{ipv4, ipv6} {
				for _, proto := range protocols {
					if address(r.from, f).IsValid() && at(r.to, f).IsValid() && r.holds(string(f), proto, kind) {
						all = append(all, r.probe(group.path, f, proto))
					}
				}
			}
		}
	}
	return all
}

// holds says that a row is about these circumstances.
func (r row) holds(circumstances ...string) bool {
	for word := range strings.FieldsSeq(r.only) {
		if !slices.Contains(circumstances, word) {
			return false
		}
	}
	return true
}

func (r row) probe(path string, f family, proto string) *probe {
	p := &probe{path: path, from: places[r.from].ns, to: at(r.to, f), proto: proto, want: r.reaches}
	if p.from == "" && r.from != "host" {
		p.as = address(r.from, f)
	}
	switch {
	case r.proxy && f == ipv6 && proto == "sctp":
		p.want = refused
	case r.seen != "":
		p.want += " sees " + cmp.Or(address(r.seen, f), address(r.seen, ipv4)).String()
	}
	return p
}
