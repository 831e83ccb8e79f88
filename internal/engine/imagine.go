package engine

import (
	"errors"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// imagine is a container as it would be made now. Names, addresses and ports
// are chosen as run chooses them, but nobody is kept from them.
func (e *Engine) imagine(spec Spec, name string) (*state.Container, *state.Run, []*state.Network, error) {
	if err := checkRootFS(spec.RootFS); err != nil {
		return nil, nil, nil, err
	}
	networks, err := e.dirs.Networks()
	if errors.Is(err, os.ErrPermission) || len(networks) == 0 {
		networks, err = e.imagineNetworks()
	}
	if err != nil {
		return nil, nil, nil, err
	}
	if !strings.HasPrefix(spec.Network, "container:") {
		if err := settle(&spec, networks); err != nil {
			return nil, nil, nil, err
		}
	}
	c := &state.Container{ID: newID(), Name: name, Spec: spec}
	if name == "" {
		c.Name = generatedNames()[0]
	} else if c.Name, err = checkName(name); err != nil {
		return nil, nil, nil, err
	} else if _, err := e.dirs.ContainerByName(c.Name); err == nil {
		return nil, nil, nil, e.nameTaken(c.Name)
	}
	run, err := e.imagineStart(c, networks, newImagined())
	return c, run, networks, err
}

// imagined is what containers of the same script have been given: nobody else
// knows of it.
type imagined struct {
	addrs map[string]map[netip.Addr]bool // by network id
	ports map[string]uint16              // how many, by pool
}

func newImagined() *imagined {
	return &imagined{make(map[string]map[netip.Addr]bool), make(map[string]uint16)}
}

// imagineStart is the run of a container that would be started now.
func (e *Engine) imagineStart(c *state.Container, networks []*state.Network, given *imagined) (*state.Run, error) {
	run := &state.Run{ID: c.ID, Name: c.Name, Sysctls: netSysctls(&c.Spec)}
	if ref, ok := strings.CutPrefix(c.Spec.Network, "container:"); ok {
		other, err := e.find(ref)
		if err != nil {
			return nil, err
		}
		run.Joined = other.ID
		return run, nil
	}
	return run, e.imagineEndpoints(c, run, networks, given)
}

// imagineEndpoints are those that a container would have.
func (e *Engine) imagineEndpoints(c *state.Container, run *state.Run, networks []*state.Network, given *imagined) error {
	run.Netns = c.Name
	for _, w := range c.Spec.Endpoints {
		n, err := findNetwork(networks, w.Network)
		if err != nil {
			return err
		}
		if !e.traits(n).Namespace {
			run.Netns = ""
		}
		taken, err := e.taken(n, c.ID)
		if err != nil && !errors.Is(err, os.ErrPermission) { // who may not look gets the first address
			return err
		}
		if taken == nil {
			taken = make(map[netip.Addr]bool)
		}
		maps.Copy(taken, given.addrs[n.ID])
		at, err := e.attach(n, w, c, taken)
		if err != nil {
			return err
		}
		for _, addr := range at.Addresses() {
			taken[addr] = true
		}
		given.addrs[n.ID] = taken
		run.Endpoints = append(run.Endpoints, at)
	}
	sortEndpoints(run)
	e.nameLinks(run, networks, []string{"lo"}, c.Spec.Endpoints)
	in, ok := e.entranceOf(run, networks)
	if !ok {
		return nil
	}
	specs, err := published(&c.Spec)
	if err != nil {
		return err
	}
	run.Ports, err = given.imaginePorts(specs, in, c.Last.Ports, nil)
	return err
}

// imagineNetworks are the predefined networks before anything was run.
func (e *Engine) imagineNetworks() ([]*state.Network, error) {
	all := predefined()
	for _, n := range all {
		if n.Bridge != "" {
			if err := e.choosePools(n, nil, true, false); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// imaginePorts are the ports that would be published; a port left to choice is
// the one that it was the last time, or the next of its pool that is not taken.
func (i *imagined) imaginePorts(specs []nat.Spec, in entrance, last, taken []state.Port) (ports []state.Port, err error) {
	on := func(m nat.Mapping, ips []netip.Addr) (all []state.Port) {
		for _, m.HostIP = range ips {
			all = append(all, port(m))
		}
		return all
	}
	for _, s := range specs {
		ips := in.hostIPs(s)
		if len(ips) == 0 {
			continue
		}
		if s.Fixed() {
			ports = append(ports, on(s.Mapping(s.HostFirst), ips)...)
			continue
		}
		low, high, pool, err := portPool(s)
		if err != nil {
			return nil, err
		}
		for _, p := range s.Ports() {
			one := nat.Spec{First: p.Number, Last: p.Number, Proto: p.Proto}
			m, again := lastMapping(one, ips[0], low, high, missing(last, ports))
			for !again {
				if int(low)+int(i.ports[pool]) > int(high) {
					return nil, errAllAllocated
				}
				m = one.Mapping(low + i.ports[pool])
				i.ports[pool]++
				again = !slices.ContainsFunc(taken, func(p state.Port) bool { return p.HostPort == m.HostPort && p.Proto == m.Proto })
			}
			ports = append(ports, on(m, ips)...)
		}
	}
	return ports, nil
}
