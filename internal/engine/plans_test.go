package engine_test

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minibridge/minibridge/internal/engine"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/internal/ipam"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// A setup is networks and a container on them that the program could have made.
type setup struct {
	networks []*state.Network
	run      *state.Run
	uplinks  []string // of the host, by router advertisements
	firewall string
}

// engine is one that writes its rules.
func (s setup) engine(t hosttest.TB) *engine.Engine { return engineWith(t, s.firewall) }

func (s setup) plan(e *engine.Engine) plan.Plan {
	p := e.HostPlan()
	if slices.ContainsFunc(s.networks, func(n *state.Network) bool { return n.Subnet6.IsValid() }) {
		p = append(p, e.RouterPlan6(s.uplinks)...)
	}
	for _, n := range s.networks {
		p = append(p, e.NetworkPlan(n)...)
	}
	return append(p, e.ContainerPlan(s.run, s.networks)...)
}

// without is the setup before its container came to the last of its networks.
func (s setup) without() setup {
	run := *s.run
	run.Endpoints = run.Endpoints[:len(run.Endpoints)-1]
	return setup{s.networks, &run, s.uplinks, s.firewall}
}

// arrival is the plan that takes it there.
func (s setup) arrival(e *engine.Engine) plan.Plan {
	return e.ArrivalPlan(s.without().run, s.run, s.networks)
}

func id() *rapid.Generator[string] { return rapid.StringMatching(`[0-9]{11}[a-f][0-9a-f]{52}`) }

// containerNames are legal; the odd ones are in want of quotes, or are more to
// a program than a word.
func containerNames() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"web", "0-", "a.", "A_b.c-d", "0x10", "1.2.3.4", "netns", "all", "eth0.1", "del", strings.Repeat("n", 63)}),
		rapid.StringMatching(`[a-zA-Z0-9][a-zA-Z0-9_.-]{1,20}`),
	)
}

// options are those that change what a network's plans hold.
func options() *rapid.Generator[map[string]string] {
	return rapid.Custom(func(t *rapid.T) map[string]string {
		all := map[string]string{}
		for _, option := range [][2]string{
			{"com.docker.network.bridge.enable_icc", "false"},
			{"com.docker.network.bridge.enable_ip_masquerade", "false"},
			{"com.docker.network.driver.mtu", "1400"},
		} {
			if rapid.Bool().Draw(t, option[0]) {
				all[option[0]] = option[1]
			}
		}
		return all
	})
}

func setups() *rapid.Generator[setup] {
	return rapid.Custom(func(t *rapid.T) setup {
		run := &state.Run{ID: id().Draw(t, "container"), Name: containerNames().Draw(t, "name")}
		run.Netns = run.Name
		s := setup{run: run, uplinks: rapid.SampledFrom([][]string{nil, {"lo"}}).Draw(t, "uplinks")}
		s.firewall = rapid.SampledFrom([]string{"iptables", "nftables"}).Draw(t, "firewall")
		for i := range rapid.IntRange(0, 3).Draw(t, "networks") {
			s.networks = append(s.networks, network(t, i))
			run.Endpoints = append(run.Endpoints, attached(t, s.networks[i], i))
		}
		run.Ports = rapid.SliceOfNDistinct(published(), 0, 6, func(p state.Port) string {
			return fmt.Sprint(p.HostPort/1000, p.Proto) // a thousand ports for each
		}).Draw(t, "ports")
		run.Sysctls = rapid.SampledFrom([]map[string]string{nil, {"net.ipv4.ip_forward": "1"}}).Draw(t, "sysctls")
		return s
	})
}

// network is the i'th of a machine.
func network(t *rapid.T, i int) *state.Network {
	n := &state.Network{
		ID: id().Draw(t, "network"), Name: rapid.StringMatching(`[a-z]`).Draw(t, "name") + strconv.Itoa(i), Driver: "bridge",
		Internal: rapid.Bool().Draw(t, "internal"),
		Options:  options().Draw(t, "options"),
	}
	families := rapid.SampledFrom([]string{"IPv4", "IPv6", "both"}).Draw(t, "families")
	if families != "IPv6" {
		n.Subnet = ipam.Pools()[10*i+rapid.IntRange(0, 9).Draw(t, "subnet")]
		n.Gateway = n.Subnet.Addr().Next()
	}
	if families != "IPv4" {
		n.Subnet6 = netip.MustParsePrefix(fmt.Sprintf("fd00:%d::/64", i))
		n.Gateway6 = n.Subnet6.Addr().Next()
	}
	n.Bridge = rapid.SampledFrom([]string{"minibr" + strconv.Itoa(i), "mb-" + n.ID[:12], "br.1" + strconv.Itoa(i)}).Draw(t, "bridge")
	return n
}

