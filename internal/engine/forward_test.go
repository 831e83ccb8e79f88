package engine_test

import (
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
)

// A host that is no router may forward between some of its devices.
func TestResetGivesForwardingBackToEachDevice(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "ip link add br1 type bridge; sysctl -qw net.ipv4.conf.br1.forwarding=1")
		before := m.State(t)
		m.Sh(t, "minibridge run --rm true")
		m.Sh(t, "minibridge reset -f")
		if after := quiet(t, m); after != before {
			t.Errorf("left behind:\n%s", hosttest.Diff(before, after))
		}
	})
}
