package engine

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// A containerSieve is the filters of ps, read.
type containerSieve struct {
	Filters
	before, since []*state.Container
	exited        []int
	networks      []string // names
	publish       []nat.Port
	expose        []nat.Port
	none          bool // nothing can pass
}

// states are Docker's words, whether a container here gets there or not.
var states = []string{"created", "running", "paused", "restarting", "removing", "exited", "dead"}

// States are what a container can be, for a person to filter by.
func States() []string { return slices.Clone(states) }

// containerSieve reads the filters of ps. Those about what there isn't here
// let all through that has none of it: images, health checks, tasks.
func (e *Engine) containerSieve(f Filters) (*containerSieve, error) {
	s := &containerSieve{Filters: f}
	err := f.known("ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation",
		"label", "name", "network", "publish", "since", "status", "volume")
	if err != nil {
		return nil, err
	}
	for _, st := range f["status"] {
		if !slices.Contains(states, st) {
			return nil, errorf("invalid filter 'status=%s': invalid value for state (%s): must be one of %s", Printable(st), Printable(st), strings.Join(states, ", "))
		}
	}
	for _, code := range f["exited"] {
		n, err := strconv.Atoi(code)
		if err != nil {
			return nil, errorf("invalid filter 'exited=%s': %v", Printable(code), err)
		}
		s.exited = append(s.exited, n)
	}
	var errs [4]error
	s.publish, errs[0] = f.ports("publish")
	s.expose, errs[1] = f.ports("expose")
	s.before, errs[2] = e.filterContainers(f["before"])
	s.since, errs[3] = e.filterContainers(f["since"])
	return s, cmp.Or(s.readAbsent(), errs[0], errs[1], errs[2], errs[3], e.readNetworks(s))
}

// readAbsent reads the filters about what no container here has.
func (s *containerSieve) readAbsent() error {
	s.none = len(s.Filters["ancestor"]) > 0
	healths := []string{"none", "starting", "healthy", "unhealthy"}
	for _, health := range s.Filters["health"] {
		if !slices.Contains(healths, health) {
			return errorf("invalid filter 'health=%s': invalid value for health (%s): must be one of %s", Printable(health), Printable(health), strings.Join(healths, ", "))
		}
	}
	s.none = s.none || !s.exact("health", "none")
	if len(s.Filters["is-task"]) > 0 {
		task, err := s.boolean("is-task")
		if err != nil {
			return errorf("invalid filter 'is-task=[%s]'", Printable(strings.Join(s.Filters["is-task"], " ")))
		}
		s.none = s.none || task
	}
	return nil
}

// ports reads PORT[-PORT][/PROTO].
func (f Filters) ports(key string) (all []nat.Port, err error) {
	for _, value := range f[key] {
		ports, err := nat.ParseExpose(value)
		if err != nil {
			return nil, errorf("error while looking up for %s %s: %v", key, Printable(value), cmp.Or(errors.Unwrap(err), err))
		}
		all = append(all, ports...)
	}
	return all, nil
}

// filterContainers finds those that others are to be older or younger than.
func (e *Engine) filterContainers(refs []string) (all []*state.Container, err error) {
	for _, ref := range refs {
		c, err := e.find(ref)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// readNetworks takes names and ids of networks; one that isn't there has
// nobody on it.
func (e *Engine) readNetworks(s *containerSieve) error {
	if len(s.Filters["network"]) == 0 {
		return nil
	}
	all, err := e.dirs.Networks()
	for _, ref := range s.Filters["network"] {
		if n, err := findNetwork(all, ref); err == nil {
			s.networks = append(s.networks, n.Name)
		}
	}
	return err
}

// passes says whether a container is one of those asked for.
func (s *containerSieve) passes(c *state.Container, run *state.Run, st state.State) bool {
	switch {
	case s.none,
		!s.begins(c.ID), !s.match("name", c.Name) && !s.match("name", "/"+c.Name),
		!s.labels("label", c.Spec.Labels), !s.exact("status", st.Word()),
		len(s.exited) > 0 && (st.Status != state.Exited || !slices.Contains(s.exited, st.ExitCode)):
		return false
	}
	older := func(other *state.Container) bool { return c.Created.Before(other.Created) }
	younger := func(other *state.Container) bool { return c.Created.After(other.Created) }
	return all(s.before, older) && all(s.since, younger) && s.onNetwork(c, run) && s.seesVolume(c) && s.hasPorts(c, run)
}

// begins takes the beginning of an id, but for none at all.
func (s *containerSieve) begins(id string) bool {
	wanted := s.Filters["id"]
	return len(wanted) == 0 || slices.ContainsFunc(wanted, func(want string) bool { return want != "" && strings.HasPrefix(id, want) })
}

func all[T any](list []T, holds func(T) bool) bool {
	return !slices.ContainsFunc(list, func(one T) bool { return !holds(one) })
}

// onNetwork takes nothing for the beginning of every network's id, as Docker
// does.
func (s *containerSieve) onNetwork(c *state.Container, run *state.Run) bool {
	wanted := s.Filters["network"]
	return len(wanted) == 0 || slices.ContainsFunc(networksOf(c, run), func(name string) bool {
		return slices.Contains(wanted, "") || slices.Contains(s.networks, name)
	})
}

func (s *containerSieve) seesVolume(c *state.Container) bool {
	return len(s.Filters["volume"]) == 0 || slices.ContainsFunc(mountsOf(&c.Spec), func(m mountJSON) bool {
		return s.exact("volume", m.Source) || s.exact("volume", m.Destination)
	})
}

// hasPorts looks for published ports by the host's number, of those that run,
// and for exposed ones by the container's.
func (s *containerSieve) hasPorts(c *state.Container, run *state.Run) bool {
	wanted := func(want, have []nat.Port) bool {
		return len(want) == 0 || slices.ContainsFunc(have, func(p nat.Port) bool { return slices.Contains(want, p) })
	}
	var published []nat.Port
	if run != nil && len(s.publish) > 0 {
		for _, p := range run.Ports {
			for i := range p.Count {
				published = append(published, nat.Port{Number: p.HostPort + uint16(i), Proto: p.Proto})
			}
		}
	}
	exposed, err := exposedPorts(&c.Spec)
	return err == nil && wanted(s.publish, published) && wanted(s.expose, exposed)
}
