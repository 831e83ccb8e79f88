package engine

import (
	"fmt"
	"io"
	"slices"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// scriptHead begins every script. It holds no trap: what fails stays for a
// person to look at.
func (e *Engine) scriptHead() string {
	return "#!/bin/sh\n# Run as root: sh -e FILE. Needs iproute2, " + firewalls[e.firewallName].pkg + ", procps and mount.\nset -eu\n"
}

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
	var ups []*state.Network
	for _, n := range networks {
		if up, err := isUp(n); err == nil && up {
			ups = append(ups, n)
		}
	}
	host6, err := e.hostPlan6(ups...)
	if err != nil {
		return err
	}
	fmt.Fprint(w, e.scriptHead())
	fmt.Fprint(w, "\n# --- the host\n"+append(e.hostPlan(), host6...).String())
	for _, n := range ups {
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
	env := environment(spec, hostname(c), spec.Tty)
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
	lacks := ""
	if !spec.Restart.None() {
		lacks = ", its policy of --restart"
	}
	line := "cd " + plan.Quote(workingDir(spec)) + "\n" + ns.Exec() + plan.Command(words...)
	if background {
		line += " &"
	}
	return "# the command; beside the real sandbox it lacks: its own root file system, PID, UTS and IPC namespaces, fewer capabilities, no user namespaces, masked /proc" + lacks + ", its own /etc/hosts, and the sockets that keep its ports, and answer on those of IPv6\n" + line + "\n"
}

// ScriptUndo writes the commands that take everything down, or the containers
// named: the undo steps as the journals hold them.
func (e *Engine) ScriptUndo(refs []string, w io.Writer) error {
	owners, err := e.undoOwners(refs)
	if err != nil {
		return err
	}
	fmt.Fprint(w, e.scriptHead())
	said := ""
	for _, owner := range owners {
		j, err := e.dirs.ReadJournal(owner, kinds)
		if err != nil {
			return err
		}
		if len(j.Steps()) == 0 {
			continue
		}
		if name := ownerName(owner); name != said {
			fmt.Fprintf(w, "\n# --- %s\n", name)
			said = name
		}
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
			if said[leave.String()] {
				continue
			}
			said[leave.String()] = true
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
		own := containerOwners(run)
		slices.Reverse(own)
		owners = append(owners, own...)
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
