package hosttest_test

import (
	"strings"
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

const wired = `
ip netns add web
ip link add name mb-lab address 02:42:00:00:00:01 type bridge
ip link add name mbv01 master mb-lab type veth peer name eth0 address 02:42:ac:11:00:02 netns web
ip addr add 172.17.0.1/16 brd + dev mb-lab
ip link set mb-lab up
ip link set mbv01 up
ip -n web link set eth0 up
ip -n web addr add 172.17.0.2/16 brd + dev eth0
ip -n web route add default via 172.17.0.1
iptables -t nat -N MB
iptables -t nat -A PREROUTING -j MB
iptables -t nat -A MB -p tcp --dport 80 -j DNAT --to-destination 172.17.0.2
iptables -t nat -A MB -p tcp --dport 81 -j DNAT --to-destination 172.17.0.2
`

// The same by other ways: a link that is moved and renamed, another order.
const roundabout = `
iptables -L
iptables -t nat -N MB
iptables -t nat -A MB -p tcp --dport 81 -j DNAT --to-destination 172.17.0.2
iptables -t nat -I MB -p tcp --dport 80 -j DNAT --to-destination 172.17.0.2
iptables -t nat -A PREROUTING -j MB
ip link add name other type veth peer name before
ip link del other
ip link add name mbv01 type veth peer name moved
ip netns add web
ip link set moved netns web
ip -n web link set moved name eth0 address 02:42:ac:11:00:02
ip -n web link set eth0 up
ip -n web addr add 172.17.0.2/16 brd + dev eth0
ip -n web route add default via 172.17.0.1
ip link add name mb-lab type bridge
ip link set mb-lab address 02:42:00:00:00:01 up
ip link set mbv01 master mb-lab up
ip addr add 172.17.0.1/16 brd + dev mb-lab
ping -c1 -W2 172.17.0.2
`

func TestStateIsTheSameForTheSame(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, wired)
		m.WaitState(t, m.StateAfter(t, roundabout))
	})
}

func TestStateShowsEachDifference(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, wired)
		before := m.State(t)
		for _, change := range []struct{ do, see, undo string }{
			{"ip link set mbv01 mtu 1400", `"mtu":1400`, "ip link set mbv01 mtu 1500"},
			{"ip link set mbv01 down", `+ host: link`, "ip link set mbv01 up"},
			{"bridge link set dev mbv01 hairpin on", `"hairpin":true`, "bridge link set dev mbv01 hairpin off"},
			{"ip link set mbv01 alias us", `"ifalias":"us"`, "ip link set mbv01 alias ''"},
			{"ip addr del 172.17.0.1/16 dev mb-lab", `- host: addr`, "ip addr add 172.17.0.1/16 brd + dev mb-lab"},
			{"ip -n web route del default", `- web: route`, "ip -n web route add default via 172.17.0.1"},
			{"ip rule add from 10.0.0.1 table 7", `+ host: rule`, "ip rule del from 10.0.0.1 table 7"},
			{"ip neigh replace 172.17.0.9 lladdr 02:42:00:00:00:09 dev mb-lab nud permanent", `+ host: neigh`, "ip neigh del 172.17.0.9 dev mb-lab"},
			{"bridge fdb replace 02:42:00:00:00:09 dev mbv01 master static", `+ host: fdb`, "bridge fdb del 02:42:00:00:00:09 dev mbv01 master"},
			{"sysctl -qw net.ipv4.conf.mb-lab.route_localnet=1", `route_localnet = 1`, "sysctl -qw net.ipv4.conf.mb-lab.route_localnet=0"},
			{"ip netns exec web sysctl -qw net.ipv4.ping_group_range='0 1'", `+ web: sysctl`, "ip netns exec web sysctl -qw net.ipv4.ping_group_range='1 0'"},
			{"iptables -P FORWARD DROP", `:FORWARD DROP`, "iptables -P FORWARD ACCEPT"},
			{"iptables-legacy -A INPUT -j DROP", `iptables-legacy filter -A INPUT`, "iptables-legacy -D INPUT -j DROP"},
			{"ip6tables -A INPUT -j DROP", `ip6tables-nft filter -A INPUT`, "ip6tables -D INPUT -j DROP"},
			{"iptables -t nat -D MB 1; iptables -t nat -A MB -p tcp --dport 80 -j DNAT --to-destination 172.17.0.2", "another order",
				"iptables -t nat -D MB 2; iptables -t nat -I MB -p tcp --dport 80 -j DNAT --to-destination 172.17.0.2"},
			{"nft add table inet minibridge", `+ host: nft table`, "nft delete table inet minibridge"},
			{"ip netns add other", `+ mount /run/netns/other nsfs`, "ip netns del other"},
			{"touch /run/netns/empty", `+ file /run/netns/empty`, "rm /run/netns/empty"},
			{"mkdir /run/minibridge; mount -t tmpfs none /run/minibridge", `+ mount /run/minibridge tmpfs`, "umount /run/minibridge; rmdir /run/minibridge"},
		} {
			m.Sh(t, change.do)
			if diff := hosttest.Diff(before, m.State(t)); !strings.Contains(diff, change.see) {
				t.Errorf("%s shows as %q", change.do, diff)
			}
			m.Sh(t, change.undo)
			m.WaitState(t, before)
		}
		m.Sh(t, "ip netns del web")
		m.WaitNoLink(t, "mbv01")
	})
}
