package engine

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
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
		j, err := e.dirs.ReadJournal(containerOwner(run.ID), kinds)
		if err != nil {
			return err
		}
		fmt.Fprint(w, "# when it has ended, its supervisor does:\n")
		for _, step := range slices.Backward(j.Steps()) {
			for line := range strings.Lines(step.String()) {
				fmt.Fprintf(w, "# %s\n", strings.TrimSuffix(line, "\n"))
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
