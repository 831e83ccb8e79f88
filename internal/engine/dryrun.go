package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// DryEnd writes the command that would end each container, and as comments
// what its supervisor takes down after that. otherwise is the signal when sig
// names none.
func (e *Engine) DryEnd(refs []string, sig, otherwise string, w io.Writer) error {
	if sig == "" {
		sig = otherwise
	}
	number, err := parseSignal(sig)
	if err != nil {
		return err
	}
	var running []*state.Run
	for _, ref := range refs {
		c, err := e.find(ref)
		if err != nil {
			return err
		}
		if _, st := e.status(c); st.Status != state.Running {
			fmt.Fprintf(w, "# nothing in the kernel is container %s's: it is not running\n", c.Name)
			continue
		}
		run, err := e.running(c)
		if err != nil {
			return err
		}
		running = append(running, run)
	}
	for _, run := range running {
		fmt.Fprintf(w, "# ask container %s to end\nkill -s %d %d\n", run.Name, int(number), run.Init.Pid)
		fmt.Fprint(w, "# when it has ended, its supervisor does:\n")
		for _, owner := range slices.Backward(containerOwners(run)) {
			j, err := e.dirs.ReadJournal(owner, kinds)
			if err != nil {
				return err
			}
			for _, step := range slices.Backward(j.Steps()) {
				for line := range strings.Lines(step.String()) {
					fmt.Fprintf(w, "# %s\n", strings.TrimSuffix(line, "\n"))
				}
			}
		}
	}
	return nil
}

// DryExec writes the command that starts another one in a running container,
// in its namespaces.
func (e *Engine) DryExec(ref string, x ExecSpec, w io.Writer) error {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	run, err := e.running(c)
	if err != nil {
		return err
	}
	words := []string{"nsenter", "--target", fmt.Sprint(run.Init.Pid), "--mount", "--uts", "--ipc", "--net", "--pid", "env", "-i"}
	words = append(words, withEnv(environment(&c.Spec, execHostname(c, run)), x.Env)...)
	_, err = fmt.Fprintf(w, "# enter the namespaces of container %s; beside the real exec it lacks: fewer capabilities, the working directory\n%s\n",
		c.Name, plan.Command(append(words, x.Args...)...))
	return err
}

// DryRun writes what Run would do to this machine's kernel, and changes
// nothing: what is so already stands as a comment. Who may not look gets the
// script for a clean machine.
func (e *Engine) DryRun(ctx context.Context, spec Spec, name string, w io.Writer) error {
	if err := Check(&spec); err != nil {
		return err
	}
	c, run, networks, err := e.imagine(spec, name)
	if err != nil {
		return err
	}
	var b bytes.Buffer // half a script is none: it may be on its way to a shell
	b.WriteString(e.scriptHead())
	if err := e.writeStart(&b, c, run, networks, spec.Detach); err != nil {
		return err
	}
	_, err = b.WriteTo(w)
	return err
}

// writeStart writes what the start of a container would do.
func (e *Engine) writeStart(w io.Writer, c *state.Container, run *state.Run, networks []*state.Network, background bool) error {
	var on []*state.Network
	for _, at := range run.Wired() {
		on = append(on, networkByID(networks, at.NetworkID))
	}
	plans, err := e.plansOf(on...)
	if err != nil {
		return err
	}
	plans = append(plans, e.containerPlan(run, networks)...)
	if err := writeDrift(w, plans); err != nil {
		return err
	}
	_, err = io.WriteString(w, e.processLine(c, run, background))
	return err
}

// plansOf are the host's and these networks'.
func (e *Engine) plansOf(networks ...*state.Network) (plan.Plan, error) {
	host6, err := e.hostPlan6(networks...)
	p := append(e.hostPlan(), host6...)
	for _, n := range networks {
		p = append(p, e.networkPlan(n)...)
	}
	return p, err
}

// writeDrift writes the lines that are not true yet; the others as comments.
func writeDrift(w io.Writer, p plan.Plan) error {
	look := os.Geteuid() == 0
	if !look {
		fmt.Fprint(w, "# not root, so nothing was looked at: this is for a clean machine\n")
	}
	for _, line := range p {
		if look {
			undo, err := line.Undo()
			if err != nil {
				first, rest, _ := strings.Cut(line.Op.String(), "\n")
				if rest != "" {
					first += " …"
				}
				return fmt.Errorf("%s: %w", first, err)
			}
			if undo == nil {
				for one := range strings.Lines(line.Op.String()) {
					fmt.Fprintf(w, "# already so: %s\n", strings.TrimSuffix(one, "\n"))
				}
				continue
			}
		}
		fmt.Fprint(w, line.Text())
	}
	return nil
}

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
	ports, err := given.imaginePorts(c, in)
	run.Ports = ports
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
// the one that it was the last time, or the next of its pool.
func (i *imagined) imaginePorts(c *state.Container, in entrance) ([]state.Port, error) {
	specs, err := published(&c.Spec)
	if err != nil {
		return nil, err
	}
	var ports []state.Port
	on := func(m nat.Mapping, ips []netip.Addr) {
		for _, m.HostIP = range ips {
			ports = append(ports, port(m))
		}
	}
	for _, s := range specs {
		ips := in.hostIPs(s.HostIP)
		if len(ips) == 0 {
			continue
		}
		if s.Fixed() {
			on(s.Mapping(s.HostFirst), ips)
			continue
		}
		low, high, pool, err := portPool(s)
		if err != nil {
			return nil, err
		}
		for _, p := range s.Ports() {
			one := nat.Spec{First: p.Number, Last: p.Number, Proto: p.Proto}
			m, again := lastMapping(one, ips[0], low, high, missing(c.Last.Ports, ports))
			if !again {
				m = one.Mapping(low + i.ports[pool])
				i.ports[pool]++
			}
			on(m, ips)
		}
	}
	return ports, nil
}
