package nat_test

import (
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// A machine without ip6tables has networks, as long as they have no IPv6.
func TestNoIP6tables(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		hosttest.UseIptables(t, "nft")
		m.Sh(t, bridge+`; mkdir /run/upper /run/work
mount -t overlay -o lowerdir=/usr/sbin,upperdir=/run/upper,workdir=/run/work none /usr/sbin
rm /usr/sbin/ip6tables* $(dirname $(command -v iptables))/ip6tables*`)
		j := &plan.Memory{}
		up(t, j, all(t))
		down(t, j)
		if steps, err := nat.Iptables().Sweep(); len(steps) > 0 || err != nil {
			t.Errorf("%v, %v", steps, err)
		}
		if _, err := plan.Drift(all6(t)); err == nil {
			t.Error("a network with IPv6 is no error")
		}
	})
}
