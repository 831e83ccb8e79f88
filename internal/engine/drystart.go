package engine

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/minibridge/minibridge/internal/state"
)

// DryCreate checks as Create does, and writes that there is nothing to do.
func (e *Engine) DryCreate(ctx context.Context, spec Spec, name string, w io.Writer) error {
	if err := Check(&spec); err != nil {
		return err
	}
	c, _, err := e.imagine(ctx, spec, name)
	if err == nil {
		_, err = fmt.Fprintf(w, "# nothing in the kernel is container %s's until it is started\n", c.Name)
	}
	return err
}

// DryStart writes what Start would do for each container, as DryRun does for
// one.
func (e *Engine) DryStart(refs []string, w io.Writer) error {
	var b bytes.Buffer
	b.WriteString(e.scriptHead())
	i := e.imagining("start")
	for _, ref := range refs {
		c, err := e.find(ref)
		if err != nil {
			return err
		}
		if _, st := e.status(c); st.Up() {
			fmt.Fprintf(&b, "# container %s runs already\n", c.Name)
			continue
		}
		if err := i.writeStart(&b, c); err != nil {
			return err
		}
	}
	_, err := b.WriteTo(w)
	return err
}

// writeStart writes what the start of a container would do that is there.
func (i *imagined) writeStart(w io.Writer, c *state.Container) error {
	networks, err := i.dirs.Networks()
	if err != nil {
		return err
	}
	run, err := i.start(c, networks)
	if err != nil {
		return err
	}
	return i.Engine.writeStart(w, c, run, networks, true)
}

// DryRestart writes what ends each container, and that it is started again
// with the same as run would do: what that is depends on what the end leaves. Of
// one that rests, or doesn't run, there is nothing to end.
func (e *Engine) DryRestart(refs []string, o StopOptions, w io.Writer) error {
	var b bytes.Buffer
	b.WriteString(e.scriptHead())
	i := e.imagining("start")
	for _, ref := range refs {
		c, err := e.find(ref)
		if err != nil {
			return err
		}
		if _, st := e.status(c); !st.Up() || st.Status == state.Restarting {
			if err := i.writeStart(&b, c); err != nil {
				return err
			}
			continue
		}
		if err := e.DryStop([]string{ref}, o, &b); err != nil {
			return err
		}
		fmt.Fprintf(&b, "# then it is started again: minibridge --dry-run start %s\n", c.Name)
	}
	_, err := b.WriteTo(w)
	return err
}
