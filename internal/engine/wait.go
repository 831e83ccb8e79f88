package engine

import (
	"context"
	"errors"
	"io/fs"
)

// Wait waits until a container's command has ended, and returns its exit code.
// One that rests between two of its policy's rounds is waited for until the end
// of the next.
func (e *Engine) Wait(ctx context.Context, ref string) (int, error) {
	c, err := e.find(ref)
	if err != nil {
		return 0, err
	}
	if _, st := e.status(c); !st.Up() {
		return st.ExitCode, nil
	}
	ended, code := false, 0
	run, err := e.reach(ctx, c.ID, "wait", func() (err error) {
		code, err = e.askWait(ctx, c.ID)
		ended = err == nil
		return err
	})
	if err != nil || ended {
		return code, err
	}
	if run != nil { // it can't be asked, but it ends with its container
		if err := endProcess(ctx, run.Supervisor, 0); err != nil {
			return 0, err
		}
	}
	c, err = e.find(c.ID)
	if errors.Is(err, fs.ErrNotExist) { // with --rm
		return killed, nil
	}
	if err != nil {
		return 0, err
	}
	_, st := e.status(c)
	return st.ExitCode, nil
}

func (e *Engine) askWait(ctx context.Context, id string) (code int, err error) {
	w, err := dial(e.dirs.Socket(id))
	if err != nil {
		return 0, err
	}
	defer w.close()
	stop := context.AfterFunc(ctx, func() { w.close() })
	defer stop()
	if err = w.send(frameWait, nil); err == nil {
		code, err = e.awaitEnd(w)
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return code, err
}
