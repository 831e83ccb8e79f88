package engine

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// end asks a supervisor for its container's end, and waits for it.
func (e *Engine) end(ctx context.Context, id string, r stopRequest) error {
	run, err := e.reach(ctx, id, "stop", func() error { return e.askEnd(ctx, id, r) })
	if run == nil {
		return err
	}
	// Somebody removed its socket. Its container ends with it.
	if err := endProcess(ctx, run.Supervisor, unix.SIGKILL); err != nil {
		return err
	}
	return e.clean(ctx, "stop")
}

// reach asks a container's supervisor for something. One that can't be asked
// has died, is about to begin, or has just handed the container to the next
// one: whoever has had the lock knows. A run that is returned can't be reached,
// and goes on; without one, either it was asked, or nothing runs any more.
func (e *Engine) reach(ctx context.Context, id, verb string, ask func() error) (*state.Run, error) {
	began := time.Now()
	for tried := (state.Process{}); ; {
		if err := ask(); !unreachable(err) {
			return nil, err
		}
		if err := e.clean(ctx, verb); err != nil {
			return nil, err
		}
		run, err := e.dirs.ReadRun(id)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil
		case err != nil:
			return nil, err
		case run.Supervisor == tried && run.Init.Pid == 0 && !run.Resting && time.Since(began) < hearing: // it may not listen yet
			if err := breathe(ctx); err != nil {
				return nil, err
			}
		case run.Supervisor == tried:
			return run, nil
		}
		tried = run.Supervisor
	}
}

// breathe waits for a moment.
func breathe(ctx context.Context) error {
	timer := time.NewTimer(breath)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (e *Engine) askEnd(ctx context.Context, id string, r stopRequest) error {
	w, err := dial(e.dirs.Socket(id))
	if err == nil {
		defer w.close()
		stop := context.AfterFunc(ctx, func() { w.close() })
		defer stop()
		if err = w.sendJSON(frameStop, r); err == nil {
			_, err = e.awaitEnd(w)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// endProcess sends a signal to a process, if it is still that (0 for none), and
// waits for its end.
func endProcess(ctx context.Context, p state.Process, sig unix.Signal) error {
	fd, err := unix.PidfdOpen(p.Pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if !sandbox.Alive(p.Pid, p.Start) {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return err
	}
	const glance = 100 // milliseconds until ctx is looked at again
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, glance)
		switch {
		case n > 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
	}
}

// clean takes the lock once, which cleans up after the dead.
func (e *Engine) clean(ctx context.Context, verb string) error {
	s, err := e.lock(ctx, verb)
	if err != nil {
		return err
	}
	return s.unlock()
}
