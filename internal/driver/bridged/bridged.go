// Package bridged is the network that is a Linux bridge: its containers hang
// on it by veth pairs, the host's own address on it is their gateway, and the
// firewall lets them out and keeps the others away.
package bridged

import (
	"cmp"
	"encoding/hex"
	"net"
	"net/netip"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/driver"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// Default is the name of the network that containers are on when they name
// none. As in Docker it has no names.
const Default = "bridge"

// Driver writes plans for bridges and for one kind of firewall.
type Driver struct {
	Firewall nat.Backend
	IPv6     bool // the kernel has it
}

// Define names the bridge, by its option or after the network's id.
func (d Driver) Define(n *state.Network) error {
	o, err := parse(n)
	if err != nil {
		return err
	}
	n.Bridge = cmp.Or(o.name, "mb-"+state.ShortID(n.ID))
	return nat.CheckBridge(n.Bridge)
}

// Traits are a namespace with a cable in it.
func (d Driver) Traits(n *state.Network) driver.Traits {
	o := of(n)
	return driver.Traits{Namespace: true, Wired: true, Names: n.Name != Default, Prefix: o.prefix, Binding: o.binding}
}

// Network is the bridge and the network's rules.
func (d Driver) Network(n *state.Network) plan.Plan {
	o := of(n)
	p := bridge.Network{
		Bridge:   n.Bridge,
		Adopted:  n.Adopted,
		MAC:      MAC(n.ID),
		Gateway:  netip.PrefixFrom(n.Gateway, n.Subnet.Bits()),
		Gateway6: netip.PrefixFrom(n.Gateway6, n.Subnet6.Bits()),
		NoIPv6:   !d.IPv6,
		MTU:      o.mtu,
	}.Plan()
	return append(p, d.Firewall.Network(nat.Network{
		ID:         state.ShortID(n.ID),
		Bridge:     n.Bridge,
		Subnet:     n.Subnet,
		Subnet6:    n.Subnet6,
		Internal:   n.Internal,
		KeepSource: !o.masquerade,
		Isolated:   !o.icc,
	})...)
}

// MAC is a bridge's: fixed, as one without borrows its ports' lowest, and a
// mark of whose bridge it is.
func MAC(network string) net.HardwareAddr {
	b, _ := hex.DecodeString(network[:8])
	return append(net.HardwareAddr{0x02, 0x42}, b...)
}

// Endpoint is a cable into the bridge.
func (d Driver) Endpoint(n *state.Network, e driver.Endpoint) plan.Plan {
	o := of(n)
	return bridge.Endpoint{
		NS:       e.NS,
		Bridge:   n.Bridge,
		Veth:     e.Veth,
		Dev:      e.Dev,
		MAC:      net.HardwareAddr(e.MAC),
		Address:  e.Address,
		Address6: e.Address6,
		MTU:      o.mtu,
		Isolated: !o.icc,
		Alias:    e.Alias,
		Cabled:   e.Cabled,
		// A kernel without IPv6 has no switch to turn it off.
		KeepIPv6: !d.IPv6,
	}.Plan()
}

// Publish is the firewall's.
func (d Driver) Publish(n *state.Network, p driver.Publication) plan.Plan {
	if len(p.Mappings) == 0 || n.Internal {
		return nil
	}
	return d.Firewall.Publish(publish(n, p))
}

// Unpublish is its opposite.
func (d Driver) Unpublish(n *state.Network, p driver.Publication) []plan.Step {
	return d.Firewall.Unpublish(publish(n, p))
}

func publish(n *state.Network, p driver.Publication) nat.Publish {
	return nat.Publish{ID: p.ID, Bridge: n.Bridge, Target: p.Target, Mappings: p.Mappings}
}

// Masquerades says that the containers of a network go out as the host.
func Masquerades(n *state.Network) bool { return !n.Internal && of(n).masquerade }

// of are a network's options, which were checked when it was made.
func of(n *state.Network) options {
	o, _ := parse(n)
	return o
}

// Options are a network's as people see them: the default one's are fixed.
func Options(n *state.Network) map[string]string {
	all := map[string]string{}
	for k, v := range n.Options {
		all[k] = v
	}
	if n.Name == Default {
		all["com.docker.network.bridge.default_bridge"] = "true"
		all[optICC] = "true"
		all[optMasquerade] = "true"
		all[optBinding] = "0.0.0.0"
		all[optName] = n.Bridge
		all[optMTU] = "1500"
	}
	return all
}
