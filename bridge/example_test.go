package bridge_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"testing"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

func ExampleNetwork_Plan() {
	network := bridge.Network{
		Bridge:  "minibr0",
		MAC:     net.HardwareAddr{0x02, 0x42, 0x1f, 0x3c, 0x5a, 0x79},
		Gateway: netip.MustParsePrefix("172.17.0.1/16"),
	}
	fmt.Print(network.Plan())
	// Output:
	// # a switch made of software
	// ip link add name minibr0 address 02:42:1f:3c:5a:79 type bridge
	// # the host's leg in it: the containers' gateway
	// ip addr add 172.17.0.1/16 brd + dev minibr0
	// # this network has no IPv6: the host takes none from it, and routes none
	// sysctl -qw net.ipv6.conf.minibr0.disable_ipv6=1
	// # switched on; no carrier until the first cable is plugged in
	// ip link set dev minibr0 up
}

func ExampleEndpoint_Plan() {
	endpoint := bridge.Endpoint{
		NS:      "web",
		Bridge:  "minibr0",
		Veth:    "mbv1a2b3c4d",
		Dev:     "eth0",
		MAC:     net.HardwareAddr{0x02, 0x42, 172, 17, 0, 2},
		Address: netip.MustParsePrefix("172.17.0.2/16"),
		MTU:     1400,
		Alias:   "web on bridge",
	}
	fmt.Print(endpoint.Plan())
	// Output:
	// # a cable: one end in the bridge, the other inside the container
	// ip link add name mbv1a2b3c4d mtu 1400 master minibr0 up type veth peer name eth0 mtu 1400 address 02:42:ac:11:00:02 netns web
	// # a frame may leave by the port it came in by: the container reaches its own published ports
	// bridge link set dev mbv1a2b3c4d hairpin on
	// # a note for people: whose cable this is
	// ip link set dev mbv1a2b3c4d alias 'web on bridge'
	// # no IPv6 on this network: no link-local address either
	// ip netns exec web sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1
	// # the container's address; the kernel adds the route to its subnet
	// ip -n web addr add 172.17.0.2/16 brd + dev eth0
	// # switched on inside: now the cable has a carrier
	// ip -n web link set dev eth0 up
}

// A container on a network with IPv4 alone joins one with both, and leaves the
// first.
func ExampleWay_From() {
	old := bridge.Way{NS: "web", IPv4: bridge.Hop{Gateway: netip.MustParseAddr("172.17.0.1"), Dev: "eth0"}}
	dual := bridge.Way{
		NS:   "web",
		IPv4: bridge.Hop{Gateway: netip.MustParseAddr("172.18.0.1"), Dev: "eth1"},
		IPv6: bridge.Hop{Gateway: netip.MustParseAddr("fd00:18::1"), Dev: "eth1"},
	}
	fmt.Print(dual.From(old))
	fmt.Print(bridge.Way{NS: "web", IPv4: old.IPv4}.From(dual))
	// Output:
	// # everything else goes to the gateway: the bridge's address
	// ip -n web route replace default via 172.18.0.1 dev eth1
	// # everything else goes to the gateway: the bridge's address
	// ip -n web -6 route replace default via fd00:18::1 dev eth1
	// # everything else goes to the gateway: the bridge's address
	// ip -n web route replace default via 172.17.0.1 dev eth0
	// # no network is left that leads to everywhere else
	// ip -n web -6 route del default via fd00:18::1 dev eth1
}

// A bridge and one container's cable into it, up and down again. The namespace
// is one that `ip netns add web` made.
func Example() {
	network := bridge.Network{
		Bridge:  "lab0",
		MAC:     net.HardwareAddr{0x02, 0x42, 0x0a, 0x00, 0x00, 0x01},
		Gateway: netip.MustParsePrefix("10.9.0.1/24"),
	}
	endpoint := bridge.Endpoint{
		NS:      "web",
		Bridge:  "lab0",
		Veth:    "labweb",
		Dev:     "eth0",
		MAC:     net.HardwareAddr{0x02, 0x42, 10, 9, 0, 2},
		Address: netip.MustParsePrefix("10.9.0.2/24"),
	}
	way := bridge.Way{NS: "web", IPv4: bridge.Hop{Gateway: netip.MustParseAddr("10.9.0.1"), Dev: "eth0"}}
	lab := plan.Executor{Journal: &plan.Memory{}}
	if err := lab.Up(context.Background(), slices.Concat(network.Plan(), bridge.Loopback("web"), endpoint.Plan(), way.Plan())); err != nil {
		log.Fatal(err) // nothing of it is left
	}
	out, err := exec.Command("ping", "-c1", "-W2", "10.9.0.2").CombinedOutput()
	if err != nil {
		fmt.Printf("ping: %v: %s", err, out)
	}
	if err := lab.Down(0); err != nil {
		log.Fatal(err)
	}
}

// The example needs root, and a machine to try it on.
func TestExample(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, withNetns)
		Example()
		if there, err := bridge.Exists("lab0"); there || err != nil {
			t.Errorf("the bridge is there: %v, %v", there, err)
		}
	})
}
