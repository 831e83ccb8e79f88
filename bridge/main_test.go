package bridge_test

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

func TestMain(m *testing.M) { hosttest.Main(m) }

var (
	prefix  = netip.MustParsePrefix
	address = netip.MustParseAddr
)

func mac(t hosttest.TB, s string) net.HardwareAddr {
	t.Helper()
	m, err := net.ParseMAC(s)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return m
}

// What the tests set up by hand before an op.
const (
	withBridge = "ip link add name br0 address 02:42:00:00:00:01 type bridge"
	withNetns  = "ip netns add web"
	// A process in it, for certain, when the script ends.
	inhabited = `mkfifo /run/inside
ip netns exec web sh -c 'echo > /run/inside; exec sleep 60' &
read -r _ < /run/inside`
	withCable = "ip link add name mbv1 type veth peer name eth0 address 02:42:ac:11:00:02 netns web"
)

// netns is a namespace made by ip(8), as an op, for plans that need one.
type netns string

func (n netns) String() string { return "ip netns add " + string(n) }
func (n netns) Apply() error   { return exec.Command("ip", "netns", "add", string(n)).Run() }

func (n netns) Undo() (plan.Step, error) {
	if _, err := os.Stat(plan.NS(n).Path()); err != nil {
		return netnsDel(n), nil
	}
	return nil, nil
}

type netnsDel string

// String waits for the cable, which goes later than the name.
func (n netnsDel) String() string {
	return "ip netns del " + string(n) + "\nwhile ip link show mbv1a2b3c4d >/dev/null 2>&1; do :; done"
}

func (n netnsDel) Apply() error {
	if _, err := os.Stat(plan.NS(n).Path()); err != nil {
		return nil
	}
	return exec.Command("ip", "netns", "del", string(n)).Run()
}

// network and endpoint are what a container on the default network gets.
func network(t hosttest.TB) bridge.Network {
	return bridge.Network{Bridge: "minibr0", MAC: mac(t, "02:42:1f:3c:5a:79"), Gateway: prefix("172.17.0.1/16")}
}

func endpoint(t hosttest.TB) bridge.Endpoint {
	return bridge.Endpoint{
		NS:      "web",
		Bridge:  "minibr0",
		Veth:    "mbv1a2b3c4d",
		Dev:     "eth0",
		MAC:     mac(t, "02:42:ac:11:00:02"),
		Address: prefix("172.17.0.2/16"),
		Alias:   "web on bridge",
	}
}

func way() bridge.Way {
	return bridge.Way{NS: "web", IPv4: bridge.Hop{Gateway: address("172.17.0.1"), Dev: "eth0"}}
}
