package bridge_test

import (
	"slices"
	"testing"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/hosttest"
)

// A host that has its way out from a router keeps it when it becomes a router
// itself, if its link goes on listening; else it loses it at once.
func TestAdvertised(t *testing.T) {
	for acceptRA, keeps := range map[string]bool{"2": true, "1": false} {
		t.Run("accept_ra="+acceptRA, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				look := func(want ...string) {
					t.Helper()
					if links, err := bridge.Advertised(); err != nil || !slices.Equal(links, want) {
						t.Errorf("%q, %v, not %q", links, err, want)
					}
				}
				m.Outside(t, "ip addr add fe80::bad/64 nodad dev eth0")
				m.Sh(t, "ip -6 route add default via fe80::7 dev uplink metric 7")
				look()
				advertise(t, "outside")
				const way = "ip -6 route show default proto ra"
				m.Sh(t, "until "+way+" | grep -q uplink; do :; done")
				look("uplink")
				m.Sh(t, "sysctl -qw net.ipv6.conf.uplink.accept_ra="+acceptRA+"; sysctl -qw net.ipv6.conf.all.forwarding=1")
				if route := m.Sh(t, way); (route != "") != keeps {
					t.Errorf("the way out: %q", route)
				}
				if keeps {
					look("uplink") // for a plan that is made a second time
				}
			})
		})
	}
}
