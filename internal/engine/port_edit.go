package engine

import (
	"slices"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// A portEdit is what becomes of a container's ports. run is nil when it doesn't
// run.
type portEdit func(c *state.Container, run *state.Run, values []string, asked []nat.Spec) (edited, error)

type edited struct {
	publish []string     // the values of -p from now on
	more    []nat.Spec   // those that are new
	less    []state.Port // of the ports of a run, those that go
}

func publishing(c *state.Container, _ *state.Run, values []string, asked []nat.Spec) (e edited, err error) {
	have, err := parsePublish(c.Spec.Publish)
	if err != nil {
		return e, err
	}
	e.publish = slices.Clone(c.Spec.Publish)
	for i, spec := range asked {
		switch {
		case !spec.Fixed():
		case slices.Contains(e.more, spec): // said twice
			continue
		case slices.Contains(have, spec):
			return e, errorf("container %s publishes %s already", c.Name, spec).hint("minibridge port %s", c.Name)
		}
		e.more, e.publish = append(e.more, spec), append(e.publish, values[i])
	}
	return e, nil
}

func unpublishing(c *state.Container, run *state.Run, values []string, asked []nat.Spec) (e edited, err error) {
	have, err := parsePublish(c.Spec.Publish)
	if err != nil {
		return e, err
	}
	e.publish = slices.Clone(c.Spec.Publish)
	var ports []state.Port
	if run != nil {
		ports = run.Ports
	}
	for i, spec := range asked {
		if spec.Fixed() && slices.Contains(asked[:i], spec) { // said twice
			continue
		}
		at, gone := slices.Index(have, spec), []state.Port(nil)
		if at >= 0 {
			others := slices.Delete(slices.Clone(have), at, at+1)
			gone = portsOf(spec, missing(ports, claimed(others, ports)))
		} else if gone = portsOf(spec, ports); len(gone) > 0 {
			at = slices.IndexFunc(have, func(s nat.Spec) bool { return leavesOpen(s, spec) })
		}
		if at < 0 {
			return e, notPublished(c, have, spec, values[i])
		}
		have, e.publish = slices.Delete(have, at, at+1), slices.Delete(e.publish, at, at+1)
		ports, e.less = missing(ports, gone), append(e.less, gone...)
	}
	return e, nil
}

// leavesOpen says that a spec's ports are to be chosen, and may be those asked
// for.
func leavesOpen(s, asked nat.Spec) bool {
	return !s.Fixed() && asked.Fixed() && s.First == asked.First && s.Last == asked.Last && s.Proto == asked.Proto &&
		s.HostIP == asked.HostIP && (s.Ephemeral() || asked.HostFirst >= s.HostFirst && asked.HostLast <= s.HostLast)
}

// claimed are those of ports that specs ask for: each has its own, first those
// that leave the least to choice.
func claimed(specs []nat.Spec, ports []state.Port) (all []state.Port) {
	open := func(s nat.Spec) (n int) {
		if !s.Fixed() {
			n += 2
		}
		if !s.HostIP.IsValid() {
			n++
		}
		return n
	}
	specs = slices.Clone(specs)
	slices.SortStableFunc(specs, func(a, b nat.Spec) int { return open(a) - open(b) })
	for _, s := range specs {
		all = append(all, portsOf(s, missing(ports, all))...)
	}
	return all
}

// portsOf are the ports that a spec asks for: of those that it leaves to choice,
// the first for each port of the container.
func portsOf(s nat.Spec, ports []state.Port) (all []state.Port) {
	chosen := map[uint16]uint16{} // the host's, by the container's
	for _, p := range ports {
		if !asksFor(s, p) {
			continue
		}
		if host, ok := chosen[p.Port]; ok && host != p.HostPort {
			continue
		}
		chosen[p.Port] = p.HostPort
		all = append(all, p)
	}
	return all
}

// asksFor says that a port is one that a spec asks for.
func asksFor(s nat.Spec, p state.Port) bool {
	switch {
	case s.Proto != p.Proto || s.HostIP.IsValid() && s.HostIP != p.HostIP:
		return false
	case s.Fixed():
		return s.HostFirst == p.HostPort && s.First == p.Port && s.Count() == p.Count
	}
	return p.Count == 1 && p.Port >= s.First && p.Port <= s.Last &&
		(s.Ephemeral() || p.HostPort >= s.HostFirst && p.HostPort <= s.HostLast)
}

// notPublished names the range that a port is one of, which goes as a whole, or
// -P, which goes with the container.
func notPublished(c *state.Container, have []nat.Spec, asked nat.Spec, value string) error {
	err := errorf("No public port '%s' published for %s", Printable(value), c.Name).hint("minibridge port %s", c.Name)
	if all, _ := exposed(&c.Spec); c.Spec.PublishAll && slices.Contains(all, nat.Port{Number: asked.First, Proto: asked.Proto}) {
		return errorf("%s (-P publishes what is exposed)", err.Text)
	}
	for _, s := range have {
		if s.Proto == asked.Proto && s.First <= asked.First && asked.Last <= s.Last && s.Count() > asked.Count() &&
			(!asked.Fixed() || s.HostFirst <= asked.HostFirst && asked.HostLast <= s.HostLast) {
			return errorf("%s (it is one of %s, which go together)", err.Text, s).
				hint("minibridge unpublish %s -p %s", c.Name, s)
		}
	}
	return err
}
