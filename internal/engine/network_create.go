package engine

import (
	"cmp"
	"context"
	"errors"
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
	if err := s.admit(n, spec, all); err != nil {
		return "", err
	}
	if err := s.held.WriteNetwork(n); err != nil {
		return "", err
	}
	err = s.upHost(ctx)
	if err == nil {
		err = s.upNetwork(ctx, n)
	}
	if err != nil {
		return "", errors.Join(err, s.held.RemoveNetwork(n.ID))
	}
	s.networkHappened(n, "create")
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
		return nil, errorf("plugin %q not found", Printable(n.Driver))
	}
	if err := d.Define(n); err != nil {
		return nil, errorf("%s", Printable(err.Error()))
	}
	return n, addressing(n, spec)
}

// checkFamilies refuses a network that has no addresses, and one that this
// kernel can't give any.
func checkFamilies(spec NetworkSpec) error {
	switch {
	case spec.IPv4 != nil && !*spec.IPv4 && !spec.IPv6:
		return errorf("IPv4 or IPv6 must be enabled")
	case spec.IPv6 && !hasIPv6():
		return errorf("this kernel has no IPv6").hint("minibridge check")
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
	case len(name) > maxName:
		return errorf("invalid network name (%s…): %d bytes, %d are allowed", Printable(name[:20]), len(name), maxName)
	case !networkName.MatchString(name):
		return errorf("invalid network name (%s): only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, %d bytes at most", Printable(name), maxName)
	}
	return nil
}

// admit holds a new network against those that there are and against this
// machine, and chooses a subnet when none was asked for.
func (e *Engine) admit(n *state.Network, spec NetworkSpec, all []*state.Network) error {
	for _, o := range all {
		switch {
		case o.Name == n.Name:
			return errorf("network with name %s already exists", n.Name).hint("minibridge network inspect %s", n.Name)
		case o.Bridge == n.Bridge:
			return errorf("cannot create network %s (%s): conflicts with network %s (%s): networks have same bridge name", n.ID, n.Bridge, o.ID, o.Bridge)
		}
	}
	kind, err := bridge.Kind(n.Bridge)
	switch {
	case err != nil:
		return err
	case kind == "bridge": // asked for by name: ours are called after ids
		n.Adopted = true
	case kind != "":
		return errorf("existing interface %s is not a bridge", n.Bridge).hint("ip -details link show dev %s", n.Bridge)
	}
	if err := e.admitSubnets(n, all); err != nil {
		return err
	}
	if err := e.choosePools(n, all, spec.IPv4 == nil || *spec.IPv4, spec.IPv6); err != nil {
		return err
	}
	if err := e.driver(n).Define(n); err != nil { // its options must suit its addresses, too
		return errorf("%s", Printable(err.Error()))
	}
	return nil
}

// admitSubnets refuses a subnet that another network has; that the host has a
// route into it is the person's call, and said.
func (e *Engine) admitSubnets(n *state.Network, all []*state.Network) error {
	for _, f := range families(n) {
		if !f.subnet.IsValid() {
			continue
		}
		for _, o := range all {
			for _, of := range families(o) {
				if of.subnet.IsValid() && of.subnet.Overlaps(*f.subnet) {
					return errorf("invalid pool request: Pool overlaps with other one on this address space (network %s has %s)", o.Name, *of.subnet).
						hint("minibridge network create --subnet OTHER …")
				}
			}
		}
		host, err := takenRanges(n, nil)
		if err != nil {
			return err
		}
		hit, ok := ipam.Conflict(*f.subnet, host)
		switch {
		case ok && hit.Prefix.IsSingleIP() && strings.HasPrefix(hit.By, nameServer):
			e.say("WARNING: %s has %s in it: containers on %s can't ask it", *f.subnet, hit.By, n.Name)
		case ok:
			e.say("WARNING: %s overlaps %s, which the host reaches by %s", *f.subnet, hit.Prefix, hit.By)
		}
	}
	return nil
}