// attached is the container's endpoint on it, its i'th.
func attached(t *rapid.T, n *state.Network, i int) state.Attachment {
	at := state.Attachment{
		NetworkID: n.ID, Network: n.Name, EndpointID: n.ID,
		Veth: "mbv" + rapid.StringMatching(`[0-9a-f]{7}`).Draw(t, "veth") + strconv.Itoa(i), Dev: "eth" + strconv.Itoa(i),
		Address: netip.PrefixFrom(n.Gateway.Next(), n.Subnet.Bits()), Address6: netip.PrefixFrom(n.Gateway6.Next(), n.Subnet6.Bits()), Priority: rapid.IntRange(-1, 1).Draw(t, "priority"),
	}
	for _, addr := range at.Addresses() {
		at.MAC = state.MAC(ipam.MAC(addr))
	}
	if !n.Internal {
		at.Gateway, at.Gateway6 = n.Gateway, n.Gateway6
	}
	return at
}

// published are the kinds of port that -p can end in: one, a run of equal
// ports, a shifted run; on every address of the host or on one.
func published() *rapid.Generator[state.Port] {
	return rapid.Custom(func(t *rapid.T) state.Port {
		count := rapid.OneOf(rapid.Just(1), rapid.IntRange(2, 900)).Draw(t, "count")
		p := state.Port{
			HostIP:   rapid.SampledFrom([]netip.Addr{netip.IPv4Unspecified(), netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.1")}).Draw(t, "host ip"),
			HostPort: uint16(rapid.IntRange(1, 64).Draw(t, "host port")*1000 + rapid.IntRange(0, 1000-count).Draw(t, "of a thousand")),
			Count:    count,
			Proto:    rapid.SampledFrom([]string{"tcp", "udp", "sctp"}).Draw(t, "proto"),
		}
		p.Port = p.HostPort
		if rapid.Bool().Draw(t, "shifted") {
			p.Port = uint16(rapid.IntRange(1, 65536-count).Draw(t, "port"))
		}
		return p
	})
}

// check holds a property against n setups, or as many as -rapid.checks says.
func check(t *testing.T, n int, property func(t *rapid.T, s setup)) {
	t.Helper()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked { // in its machine, a test has the process for itself
		if err := flag.Set("rapid.checks", strconv.Itoa(n)); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) { property(t, setups().Draw(t, "setup")) })
}

// untouched makes a machine one where nobody has used named namespaces yet:
// scripts are for such a one.
const untouched = `ip link del uplink
ip netns del outside
umount /run/netns
rmdir /run/netns`

func TestExplainIsTrue(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, untouched)
		check(t, 10, func(t *rapid.T, s setup) { m.TwinPlan(t, s.plan(s.engine(t)), untouched) })
	})
}

func TestExplainOfAnArrivalIsTrue(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, untouched)
		check(t, 5, func(t *rapid.T, s setup) {
			s.beforeArrival(t, m, func(script string) { m.TwinPlan(t, s.arrival(s.engine(t)), untouched+"\n"+script) })
		})
	})
}

func TestNoTraceOnFailure(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, untouched)
		check(t, 4, func(t *rapid.T, s setup) { m.NoTrace(t, s.plan(s.engine(t))) })
	})
}

// A container that can't come to a network is where it was.
func TestNoTraceOfAnArrivalThatFails(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		check(t, 4, func(t *rapid.T, s setup) {
			s.beforeArrival(t, m, func(string) { m.NoTrace(t, s.arrival(s.engine(t))) })
		})
	})
}

// beforeArrival calls f where the container, with a process in it, is not yet
// on the last of its networks, with a script that leads there.
func (s setup) beforeArrival(t *rapid.T, m *hosttest.Machine, f func(script string)) {
	if len(s.run.Endpoints) == 0 {
		return
	}
	before := s.without().plan(s.engine(t))
	up := plan.Executor{Journal: &plan.Memory{}}
	if err := up.Up(context.Background(), before); err != nil {
		t.Fatal(err)
	}
	inside := plan.NS(s.run.Netns).Exec() + "sleep 1000 >/dev/null 2>&1 &"
	pid := m.Sh(t, inside+" echo $!")
	f(before.String() + inside)
	m.Sh(t, "kill "+pid)
	for m.Sh(t, "ip netns pids "+plan.Quote(s.run.Netns)) != "" {
	}
	if err := up.Down(0); err != nil {
		t.Fatal(err)
	}
	for _, at := range s.run.Wired() {
		m.WaitNoLink(t, at.Veth)
	}
}
