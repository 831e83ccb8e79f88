package bridge_test

import (
	"strings"
	"testing"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/hosttest"
	"github.com/minibridge/minibridge/plan"
)

// An op that finds something else in its place says what.
func TestInTheWay(t *testing.T) {
	br := mac(t, "02:42:00:00:00:01")
	cable := bridge.VethAdd{Veth: "mbv1", Bridge: "br0", Peer: "eth0", NS: "web", MAC: mac(t, "02:42:ac:11:00:02")}
	plugged := withNetns + "\n" + withBridge + "\n" + withCable
	for name, c := range map[string]struct {
		prepare string
		op      plan.Op
		want    string
	}{
		"another kind of link": {"ip link add name br0 address 02:42:00:00:00:01 type veth",
			&bridge.BridgeAdd{Name: "br0", MAC: br}, "br0 exists already and is not ours (veth, MAC 02:42:00:00:00:01)"},
		"another bridge": {"ip link add name br0 address 02:42:00:00:00:99 type bridge",
			&bridge.BridgeAdd{Name: "br0", MAC: br}, "br0 exists already and is not ours (bridge, MAC 02:42:00:00:00:99)"},
		"another name of a link": {"ip link property add dev uplink altname br0",
			&bridge.BridgeAdd{Name: "br0", MAC: br}, "br0 exists already and is not ours (veth, MAC "},
		"bridge without a MAC":   {"", &bridge.BridgeAdd{Name: "br0"}, "has not 6 bytes"},
		"name too long":          {"", &bridge.BridgeAdd{Name: "sixteen-byte-nam", MAC: br}, `link name "sixteen-byte-nam" has 16 bytes: must have 1 to 15`},
		"name that is a pattern": {"", &bridge.BridgeAdd{Name: "br%d", MAC: br}, `link name "br%d": can't`},
		"name that is a path":    {"", &bridge.LinkUp{Dev: "../x"}, `link name "../x": can't`},
		"cable to nowhere":       {"", &bridge.VethAdd{Veth: "mbv1", Bridge: "br0", Peer: "eth0", MAC: br}, "needs a network namespace"},
		"no name":                {"", &bridge.LinkUp{}, `link name "" has 0 bytes`},
		"same address":           {withBridge + "\nip addr add 172.17.0.1/24 dev br0", &bridge.AddrAdd{Dev: "br0", Prefix: prefix("172.17.0.1/16")}, "172.17.0.1 is on br0 already, as 172.17.0.1/24"},
		"no address":             {withBridge, &bridge.AddrAdd{Dev: "br0"}, "no address for br0"},
		"a route to nobody":      {"ip route replace default dev uplink", &bridge.RouteSet{Gateway: address("192.0.2.9"), Dev: "uplink"}, "can't be brought back"},
		"a route to several": {"ip route replace default nexthop via 192.0.2.2 nexthop via 192.0.2.3",
			&bridge.RouteDel{Gateway: address("192.0.2.2"), Dev: "uplink"}, "can't be brought back"},
		"no gateway":         {"", &bridge.RouteSet{Dev: "br0"}, "no gateway behind br0"},
		"another alias":      {withBridge + "\nip link set dev br0 alias theirs", &bridge.LinkAlias{Dev: "br0", Alias: "ours"}, `br0 has the alias "theirs" already`},
		"a link inside":      {withNetns + "\nip -n web link add name eth0 type veth", &cable, "web has a link eth0 already (veth, MAC "},
		"a link outside":     {withNetns + "\nip link add name mbv1 type veth", &cable, "mbv1 exists already and is not the other end of eth0 in web"},
		"half a cable":       {plugged + "\nip -n web link set dev eth0 name eth1", &bridge.PlugIn{Veth: "mbv1", Bridge: "br0", Peer: "eth0", NS: "web"}, "mbv1 is not the other end of eth0 in web"},
		"no cable":           {withNetns + "\n" + withBridge, &bridge.PlugIn{Veth: "mbv1", Bridge: "br0", Peer: "eth0", NS: "web"}, "link mbv1: no such device"},
		"cable pulled out":   {plugged, &cable, "ip link set dev mbv1 master br0"},
		"cable switched off": {plugged + "\nip link set dev mbv1 master br0", &cable, "ip link set dev mbv1 up"},
	} {
		t.Run(name, func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				m.Sh(t, c.prepare)
				undo, err := c.op.Undo()
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: undo %v, error %v, not %q", c.op, undo, err, c.want)
				}
			})
		})
	}
}

// An undo step takes the absence of its object for success, and leaves a
// stranger's in its place alone.
func TestUndoMeets(t *testing.T) {
	const theirs = "ip link add name br0 address 02:42:00:00:00:99 type bridge\nip addr add 172.17.0.1/16 dev br0\nip link set dev br0 up mtu 1400"
	const left = "br0 is not ours any more (bridge, MAC 02:42:00:00:00:99): left alone"
	for _, step := range []plan.Step{
		&bridge.LinkDel{Name: "br0", MAC: "02:42:00:00:00:01"},
		&bridge.LinkDown{Dev: "br0", MAC: "02:42:00:00:00:01"},
		&bridge.AddrDel{Dev: "br0", MAC: "02:42:00:00:00:01", Prefix: prefix("172.17.0.1/16")},
		&bridge.LinkMTU{Dev: "br0", MAC: "02:42:00:00:00:01", MTU: 1500, If: 1400},
		&bridge.VethDel{Veth: "br0", NS: "web"},
	} {
		t.Run(step.String(), func(t *testing.T) {
			hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
				if err := step.Apply(); err != nil {
					t.Errorf("with nothing there: %v", err)
				}
				m.Sh(t, theirs)
				before := m.State(t)
				if err := step.Apply(); err == nil || err.Error() != left {
					t.Errorf("with a stranger's there: %v, not %q", err, left)
				}
				m.WaitState(t, before)
			})
		})
	}
}

// A default route that is gone, or that never came, needs no undo.
func TestRouteDelTwice(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		for range 2 {
			if err := (&bridge.RouteDel{Gateway: address("192.0.2.2"), Dev: "uplink"}).Apply(); err != nil {
				t.Error(err)
			}
		}
		if out := m.Sh(t, "ip route show default"); out != "" {
			t.Error("still there:", out)
		}
	})
}

// A link that is gone took its route along: nothing is to be brought back. To
// set a route on one that is not there is an error.
func TestRouteOfAGoneLink(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, withNetns)
		for _, ns := range []plan.NS{"", "web", "gone"} {
			route := &bridge.RouteSet{NS: ns, Gateway: address("172.17.0.1"), Dev: "eth7"}
			if err := route.Apply(); err == nil {
				t.Errorf("%s: no error", route)
			}
			route.Back = true
			if err := route.Apply(); err != nil {
				t.Errorf("%s, to bring it back: %v", route, err)
			}
		}
	})
}

// A setting that somebody changed since is theirs.
func TestMTUChangedByOthers(t *testing.T) {
	hosttest.Run(t, func(t *testing.T, m *hosttest.Machine) {
		m.Sh(t, withBridge+"\nip link set dev br0 mtu 1300")
		if err := (&bridge.LinkMTU{Dev: "br0", MTU: 1500, If: 1400}).Apply(); err != nil {
			t.Error(err)
		}
		if mtu := m.Sh(t, "cat /sys/class/net/br0/mtu"); mtu != "1300" {
			t.Error("MTU is", mtu)
		}
	})
}
