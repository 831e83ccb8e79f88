package engine

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
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

// DryRestart writes what ends each container, and that it is started again
// with the same as run would do: what that is depends on what the end leaves.
func (e *Engine) DryRestart(refs []string, sig string, w io.Writer) error {
	for _, ref := range refs {
		c, err := e.find(ref)
		if err != nil {
			return err
		}
		if _, st := e.status(c); st.Status != state.Running {
			if err := e.DryStart([]string{ref}, w); err != nil {
				return err
			}
			continue
		}
		if err := e.DryEnd([]string{ref}, sig, "TERM", w); err != nil {
			return err
		}
		fmt.Fprintf(w, "# then it is started again: minibridge --dry-run start %s\n", c.Name)
	}
	return nil
}
