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
		"routers":       {plan.SysctlSet{Key: "net.ipv4.ip_forward", Value: "1"}, routers},
		"IPv6 routers":  {plan.SysctlSet{Key: "net.ipv6.conf.all.forwarding", Value: "1"}, routers6},
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

// routers is a host that forwards what comes in by some of its devices, as will
// those that are yet to come.
const routers = `
ip link add br0.1 type bridge
ip link add br1 type bridge
sysctl -qw net/ipv4/conf/br0.1/forwarding=1 net.ipv4.conf.br1.forwarding=1 net.ipv4.conf.default.forwarding=1`

const routers6 = `
ip link add br0.1 type bridge
sysctl -qw net/ipv6/conf/br0.1/forwarding=1 net.ipv6.conf.default.forwarding=1`

func TestForwardingOfADeviceThatHasGone(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, routers)
		op := &plan.SysctlSet{Key: "net.ipv4.ip_forward", Value: "1"}
		undo, err := op.Undo()
		if err != nil {
			t.Fatal(err)
		}
		m.Sh(t, "ip link del br1")
		for how, apply := range map[string]func() error{
			"applied": undo.Apply,
			"typed":   func() error { m.Sh(t, undo.String()); return nil },
		} {
			m.Sh(t, op.String())
			if err := apply(); err != nil {
				t.Fatalf("%s: %v", how, err)
			}
			if have := m.Sh(t, "sysctl -n net.ipv4.ip_forward net/ipv4/conf/br0.1/forwarding net.ipv4.conf.lo.forwarding"); have != "0\n1\n0" {
				t.Errorf("%s: the host, br0.1 and lo forward: %q", how, have)
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
