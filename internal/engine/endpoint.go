package engine

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/ipam"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// attach chooses an endpoint on the network: names and the lowest free
// address. It is written down as a lease once the container's run record
// says whose it is.
func attach(n *state.Network, wish string, leased map[netip.Addr]bool) (state.Attachment, error) {
	addr, ok := plot(n).Free(leased)
	if wish != "" {
		var err error
		if addr, err = wished(n, wish, leased); err != nil {
			return state.Attachment{}, err
		}
	} else if !ok {
		return state.Attachment{}, errorf("failed to set up container networking: no available IPv4 addresses on this network's address pools: %s (%s)", n.Name, n.ID)
	}
	gateway := n.Gateway
	if n.Internal {
		gateway = netip.Addr{} // no way out
	}
	o, err := parseBridgeOptions(n)
	if err != nil {
		return state.Attachment{}, err
	}
	return state.Attachment{
		NetworkID:  n.ID,
		Network:    n.Name,
		EndpointID: newID(),
		Veth:       newVeth(),
		Dev:        o.prefix + "0",
		MAC:        state.MAC(ipam.MAC(addr)),
		Address:    netip.PrefixFrom(addr, n.Subnet.Bits()),
		Gateway:    gateway,
	}, nil
}

// wished is the address that was asked for, if the network can give it.
func wished(n *state.Network, wish string, leased map[netip.Addr]bool) (netip.Addr, error) {
	addr, err := netip.ParseAddr(wish)
	switch {
	case err != nil:
		return addr, errorf("invalid IPv4 address: %s", wish)
	case n.Chosen:
		return addr, errorf("invalid config for network %s: invalid endpoint settings:\nuser specified IP address is supported only when connecting to networks with user configured subnets", n.Name).
			hint("minibridge network create --subnet %s …", n.Subnet)
	case !n.Subnet.Contains(addr):
		return addr, errorf("invalid config for network %s: invalid endpoint settings:\nno configured subnet or ip-range contain the IP address %s", n.Name, addr)
	case leased[addr] || plot(n).Reserved(addr):
		return addr, errorf("failed to set up container networking: Address already in use").hint("minibridge network inspect %s", n.Name)
	}
	return addr, nil
}

// vethPrefix begins the names of the host's ends.
const vethPrefix = "mbv"

// newVeth is a fresh name for the host's end: after a namespace is deleted the
// kernel frees its links' names late.
func newVeth() string {
	b := make([]byte, 4)
	rand.Read(b)
	return vethPrefix + hex.EncodeToString(b)
}

// containerPlan is all of a container's own in the kernel: its namespace, its
// endpoints, its published ports. It can be made again from the record of the
// run, which is what script does.
func (e *Engine) containerPlan(run *state.Run, networks []*state.Network) plan.Plan {
	if run.Netns == "" {
		return nil // the host's namespace, or another container's
	}
	ns := plan.NS(run.Netns)
	var p plan.Plan
	p.Do(&sandbox.NetnsAdd{Name: run.Netns, Pin: e.dirs.NetnsPin(run.ID)}, "a network stack of its own: no devices but a loopback that is down")
	wired := run.Wired()
	if len(wired) == 0 {
		p = append(p, bridge.Loopback(ns)...)
		return append(p, sysctlPlan(run)...)
	}
	for _, at := range wired {
		n := networkByID(networks, at.NetworkID)
		o, _ := parseBridgeOptions(n) // checked when the network was made
		p = append(p, bridge.Endpoint{
			NS:       ns,
			Bridge:   n.Bridge,
			Veth:     at.Veth,
			Dev:      at.Dev,
			MAC:      net.HardwareAddr(at.MAC),
			Address:  at.Address,
			MTU:      o.mtu,
			Isolated: !o.icc,
			Alias:    fmt.Sprintf("%s on %s", run.Name, n.Name),
			// A kernel without IPv6 has no switch to turn it off.
			KeepIPv6: !e.ipv6,
		}.Plan()...)
	}
	p = append(p, wayOf(run).Plan()...)
	p = append(p, sysctlPlan(run)...)
	if run.DNS != 0 {
		p = append(p, e.firewall.Redirect(nat.Redirect{ID: state.ShortID(run.ID), NS: ns, Addr: resolverAddr, Port: run.DNS})...)
	}
	if len(run.Ports) > 0 {
		p = append(p, e.firewall.Publish(publication(run, networks))...)
	}
	return p
}

// wayOf is how a container gets out: by the first of its networks that leads
// there.
func wayOf(run *state.Run) bridge.Way {
	way := bridge.Way{NS: plan.NS(run.Netns)}
	for _, at := range run.Wired() {
		if at.Gateway.IsValid() && !way.IPv4.Gateway.IsValid() {
			way.IPv4 = bridge.Hop{Gateway: at.Gateway, Dev: at.Dev}
		}
		if at.Gateway6.IsValid() && !way.IPv6.Gateway.IsValid() {
			way.IPv6 = bridge.Hop{Gateway: at.Gateway6, Dev: at.Dev}
		}
	}
	return way
}

// publication is the run's ports as the firewall takes them. A container is
// published through the network that gives its default route: its first.
func publication(run *state.Run, networks []*state.Network) nat.Publish {
	at := run.Wired()[0]
	return nat.Publish{
		ID:       state.ShortID(run.ID),
		Bridge:   networkByID(networks, at.NetworkID).Bridge,
		Target:   at.Address.Addr(),
		Mappings: mappings(run.Ports),
	}
}

func networkByID(networks []*state.Network, id string) *state.Network {
	for _, n := range networks {
		if n.ID == id {
			return n
		}
	}
	return &state.Network{ID: id}
}

// lease writes the run's addresses down.
func (s *session) lease(run *state.Run) error {
	for _, at := range run.Wired() {
		if err := s.held.Lease(at.NetworkID, at.Address.Addr(), run.ID); err != nil {
			return fmt.Errorf("lease %s: %w", at.Address.Addr(), err)
		}
	}
	return nil
}

func (s *session) release(run *state.Run) error {
	var errs []error
	for _, at := range run.Wired() {
		errs = append(errs, s.held.Release(at.NetworkID, at.Address.Addr()))
	}
	return errors.Join(errs...)
}

// checkNetnsName refuses a name that a namespace of somebody else has. It is
// asked for containers that don't run: they have none.
func checkNetnsName(name string) error {
	path := plan.NS(name).Path()
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return errorf("the network namespace %s is someone else's: a container can't have its name", path).
		hint("minibridge run --name OTHER …")
}
