package plan_test

import (
	"testing"

	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

func TestSysctlSet(t *testing.T) {
	for name, tt := range map[string]struct {
		op      plan.SysctlSet
		prepare string
	}{
		"host":          {plan.SysctlSet{Key: "net.ipv4.ip_forward", Value: "1"}, ""},
		"namespace":     {plan.SysctlSet{NS: "web", Key: "net.ipv4.ip_unprivileged_port_start", Value: "0"}, "ip netns add web"},
		"two fields":    {plan.SysctlSet{Key: "net.ipv4.ping_group_range", Value: "0 2147483647"}, ""},
		"device, a dot": {plan.SysctlSet{Key: "net/ipv4/conf/br0.1/route_localnet", Value: "1"}, "ip link add br0.1 type bridge"},
	} {
		t.Run(name, func(t *testing.T) { hosttest.Twin(t, &tt.op, tt.prepare) })
	}
}

func TestSysctlSetGivesBackOnlyWhatIsOurs(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		op := &plan.SysctlSet{Key: "net.ipv4.ip_unprivileged_port_start", Value: "80"}
		undo, err := op.Undo()
		if err != nil {
			t.Fatal(err)
		}
		if err := op.Apply(); err != nil {
			t.Fatal(err)
		}
		for _, apply := range []func() error{
			undo.Apply,
			func() error { m.Sh(t, undo.String()); return nil },
		} {
			m.Sh(t, "sysctl -qw net.ipv4.ip_unprivileged_port_start=443") // the administrator's
			if err := apply(); err != nil {
				t.Fatal(err)
			}
			if have := m.Sh(t, "sysctl -n net.ipv4.ip_unprivileged_port_start"); have != "443" {
				t.Errorf("%s made 443 to %s", undo, have)
			}
		}
	})
}

func TestSysctlSetBeforeItsDevice(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for _, op := range []*plan.SysctlSet{
			{Key: "net.ipv4.conf.br0.route_localnet", Value: "1"},
			{NS: "web", Key: "net.ipv4.conf.eth0.rp_filter", Value: "1"},
			{NS: "outside", Key: "net.ipv4.conf.eth7.rp_filter", Value: "1"},
		} {
			if undo, err := op.Undo(); undo == nil || err != nil {
				t.Errorf("%s: its undo is %v, %v", op, undo, err)
			}
		}
		op := &plan.SysctlSet{Key: "net.ipv4.no_such_thing", Value: "1"}
		if undo, err := op.Undo(); err == nil {
			t.Errorf("%s: no error, but the undo %v", op, undo)
		}
	})
}
