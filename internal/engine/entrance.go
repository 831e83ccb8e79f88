package engine

import (
	"net/netip"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// An entrance is how ports of the host lead to a container: by the endpoints
// that give it its default routes.
type entrance struct {
	ipv4, ipv6 state.Attachment
	binding    netip.Addr // what a port is published on that names no address, if its network says so
	hostIPv6   bool       // else that is every address of the host, and of IPv6, too, where it has any
}

// entranceOf is a container's; it has none without a default route.
func (e *Engine) entranceOf(run *state.Run, networks []*state.Network) (in entrance, ok bool) {
	in, ok = waysOf(run)
	if in.ipv4.Address.IsValid() {
		in.binding = e.traits(networkByID(networks, in.ipv4.NetworkID)).Binding
	}
	in.hostIPv6 = nat.HasIPv6()
	return in, ok
}

// waysOf is the endpoints alone.
func waysOf(run *state.Run) (in entrance, ok bool) {
	var v4, v6 bool
	in.ipv4, v4 = wayOut(run)
	in.ipv6, v6 = wayOut6(run)
	return in, v4 || v6
}

// hostIPs are the addresses that a port is published on. One of IPv4 needs a
// container with IPv4; the supervisor's proxy carries IPv6 to any.
func (in entrance) hostIPs(asked netip.Addr) []netip.Addr {
	var all []netip.Addr
	v4 := in.ipv4.Address.IsValid()
	switch {
	case asked.Is6():
		return []netip.Addr{asked}
	case asked.IsValid() && v4:
		return []netip.Addr{asked}
	case asked.IsValid():
		return nil
	case in.binding.IsValid() && !in.binding.IsUnspecified():
		return []netip.Addr{in.binding}
	}
	if v4 {
		all = append(all, netip.IPv4Unspecified())
	}
	if in.hostIPv6 {
		all = append(all, netip.IPv6Unspecified())
	}
	return all
}

// target is where what arrives at an address of the host is led to.
func (in entrance) target(host netip.Addr) netip.Addr {
	if host.Is6() && in.ipv6.Address6.IsValid() || !in.ipv4.Address.IsValid() {
		return in.ipv6.Address6.Addr()
	}
	return in.ipv4.Address.Addr()
}
