package engine

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/ipam"
	"github.com/minibridge/minibridge/internal/state"
)

// NetworkSpec is what a person asks of network create.
type NetworkSpec struct {
	Name       string
	Driver     string // "" = bridge
	Subnets    []string
	Gateways   []string
	Ranges     []string
	Aux        []string // NAME=ADDRESS
	Internal   bool
	IPv4       *bool // nil = yes
	IPv6       bool
	Attachable bool
	Options    map[string]string
	Labels     map[string]string
}

// CreateNetwork makes a network and brings it up. It returns the id.
func (e *Engine) CreateNetwork(ctx context.Context, spec NetworkSpec) (id string, err error) {
	n, err := e.defineNetwork(spec)
	if err != nil {
		return "", err
	}
	s, err := e.lock(ctx, "network create")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	all, err := s.networks()
	if err != nil {
		return "", err
	}
	if err := s.admit(n, all); err != nil {
		return "", err
	}
	if err := s.held.WriteNetwork(n); err != nil {
		return "", err
	}
	if err := errors.Join(s.upHost(ctx), s.upNetwork(ctx, n)); err != nil {
		return "", errors.Join(err, s.held.RemoveNetwork(n.ID))
	}
	return n.ID, nil
}

// defineNetwork makes a network's record of what was asked for, without a look at
// this machine.
func (e *Engine) defineNetwork(spec NetworkSpec) (*state.Network, error) {
	n := &state.Network{
		ID: newID(), Name: spec.Name, Driver: cmp.Or(spec.Driver, "bridge"), Created: time.Now().UTC(),
		Internal: spec.Internal, Attachable: spec.Attachable, Options: spec.Options, Labels: spec.Labels,
	}
	if err := checkNetworkName(n.Name); err != nil {
		return nil, err
	}
	if err := checkFamilies(spec); err != nil {
		return nil, err
	}
	d, ok := e.drivers[n.Driver]
	if !ok {
		return nil, errorf("plugin %q not found", printable(n.Driver))
	}
	if err := d.Define(n); err != nil {
		return nil, errorf("%s", printable(err.Error()))
	}
	return n, addressing(n, spec)
}

// checkFamilies refuses a network that has no addresses.
func checkFamilies(spec NetworkSpec) error {
	switch {
	case spec.IPv4 != nil && !*spec.IPv4 && !spec.IPv6:
		return errorf("IPv4 or IPv6 must be enabled")
	case spec.IPv6:
		return errorf("networks have IPv4 addresses alone: --ipv6 can't be given")
	}
	return nil
}

// networkName is the containers' rule, but one character will do.
var networkName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// checkNetworkName refuses names. Docker takes any; one that is to be typed keeps
// to what needs no quotes.
func checkNetworkName(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return errorf("invalid name: name is empty")
	case name == "bridge" || name == "host" || name == "none" || name == "default":
		return errorf("operation is not permitted on predefined %s network", name)
	case !networkName.MatchString(name) || len(name) > maxName:
		return errorf("invalid network name (%s): only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, %d bytes at most", printable(name), maxName)
	}
	return nil
}

// addressing reads the subnet and what belongs to it, with Docker's texts.
func addressing(n *state.Network, spec NetworkSpec) error {
	if len(spec.Ranges) > len(spec.Subnets) || len(spec.Gateways) > len(spec.Subnets) {
		return errorf("every ip-range or gateway must have a corresponding subnet")
	}
	if err := oneSubnet(n, spec.Subnets); err != nil {
		return err
	}
	if !n.Subnet.IsValid() {
		if len(spec.Aux) > 0 {
			return errorf("no matching subnet for aux-address %s", printable(spec.Aux[0]))
		}
		return nil
	}
	for _, r := range spec.Ranges {
		if err := oneRange(n, r); err != nil {
			return err
		}
	}
	for _, g := range spec.Gateways {
		addr, err := netip.ParseAddr(g)
		switch {
		case err != nil || !n.Subnet.Contains(addr):
			return errorf("no matching subnet for gateway %s", printable(g))
		case ipam.Plot{Subnet: n.Subnet}.Reserved(addr):
			return errorf("failed to allocate gateway (%s): Address already in use", addr)
		}
		n.Gateway = addr
	}
	return auxiliaries(n, spec.Aux)
}

