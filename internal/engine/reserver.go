package engine

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// A reserver takes ports of the host for containers. What it takes and gives
// out a verb really has, and a dry run finds out by it what the verb would have.
type reserver struct {
	*Engine
	verb  string // as a person calls it
	pools pools
	take  taker
	given []*state.Run // that have ports, and no record
}

// pools remember, for each pool of ports, the one that was given last.
type pools interface {
	LastPort(pool string) (uint16, error)
	SetLastPort(pool string, port uint16) error
}

func (s *session) reserver() *reserver {
	return &reserver{Engine: s.Engine, verb: s.verb, pools: s.held, take: nat.Reserve}
}

// settlePorts reserves a run's ports, if there is a way in.
func (v *reserver) settlePorts(c *state.Container, run *state.Run, networks []*state.Network) (*reservation, error) {
	in, ok := v.entranceOf(run, networks)
	if !ok {
		if wired := run.Wired(); len(wired) > 0 && (len(c.Spec.Publish) > 0 || c.Spec.PublishAll) {
			v.say("WARNING: %s", discarded(wired[0]))
		}
		return &reservation{}, nil
	}
	specs, err := published(&c.Spec)
	if err != nil {
		return nil, err
	}
	return v.reserveSpecs(c, in, specs, c.Last.Ports, nil)
}

// movePorts reserves what a run's ports need that it has not, where it is now:
// they stay as they are while the same ones of the host's addresses lead to the
// container.
func (v *reserver) movePorts(c *state.Container, was, now *state.Run, networks []*state.Network) (*reservation, error) {
	before, wasOut := v.entranceOf(was, networks)
	in, out := v.entranceOf(now, networks)
	if !out {
		return &reservation{}, nil
	}
	specs, err := published(&c.Spec)
	if err != nil {
		return nil, err
	}
	last := was.Ports
	switch {
	case !wasOut:
		last = c.Last.Ports
	case in.leadsAs(before, specs):
		return &reservation{ports: was.Ports}, nil
	}
	return v.reserveSpecs(c, in, specs, last, was.Ports)
}

// reserveSpecs binds every port that specs ask for, and chooses those that they
// leave open: those in last, where they are free. Ports that are held already
// need no more than that.
func (v *reserver) reserveSpecs(c *state.Container, in entrance, specs []nat.Spec, last, held []state.Port) (*reservation, error) {
	count := 0
	for _, spec := range specs {
		count += spec.Count() * len(in.hostIPs(spec))
	}
	if err := allowFiles(count); err != nil {
		return nil, err
	}
	r := &reservation{held: held, take: v.take}
	for _, run := range v.given {
		r.others = append(r.others, run.Ports...)
	}
	for _, spec := range specs {
		if spec.HostIP.Is6() && spec.HostIP.IsLinkLocalUnicast() {
			r.close()
			all := spec
			all.HostIP = netip.IPv6Unspecified()
			return nil, errorf("publishing on %s: many links have that address; [::] takes it in", spec.HostIP).
				hint("%s", v.otherwise(c, spec, all.String()))
		}
		ips := in.hostIPs(spec)
		if len(ips) == 0 {
			v.say("WARNING: Published port %s is discarded: %s", spec, dead(spec, c))
			continue
		}
		if err := v.reserveSpec(r, spec, ips, last); err != nil {
			err = v.bindError(spec, c, r, in, err)
			r.close()
			return nil, err
		}
	}
	return r, nil
}

// reserveSpec takes a spec's ports: those it names, or of the pool that it
// leaves the choice to the last ones, or the next free ones.
func (v *reserver) reserveSpec(r *reservation, spec nat.Spec, ips []netip.Addr, last []state.Port) error {
	if spec.Fixed() {
		return r.bind(spec.Mapping(spec.HostFirst), ips)
	}
	low, high, pool, err := portPool(spec)
	if err != nil {
		return err
	}
	for _, port := range spec.Ports() {
		one := nat.Spec{First: port.Number, Last: port.Number, Proto: port.Proto}
		got, err := r.again(one, ips, low, high, last)
		if err == nil && !got {
			err = v.reserveNext(r, one, ips, low, high, pool)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reserveNext takes the next free port of a pool after the one given last.
func (v *reserver) reserveNext(r *reservation, spec nat.Spec, ips []netip.Addr, first, last uint16, pool string) error {
	from, err := v.pools.LastPort(pool)
	if err != nil {
		return err
	}
	size := int(last-first) + 1
	for i := range size {
		port := first + uint16(i)
		if from >= first && from <= last {
			port = first + uint16((int(from-first)+1+i)%size)
		}
		err := r.bind(spec.Mapping(port), ips)
		if errors.Is(err, unix.EADDRINUSE) {
			continue
		}
		if err != nil {
			return err
		}
		return v.pools.SetLastPort(pool, port)
	}
	return errAllAllocated
}

var errAllAllocated = errors.New("all ports are allocated")
