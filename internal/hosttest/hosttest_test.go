package hosttest_test

import (
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

func TestMachineReachesOutside(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "ping -c1 -W2 192.0.2.2")
		m.Outside(t, "ping -c1 -W2 192.0.2.1")
		if out, code := m.Try("echo no; exit 3"); out != "no" || code != 3 {
			t.Errorf("Try gives %q, %d", out, code)
		}
	})
}

func TestTwinSysctl(t *testing.T) {
	hosttest.Twin(t, &plan.SysctlSet{Key: "net.ipv4.ip_forward", Value: "1"})
}