func oneSubnet(n *state.Network, subnets []string) error {
	for _, text := range subnets {
		p, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			return errorf("invalid network config:\ninvalid subnet %s: invalid CIDR block notation", printable(text))
		case !p.Addr().Is4():
			return errorf("invalid subnet %s: only IPv4 subnets can be given", text)
		case p != p.Masked():
			return errorf("invalid network config:\ninvalid subnet %s: it should be %s", text, p.Masked())
		case n.Subnet.IsValid() && n.Subnet.Overlaps(p):
			return errorf("multiple overlapping subnet configuration is not supported")
		case n.Subnet.IsValid():
			return errorf("bridge driver doesn't support multiple subnets")
		}
		n.Subnet = p
	}
	return nil
}

func oneRange(n *state.Network, text string) error {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil || !n.Subnet.Overlaps(p):
		return errorf("no matching subnet for range %s", printable(text))
	case p.Bits() < n.Subnet.Bits():
		return errorf("invalid network config:\ninvalid ip-range %s: CIDR block is bigger than its parent subnet %s", text, n.Subnet)
	case p != p.Masked():
		return errorf("invalid network config:\ninvalid ip-range %s: it should be %s", text, p.Masked())
	}
	n.Range = p
	return nil
}

func auxiliaries(n *state.Network, aux []string) error {
	for _, text := range aux {
		name, value, _ := strings.Cut(text, "=")
		addr, err := netip.ParseAddr(value)
		if err != nil || !n.Subnet.Contains(addr) {
			return errorf("no matching subnet for aux-address %s", printable(value))
		}
		if n.Aux == nil {
			n.Aux = make(map[string]netip.Addr)
		}
		n.Aux[name] = addr
	}
	gateway, ok := n.Gateway, true
	if !gateway.IsValid() {
		gateway, ok = plot(n).FirstGateway()
	}
	if !ok {
		return errorf("no available IPv4 addresses on this network's address pools: %s (%s)", n.Name, n.ID)
	}
	n.Gateway = gateway
	for name, a := range n.Aux {
		if (ipam.Plot{Subnet: n.Subnet, Gateway: gateway}).Reserved(a) {
			return errorf("failed to allocate secondary ip address (%s:%s): Address already in use", printable(name), a)
		}
	}
	return nil
}

// admit holds a new network against those that there are and against this
// machine, and chooses a subnet when none was asked for.
func (e *Engine) admit(n *state.Network, all []*state.Network) error {
	for _, o := range all {
		switch {
		case o.Name == n.Name:
			return errorf("network with name %s already exists", n.Name).hint("minibridge network inspect %s", n.Name)
		case o.Bridge == n.Bridge:
			return errorf("cannot create network %s (%s): conflicts with network %s (%s): networks have same bridge name", n.ID, n.Bridge, o.ID, o.Bridge)
		}
	}
	there, err := bridge.Exists(n.Bridge)
	switch {
	case err != nil:
		return err
	case there:
		return errorf("%s exists already and is not ours: a network can't have its name", n.Bridge).hint("ip -details link show dev %s", n.Bridge)
	case !n.Subnet.IsValid():
		return e.choosePool(n, all)
	}
	return e.admitSubnet(n, all)
}

// admitSubnet refuses a subnet that another network has; that the host has a
// route into it is the person's call, and said.
func (e *Engine) admitSubnet(n *state.Network, all []*state.Network) error {
	for _, o := range all {
		if o.Subnet.IsValid() && o.Subnet.Overlaps(n.Subnet) {
			return errorf("invalid pool request: Pool overlaps with other one on this address space (network %s has %s)", o.Name, o.Subnet).
				hint("minibridge network create --subnet OTHER …")
		}
	}
	routes, err := taken(n, nil)
	if hit, ok := ipam.Conflict(n.Subnet, routes); ok {
		e.say("WARNING: %s overlaps %s, which the host reaches by %s", n.Subnet, hit.Prefix, hit.By)
	}
	return err
}
