package engine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/minibridge/minibridge/internal/state"
)

// Prune removes the containers that don't run. It returns their ids, and how
// many bytes of changed files went with them.
func (e *Engine) Prune(ctx context.Context, o PruneOptions) (removed []string, size int64, err error) {
	if err := o.check(); err != nil {
		return nil, 0, err
	}
	s, err := e.lock(ctx, "container prune")
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	stopped, unreadable := s.stopped(o)
	for _, c := range stopped {
		if ctx.Err() != nil {
			return removed, size, context.Cause(ctx)
		}
		n, err := s.layerSize(c)
		if err = errors.Join(err, s.remove(c)); err != nil {
			return removed, size, err
		}
		removed = append(removed, c.ID)
		size += n
	}
	s.pruned("container", size)
	return removed, size, unreadable
}

// stopped are those that prune removes. Records that can't be read are named in
// the error, beside them.
func (e *Engine) stopped(o PruneOptions) (some []*state.Container, err error) {
	all, err := e.dirs.Containers()
	for _, c := range all {
		if _, st := e.status(c); !st.Up() && o.takes(c.Created, c.Spec.Labels) {
			some = append(some, c)
		}
	}
	return some, err
}

// DryPrune names the containers that Prune would remove: nothing of them is in
// the kernel.
func (e *Engine) DryPrune(o PruneOptions, w io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	stopped, err := e.stopped(o)
	for _, c := range stopped {
		if _, err := fmt.Fprintf(w, "# nothing in the kernel is container %s's: it is not running\n", c.Name); err != nil {
			return err
		}
	}
	return err
}
