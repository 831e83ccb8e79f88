package engine

import (
	"io"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/sandbox"
)

// An execStand is a command's place between the person and one more command of
// a container, on a terminal of its own.
type execStand struct {
	process *sandbox.Process
	streams Streams
	post
}

// standBefore stands there until the command has ended or the person has gone.
// That closes the terminal, which is a hangup for a command that has not been
// left by its keys.
func (e *Engine) standBefore(p *sandbox.Process, id string, x ExecSpec, streams Streams) (int, error) {
	s := &execStand{process: p, streams: streams, post: newPost()}
	defer p.Terminal.Close()
	defer s.leave(nil)
	t, err := openTerminal(x.attachment(), streams)
	if err != nil {
		return 0, err
	}
	defer t.restore()
	handOver(streams, s.takeSignal)
	if x.OpenStdin {
		go s.sendStdin(t)
	}
	return s.until(
		func() (int, error) {
			io.Copy(streams.Out, p.Terminal) // until nobody has it open, its session ended
			p.Terminal.Close()               // whom nobody reads, hears of it
			return p.Wait()
		},
		func() error { return e.keepTerminal(id, p.Terminal) })
}

func (x ExecSpec) attachment() attachment {
	return attachment{stdin: x.OpenStdin && !x.Detach, stdout: !x.Detach, tty: x.Tty}
}

// takeSignal gives the terminal its size; others end the command.
func (s *execStand) takeSignal(sig os.Signal) {
	switch {
	case sig == unix.SIGWINCH:
		if size := sizeOf(s.streams); size != (sandbox.Size{}) {
			setSize(s.process.Terminal, size)
		}
	case slices.Contains(lethal, sig):
		s.leave(Interrupted{Signal: sig.(syscall.Signal)})
	}
}

func (s *execStand) sendStdin(t *terminal) {
	_, err := io.Copy(s.process.Terminal, reading{t.watched(s.streams.In)})
	switch {
	case detached(err):
		s.leave(err)
	case err == nil && t.raw():
		s.leave(Interrupted{Signal: unix.SIGHUP})
	}
}

// reading hides what else a stream can do: io.Copy would let it do that.
type reading struct{ io.Reader }

// keepTerminal leaves a terminal to the container's supervisor, so that its
// command goes on.
func (e *Engine) keepTerminal(id string, terminal *os.File) error {
	w, err := dial(e.dirs.Socket(id))
	if err != nil {
		return err
	}
	defer w.close()
	err = w.sendFiles([]*os.File{terminal})
	if err == nil {
		err = w.send(frameKeep, nil)
	}
	if err != nil {
		return err
	}
	_, _, err = w.receive() // it has it
	return err
}

// keepTerminals reads terminals that nobody looks at until their commands have
// ended: a terminal that is not read stops them.
func (k *keeper) keepTerminals(w *wire) error {
	for _, fd := range w.fds {
		f := os.NewFile(uintptr(fd), "terminal")
		go func() {
			defer f.Close()
			io.Copy(io.Discard, f)
		}()
	}
	w.fds = nil
	return nil
}
