package bridge_test

import (
	"net"
	"slices"
	"testing"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

// container is all that one container on a network has in the kernel.
func container(t hosttest.TB) plan.Plan {
	p := network(t).Plan()
	p.Do(netns("web"), "a network stack of its own")
	return slices.Concat(p, bridge.Loopback("web"), endpoint(t).Plan(), way().Plan())
}

func TestPlanTwin(t *testing.T) {
	t.Run("endpoint", func(t *testing.T) { hosttest.TwinPlan(t, container(t)) })
	t.Run("none", func(t *testing.T) {
		p := plan.Plan{{Op: netns("web"), Why: "a network stack of its own"}}
		hosttest.TwinPlan(t, append(p, bridge.Loopback("web")...))
	})
	t.Run("small packets", func(t *testing.T) {
		n, e := network(t), endpoint(t)
		n.MTU, e.MTU, e.Alias, e.KeepIPv6 = 1400, 1400, "", true
		p := n.Plan()
		p.Do(netns("web"), "a network stack of its own")
		hosttest.TwinPlan(t, append(p, e.Plan()...))
	})
}

func TestNoTrace(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) { m.NoTrace(t, container(t)) })
}

func TestEndpointReachesGateway(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		up(t, container(t))
		m.In(t, "web", "ping -c1 -W2 172.17.0.1")
		m.Sh(t, "ping -c1 -W2 172.17.0.2")
		if out := m.In(t, "web", "ip -6 -br addr show dev eth0"); out != "" {
			t.Error("an IPv6 address on a network without:", out)
		}
	})
}

// A namespace lives on for a while when it has no name any more, here because
// somebody has it open: nobody hears of its address then.
func TestANamespaceThatGoesIsHeardNoMore(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		e := up(t, container(t))
		open, err := plan.NS("web").Open()
		if err != nil {
			t.Fatal(err)
		}
		defer open.Close()
		m.Sh(t, "ping -c1 -W2 172.17.0.2")
		if err := e.Down(len(network(t).Plan())); err != nil {
			t.Error(err)
		}
		m.Sh(t, "ip link show dev mbv1a2b3c4d")
		if out, code := m.Try("ping -c1 -W1 172.17.0.2"); code == 0 {
			t.Error("it answers:", out)
		}
	})
}

// The namespace takes the cable along, at no cost.
func TestCableGoesWithNamespace(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		e := up(t, container(t))
		steps := len(e.Journal.Steps())
		if err := e.Down(len(network(t).Plan())); err != nil {
			t.Error(err)
		}
		if steps != len(container(t)) {
			t.Errorf("%d undo steps of %d ops", steps, len(container(t)))
		}
		m.WaitNoLink(t, "mbv1a2b3c4d")
	})
}

// A process of someone else that is in the namespace does not keep the
// container's address on the network, even where the namespace's name is gone
// or by now another's.
func TestCableOfInhabitedNamespace(t *testing.T) {
	for name, before := range map[string]string{
		"as it was":          "",
		"the name is gone":   "ip netns del web",
		"a name of another":  "ip netns del web; ip netns add web",
		"the name of a file": "ip netns del web; touch /run/netns/web",
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				e := up(t, container(t))
				m.Sh(t, inhabited+"\n"+before)
				if err := e.Down(len(network(t).Plan())); err != nil {
					t.Error(err)
				}
				m.WaitNoLink(t, "mbv1a2b3c4d")
			})
		})
	}
}

// A connection whose program has ended keeps the namespace until the other end
// has heard of that, and not the container's address on the network.
func TestCableOfConnectedNamespace(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		e := up(t, container(t))
		l, err := net.Listen("tcp4", "172.17.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		m.Sh(t, `mkfifo /run/inside
ip netns exec web bash -c 'exec 3<>/dev/tcp/172.17.0.1/`+port+`; echo > /run/inside; exec sleep 60' &
read -r _ < /run/inside
nft add table ip theirs; nft add chain ip theirs input '{ type filter hook input priority 0; }'; nft add rule ip theirs input tcp dport `+port+` drop
kill $!
wait`)
		if err := e.Down(len(network(t).Plan())); err != nil {
			t.Error(err)
		}
		m.WaitNoLink(t, "mbv1a2b3c4d")
	})
}

// A bridge that has its MTU keeps it when its ports come and go.
func TestBridgeKeepsMTU(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		n := network(t)
		n.MTU = 1400
		up(t, n.Plan())
		m.Sh(t, "ip link add name x master minibr0 type veth; ip link del dev x")
		if mtu := m.Sh(t, "cat /sys/class/net/minibr0/mtu"); mtu != "1400" {
			t.Error("MTU is", mtu)
		}
	})
}

func TestOnLink(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, "ip route add 198.51.100.0/24 via 192.0.2.2; ip route add default dev uplink metric 9")
		up(t, network(t).Plan())
		subnets, err := bridge.OnLink()
		if err != nil {
			t.Fatal(err)
		}
		want := map[bridge.Subnet]bool{
			{Prefix: prefix("192.0.2.0/24"), Dev: "uplink"}:   true,
			{Prefix: prefix("172.17.0.0/16"), Dev: "minibr0"}: true,
		}
		for _, s := range subnets {
			if !s.Prefix.Addr().Is4() {
				continue // the links' own fe80::/64
			}
			if !want[s] {
				t.Errorf("%s dev %s is not one", s.Prefix, s.Dev)
			}
			delete(want, s)
		}
		if len(want) > 0 {
			t.Error("missing:", want)
		}
	})
}

func TestExists(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for name, want := range map[string]bool{"uplink": true, "minibr0": false} {
			if there, err := bridge.Exists(name); there != want || err != nil {
				t.Errorf("%s: %v, %v", name, there, err)
			}
		}
		if _, err := bridge.Exists("sixteen-byte-nam"); err == nil {
			t.Error("a name that no link can have is taken")
		}
	})
}

// up makes a plan true.
func up(t *testing.T, p plan.Plan) *plan.Executor {
	t.Helper()
	e := &plan.Executor{Journal: &plan.Memory{}}
	if err := e.Up(t.Context(), p); err != nil {
		t.Fatalf("%v", err)
	}
	return e
}
