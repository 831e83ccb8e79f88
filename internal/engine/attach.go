package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/moby/term"
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
	here     context.Context // until the command leaves before the container ends
	leave    context.CancelCauseFunc
}

// stand stands there until the container has ended or the person has gone.
func (e *Engine) stand(w *wire, a attachment, streams Streams) (int, error) {
	s := &stand{Engine: e, attachment: a, w: w, streams: streams}
	s.here, s.leave = context.WithCancelCause(context.Background())
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
	ended := make(chan func() (int, error), 1)
	go func() {
		code, err := e.awaitExit(w, a.wanted(streams), s.terminal.restore)
		ended <- func() (int, error) { return code, err }
	}()
	select {
	case answer := <-ended:
		return answer()
	case <-s.here.Done():
		cause := context.Cause(s.here)
		if c, err := e.find(a.id); err == nil && detached(cause) {
			e.happened(c, "detach")
		}
		return left(cause)
	}
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

// left is how a command ends that its container outlives.
func left(cause error) (int, error) {
	if i, ok := errors.AsType[Interrupted](cause); ok {
		return 128 + int(i.Signal), nil
	}
	if errors.Is(cause, io.EOF) { // it had but input to bring
		return 0, nil
	}
	return 0, cause
}

// detached says that the person has typed the keys that leave a container.
func detached(err error) bool {
	_, ok := errors.AsType[term.EscapeError](err)
	return ok
}

// quietly is the end of a verb whose person has left by the keys for that.
func quietly(code int, err error) (int, error) {
	if detached(err) {
		return 0, nil
	}
	return code, err
}

// saying is that of one that tells so.
func saying(streams Streams, code int, err error) (int, error) {
	if !detached(err) {
		return code, err
	}
	fmt.Fprintln(streams.Err, err)
	return 0, nil
}

// awaitExit writes what the container writes, until it has ended. Before there
// is something to say of our own, it calls ours.
func (e *Engine) awaitExit(w *wire, streams Streams, ours func()) (int, error) {
	for {
		kind, body, err := w.receive()
		if errors.Is(err, io.EOF) {
			return 0, &Error{Text: "the container's supervisor was killed", Hint: "minibridge ps -a", Code: killed, Err: err}
		}
		if err != nil {
			return 0, err
		}
		switch kind {
		case frameStdout:
			_, err = streams.Out.Write(body)
		case frameStderr:
			_, err = streams.Err.Write(body)
		case frameTrace:
			ours()
			e.relayTrace(body)
		case frameNotice:
			ours()
			e.waiting.Write(body)
		case frameFailed:
			return 0, parseFailure(body)
		case frameExit:
			return parseExit(body)
		}
		if err != nil { // as with Docker, the container goes on
			return 0, &Error{Text: err.Error(), Code: 1}
		}
	}
}

// awaitEnd only waits for it.
func (e *Engine) awaitEnd(w *wire) (int, error) {
	return e.awaitExit(w, Streams{Out: io.Discard, Err: io.Discard}, func() {})
}

func parseExit(body []byte) (int, error) {
	var x exit
	if err := json.Unmarshal(body, &x); err != nil {
		return 0, fmt.Errorf("the supervisor's answer: %w", err)
	}
	if x.Error != "" {
		return x.Code, &Error{Text: x.Error, Hint: x.Hint}
	}
	return x.Code, nil
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

// lethal are the signals that end a command which keeps them for itself.
var lethal = []os.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT}

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

// handOver gives the signals that come to the program to somebody.
func handOver(streams Streams, to func(os.Signal)) {
	signals := make(chan os.Signal, 32)
	signal.Notify(signals)
	// A job in the background that asks for its terminal is stopped by these
	// two; the system call of one that catches them begins again for ever.
	signal.Reset(unix.SIGTTIN, unix.SIGTTOU)
	streams.Forwarding()
	go func() {
		for s := range signals {
			switch s {
			case unix.SIGCHLD, unix.SIGPIPE, unix.SIGURG:
				continue
			}
			to(s)
		}
	}()
}

// request says one thing to a container's supervisor, and waits for its
// answer.
func (e *Engine) request(id string, kind frameKind, body any) error {
	w, err := dial(e.dirs.Socket(id))
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.sendJSON(kind, body); err != nil {
		return err
	}
	answer, reply, err := w.receive()
	if err != nil {
		return err
	}
	if answer == frameFailed {
		return parseFailure(reply)
	}
	return nil
}

// unreachable says whether a supervisor has ended meanwhile.
func unreachable(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, io.EOF) || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET)
}
