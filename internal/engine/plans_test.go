package engine_test

import (
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

// A setup is a network and a container that the program could have made.
type setup struct {
	network *state.Network
	run     *state.Run
}

func (s setup) plan(e *engine.Engine) plan.Plan {
	return slices.Concat(e.HostPlan(), e.NetworkPlan(s.network), e.ContainerPlan(s.run, []*state.Network{s.network}))
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
		subnet := rapid.SampledFrom(ipam.Pools()).Draw(t, "subnet")
		n := &state.Network{
			ID: id().Draw(t, "network"), Name: "lab", Driver: "bridge",
			Subnet: subnet, Gateway: subnet.Addr().Next(),
			Internal: rapid.Bool().Draw(t, "internal"),
			Options:  options().Draw(t, "options"),
		}
		n.Bridge = rapid.SampledFrom([]string{"minibr0", "mb-" + n.ID[:12], "br.10"}).Draw(t, "bridge")
		run := &state.Run{ID: id().Draw(t, "container"), Name: containerNames().Draw(t, "name")}
		run.Netns = run.Name
		if rapid.Bool().Draw(t, "sysctls") {
			run.Sysctls = map[string]string{"net.core.somaxconn": "77", "net.ipv4.ip_local_port_range": "2000 3000"}
		}
		if rapid.IntRange(0, 4).Draw(t, "none") == 0 {
			run.Endpoints = []state.Attachment{{NetworkID: n.ID, Network: n.Name, EndpointID: n.ID}}
			return setup{n, run}
		}
		addr := n.Gateway.Next()
		run.Endpoints = []state.Attachment{{
			NetworkID: n.ID, Network: n.Name, EndpointID: n.ID,
			Veth: "mbv" + rapid.StringMatching(`[0-9a-f]{8}`).Draw(t, "veth"), Dev: "eth0", MAC: state.MAC(ipam.MAC(addr)),
			Address: netip.PrefixFrom(addr, subnet.Bits()), Gateway: n.Gateway,
		}}
		run.Ports = rapid.SliceOfNDistinct(published(), 0, 6, func(p state.Port) string {
			return fmt.Sprint(p.HostPort/1000, p.Proto) // a thousand ports for each
		}).Draw(t, "ports")
		return setup{n, run}
	})
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
		check(t, 10, func(t *rapid.T, s setup) { m.TwinPlan(t, s.plan(testEngine(t)), untouched) })
	})
}

func TestNoTraceOnFailure(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, untouched)
		check(t, 4, func(t *rapid.T, s setup) { m.NoTrace(t, s.plan(testEngine(t))) })
	})
}
