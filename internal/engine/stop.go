package engine

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/moby/sys/signal"
	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
)

// StopTimeout is how long a container has to end after the first signal, in
// seconds, when nobody has said otherwise; a negative one waits for ever.
const StopTimeout = 10

// StopOptions say how to stop a container.
type StopOptions struct {
	Signal  string // the first one; "" = its own, by --stop-signal
	Timeout *int   // seconds until SIGKILL, under 0 for ever; nil = its own, by --stop-timeout
}

// request is what its supervisor is asked for.
func (o StopOptions) request(spec *state.Spec) (stopRequest, error) {
	sig, err := o.signal(spec)
	r := stopRequest{Signal: int(sig), Timeout: StopTimeout}
	for _, said := range []*int{o.Timeout, spec.StopTimeout} {
		if said != nil {
			r.Timeout = *said
			break
		}
	}
	return r, err
}

func (o StopOptions) signal(spec *state.Spec) (unix.Signal, error) {
	return parseSignal(cmp.Or(o.Signal, spec.StopSignal, "TERM"))
}

// Stop ends a container: a signal first, SIGKILL when it takes too long. It
// returns when nothing of the container is left in the kernel, and its policy
// starts it no more. One that doesn't run is stopped already.
func (e *Engine) Stop(ctx context.Context, ref string, o StopOptions) error {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	if _, st := e.status(c); !st.Up() {
		return nil
	}
	r, err := o.request(&c.Spec)
	if err != nil {
		return errorf("cannot stop container: %s: %v", Printable(ref), err)
	}
	if err := e.end(ctx, c.ID, r); err != nil {
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
		return errorf("cannot kill container: %s: %v", Printable(ref), err).hint("minibridge ps -a")
	}
	if err != nil {
		return err
	}
	number := unix.SIGKILL
	if sig != "" {
		if number, err = parseSignal(sig); err != nil {
			return errorf("cannot kill container: %s: %v", Printable(ref), err)
		}
	}
	dead := errorf("cannot kill container: %s: container %s is not running", Printable(ref), c.ID)
	if _, st := e.status(c); !st.Up() {
		return dead
	}
	if number == unix.SIGKILL {
		if err := e.end(ctx, c.ID, killNow); err != nil {
			return err
		}
		return e.heedAfter(ctx, "kill")
	}
	var answer error
	run, err := e.reach(ctx, c.ID, "kill", func() error {
		answer = e.request(ctx, c.ID, frameSignal, int(number))
		return answer
	})
	if run == nil && unreachable(answer) && err == nil {
		return dead
	}
	return cmp.Or(err, answer)
}

// parseSignal takes a name, with or without SIG, or a number, with Docker's
// texts.
func parseSignal(s string) (unix.Signal, error) {
	n, err := signal.ParseSignal(s)
	switch {
	case err == nil && n >= 1 && n <= 64:
		return n, nil
	case strings.Trim(s, "0") != "" && strings.Trim(s, "0123456789") == "":
		return 0, errorf("the linux daemon does not support signal %s", s)
	}
	return 0, errorf("invalid signal: %s", Printable(s))
}
