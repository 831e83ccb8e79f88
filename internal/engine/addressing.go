package engine

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/ipam"
	"github.com/minibridge/minibridge/internal/state"
)

// A family is a network's addresses of one IP version, as its record has them.
type family struct {
	name    string
	subnet  *netip.Prefix
	ipRange *netip.Prefix
	gateway *netip.Addr
	chosen  *bool
}

func families(n *state.Network) []family {
	return []family{
		{"IPv4", &n.Subnet, &n.Range, &n.Gateway, &n.Chosen},
		{"IPv6", &n.Subnet6, &n.Range6, &n.Gateway6, &n.Chosen6},
	}
}

// plot is the family's addresses as they are chosen from.
func (f family) plot(n *state.Network) ipam.Plot {
	p := ipam.Plot{Subnet: *f.subnet, Range: *f.ipRange, Gateway: *f.gateway}
	for _, a := range n.Aux {
		if f.subnet.Contains(a) {
			p.Aux = append(p.Aux, a)
		}
	}
	return p
}

// wants says whether the network is to have addresses of the family.
func (f family) wants(spec NetworkSpec) bool {
	if f.name == "IPv6" {
		return spec.IPv6
	}
	return spec.IPv4 == nil || *spec.IPv4
}

// addressing reads the subnets and what belongs to them, with Docker's texts.
func addressing(n *state.Network, spec NetworkSpec) error {
	if len(spec.Ranges) > len(spec.Subnets) || len(spec.Gateways) > len(spec.Subnets) {
		return errorf("every ip-range or gateway must have a corresponding subnet")
	}
	for _, text := range spec.Subnets {
		if err := oneSubnet(n, spec, text); err != nil {
			return err
		}
	}
	for _, text := range spec.Ranges {
		if err := oneRange(n, text); err != nil {
			return err
		}
	}
	for _, text := range spec.Gateways {
		if err := oneGateway(n, text); err != nil {
			return err
		}
	}
	for _, text := range spec.Aux {
		name, value, _ := strings.Cut(text, "=")
		addr, err := netip.ParseAddr(value)
		if err != nil || familyOf(n, addr) == nil {
			return errorf("no matching subnet for aux-address %s", Printable(value))
		}
		if n.Aux == nil {
			n.Aux = make(map[string]netip.Addr)
		}
		n.Aux[name] = addr
	}
	return chooseGateways(n)
}

// familyOf is the family whose subnet has the address in it.
func familyOf(n *state.Network, addr netip.Addr) *family {
	for _, f := range families(n) {
		if f.subnet.Contains(addr) {
			return &f
		}
	}
	return nil
}

// routable leaves out what stays on one host or one link, or is no host's:
// loopback, link-local, multicast, unspecified (RFC 6890).
func routable(a netip.Addr) bool {
	return !a.IsLoopback() && !a.IsMulticast() && !a.IsUnspecified() && !(a.Is6() && a.IsLinkLocalUnicast())
}

func oneSubnet(n *state.Network, spec NetworkSpec, text string) error {
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return errorf("invalid network config:\ninvalid subnet %s: invalid CIDR block notation", Printable(text))
	}
	f := families(n)[0]
	if p.Addr().Is6() {
		f = families(n)[1]
	}
	switch {
	case p != p.Masked():
		return errorf("invalid network config:\ninvalid subnet %s: it should be %s", text, p.Masked())
	case !routable(p.Addr()):
		return errorf("invalid network config:\ninvalid subnet %s: no bridge can have such addresses", text)
	case !f.wants(spec):
		return errorf("invalid network config:\ninvalid subnet %s: %s is not enabled", text, f.name).
			hint("minibridge network create --%s --subnet %s …", strings.ToLower(f.name), text)
	case f.subnet.IsValid() && f.subnet.Overlaps(p):
		return errorf("multiple overlapping subnet configuration is not supported")
	case f.subnet.IsValid():
		return errorf("bridge driver doesn't support multiple subnets")
	}
	*f.subnet = p
	return nil
}

func oneRange(n *state.Network, text string) error {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return errorf("invalid CIDR address: %s", Printable(text))
	}
	all := families(n)
	i := slices.IndexFunc(all, func(f family) bool { return f.subnet.IsValid() && f.subnet.Overlaps(p) })
	if i < 0 {
		return errorf("no matching subnet for range %s", Printable(text))
	}
	f := all[i]
	switch {
	case p.Bits() < f.subnet.Bits():
		return errorf("invalid network config:\ninvalid ip-range %s: CIDR block is bigger than its parent subnet %s", text, *f.subnet)
	case p != p.Masked():
		return errorf("invalid network config:\ninvalid ip-range %s: it should be %s", text, p.Masked())
	}
	*f.ipRange = p
	return nil
}

func oneGateway(n *state.Network, text string) error {
	addr, err := netip.ParseAddr(text)
	f := familyOf(n, addr)
	switch {
	case err != nil || f == nil || addr.Zone() != "":
		return errorf("no matching subnet for gateway %s", Printable(text))
	case ipam.Plot{Subnet: *f.subnet}.Reserved(addr):
		return errorf("failed to allocate gateway (%s): Address already in use", addr)
	}
	*f.gateway = addr
	return nil
}

// chooseGateways gives each subnet a gateway, if none was asked for.
func chooseGateways(n *state.Network) error {
	for _, f := range families(n) {
		if !f.subnet.IsValid() {
			continue
		}
		if !f.gateway.IsValid() {
			gateway, ok := f.plot(n).FirstGateway()
			if !ok {
				return errorf("no available %s addresses on this network's address pools: %s (%s)", f.name, n.Name, n.ID)
			}
			*f.gateway = gateway
		}
		for name, a := range n.Aux {
			if f.subnet.Contains(a) && (ipam.Plot{Subnet: *f.subnet, Gateway: *f.gateway}).Reserved(a) {
				return errorf("failed to allocate secondary ip address (%s:%s): Address already in use", Printable(name), a)
			}
		}
	}
	return nil
}
