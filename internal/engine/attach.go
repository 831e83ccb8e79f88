package engine

import (
	"context"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// An attachment is what goes through a command that stands between the person
// and a container.
type attachment struct {
	id                    string
	stdin, stdout, stderr bool
	tty                   bool         // the container has a terminal, for which the person's stands
	late                  bool         // it has been running before
	own                   bool         // signals are the command's, not the container's
	size                  sandbox.Size // which the terminal began with
}

// A stand is a command's place between the person and the container: bytes and
// signals go through it, and its exit code is the container's. Signals travel
// on connections of their own, so that no input that the command doesn't read
// can keep them.
type stand struct {
	*Engine
	attachment
	w *wire
}

// stand stands there until the container has ended or the person has gone.
func (e *Engine) stand(w *wire, a attachment, streams Streams) (int, error) {
	s, p := &stand{Engine: e, attachment: a, w: w}, &post{}
	if err := p.open(a, s, streams); err != nil {
		return 0, err
	}
	defer p.close()
	if a.late && a.tty {
		go s.redraw(sizeOf(streams)) // its answer may take as long as a start does
	}
	return p.until(
		func() (int, error) { return e.awaitExit(w, a.wanted(streams), p.terminal) },
		func() error {
			if c, err := e.find(a.id); err == nil {
				e.happened(c, "detach")
			}
			return nil
		})
}

// attachmentOf is what the one who runs a container is attached to.
func attachmentOf(c *state.Container) attachment {
	spec := &c.Spec
	a := attachment{id: c.ID, tty: spec.Tty}
	switch {
	case spec.Detach:
	case len(spec.Attach) > 0:
		a.stdin, a.stdout, a.stderr = spec.OpenStdin || slices.Contains(spec.Attach, "stdin"), slices.Contains(spec.Attach, "stdout"), slices.Contains(spec.Attach, "stderr")
	default:
		a.stdin, a.stdout, a.stderr = spec.OpenStdin, true, true
	}
	return a
}

func (a attachment) nothing() bool { return !a.stdin && !a.stdout && !a.stderr }

// beginning is how a container starts for the one who is to be attached to it.
func (a attachment) beginning(size sandbox.Size) beginning {
	return beginning{output: !a.nothing(), stdin: a.stdin, size: size}
}

// wanted is the streams without those that nobody asked for.
func (a attachment) wanted(s Streams) Streams {
	if !a.stdout {
		s.Out = io.Discard
	}
	if !a.stderr {
		s.Err = io.Discard
	}
	return s
}

// resize gives the container's terminal the size of the person's.
func (s *stand) resize(size sandbox.Size) { s.request(context.Background(), s.id, frameSize, size) }

// redraw makes a program draw its whole screen again, as it does when the
// screen has got another size.
func (s *stand) redraw(size sandbox.Size) {
	if size != (sandbox.Size{}) {
		s.resize(sandbox.Size{Rows: size.Rows + 1, Cols: size.Cols + 1})
		s.resize(size)
	}
}

func (s *stand) pass(sig os.Signal) bool {
	if !s.own {
		s.request(context.Background(), s.id, frameSignal, sig)
	}
	return !s.own
}

func (s *stand) write(keys []byte) error { return s.w.send(frameStdin, keys) }

func (s *stand) endStdin() { s.w.send(frameStdinEnd, nil) }

// hangUp lets the container hear of the end of the person's terminal as of one
// of its own.
func (s *stand) hangUp() {
	if !s.own {
		ctx, cancel := context.WithTimeout(context.Background(), unanswered)
		defer cancel()
		s.request(ctx, s.id, frameSignal, unix.SIGHUP)
	}
}
