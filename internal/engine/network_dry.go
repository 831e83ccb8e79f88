package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/minibridge/minibridge/internal/state"
)

// DryCreateNetwork writes what CreateNetwork would do to this machine's
// kernel.
func (e *Engine) DryCreateNetwork(spec NetworkSpec, w io.Writer) error {
	n, err := e.defineNetwork(spec)
	if err != nil {
		return err
	}
	all, err := e.dirs.Networks()
	if errors.Is(err, os.ErrPermission) || len(all) == 0 {
		all, err = e.imagineNetworks()
	}
	if err != nil {
		return err
	}
	if err := e.admit(n, spec, all); err != nil {
		return err
	}
	plans, err := e.plansOf(n)
	if err != nil {
		return err
	}
	var b bytes.Buffer // half a script is none
	b.WriteString(e.scriptHead())
	if err := writeDrift(&b, plans); err != nil {
		return err
	}
	_, err = b.WriteTo(w)
	return err
}

// DryRemoveNetworks writes the commands that take networks down.
func (e *Engine) DryRemoveNetworks(refs []string, w io.Writer) error {
	all, err := e.dirs.Networks()
	if err != nil {
		return err
	}
	var doomed []*state.Network
	for _, ref := range refs {
		n, err := findNetwork(all, ref)
		if err != nil {
			return err
		}
		if err := e.removable(n); err != nil {
			return err
		}
		doomed = append(doomed, n)
	}
	return e.writeDown(doomed, w)
}

// DryPruneNetworks writes the commands that take down the networks that prune
// would remove.
func (e *Engine) DryPruneNetworks(o PruneOptions, w io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	all, err := e.dirs.Networks()
	if err != nil {
		return err
	}
	doomed, err := e.unusedNetworks(all, o)
	if err != nil {
		return err
	}
	return e.writeDown(doomed, w)
}

func (e *Engine) writeDown(networks []*state.Network, w io.Writer) error {
	fmt.Fprint(w, e.scriptHead())
	for _, n := range networks {
		j, err := e.dirs.ReadJournal(networkOwner(n.ID), kinds)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "\n# --- network %s\n", n.Name)
		writeUndo(w, j.Steps())
	}
	return nil
}
