package engine

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// end asks a supervisor for its container's end, and waits for it.
func (e *Engine) end(ctx context.Context, id string, r stopRequest) error {
	err := e.askEnd(ctx, id, r)
	if !unreachable(err) {
		return err
	}
	if err := e.clean(ctx, "stop"); err != nil { // it has died meanwhile, or is about to end
		return err
	}
	run, err := e.dirs.ReadRun(id)
	if err != nil {
		return nil
	}
	if err := e.askEnd(ctx, id, r); !unreachable(err) { // it was about to begin
		return err
	}
	// Somebody removed its socket. Its container ends with it.
	if err := endProcess(ctx, run.Supervisor, unix.SIGKILL); err != nil {
		return err
	}
	return e.clean(ctx, "stop")
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
