package engine

import (
	"fmt"
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

// hostIPs are the addresses that a spec's ports are published on.
func (in entrance) hostIPs(spec nat.Spec) (all []netip.Addr) {
	asked := []netip.Addr{netip.IPv4Unspecified()}
	switch {
	case spec.HostIP.IsValid():
		asked[0] = spec.HostIP
	case in.binding.IsValid() && !in.binding.IsUnspecified():
		asked[0] = in.binding
	case in.hostIPv6:
		asked = append(asked, netip.IPv6Unspecified())
	}
	for _, host := range asked {
		if in.leads(host, spec.Proto) {
			all = append(all, host)
		}
	}
	return all
}

// leads says that what arrives at an address of the host can get to the
// container. The supervisor's proxy carries IPv6 to any, but no SCTP, and the
// kernel no IPv6 that is sent to ::1.
func (in entrance) leads(host netip.Addr, proto string) bool {
	switch {
	case !host.Is6():
		return in.ipv4.Address.IsValid()
	case proto == "sctp":
		return in.ipv6.Address6.IsValid() && !host.IsLoopback()
	}
	return true
}

// leadsAs says that ports are published on the same families as with another
// entrance.
func (in entrance) leadsAs(other entrance, specs []nat.Spec) bool {
	for _, s := range specs {
		for _, host := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
			if in.leads(host, s.Proto) != other.leads(host, s.Proto) {
				return false
			}
		}
	}
	return true
}

// dead is why nothing leads from a spec's address to a container.
func dead(spec nat.Spec, c *state.Container) string {
	switch {
	case spec.HostIP.IsLoopback() && spec.HostIP.Is6():
		return "SCTP to ::1 reaches no container"
	case spec.HostIP.Is6():
		return fmt.Sprintf("container %s has no IPv6, and only the kernel carries SCTP", c.Name)
	}
	return fmt.Sprintf("container %s has no IPv4", c.Name)
}

// target is where what arrives at an address of the host is led to.
func (in entrance) target(host netip.Addr) netip.Addr {
	if host.Is6() && in.ipv6.Address6.IsValid() || !in.ipv4.Address.IsValid() {
		return in.ipv6.Address6.Addr()
	}
	return in.ipv4.Address.Addr()
}
