package bridge_test

import (
	"testing"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/hosttest"
)

// A namespace with two cables, the way out by the first.
const twoCables = withNetns + `
ip -n web link add name eth0 type veth peer name one
ip -n web link add name eth1 type veth peer name two
for dev in one two eth0 eth1; do ip -n web link set dev $dev up; done
ip -n web addr add 172.17.0.2/16 dev eth0
ip -n web addr add 2001:db8:9::2/64 nodad dev eth0
ip -n web addr add 172.18.0.2/16 dev eth1
ip -n web route add default via 172.17.0.1
ip -n web route add default via 2001:db8:9::1
`

// The way moves to another link, with fewer families, and back; a failure on
// the way changes nothing.
func TestWayMoves(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, twoCables)
		before := m.State(t)
		old := bridge.Way{NS: "web", IPv4: bridge.Hop{Gateway: address("172.17.0.1"), Dev: "eth0"}, IPv6: bridge.Hop{Gateway: address("2001:db8:9::1"), Dev: "eth0"}}
		way := bridge.Way{NS: "web", IPv4: bridge.Hop{Gateway: address("172.18.0.1"), Dev: "eth1"}}
		m.NoTrace(t, way.From(old))
		up(t, way.From(old))
		if routes := m.In(t, "web", "ip route show default; ip -6 route show default"); routes != "default via 172.18.0.1 dev eth1 " {
			t.Errorf("routes: %q", routes)
		}
		up(t, old.From(way))
		m.WaitState(t, before)
		if e := up(t, old.From(old)); len(e.Journal.Steps()) > 0 {
			t.Errorf("a way that is the old one: %s", e.Journal.Steps())
		}
		none := bridge.Way{NS: "web"}
		up(t, none.From(old))
		if routes := m.In(t, "web", "ip route show default; ip -6 route show default"); routes != "" {
			t.Errorf("no way out, but %q", routes)
		}
	})
}
