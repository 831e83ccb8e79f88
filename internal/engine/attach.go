package engine

import (
	"io"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// An attachment is what goes through a command that stands between the person
// and a container.
type attachment struct {
	id                    string
	stdin, stdout, stderr bool
	tty                   bool // the container has a terminal, for which the person's stands
	late                  bool // it has been running before
	own                   bool // signals are the command's, not the container's
}

// A stand is a command's place between the person and the container: bytes and
// signals go through it, and its exit code is the container's. Signals travel
// on connections of their own, so that no input that the command doesn't read
// can keep them.
type stand struct {
	*Engine
	attachment
	w        *wire
	streams  Streams
	terminal *terminal
	post
}

// stand stands there until the container has ended or the person has gone.
func (e *Engine) stand(w *wire, a attachment, streams Streams) (int, error) {
	s := &stand{Engine: e, attachment: a, w: w, streams: streams, post: newPost()}
	defer s.leave(nil)
	var err error
	if s.terminal, err = openTerminal(a, streams); err != nil {
		return 0, err
	}
	defer s.terminal.restore()
	s.takeSignals()
	if a.late && a.tty {
		s.redraw()
	}
	if a.stdin {
		go s.sendStdin()
	}
	return s.until(
		func() (int, error) { return e.awaitExit(w, a.wanted(streams), s.terminal.restore) },
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
		a.stdin, a.stdout, a.stderr = slices.Contains(spec.Attach, "stdin"), slices.Contains(spec.Attach, "stdout"), slices.Contains(spec.Attach, "stderr")
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

// sendStdin carries standard input; its end is told as such.
func (s *stand) sendStdin() {
	in := s.terminal.watched(s.streams.In)
	buf := make([]byte, 32<<10)
	for {
		n, err := in.Read(buf)
		if n > 0 && s.w.send(frameStdin, buf[:n]) != nil {
			return
		}
		switch {
		case err == nil:
			continue
		case detached(err):
			s.leave(err)
		case s.terminal.raw():
			s.hangUp()
		default:
			s.w.send(frameStdinEnd, nil)
			if !s.stdout && !s.stderr {
				s.leave(io.EOF)
			}
		}
		return
	}
}

// hangUp is the end of the person's terminal: the container hears of it as of
// one of its own, and the command has nobody left to stand for.
func (s *stand) hangUp() {
	if !s.own {
		s.request(s.id, frameSignal, unix.SIGHUP)
	}
	s.leave(Interrupted{Signal: unix.SIGHUP})
}

// takeSignals passes on what Docker does: all signals but those that speak of
// ourselves; of a terminal, its size. Those that aren't the container's end the
// command. It never stops: the command stands between until it ends.
func (s *stand) takeSignals() {
	handOver(s.streams, func(sig os.Signal) {
		switch {
		case sig == unix.SIGWINCH && s.tty:
			s.resize()
		case !s.own:
			s.request(s.id, frameSignal, sig)
		case slices.Contains(lethal, sig):
			s.leave(Interrupted{Signal: sig.(syscall.Signal)})
		}
	})
}
