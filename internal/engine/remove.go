package engine

import (
	"context"
	"errors"
	"io/fs"

	"github.com/minibridge/minibridge/internal/state"
)

// Remove forgets a container: its record, its log, what it changed on its root
// file system. A running one has to be forced, which kills it.
func (e *Engine) Remove(ctx context.Context, ref string, force bool) error {
	for {
		c, err := e.find(ref)
		if err != nil {
			return err
		}
		if _, st := e.status(c); st.Up() {
			if !force {
				return notRemoved(c, st)
			}
			if err := e.end(ctx, c.ID, killNow); err != nil {
				return err
			}
		}
		if runs, err := e.removeStopped(ctx, c); err != nil || !runs {
			return err
		}
		ref = c.ID // somebody has started it meanwhile
	}
}

func notRemoved(c *state.Container, st state.State) error {
	what := ": stop the container before removing or force remove"
	if st.Paused {
		what = " and must be unpaused first"
	}
	return errorf("cannot remove container %q: container is %s%s", c.Name, st.Word(), what).hint("minibridge rm -f %s", c.Name)
}

// removeStopped removes a container, unless it runs.
func (e *Engine) removeStopped(ctx context.Context, c *state.Container) (runs bool, err error) {
	s, err := e.lock(ctx, "rm")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	now, err := s.dirs.ReadContainer(c.ID) // by another name, perhaps
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, s.remove(c) // its end has removed it, for --rm
	case err != nil:
		return false, err
	}
	if run, st := s.status(now); run != nil || st.Status == state.Restarting {
		return true, nil
	}
	return false, s.remove(now)
}
