package engine

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/minibridge/minibridge/internal/driver/bridged"
	"github.com/minibridge/minibridge/internal/state"
)

// A networkJSON is what network inspect prints: Docker's keys in the order of
// its classic shape.
type networkJSON struct {
	Name       string
	ID         string `json:"Id"`
	Id         string `json:"-"` // as a container's
	Created    time.Time
	Scope      string
	Driver     string
	EnableIPv4 bool
	EnableIPv6 bool
	IPAM       ipamJSON
	Internal   bool
	Attachable bool
	Ingress    bool
	ConfigFrom struct{ Network string }
	ConfigOnly bool
	Containers map[string]memberJSON
	Options    map[string]string
	Labels     map[string]string
	Peers      none `json:",omitempty"`
	Services   none `json:",omitempty"`
	Status     none `json:",omitempty"`
}

type ipamJSON struct {
	Driver  string
	Options map[string]string
	Config  []poolJSON
}

type poolJSON struct {
	Subnet     string
	IPRange    string                `json:",omitempty"`
	Gateway    string                `json:",omitempty"`
	AuxAddress map[string]netip.Addr `json:"AuxiliaryAddresses,omitempty"`
}

func poolOf(n *state.Network, f family) poolJSON {
	p := poolJSON{Subnet: f.subnet.String(), IPRange: prefixText(*f.ipRange), Gateway: addrText(*f.gateway)}
	for name, addr := range n.Aux {
		if f.subnet.Contains(addr) {
			if p.AuxAddress == nil {
				p.AuxAddress = make(map[string]netip.Addr)
			}
			p.AuxAddress[name] = addr
		}
	}
	return p
}

type memberJSON struct {
	Name        string
	EndpointID  string
	MacAddress  string
	IPv4Address string
	IPv6Address string
}

// InspectNetwork is all there is to say of one network, with the running
// containers on it.
func (e *Engine) InspectNetwork(ctx context.Context, ref string) (any, error) {
	all, err := e.Networks(ctx)
	if err != nil {
		return nil, err
	}
	n, err := findNetwork(all, ref)
	if many, ok := errors.AsType[ambiguous](err); ok {
		return nil, errorf("%v: network %s is ambiguous", many, ref) // Docker turns its text round here
	}
	if err != nil {
		return nil, err
	}
	j := networkJSON{
		Name: n.Name, ID: n.ID, Id: n.ID, Created: n.Created, Scope: "local", Driver: n.Driver,
		EnableIPv4: n.Subnet.IsValid() || !n.Subnet6.IsValid(), EnableIPv6: n.Subnet6.IsValid(), // host and none say IPv4, too
		IPAM:       ipamJSON{Driver: "default"},
		Containers: map[string]memberJSON{},
		Options:    bridged.Options(n),
		Internal:   n.Internal,
		Attachable: n.Attachable,
		Labels:     n.Labels,
	}
	if j.Labels == nil {
		j.Labels = map[string]string{}
	}
	for _, f := range families(n) {
		if f.subnet.IsValid() {
			j.IPAM.Config = append(j.IPAM.Config, poolOf(n, f))
		}
	}
	if !isPredefined(n.Name) {
		j.IPAM.Options = map[string]string{}
	}
	return j, e.members(n, j.Containers)
}

// runsOn are the runs that may be on a network: those that have one of its
// addresses, or, of a network that gives none, all.
func (e *Engine) runsOn(n *state.Network) ([]*state.Run, error) {
	if n.Bridge == "" {
		return e.dirs.Runs()
	}
	ids, err := e.dirs.LeaseHolders(n.ID)
	if err != nil {
		return nil, err
	}
	return e.dirs.RunsOf(ids)
}

// alive are those runs that go on.
func (e *Engine) alive(runs []*state.Run) []*state.Run {
	return slices.DeleteFunc(runs, func(run *state.Run) bool {
		c, err := e.dirs.ReadContainer(run.ID)
		if err != nil {
			return true // it has just gone
		}
		alive, _ := e.status(c)
		return alive == nil
	})
}

// members fills in the running containers on a network.
func (e *Engine) members(n *state.Network, into map[string]memberJSON) error {
	runs, err := e.runsOn(n)
	for _, run := range e.alive(runs) {
		for _, at := range run.Endpoints {
			if at.NetworkID != n.ID {
				continue
			}
			m := memberJSON{Name: run.Name, EndpointID: at.EndpointID}
			if at.Dev != "" {
				m.MacAddress, m.IPv4Address, m.IPv6Address = at.MAC.String(), prefixText(at.Address), prefixText(at.Address6)
			}
			into[run.ID] = m
		}
	}
	return err
}

// prefixText is a prefix, or nothing.
func prefixText(p netip.Prefix) string {
	if !p.IsValid() {
		return ""
	}
	return p.String()
}
