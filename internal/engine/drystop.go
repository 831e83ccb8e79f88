package engine

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
)

// DryStop writes the command that would end each container, and as comments
// what its supervisor takes down after that.
func (e *Engine) DryStop(refs []string, o StopOptions, w io.Writer) error {
	return e.dryEnd(refs, w, func(c *state.Container) (unix.Signal, error) { return o.signal(&c.Spec) })
}

// DryKill does so for a signal of the person's; none is KILL.
func (e *Engine) DryKill(refs []string, sig string, w io.Writer) error {
	return e.dryEnd(refs, w, func(*state.Container) (unix.Signal, error) { return parseSignal(cmp.Or(sig, "KILL")) })
}

func (e *Engine) dryEnd(refs []string, w io.Writer, signalOf func(*state.Container) (unix.Signal, error)) error {
	var running []*state.Run
	var signals []unix.Signal
	for _, ref := range refs {
		c, err := e.find(ref)
		if err != nil {
			return err
		}
		sig, err := signalOf(c)
		if err != nil {
			return err
		}
		switch _, st := e.status(c); st.Status {
		case state.Running:
		case state.Restarting:
			fmt.Fprintf(w, "# nothing in the kernel is container %s's: it is restarting, and would not be started again\n", c.Name)
			continue
		default:
			fmt.Fprintf(w, "# nothing in the kernel is container %s's: it is not running\n", c.Name)
			continue
		}
		run, err := e.running(c)
		if err != nil {
			return err
		}
		running, signals = append(running, run), append(signals, sig)
	}
	for i, run := range running {
		fmt.Fprintf(w, "# ask container %s to end\nkill -s %d %d\n", run.Name, int(signals[i]), run.Init.Pid)
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
