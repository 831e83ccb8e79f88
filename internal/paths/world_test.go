package paths_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

// building makes the world, with whichever firewall MINIBRIDGE_FIREWALL names
// and for all $protocols. The outside world has the routes to containers that
// nobody should have.
const building = `
ip addr add 192.0.2.9/32 dev uplink
sysctl -qw net.ipv6.conf.all.disable_ipv6=0
ip addr add 2001:db8:2::9/64 dev uplink nodad
ip addr add 2001:db8:2::1/64 dev uplink nodad # the last one is who the host is
ip addr add fe80::1/64 dev uplink nodad
ip -n outside addr add fe80::2/64 dev eth0 nodad # its own is not good for a moment
until ip -n outside -6 addr show dev eth0 to fe80::2 | grep -v tentative | grep -q fe80::2; do :; done
ip -n outside addr add 2001:db8:2::2/64 dev eth0 nodad
ip -n outside route add 172.16.0.0/12 via 192.0.2.1
ip -n outside route add fd00::/8 via 2001:db8:2::1

network() { minibridge network create --ipv6 --subnet 172.$1.0.0/16 --subnet fd00:$1::/64 $2 $3 $4; }
network 18 one
network 19 two
network 20 --internal back
network 21 -o com.docker.network.bridge.enable_icc=false quiet
network 22 -o com.docker.network.bridge.enable_ip_masquerade=false bare
minibridge network create --ipv4=false --ipv6 --subnet fd00:23::/64 six

run() { minibridge run -d --name "$@" sleep 1000; }
each() { # FLAG of each port, for every protocol
	for p; do for proto in $protocols; do echo "-p $p/$proto"; done; done
}
run web --network one $(each 8080:80 8000-8005:8000-8005 9000-9005:8000-8005 \
	127.0.0.1:7000:80 [::1]:7000:80 192.0.2.1:7001:80 [2001:db8:2::1]:7001:80 \
	192.0.2.1:8100-8101:8100-8101 [2001:db8:2::1]:8100-8101:8100-8101)
run peer --network one
run other --network two $(each 8081:80)
run db --network back $(each 9090:80)
run app --network back
run q1 --network quiet $(each 8082:80)
run q2 --network quiet
run plain --network bare
run old $(each 8083:80)
run alone --network six $(each [::]:8084:80)
ip -n app route replace default via 172.20.0.1
ip -n app route replace default via fd00:20::1

talkative='sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0' # of ports that nobody has
$talkative
patient='sysctl -qw net.ipv4.neigh.eth0.mcast_solicit=1000 net.ipv6.neigh.eth0.mcast_solicit=1000' # with a neighbour behind an isolated port
for name in $(ip netns list | cut -d' ' -f1); do ip netns exec $name $talkative; ip netns exec $name $patient; done
sysctl -qw net.ipv4.icmp_msgs_per_sec=100000 net.ipv4.icmp_msgs_burst=10000
`

// A place is what has an address, or one of each family, in a network
// namespace.
type place struct {
	ns     plan.NS
	v4, v6 string
}

// places are containers, gateways by the names of their networks, and the
// host's other addresses.
var places = map[string]place{
	"localhost": {"", "127.0.0.1", "::1"},
	"itself":    {"", "127.0.0.2", ""}, // the host, to itself
	"stranger":  {"", "203.0.113.1", "2001:db8:99::1"},
	"host":      {"", "192.0.2.1", "2001:db8:2::1"},
	"second":    {"", "192.0.2.9", "2001:db8:2::9"},
	"link":      {"", "", "fe80::1%eth0"}, // the host, on outside's link
	"bridge":    {"", "172.17.0.1", ""},
	"one":       {"", "172.18.0.1", "fd00:18::1"},
	"two":       {"", "172.19.0.1", "fd00:19::1"},
	"back":      {"", "172.20.0.1", "fd00:20::1"},
	"quiet":     {"", "172.21.0.1", "fd00:21::1"},
	"bare":      {"", "172.22.0.1", "fd00:22::1"},
	"six":       {"", "", "fd00:23::1"},
	"outside":   {"outside", "192.0.2.2", "2001:db8:2::2"},
	"old":       {"old", "172.17.0.2", ""},
	"web":       {"web", "172.18.0.2", "fd00:18::2"},
	"peer":      {"peer", "172.18.0.3", "fd00:18::3"},
	"other":     {"other", "172.19.0.2", "fd00:19::2"},
	"db":        {"db", "172.20.0.2", "fd00:20::2"},
	"app":       {"app", "172.20.0.3", "fd00:20::3"},
	"q1":        {"q1", "172.21.0.2", "fd00:21::2"},
	"q2":        {"q2", "172.21.0.3", "fd00:21::3"},
	"plain":     {"plain", "172.22.0.2", "fd00:22::2"},
	"alone":     {"alone", "", "fd00:23::2"},
}

// address is a place's of a family; one that has none of it has no valid one.
func address(name string, f family) netip.Addr {
	text := places[name].v4
	if f == ipv6 {
		text = places[name].v6
	}
	if text == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(text)
}

type family string

const (
	ipv4 family = "IPv4"
	ipv6 family = "IPv6"
)

// A firewall is one that the world may be built with.
type firewall struct {
	name    string
	choice  string // MINIBRIDGE_FIREWALL
	variant string // the iptables that is found in PATH
	before  string // what the machine has already
	drops   bool   // a policy of DROP may come, as iptables is asked first
}

var firewalls = []firewall{
	{"iptables-nft", "iptables", "nft", "", true},
	{"iptables-legacy", "iptables", "legacy", "", true},
	{"nftables", "nftables", "nft", "", false},
	{"nftables beside iptables", "nftables", "nft", "iptables -P FORWARD DROP; ip6tables -P FORWARD DROP", true},
}

// inWorlds runs a test in a machine for each firewall, with the world built.
func inWorlds(t *testing.T, f func(t *testing.T, m *hosttest.Machine, fw firewall)) {
	for _, fw := range firewalls {
		t.Run(fw.name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				t.Setenv("MINIBRIDGE_FIREWALL", fw.choice)
				hosttest.UseIptables(t, fw.variant)
				m.Sh(t, fmt.Sprintf("protocols='%s'\n", strings.Join(hosttest.Protocols(t), " "))+fw.before+building)
				f(t, m, fw)
			})
		})
	}
}
