package engine

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"os"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// imagine is a container as it would be made now, and the networks that there
// would be.
func (e *Engine) imagine(ctx context.Context, spec Spec, name string) (*state.Container, []*state.Network, error) {
	if _, err := checkPaths(ctx, &spec); err != nil {
		return nil, nil, err
	}
	networks, err := e.dirs.Networks()
	if errors.Is(err, os.ErrPermission) || len(networks) == 0 {
		networks, err = e.imagineNetworks()
	}
	if err == nil {
		err = e.resolveNetwork(&spec, networks)
	}
	if err == nil {
		err = e.resolveModes(&spec)
	}
	if err != nil {
		return nil, nil, err
	}
	c := &state.Container{ID: newID(), Name: name, Spec: spec}
	if name == "" {
		c.Name = generatedNames()[0]
	} else if c.Name, err = checkName(name); err != nil {
		return nil, nil, err
	} else if _, err := e.dirs.ContainerByName(c.Name); err == nil {
		return nil, nil, e.nameTaken(c.Name)
	}
	return c, networks, nil
}

// An imagined is what a dry run has given out: names, addresses and ports are
// chosen as the verb itself chooses them. Nobody else knows of it, nor is kept
// from it: ports are tried by taking them, which alone tells whether they can be
// had, and let go at once.
type imagined struct {
	*reserver
	addrs map[string]map[netip.Addr]bool // by network id
}

// imagining begins a dry run of a verb. Who may not look takes nothing.
func (e *Engine) imagining(verb string) *imagined {
	take := try
	if os.Geteuid() != 0 {
		take = func(...nat.Mapping) ([]*os.File, error) { return nil, nil }
	}
	pools := imaginedPools{e.dirs, make(map[string]uint16)}
	return &imagined{
		reserver: &reserver{Engine: e, verb: verb, pools: pools, take: take},
		addrs:    make(map[string]map[netip.Addr]bool),
	}
}

// try is a taker that keeps nothing.
func try(mappings ...nat.Mapping) ([]*os.File, error) {
	files, err := nat.Reserve(mappings...)
	for _, f := range files {
		f.Close()
	}
	return nil, err
}

// give gives a run the ports of a reservation.
func (i *imagined) give(run *state.Run, r *reservation) {
	run.Ports = r.ports
	i.given = append(i.given, run)
}

// start is the run of a container that would be started now.
func (i *imagined) start(c *state.Container, networks []*state.Network) (*state.Run, error) {
	run := &state.Run{ID: c.ID, Name: c.Name, Sysctls: netSysctls(&c.Spec)}
	if id, ok := strings.CutPrefix(c.Spec.Network, "container:"); ok {
		other, _, err := i.joinable(id)
		if err != nil {
			return nil, err
		}
		run.Joined = other.ID
		return run, nil
	}
	if err := i.endpoints(c, run, networks); err != nil {
		return nil, err
	}
	r, err := i.settlePorts(c, run, networks)
	if err != nil {
		return nil, err
	}
	i.give(run, r)
	return run, nil
}

// endpoints gives a run those that it would have.
func (i *imagined) endpoints(c *state.Container, run *state.Run, networks []*state.Network) error {
	run.Netns = c.Name
	for _, w := range c.Spec.Endpoints {
		n, err := findNetwork(networks, w.Network)
		if err != nil {
			return err
		}
		if !i.traits(n).Namespace {
			run.Netns = ""
		}
		taken, err := i.taken(n, c.ID)
		if err != nil && !errors.Is(err, os.ErrPermission) { // who may not look gets the first address
			return err
		}
		if taken == nil {
			taken = make(map[netip.Addr]bool)
		}
		maps.Copy(taken, i.addrs[n.ID])
		at, err := i.attach(n, w, c, taken)
		if err != nil {
			return err
		}
		for _, addr := range at.Addresses() {
			taken[addr] = true
		}
		i.addrs[n.ID] = taken
		run.Endpoints = append(run.Endpoints, at)
	}
	sortEndpoints(run)
	i.nameLinks(run, networks, []string{"lo"}, c.Spec.Endpoints)
	return nil
}

// imaginedPools go on from the ports that were given last, and write nothing.
type imaginedPools struct {
	dirs state.Dirs
	last map[string]uint16 // given by the dry run
}

func (p imaginedPools) LastPort(pool string) (uint16, error) {
	if port, ok := p.last[pool]; ok {
		return port, nil
	}
	port, err := p.dirs.LastPort(pool)
	if errors.Is(err, os.ErrPermission) {
		err = nil
	}
	return port, err
}

func (p imaginedPools) SetLastPort(pool string, port uint16) error {
	p.last[pool] = port
	return nil
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
