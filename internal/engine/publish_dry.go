package engine

import (
	"bytes"
	"fmt"
	"io"

	"github.com/minibridge/minibridge/internal/state"
)

// DryPublish writes what Publish would do to this machine's kernel.
func (e *Engine) DryPublish(ref string, values []string, w io.Writer) error {
	return e.dryPorts("publish", ref, values, publishing, w)
}

// DryUnpublish writes what Unpublish would do.
func (e *Engine) DryUnpublish(ref string, values []string, w io.Writer) error {
	return e.dryPorts("unpublish", ref, values, unpublishing, w)
}

func (e *Engine) dryPorts(verb, ref string, values []string, edit portEdit, w io.Writer) error {
	asked, err := parsePublish(values)
	if err != nil {
		return err
	}
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	networks, err := e.dirs.Networks()
	if err != nil {
		return err
	}
	if err := e.ownPorts(c, networks); err != nil {
		return err
	}
	run, _ := e.status(c)
	ports, err := edit(c, run, values, asked)
	if err != nil {
		return err
	}
	if run == nil {
		_, err := fmt.Fprintf(w, "# nothing changes in the kernel until container %s is started\n", c.Name)
		return err
	}
	var b bytes.Buffer
	b.WriteString(e.scriptHead())
	i := e.imagining(verb)
	if err := i.writePorts(&b, c, run, ports, networks); err != nil {
		return err
	}
	_, err = b.WriteTo(w)
	return err
}

// writePorts writes what opens and closes ports of a running container.
func (i *imagined) writePorts(b *bytes.Buffer, c *state.Container, run *state.Run, ports edited, networks []*state.Network) error {
	in, ok := i.entranceOf(run, networks)
	if !ok {
		fmt.Fprintf(b, "# container %s has no network that leads out, and ports in\n", c.Name)
		return nil
	}
	more, less := *run, *run
	r, err := i.reserveSpecs(c, in, ports.more, nil, nil)
	if err != nil {
		return err
	}
	i.give(&more, r)
	less.Ports = ports.less
	if err := writeDrift(b, i.publishPlan(&more, networks)); err != nil {
		return err
	}
	writeUndo(b, i.unpublishSteps(&less, networks))
	return nil
}
