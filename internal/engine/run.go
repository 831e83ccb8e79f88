package engine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// Streams are the person's.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
	// Forwarding is called once signals go to the command: the program must
	// not take them for itself any more.
	Forwarding func()
	DetachKeys string // those that leave a container's terminal; "" = ctrl-p,ctrl-q
	OwnSignals bool   // signals are not for the container
}

// Run makes a container and runs its command: detached, it prints the id when
// the command has been executed; else it stands between the person and the
// command until that ends, and returns its exit code. A run that fails leaves
// nothing behind.
func (e *Engine) Run(ctx context.Context, spec Spec, name string, io Streams) (code int, err error) {
	if err := Check(&spec); err != nil {
		return 0, err
	}
	if err := io.check(attachmentOf(&state.Container{Spec: spec})); err != nil {
		return 0, err
	}
	sup, err := launch(name) // while it starts, we do our part
	if err != nil {
		return 0, err
	}
	defer sup.close()
	size := sizeOf(io)
	c, err := e.prepare(ctx, spec, name, sup, size)
	if err != nil {
		sup.dismiss()
		return 0, err
	}
	if err := e.letGo(ctx, sup); err != nil {
		return 0, errors.Join(err, e.withdraw(ctx, c))
	}
	if c.Spec.Detach {
		fmt.Fprintln(io.Out, c.ID)
		return 0, nil
	}
	a := attachmentOf(c)
	a.own, a.size = io.OwnSignals, size
	return quietly(e.stand(sup.wire, a, io))
}

// withdraw leaves nothing of a container whose command was not executed, or was
// ended at once by an interrupt.
func (e *Engine) withdraw(ctx context.Context, c *state.Container) error {
	err := removeCIDFile(c)
	if ctx.Err() != nil {
		_, rerr := e.removeStopped(context.WithoutCancel(ctx), c)
		err = errors.Join(err, rerr)
	}
	return err
}

// prepare makes the container under the lock, from its name to its rules; what it
// has of the host is looked at before.
func (e *Engine) prepare(ctx context.Context, spec Spec, name string, sup *supervisor, size sandbox.Size) (c *state.Container, err error) {
	missing, err := checkPaths(ctx, &spec)
	if err != nil {
		return nil, err
	}
	s, err := e.lock(ctx, "run")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	if c, err = s.define(spec, name, missing); err != nil {
		return nil, err
	}
	if err := writeCIDFile(c); err != nil {
		return nil, errors.Join(err, s.remove(c))
	}
	if !spec.Detach {
		s.happened(c, "attach")
	}
	if err := s.start(ctx, c, sup, attachmentOf(c).beginning(size)); err != nil {
		return nil, errors.Join(err, s.remove(c), removeCIDFile(c))
	}
	return c, nil
}

// Create makes a container that [Engine.Start] can start, and returns its id.
// Nothing of it is in the kernel.
func (e *Engine) Create(ctx context.Context, spec Spec, name string) (id string, err error) {
	if err := Check(&spec); err != nil {
		return "", err
	}
	missing, err := checkPaths(ctx, &spec)
	if err != nil {
		return "", err
	}
	s, err := e.lock(ctx, "create")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	c, err := s.define(spec, name, missing)
	if err != nil {
		return "", err
	}
	if err := writeCIDFile(c); err != nil {
		return "", errors.Join(err, s.remove(c))
	}
	if err := s.held.WriteContainer(c); err != nil {
		return "", errors.Join(err, s.remove(c), removeCIDFile(c))
	}
	return c.ID, nil
}

// awaitStart waits until the supervisor says that the command was executed.
func (e *Engine) awaitStart(w *wire) error {
	for {
		kind, body, err := w.receive()
		switch {
		case errors.Is(err, io.EOF):
			return errorf("the container's supervisor ended before the command was started").hint("minibridge ps -a")
		case err != nil:
			return err
		case kind == frameStart:
			return nil
		case kind == frameFailed:
			return parseFailure(body)
		case kind == frameTrace:
			e.relayTrace(body)
		case kind == frameNotice:
			e.waiting.Write(body)
		default:
			return fmt.Errorf("unexpected answer %q of the supervisor", kind)
		}
	}
}

// relayTrace shows what a supervisor does to the kernel, with -x.
func (e *Engine) relayTrace(text []byte) {
	if e.explain != nil {
		e.explain.Write(text)
	}
}
