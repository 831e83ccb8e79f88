package engine

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/moby/sys/signal"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// Stop ends a container: the signal first, SIGKILL after timeout seconds (-1
// waits for ever). It returns when nothing of the container is left in the
// kernel. One that doesn't run is stopped already.
func (e *Engine) Stop(ctx context.Context, ref, sig string, timeout int) error {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	number := unix.SIGTERM
	if sig != "" {
		if number, err = parseSignal(sig); err != nil {
			return errorf("cannot stop container: %s: %v", printable(ref), err)
		}
	}
	if _, st := e.status(c); st.Status != state.Running {
		return nil
	}
	if err := e.end(ctx, c.ID, stopRequest{Signal: int(number), Timeout: timeout}); err != nil {
		return err
	}
	e.happened(c, "stop")
	return e.heedAfter(ctx, "stop")
}

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

// Kill sends a signal to a container's command. After SIGKILL it waits until
// nothing of the container is left.
func (e *Engine) Kill(ctx context.Context, ref, sig string) error {
	c, err := e.find(ref)
	if errors.Is(err, fs.ErrNotExist) {
		return errorf("cannot kill container: %s: %v", printable(ref), err).hint("minibridge ps -a")
	}
	if err != nil {
		return err
	}
	number := unix.SIGKILL
	if sig != "" {
		if number, err = parseSignal(sig); err != nil {
			return errorf("cannot kill container: %s: %v", printable(ref), err)
		}
	}
	if _, st := e.status(c); st.Status != state.Running {
		return errorf("cannot kill container: %s: container %s is not running", printable(ref), c.ID)
	}
	if number == unix.SIGKILL {
		if err := e.end(ctx, c.ID, stopRequest{Signal: int(number), Timeout: -1}); err != nil {
			return err
		}
		return e.heedAfter(ctx, "kill")
	}
	err = e.request(c.ID, frameSignal, int(number))
	if _, st := e.status(c); unreachable(err) && st.Status != state.Running {
		return errorf("cannot kill container: %s: container %s is not running", printable(ref), c.ID)
	}
	return err
}

// parseSignal takes a name, with or without SIG, or a number, with Docker's
// texts.
func parseSignal(s string) (unix.Signal, error) {
	n, err := signal.ParseSignal(s)
	switch {
	case err == nil && n >= 1 && n <= 64:
		return n, nil
	case s != "" && strings.Trim(s, "0123456789") == "":
		return 0, errorf("the linux daemon does not support signal %s", s)
	}
	return 0, errorf("invalid signal: %s", printable(s))
}

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

// Remove forgets a container: its record, its log, what it changed on its root
// file system. A running one has to be forced, which kills it.
func (e *Engine) Remove(ctx context.Context, ref string, force bool) error {
	for {
		c, err := e.find(ref)
		if err != nil {
			return err
		}
		if _, st := e.status(c); st.Status == state.Running {
			if !force && st.Paused {
				return errorf("cannot remove container %q: container is paused and must be unpaused first", c.Name).
					hint("minibridge rm -f %s", c.Name)
			}
			if !force {
				return errorf("cannot remove container %q: container is running: stop the container before removing or force remove", c.Name).
					hint("minibridge rm -f %s", c.Name)
			}
			if err := e.end(ctx, c.ID, stopRequest{Signal: int(unix.SIGKILL), Timeout: -1}); err != nil {
				return err
			}
		}
		if runs, err := e.removeStopped(ctx, c); err != nil || !runs {
			return err
		}
		ref = c.ID // somebody has started it meanwhile
	}
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
	if run, _ := s.status(now); run != nil {
		return true, nil
	}
	return false, s.remove(now)
}
