package nat_test

import (
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// world6 adds IPv6 to world, and an uplink with it.
const world6 = world + `
address() { # DEV ADDRESS [NAME GATEWAY]
	ip ${3:+-n $3} addr add $2 nodad dev $1
	test -z "$4" || ip -n $3 -6 route add default via $4
}
sysctl -qw net.ipv6.conf.all.disable_ipv6=0
address uplink 2001:db8:2::1/64
address eth0 2001:db8:2::2/64 outside
address minibr0 fd00:17::1/64
address mb-77aa77aa77aa fd00:18::1/64
address eth0 fd00:17::2/64 c1 fd00:17::1
address eth0 fd00:17::3/64 c2 fd00:17::1
address eth0 fd00:18::2/64 c3 fd00:18::1
sysctl -qw net.ipv6.conf.all.forwarding=1
`

// A machine without ip6tables has networks, as long as they have no IPv6.
func TestNoIP6tables(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		use(t, nat.NFT)
		m.Sh(t, bridge+"; rm $(dirname $(command -v iptables))/ip6tables*")
		t.Setenv("PATH", m.Sh(t, "dirname $(command -v iptables)"))
		j := &plan.Memory{}
		up(t, j, all(t))
		down(t, j)
		if steps, err := nat.Iptables().Sweep(); len(steps) > 0 || err != nil {
			t.Errorf("%v, %v", steps, err)
		}
		if _, err := plan.Drift(all6()); err == nil {
			t.Error("a network with IPv6 is no error")
		}
	})
}
