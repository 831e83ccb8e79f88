package bridge_test

import (
	"strings"
	"testing"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/hosttest"
)

// Who knew an address by another MAC address knows the new one, of both
// families, without a word of its own; who knew nothing is told nothing. The
// host forgets the old one.
func TestAnAnnouncedMACIsLearned(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		up(t, whole(dual(t)))
		m.Sh(t, `
know() {
	$1 neigh replace 172.17.0.9 lladdr 02:42:00:00:00:aa dev $2 nud reachable
	$1 neigh replace fd00:17::9 lladdr 02:42:00:00:00:aa dev $2 nud reachable
}
know ip minibr0
know "ip -n web" eth0
until bridge link show dev mbv1a2b3c4d | grep -q 'state forwarding'; do :; done`)
		err := bridge.Announce("minibr0", mac(t, "02:42:00:00:00:bb"),
			address("172.17.0.9"), address("fd00:17::9"), address("172.17.0.8"), address("fd00:17::8"))
		if err != nil {
			t.Fatal(err)
		}
		m.Sh(t, `until test "$(ip -n web neigh show dev eth0 | grep -c '9 lladdr 02:42:00:00:00:bb STALE')" = 2; do :; done`)
		if have := m.Sh(t, "ip -n web neigh show dev eth0; ip neigh show dev minibr0"); strings.Contains(have, ".8 ") || strings.Contains(have, ":aa") {
			t.Errorf("known: %s", have)
		}
	})
}

func TestAnnounceOnNoBridge(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		if err := bridge.Announce("br0", mac(t, "02:42:00:00:00:bb"), address("172.17.0.9")); err == nil || err.Error() != "link br0: no such device" {
			t.Errorf("%v", err)
		}
	})
}
