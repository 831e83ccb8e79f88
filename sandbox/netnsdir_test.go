package sandbox_test

import (
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/sandbox"
)

// A script may be typed where ip netns, or another script, was before: one mount
// on top of another would hide the namespaces that the lower one names.
func TestNetnsDirTypedAgain(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		before := m.State(t) // with the namespace outside
		m.Sh(t, "set -e\n"+(&sandbox.NetnsDir{}).String())
		if after := m.State(t); after != before {
			t.Error(hosttest.Diff(before, after))
		}
		if n := m.Sh(t, "grep -c ' /run/netns ' /proc/self/mountinfo"); n != "1" {
			t.Errorf("%s mounts on /run/netns", n)
		}
	})
}
