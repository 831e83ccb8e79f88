package engine

import (
	"context"

	"github.com/minibridge/minibridge/internal/state"
)

// Wait waits until a container has ended, and returns its exit code.
func (e *Engine) Wait(ctx context.Context, ref string) (int, error) {
	c, err := e.find(ref)
	if err != nil {
		return 0, err
	}
	if _, st := e.status(c); st.Status != state.Running {
		return st.ExitCode, nil
	}
	w, err := dial(e.dirs.Socket(c.ID))
	if err == nil {
		defer w.close()
		stop := context.AfterFunc(ctx, func() { w.close() })
		defer stop()
		if err = w.send(frameWait, nil); err == nil {
			var code int
			code, err = e.awaitEnd(w)
			switch {
			case ctx.Err() != nil:
				return 0, context.Cause(ctx)
			case err == nil:
				return code, nil
			}
		}
	}
	if !unreachable(err) {
		return 0, err
	}
	if run, err := e.dirs.ReadRun(c.ID); err == nil { // it can't be asked, but it ends with its container
		if err := endProcess(ctx, run.Supervisor, 0); err != nil {
			return 0, err
		}
	}
	if c, err = e.find(c.ID); err != nil {
		return 0, err
	}
	_, st := e.status(c)
	return st.ExitCode, nil
}
