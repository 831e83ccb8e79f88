package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/minibridge/minibridge/bridge"
	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
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
	if err := e.notYetOn(c, run, n); err != nil {
		return err
	}
	taken, err := e.taken(n, c.ID)
	if err != nil {
		return err
	}
	at, err := e.attach(n, w, c, taken)
	if err != nil {
		return err
	}
	next := *run
	next.Endpoints = append(slices.Clone(run.Endpoints), at)
	links, err := bridge.Links(plan.NS(run.Netns))
	if err != nil {
		return err
	}
	e.nameLinks(&next, networks, links, []Wish{w})
	plans, err := e.plansOf(n)
	if err != nil {
		return err
	}
	plans = append(plans, e.endpointPlan(&next, next.Endpoints[len(next.Endpoints)-1], networks)...)
	var b bytes.Buffer // half a script is none
	b.WriteString(scriptHead)
	if err := writeDrift(&b, plans); err != nil {
		return err
	}
	if err := e.writeMove(&b, run, &next, networks); err != nil {
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
	i := slices.IndexFunc(run.Endpoints, func(at state.Attachment) bool { return at.NetworkID == n.ID })
	if i < 0 {
		return errorf("container %s is not connected to network %s", c.ID, n.Name)
	}
	next := *run
	next.Endpoints = slices.Delete(slices.Clone(run.Endpoints), i, i+1)
	var b bytes.Buffer
	b.WriteString(scriptHead)
	if err := e.writeMove(&b, run, &next, networks); err != nil {
		return err
	}
	j, err := e.dirs.ReadJournal(endpointOwner(run.ID, run.Endpoints[i].EndpointID), kinds)
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
func (e *Engine) writeMove(b *bytes.Buffer, was, now *state.Run, networks []*state.Network) error {
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
