package bridge_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

// Each op: what it applies is what it prints, and its undo takes it back.
func TestTwins(t *testing.T) {
	script := func(lines ...string) string { return strings.Join(lines, "\n") }
	inside := script(withNetns, withCable, "ip -n web addr add 172.17.0.2/16 dev eth0",
		"ip -n web addr add 2001:db8:9::2/64 nodad dev eth0", "ip -n web link set dev eth0 up")
	second := script("ip link add name mbv2 type veth peer name eth1 netns web", "ip -n web addr add 172.18.0.2/16 dev eth1",
		"ip -n web addr add 2001:db8:a::2/64 nodad dev eth1", "ip -n web link set dev eth1 up")
	v6 := "sysctl -qw net.ipv6.conf.all.disable_ipv6=0"
	for name, c := range map[string]struct {
		op      plan.Op
		prepare string
	}{
		"bridge":         {&bridge.BridgeAdd{Name: "br0", MAC: mac(t, "02:42:00:00:00:01")}, ""},
		"odd name":       {&bridge.BridgeAdd{Name: "a$b;'c", MAC: mac(t, "02:42:00:00:00:01")}, ""},
		"link up":        {&bridge.LinkUp{Dev: "br0"}, withBridge},
		"lo up":          {&bridge.LinkUp{NS: "web", Dev: "lo"}, withNetns},
		"mtu":            {&bridge.LinkMTU{Dev: "br0", MTU: 1400}, withBridge},
		"mtu inside":     {&bridge.LinkMTU{NS: "web", Dev: "eth0", MTU: 1400}, script(withNetns, withCable)},
		"alias":          {&bridge.LinkAlias{Dev: "mbv1", Alias: `it's "web"`}, script(withNetns, withCable)},
		"another alias":  {&bridge.LinkAlias{Dev: "mbv1", Alias: "new", Old: "it's old"}, script(withNetns, withCable, `ip link set dev mbv1 alias "it's old"`)},
		"address":        {&bridge.AddrAdd{Dev: "br0", Prefix: prefix("172.17.0.1/16")}, withBridge},
		"second address": {&bridge.AddrAdd{Dev: "br0", Prefix: prefix("172.17.0.9/16")}, script(withBridge, "ip addr add 172.17.0.1/16 brd + dev br0")},
		"address /30":    {&bridge.AddrAdd{Dev: "br0", Prefix: prefix("10.0.0.1/30")}, withBridge},
		"address /31":    {&bridge.AddrAdd{Dev: "br0", Prefix: prefix("10.0.0.1/31")}, withBridge},
		"address /32":    {&bridge.AddrAdd{Dev: "br0", Prefix: prefix("10.0.0.1/32")}, withBridge},
		"IPv6 address":   {&bridge.AddrAdd{Dev: "br0", Prefix: prefix("2001:db8:9::1/64")}, script(v6, withBridge)},
		"address inside": {&bridge.AddrAdd{NS: "web", Dev: "eth0", Prefix: prefix("172.17.0.2/16")}, script(withNetns, withCable)},
		"isolated":       {&bridge.PortSet{Dev: "mbv1", Hairpin: true, Isolated: true}, script(withNetns, withBridge, withCable, "ip link set dev mbv1 master br0")},
		"hairpin":        {&bridge.PortSet{Dev: "mbv1", Hairpin: true}, script(withNetns, withBridge, withCable, "ip link set dev mbv1 master br0")},
		"route": {&bridge.RouteSet{Gateway: address("172.17.0.9"), Dev: "br0"},
			script("ip route del default", withBridge, "ip addr add 172.17.0.1/16 dev br0", "ip link set dev br0 up")},
		"route beside another": {&bridge.RouteSet{Gateway: address("172.17.0.9"), Dev: "br0"},
			script(withBridge, "ip addr add 172.17.0.1/16 dev br0", "ip link set dev br0 up", "ip route replace default via 192.0.2.2 metric 7", "ip route del default metric 0")},
		"route in place of another": {&bridge.RouteSet{Gateway: address("172.17.0.9"), Dev: "br0"},
			script(withBridge, "ip addr add 172.17.0.1/16 dev br0", "ip link set dev br0 up")},
		"route by another gateway":        {&bridge.RouteSet{Gateway: address("192.0.2.9"), Dev: "uplink"}, ""},
		"route gone":                      {&bridge.RouteDel{Gateway: address("192.0.2.2"), Dev: "uplink"}, ""},
		"route inside":                    {&bridge.RouteSet{NS: "web", Gateway: address("172.17.0.1"), Dev: "eth0"}, inside},
		"route inside, in place":          {&bridge.RouteSet{NS: "web", Gateway: address("172.18.0.1"), Dev: "eth1"}, script(inside, second, "ip -n web route add default via 172.17.0.1")},
		"route inside, gone":              {&bridge.RouteDel{NS: "web", Gateway: address("172.17.0.1"), Dev: "eth0"}, script(inside, "ip -n web route add default via 172.17.0.1")},
		"IPv6 route inside":               {&bridge.RouteSet{NS: "web", Gateway: address("2001:db8:9::1"), Dev: "eth0"}, inside},
		"IPv6 route inside, in place":     {&bridge.RouteSet{NS: "web", Gateway: address("2001:db8:a::1"), Dev: "eth1"}, script(inside, second, "ip -n web route add default via 2001:db8:9::1")},
		"IPv6 route inside, gone":         {&bridge.RouteDel{NS: "web", Gateway: address("2001:db8:9::1"), Dev: "eth0"}, script(inside, "ip -n web route add default via 2001:db8:9::1")},
		"link-local IPv6 route, in place": {&bridge.RouteSet{NS: "web", Gateway: address("fe80::1"), Dev: "eth1"}, script(inside, second, "ip -n web route add default via fe80::1 dev eth0")},
		"cable": {&bridge.VethAdd{Veth: "mbv1", Bridge: "br0", Peer: "eth0", NS: "web", MAC: mac(t, "02:42:ac:11:00:02")},
			script(withNetns, withBridge, inhabited)},
		"cable pulled out":   {&bridge.PlugIn{Veth: "mbv1", Bridge: "br0", Peer: "eth0", NS: "web"}, script(withNetns, withBridge, withCable)},
		"cable in another":   {&bridge.PlugIn{Veth: "mbv1", Bridge: "br0", Peer: "eth0", NS: "web"}, script(withNetns, withBridge, withCable, "ip link add br1 address 02:42:00:00:00:02 type bridge", "ip link set mbv1 master br1 up")},
		"cable switched off": {&bridge.PlugIn{Veth: "mbv1", Bridge: "br0", Peer: "eth0", NS: "web"}, script(withNetns, withBridge, withCable, "ip link set mbv1 master br0")},
		"MAC inside":         {&bridge.LinkAddress{NS: "web", Dev: "eth0", MAC: mac(t, "02:42:ac:11:00:09")}, script(withNetns, withCable, "ip -n web link set eth0 up")},
		"cable with an MTU": {&bridge.VethAdd{Veth: "mbv1", Bridge: "br0", Peer: "eth0", NS: "web", MAC: mac(t, "02:42:ac:11:00:02"), MTU: 1400},
			script(withNetns, withBridge, inhabited)},
	} {
		t.Run(name, func(t *testing.T) { hosttest.Twin(t, c.op, c.prepare) })
	}
}

// Before anything of a plan is there, each of its ops says that it would be done.
func TestLookAtNothing(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		p := slices.Concat(network(t).Plan(), bridge.Loopback("web"), endpoint(t).Plan(), way().Plan())
		missing, err := plan.Drift(p)
		if err != nil || missing.String() != p.String() {
			t.Errorf("missing, of %d lines, %d: %v", len(p), len(missing), err)
		}
	})
}
