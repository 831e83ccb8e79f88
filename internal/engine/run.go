package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
)

// Streams are the person's.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
	// Forwarding is called once signals go to the command: the program must
	// not take them for itself any more.
	Forwarding func()
}

// Run makes a container and runs its command: detached, it prints the id when
// the command has been executed; else it stands between the person and the
// command until that ends, and returns its exit code. A run that fails leaves
// nothing behind.
func (e *Engine) Run(ctx context.Context, spec Spec, name string, io Streams) (code int, err error) {
	if err := Check(&spec); err != nil {
		return 0, err
	}
	sup, err := launch(name) // while it starts, we do our part
	if err != nil {
		return 0, err
	}
	defer sup.close()
	c, err := e.prepare(ctx, spec, name, sup)
	if err != nil {
		sup.dismiss()
		return 0, err
	}
	if err := errors.Join(sup.send(frameGo, nil), e.awaitStart(sup.wire)); err != nil {
		return 0, errors.Join(err, removeCIDFile(c))
	}
	if spec.Detach {
		fmt.Fprintln(io.Out, c.ID)
		return 0, nil
	}
	return e.stand(c.ID, sup.wire, spec.OpenStdin, io)
}

// prepare makes the container under the lock, from its name to its rules.
func (e *Engine) prepare(ctx context.Context, spec Spec, name string, sup *supervisor) (c *state.Container, err error) {
	s, err := e.lock(ctx, "run")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	if c, err = s.define(spec, name); err != nil {
		return nil, err
	}
	if err := writeCIDFile(c); err != nil {
		return nil, errors.Join(err, s.remove(c))
	}
	if err := s.start(ctx, c, sup); err != nil {
		return nil, errors.Join(err, s.remove(c), removeCIDFile(c))
	}
	return c, nil
}

// writeCIDFile writes the id where --cidfile says, into a file that must be
// new.
func writeCIDFile(c *state.Container) error {
	path := c.Spec.CIDFile
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		found := errorf("container ID file found, make sure the other container isn't running or delete %s", path)
		if holdsID(path) {
			return found.hint("rm %s", plan.Quote(path))
		}
		return found
	}
	if err != nil {
		return errorf("failed to create the container ID file: %v", err)
	}
	_, err = f.WriteString(c.ID)
	return errors.Join(err, f.Close())
}

// holdsID says that a file is the one of another run: anything else in that
// place is nothing to remove lightly.
func holdsID(path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Size() != 64 || !info.Mode().IsRegular() {
		return false
	}
	b, err := os.ReadFile(path)
	return err == nil && isID(string(b))
}

// removeCIDFile takes the file of a run that failed back.
func removeCIDFile(c *state.Container) error {
	if c.Spec.CIDFile == "" {
		return nil
	}
	return os.Remove(c.Spec.CIDFile)
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
