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
	if err := e.admit(n, all); err != nil {
		return err
	}
	var b bytes.Buffer // half a script is none
	b.WriteString(scriptHead)
	if err := writeDrift(&b, append(e.hostPlan(), e.networkPlan(n)...)); err != nil {
		return err
	}
	_, err = b.WriteTo(w)
	return err
}

// DryRemoveNetworks writes the commands that take networks down: those named,
// or all that nobody is on.
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
	for _, n := range all {
		active, err := e.active(n)
		if err != nil {
			return err
		}
		if len(refs) == 0 && !isPredefined(n) && len(active) == 0 {
			doomed = append(doomed, n)
		}
	}
	fmt.Fprint(w, scriptHead)
	for _, n := range doomed {
		j, err := e.dirs.ReadJournal(networkOwner(n.ID), kinds)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "\n# --- network %s\n", n.Name)
		writeUndo(w, j.Steps())
	}
	return nil
}
