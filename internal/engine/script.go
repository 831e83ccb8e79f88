package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// scriptHead begins every script. It holds no trap: what fails stays for a
// person to look at.
const scriptHead = "#!/bin/sh\n# Run as root: sh -e FILE. Needs iproute2, iptables, procps and mount.\nset -eu\n"

// Script writes the present state as a script of plain commands for a clean
// machine: the host's, the networks' that are up, and the containers' that
// run, or of these only those named.
func (e *Engine) Script(refs []string, w io.Writer) error {
	networks, err := e.dirs.Networks()
	if err != nil {
		return err
	}
	runs, err := e.chosenRuns(refs)
	if err != nil {
		return err
	}
	fmt.Fprint(w, scriptHead)
	fmt.Fprint(w, "\n# --- the host\n"+e.hostPlan().String())
	for _, n := range networks {
		if up, err := isUp(n); err != nil || !up {
			continue
		}
		fmt.Fprintf(w, "\n# --- network %s\n%s", n.Name, e.networkPlan(n))
	}
	for _, run := range runs {
		c, err := e.dirs.ReadContainer(run.ID)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "\n# --- container %s\n%s", run.Name, e.containerPlan(run, networks))
		fmt.Fprint(w, e.processLine(c, run, true))
	}
	return nil
}

// isUp says whether a network's bridge is there.
func isUp(n *state.Network) (bool, error) {
	if n.Bridge == "" {
		return false, nil
	}
	return bridge.Exists(n.Bridge)
}

// chosenRuns are the running containers, oldest first, or those named.
func (e *Engine) chosenRuns(refs []string) ([]*state.Run, error) {
	var runs []*state.Run
	if len(refs) == 0 {
		all, err := e.dirs.Containers()
		if err != nil {
			return nil, err
		}
		for _, c := range slices.Backward(all) {
			if run, _ := e.status(c); run != nil {
				runs = append(runs, run)
			}
		}
		return runs, nil
	}
	for _, ref := range refs {
		c, err := e.find(ref)
		if err != nil {
			return nil, err
		}
		run, err := e.running(c)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// processLine starts the command by plain means, and says what that lacks
// beside the real thing.
func (e *Engine) processLine(c *state.Container, run *state.Run, background bool) string {
	spec := &c.Spec
	env := environment(spec, hostname(c))
	words := append([]string{"env", "-i"}, env...)
	if spec.RootFS != "" {
		words = append(words, "chroot", spec.RootFS)
	}
	words = append(words, spec.Args...)
	ns := plan.NS(run.Netns)
	if id := run.Joined; id != "" {
		if other, err := e.dirs.ReadRun(id); err == nil {
			ns = plan.NS(other.Netns)
		}
	}
	line := "cd " + plan.Quote(workingDir(spec)) + "\n" + ns.Exec() + plan.Command(words...)
	if background {
		line += " &"
	}
	return "# the command; beside the real sandbox it lacks: its own root file system, PID, UTS and IPC namespaces, fewer capabilities, no user namespaces, masked /proc, its own /etc/hosts, and the sockets that keep its ports\n" + line + "\n"
}

// ScriptUndo writes the commands that take everything down, or the containers
// named: the undo steps as the journals hold them.
func (e *Engine) ScriptUndo(refs []string, w io.Writer) error {
	owners, err := e.undoOwners(refs)
	if err != nil {
		return err
	}
	fmt.Fprint(w, scriptHead)
	for _, owner := range owners {
		j, err := e.dirs.ReadJournal(owner, kinds)
		if err != nil {
			return err
		}
		if len(j.Steps()) == 0 {
			continue
		}
		fmt.Fprintf(w, "\n# --- %s\n", ownerName(owner))
		writeUndo(w, j.Steps())
	}
	return nil
}

// writeUndo writes steps newest first; what several of them say of needing no
// command, once.
func writeUndo(w io.Writer, steps []plan.Step) {
	said := make(map[string]bool)
	for _, step := range slices.Backward(steps) {
		if leave, ok := step.(*plan.Leave); ok {
			if said[leave.Why] {
				continue
			}
			said[leave.Why] = true
		}
		fmt.Fprintln(w, step)
	}
}

// undoOwners are the journals, newest kind first: containers, networks, host.
func (e *Engine) undoOwners(refs []string) ([]string, error) {
	runs, err := e.chosenRuns(refs)
	if err != nil {
		return nil, err
	}
	var owners []string
	for _, run := range slices.Backward(runs) {
		owners = append(owners, containerOwner(run.ID))
	}
	if len(refs) > 0 {
		return owners, nil
	}
	networks, err := e.dirs.Networks()
	for _, n := range networks {
		owners = append(owners, networkOwner(n.ID))
	}
	return append(owners, hostOwner), err
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
	b.WriteString(scriptHead)
	plans := e.hostPlan()
	for _, at := range run.Wired() {
		plans = append(plans, e.networkPlan(networkByID(networks, at.NetworkID))...)
	}
	plans = append(plans, e.containerPlan(run, networks)...)
	if err := writeDrift(&b, plans); err != nil {
		return err
	}
	b.WriteString(e.processLine(c, run, spec.Detach))
	_, err = b.WriteTo(w)
	return err
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
	c := &state.Container{ID: newID(), Name: name, Spec: spec}
	if name == "" {
		c.Name = generatedNames()[0]
	} else if c.Name, err = checkName(name); err != nil {
		return nil, nil, nil, err
	} else if _, err := e.dirs.ContainerByName(c.Name); err == nil {
		return nil, nil, nil, e.nameTaken(c.Name)
	}
	run := &state.Run{ID: c.ID, Name: c.Name}
	if ref, ok := strings.CutPrefix(spec.Network, "container:"); ok {
		other, err := e.find(ref)
		if err != nil {
			return nil, nil, nil, err
		}
		run.Joined = other.ID
		return c, run, networks, nil
	}
	n, err := chosenNetwork(networks, spec.Network)
	if err != nil || n.Driver == "host" {
		return c, run, networks, err
	}
	run.Netns = c.Name
	if n.Bridge == "" {
		return c, run, networks, nil
	}
	leased, err := e.dirs.Leases(n.ID)
	if err != nil && !errors.Is(err, os.ErrPermission) { // who may not look gets the first address
		return nil, nil, nil, err
	}
	at, err := attach(n, spec.IP, leased)
	if err != nil {
		return nil, nil, nil, err
	}
	run.Endpoints = []state.Attachment{at}
	run.Ports, err = imaginePorts(&spec)
	return c, run, networks, err
}

// imagineNetworks are the predefined networks before anything was run.
func (e *Engine) imagineNetworks() ([]*state.Network, error) {
	all := predefined()
	for _, n := range all {
		if n.Bridge != "" {
			if err := e.choosePool(n, nil); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// imaginePorts are the ports that would be published; a port left to choice is
// the first of its pool.
func imaginePorts(spec *state.Spec) ([]state.Port, error) {
	specs, err := published(spec)
	if err != nil {
		return nil, err
	}
	var ports []state.Port
	used := make(map[string]uint16)
	for _, s := range specs {
		if s.Fixed() {
			ports = append(ports, port(s.Mapping(s.HostFirst)))
			continue
		}
		first, _, pool, err := portPool(s)
		if err != nil {
			return nil, err
		}
		for _, p := range s.Ports() {
			m := s.Mapping(first + used[pool])
			m.Port, m.Count = p.Number, 1
			used[pool]++
			ports = append(ports, port(m))
		}
	}
	return ports, nil
}
