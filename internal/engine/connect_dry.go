package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/minibridge/minibridge/internal/state"
)

// DryConnect writes what Connect would do to this machine's kernel.
func (e *Engine) DryConnect(ref string, w Wish, out io.Writer) error {
	c, n, networks, err := e.openDry(ref, w.Network)
	if err != nil {
		return err
	}
	w.Network = n.Name
	if err := e.connectable(c, n, w, networks); err != nil {
		return err
	}
	run, _ := e.status(c)
	if run == nil {
		_, err := fmt.Fprintf(out, "# nothing changes in the kernel until container %s is started\n", c.Name)
		return err
	}
	now, at, err := e.arrival(c, run, n, w, networks)
	if err != nil {
		return err
	}
	plans, err := e.plansOf(n)
	if err != nil {
		return err
	}
	plans = append(plans, e.endpointPlan(now, at, networks)...)
	var b bytes.Buffer // half a script is none
	b.WriteString(e.scriptHead())
	if err := writeDrift(&b, plans); err != nil {
		return err
	}
	if err := e.writeMove(&b, c, run, now, networks); err != nil {
		return err
	}
	_, err = b.WriteTo(out)
	return err
}

// DryDisconnect writes what Disconnect would do.
func (e *Engine) DryDisconnect(network, ref string, out io.Writer) error {
	c, n, networks, err := e.openDry(ref, network)
	if c == nil {
		return err
	}
	run, _ := e.status(c)
	switch {
	case run == nil && errors.Is(err, fs.ErrNotExist):
		err = wished(c, network)
	case run == nil && err == nil:
		err = wished(c, n.Name)
	}
	if err != nil {
		return err
	}
	if run == nil {
		_, err := fmt.Fprintf(out, "# nothing in the kernel is container %s's: it is not running\n", c.Name)
		return err
	}
	now, at, err := departure(c, run, n)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString(e.scriptHead())
	if err := e.writeMove(&b, c, run, now, networks); err != nil {
		return err
	}
	j, err := e.dirs.ReadJournal(endpointOwner(run.ID, at.EndpointID), kinds)
	if err != nil {
		return err
	}
	writeUndo(&b, j.Steps())
	_, err = b.WriteTo(out)
	return err
}

// openDry finds what a dry run of connect or disconnect is about. With an error
// for the network, there is still the container.
func (e *Engine) openDry(ref, network string) (*state.Container, *state.Network, []*state.Network, error) {
	c, err := e.find(ref)
	if err != nil {
		return nil, nil, nil, err
	}
	networks, err := e.dirs.Networks()
	if err != nil {
		return nil, nil, nil, err
	}
	n, err := findNetwork(networks, network)
	return c, n, networks, err
}

// writeMove writes the steps of a move.
func (e *Engine) writeMove(b *bytes.Buffer, c *state.Container, was, now *state.Run, networks []*state.Network) error {
	i := e.imagining("connect")
	r, err := i.movePorts(c, was, now, networks)
	if err != nil {
		return err
	}
	i.give(now, r)
	republish := republishes(was, now)
	if republish {
		j, err := e.dirs.ReadJournal(portsOwner(was.ID), kinds)
		if err != nil {
			return err
		}
		writeUndo(b, j.Steps())
	}
	if err := writeDrift(b, e.wayPlan(now, was)); err != nil {
		return err
	}
	if republish {
		b.WriteString(e.publishPlan(now, networks).String())
	}
	return nil
}
