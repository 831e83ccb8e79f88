package engine

import (
	"github.com/minibridge/minibridge/internal/state"
)

// Attach stands between the person and a container that runs, and returns its
// exit code when it has ended. With noStdin nothing is typed into it.
func (e *Engine) Attach(ref string, noStdin bool, streams Streams) (int, error) {
	c, err := e.find(ref)
	if err != nil {
		return 0, err
	}
	if _, st := e.status(c); st.Word() != state.Running {
		return 0, notAttachable(c, st)
	}
	o := StartOptions{Attach: true, Stdin: !noStdin}
	// Docker asks for a terminal even where the container reads none.
	if err := streams.check(attachment{tty: c.Spec.Tty, stdin: !noStdin}); err != nil {
		return 0, err
	}
	code, err := e.attachTo(c, o, streams)
	return saying(streams, code, err)
}

// notAttachable is why nobody can attach to a container.
func notAttachable(c *state.Container, st state.State) error {
	switch st.Word() {
	case state.Paused:
		return errorf("You cannot attach to a paused container, unpause it first").hint("minibridge unpause %s", c.Name)
	case state.Restarting:
		return errorf("You cannot attach to a restarting container, wait until it is running").hint("minibridge logs %s", c.Name)
	}
	return errorf("You cannot attach to a stopped container, start it first").hint("minibridge start -a %s", c.Name)
}
