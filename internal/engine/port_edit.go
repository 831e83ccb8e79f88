package engine

import (
	"slices"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
)

// A portEdit is a container's values of -p, with those that were asked for or
// without. run is nil when it doesn't run. Of ports that were chosen, freed are
// those that go by their number.
type portEdit func(c *state.Container, run *state.Run, values []string, asked []nat.Spec) (publish []string, freed []state.Port, err error)

func publishing(c *state.Container, _ *state.Run, values []string, asked []nat.Spec) (publish []string, freed []state.Port, err error) {
	have, err := parsePublish(c.Spec.Publish)
	if err != nil {
		return nil, nil, err
	}
	publish = slices.Clone(c.Spec.Publish)
	for i, spec := range asked {
		if spec.Fixed() && slices.Contains(have, spec) {
			return nil, nil, errorf("container %s publishes %s already", c.Name, spec).hint("minibridge port %s", c.Name)
		}
		have, publish = append(have, spec), append(publish, values[i])
	}
	return publish, nil, nil
}

func unpublishing(c *state.Container, run *state.Run, values []string, asked []nat.Spec) (publish []string, freed []state.Port, err error) {
	have, err := parsePublish(c.Spec.Publish)
	if err != nil {
		return nil, nil, err
	}
	publish = slices.Clone(c.Spec.Publish)
	for i, spec := range asked {
		at := slices.Index(have, spec)
		if at < 0 && run != nil {
			chosen := chosenBy(spec, missing(run.Ports, freed))
			at = slices.IndexFunc(have, func(s nat.Spec) bool { return len(chosen) > 0 && leavesOpen(s, spec) })
			freed = append(freed, chosen...)
		}
		if at < 0 {
			return nil, nil, notPublished(c, have, spec, values[i])
		}
		have, publish = slices.Delete(have, at, at+1), slices.Delete(publish, at, at+1)
	}
	return publish, freed, nil
}

// chosenBy are the ports that a spec names, with any address.
func chosenBy(asked nat.Spec, ports []state.Port) (all []state.Port) {
	for _, p := range ports {
		if asked.Fixed() && p.Port == asked.First && p.HostPort == asked.HostFirst && p.Count == asked.Count() && p.Proto == asked.Proto &&
			(!asked.HostIP.IsValid() || asked.HostIP == p.HostIP) {
			all = append(all, p)
		}
	}
	return all
}

// leavesOpen says that a spec's ports are to be chosen, and may be those asked
// for.
func leavesOpen(s, asked nat.Spec) bool {
	return !s.Fixed() && s.First == asked.First && s.Last == asked.Last && s.Proto == asked.Proto && s.HostIP == asked.HostIP &&
		(s.Ephemeral() || asked.HostFirst >= s.HostFirst && asked.HostLast <= s.HostLast)
}

// notPublished names the range that a port is one of: that goes as a whole.
func notPublished(c *state.Container, have []nat.Spec, asked nat.Spec, value string) error {
	err := errorf("No public port '%s' published for %s", printable(value), c.Name).hint("minibridge port %s", c.Name)
	for _, s := range have {
		if s.Proto == asked.Proto && s.First <= asked.First && asked.Last <= s.Last && s.Count() > asked.Count() {
			return errorf("%s (it is one of %s, which go together)", err.Text, s).
				hint("minibridge unpublish %s -p %s", c.Name, s)
		}
	}
	return err
}
