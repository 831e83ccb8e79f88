package engine

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/driver"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// present is what is up on this machine, by the journals and the records of
// runs, whatever is left of it in the kernel.
type present struct {
	host     bool
	networks []*state.Network
	runs     []*state.Run
}

// whatIsUp is all of it, each kind in the order of names. What can't be read of
// it is left out, and named in the error.
func (e *Engine) whatIsUp(networks []*state.Network) (*present, error) {
	runs, err := e.living()
	up := &present{host: e.dirs.HasJournal(hostOwner), runs: runs}
	for _, n := range networks {
		used := slices.ContainsFunc(runs, func(run *state.Run) bool { return isWired(run, n) })
		if n.Bridge != "" && (used || e.dirs.HasJournal(networkOwner(n.ID))) {
			up.networks = append(up.networks, n)
		}
	}
	slices.SortFunc(up.networks, func(a, b *state.Network) int { return cmp.Compare(a.Name, b.Name) })
	return up, err
}

// living are the runs of the containers that run. One that rests has nothing in
// the kernel.
func (e *Engine) living() ([]*state.Run, error) {
	runs, err := e.dirs.Runs()
	runs = slices.DeleteFunc(runs, func(run *state.Run) bool {
		return run.Resting || !sandbox.Alive(run.Supervisor.Pid, run.Supervisor.Start)
	})
	slices.SortFunc(runs, func(a, b *state.Run) int { return cmp.Compare(a.Name, b.Name) })
	return runs, err
}

// isWired says that a run has a cable into a network.
func isWired(run *state.Run, n *state.Network) bool {
	return slices.ContainsFunc(run.Wired(), func(at state.Attachment) bool { return at.NetworkID == n.ID })
}

// only is the part of all that is named: a container comes with its networks, a
// network with the containers on it.
func (e *Engine) only(refs []string, networks []*state.Network, all *present) (*present, error) {
	chosen := map[string]bool{} // by id
	for _, ref := range refs {
		c, err := e.find(ref)
		switch {
		case err == nil:
			run, err := e.running(c)
			if err != nil {
				return nil, err
			}
			chosen[run.ID], chosen[run.Joined] = true, true
			continue
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		n, err := findNetwork(networks, ref)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, NoSuchObject(ref)
		case err != nil:
			return nil, err
		case n.Bridge != "" && !slices.Contains(all.networks, n):
			return nil, errorf("network %s is not up: nobody has used it since the machine started", n.Name)
		}
		chosen[n.ID] = true
	}
	up := &present{host: all.host}
	for _, run := range all.runs {
		on := slices.ContainsFunc(run.Wired(), func(at state.Attachment) bool { return chosen[at.NetworkID] })
		if chosen[run.ID] || on {
			up.runs = append(up.runs, run)
		}
	}
	for _, n := range all.networks {
		used := slices.ContainsFunc(up.runs, func(run *state.Run) bool { return isWired(run, n) })
		if chosen[n.ID] || used {
			up.networks = append(up.networks, n)
		}
	}
	return up, nil
}

// keptSandbox is the plan of a running container's namespace. It goes by our own
// file: what has lost its public name can be given it again.
func (e *Engine) keptSandbox(run *state.Run) (p plan.Plan, err error) {
	pin := e.dirs.NetnsPin(run.ID)
	inode, err := sandbox.NetnsInode(pin)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if inode == 0 {
		return nil, errors.New("its network namespace is gone")
	}
	p.Do(&sandbox.NetnsBind{Name: plan.NS(run.Netns), Pin: pin}, "the name by which people find its network namespace")
	return append(p, bridge.Loopback(plan.NS(run.Netns))...), nil
}

// keptEndpoint is that of one of its endpoints, whose cable may be there. A note
// on it that isn't ours is somebody's own.
func (e *Engine) keptEndpoint(run *state.Run, at state.Attachment, networks []*state.Network) (plan.Plan, error) {
	note := cableNote(run, at)
	noted, cabled, err := bridge.Alias(at.Veth)
	if noted != "" {
		note = ""
	}
	n := networkByID(networks, at.NetworkID)
	return e.driver(n).Endpoint(n, driver.Endpoint{NS: plan.NS(run.Netns), Alias: note, Cabled: cabled, Attachment: at}), err
}
