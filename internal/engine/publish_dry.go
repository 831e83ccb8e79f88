package engine

import (
	"bytes"
	"fmt"
	"io"

	"github.com/minibridge/minibridge/internal/state"
)

// DryPublish writes what Publish would do to this machine's kernel.
func (e *Engine) DryPublish(ref string, values []string, w io.Writer) error {
	return e.dryPorts(ref, values, publishing, w)
}

// DryUnpublish writes what Unpublish would do.
func (e *Engine) DryUnpublish(ref string, values []string, w io.Writer) error {
	return e.dryPorts(ref, values, unpublishing, w)
}

func (e *Engine) dryPorts(ref string, values []string, edit portEdit, w io.Writer) error {
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
	publish, freed, err := edit(c, run, values, asked)
	if err != nil {
		return err
	}
	if run == nil {
		_, err := fmt.Fprintf(w, "# nothing changes in the kernel until container %s is started\n", c.Name)
		return err
	}
	var b bytes.Buffer
	b.WriteString(e.scriptHead())
	if err := e.writePorts(&b, c, run, publish, freed, networks); err != nil {
		return err
	}
	_, err = b.WriteTo(w)
	return err
}

// writePorts writes what makes a running container's ports those of publish.
func (e *Engine) writePorts(b *bytes.Buffer, c *state.Container, run *state.Run, publish []string, freed []state.Port, networks []*state.Network) error {
	in, ok := e.entranceOf(run, networks)
	if !ok {
		fmt.Fprintf(b, "# container %s has no network that leads out, and ports in\n", c.Name)
		return nil
	}
	next := *c
	next.Spec.Publish, next.Last.Ports = publish, missing(run.Ports, freed)
	ports, err := newImagined().imaginePorts(&next, in)
	if err != nil {
		return err
	}
	more, less := *run, *run
	more.Ports, less.Ports = missing(ports, run.Ports), missing(run.Ports, ports)
	if err := writeDrift(b, e.publishPlan(&more, networks)); err != nil {
		return err
	}
	writeUndo(b, e.unpublishSteps(&less, networks))
	return nil
}
