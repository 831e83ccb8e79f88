package engine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

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
	words = append(words, withEnv(environment(&c.Spec, execHostname(c, run), x.Tty), x.Env)...)
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
	c, networks, err := e.imagine(ctx, spec, name)
	if err != nil {
		return err
	}
	i := e.imagining("run")
	run, err := i.start(c, networks)
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
				writeAlreadySo(w, line)
				continue
			}
		}
		fmt.Fprint(w, line.Text())
	}
	return nil
}

// writeAlreadySo writes a line as a comment; one that is nothing else stays.
func writeAlreadySo(w io.Writer, line plan.Line) {
	if _, note := line.Op.(*plan.Note); note {
		fmt.Fprint(w, line.Text())
		return
	}
	for one := range strings.Lines(line.Op.String()) {
		fmt.Fprintf(w, "# already so: %s\n", strings.TrimSuffix(one, "\n"))
	}
}
