package engine

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// StartOptions say what the person who starts a container wants of its
// streams.
type StartOptions struct {
	Attach bool // get what it writes, and its exit code
	Stdin  bool // and be its standard input, if it was made with one
}

// Start starts a container that was made before, with the changes that it has
// made to its files. It returns when its command has been executed; attached,
// when that has ended, with its exit code. One that runs is started already.
// When it can't be, its record says why.
func (e *Engine) Start(ctx context.Context, ref string, o StartOptions, streams Streams) (code int, err error) {
	if _, err := parseKeys(streams.DetachKeys); err != nil {
		return 0, err
	}
	c, err := e.find(ref)
	if err != nil {
		return 0, err
	}
	if _, st := e.status(c); st.Up() {
		return quietly(e.attachTo(c, o, streams))
	}
	sup, err := launch(c.Name)
	if err != nil {
		return 0, err
	}
	defer sup.close()
	size := sizeOf(streams)
	c, runs, err := e.prepareAgain(ctx, c.ID, o, size, sup)
	if err != nil || runs {
		sup.dismiss()
	}
	switch {
	case err != nil:
		return 0, err
	case runs:
		return quietly(e.attachTo(c, o, streams))
	}
	if err := e.letGo(ctx, sup); err != nil || !o.Attach {
		return 0, err
	}
	a := o.attachment(c, streams)
	a.size = size
	return quietly(e.stand(sup.wire, a, streams))
}

// attachment is what goes through. Signals of a container with a terminal are
// keys: others are the command's.
func (o StartOptions) attachment(c *state.Container, streams Streams) attachment {
	return attachment{
		id: c.ID, tty: c.Spec.Tty, own: c.Spec.Tty || streams.OwnSignals,
		stdin: o.Stdin && c.Spec.OpenStdin, stdout: o.Attach, stderr: o.Attach,
	}
}

// prepareAgain makes what a container needs in the kernel, under the lock. It
// may have been started meanwhile: then it runs.
func (e *Engine) prepareAgain(ctx context.Context, id string, o StartOptions, size sandbox.Size, sup *supervisor) (c *state.Container, runs bool, err error) {
	s, err := e.lock(ctx, "start")
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	if c, err = s.find(id); err != nil {
		return nil, false, err
	}
	_, st := s.status(c)
	if st.Up() {
		return c, true, nil
	}
	if run, err := s.dirs.ReadRun(id); err == nil { // of a start that was killed: its supervisor is about to end
		if err := errors.Join(endProcess(ctx, run.Supervisor, unix.SIGKILL), s.reap(run)); err != nil {
			return nil, false, err
		}
		if c, err = s.find(id); err != nil {
			return nil, false, err
		}
		_, st = s.status(c)
	}
	b := o.attachment(c, Streams{}).beginning(size)
	if !c.Spec.AutoRemove {
		b.before = &st
	}
	if o.Attach {
		s.happened(c, "attach")
	}
	c.Restarts = 0
	if err := s.start(ctx, c, sup, b); err != nil {
		return nil, false, errors.Join(err, s.undone(&state.Run{ID: c.ID, Name: c.Name, Before: b.before}, err))
	}
	return c, false, nil
}

// attachTo stands between the person and a container that runs.
func (e *Engine) attachTo(c *state.Container, o StartOptions, streams Streams) (int, error) {
	if _, st := e.status(c); st.Status == state.Restarting {
		if !o.Attach {
			return 0, nil
		}
		return 0, notAttachable(c, st)
	}
	if e.paused(c.ID) {
		return 0, errorf("cannot start a paused container, try unpause instead").hint("minibridge unpause %s", c.Name)
	}
	if _, err := e.running(c); err != nil || !o.Attach {
		return 0, err
	}
	w, err := dial(e.dirs.Socket(c.ID))
	if err == nil {
		defer w.close()
		err = w.send(frameAttach, nil)
	}
	if err == nil {
		e.happened(c, "attach")
		a := o.attachment(c, streams)
		a.late = true
		code, err := e.stand(w, a, streams)
		if ended, known := e.hasEnded(c.ID); known && unreachable(err) {
			return ended, nil // its supervisor was about to go, and has not heard of us
		}
		return code, err
	}
	if _, st := e.status(c); unreachable(err) && !st.Up() {
		return st.ExitCode, nil // it has just ended
	}
	return 0, err
}

// hasEnded is how a container has ended, if its supervisor has told.
func (e *Engine) hasEnded(id string) (code int, known bool) {
	c, err := e.dirs.ReadContainer(id)
	if err != nil {
		return 0, false
	}
	if run, err := e.dirs.ReadRun(id); err == nil && run.End != nil {
		return run.End.State.ExitCode, true
	}
	return c.State.ExitCode, !c.State.Up()
}

// Restart stops a container that runs, as [Engine.Stop] does, and starts it
// again; one that doesn't run is started. It stays, even with --rm.
func (e *Engine) Restart(ctx context.Context, ref string, o StopOptions) error {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	if err := e.restart(ctx, c, o); err != nil {
		return &Error{Text: "Cannot restart container " + Printable(ref) + ": " + err.Error(), Hint: Hint(err), Err: err}
	}
	return nil
}

func (e *Engine) restart(ctx context.Context, c *state.Container, o StopOptions) error {
	if _, st := e.status(c); st.Up() {
		r, err := o.request(&c.Spec)
		if err != nil {
			return err
		}
		r.Keep = true
		if err := e.end(ctx, c.ID, r); err != nil {
			return err
		}
		e.happened(c, "stop")
		if err := e.warnJoined(c); err != nil {
			return err
		}
	}
	_, err := e.Start(ctx, c.ID, StartOptions{}, Streams{Out: io.Discard, Err: io.Discard})
	if err == nil {
		e.happened(c, "restart")
	}
	return err
}

// warnJoined names those who share a container's network, and whose namespace
// has been emptied under them: a process can't be moved to the new one.
func (e *Engine) warnJoined(c *state.Container) error {
	runs, err := e.dirs.Runs()
	if err != nil {
		return err
	}
	for _, run := range sharers(runs, c.ID) {
		if run.ID != c.ID {
			e.say("WARNING: container %s shares the network of %s and is left in the old one, which is empty now; try: minibridge restart %s", run.Name, c.Name, run.Name)
		}
	}
	return nil
}
