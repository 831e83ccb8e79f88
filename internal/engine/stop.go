package engine

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/moby/sys/signal"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
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
