package engine

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/minibridge/minibridge/sandbox"
)

// An execStand is a command's place between the person and one more command of
// a container, on a terminal of its own.
type execStand struct{ *sandbox.Process }

// standBefore stands there until the command has ended or the person has gone.
// That closes the terminal, which is a hangup for a command that has not been
// left by its keys; whose exit code this is, ended tells.
func (e *Engine) standBefore(s execStand, id string, a attachment, streams Streams) (code int, ended bool, err error) {
	defer s.Terminal.Close()
	p := &post{}
	if err := p.open(a, s, streams); err != nil {
		return 0, false, err
	}
	defer p.close()
	code, err = p.until(
		func() (int, error) { return s.show(streams.Out) },
		func() error { return e.keepTerminal(id, s.Process) })
	return code, err == nil && p.here.Err() == nil, err
}

// show shows what is written to the terminal until the command has ended, and
// for a while what others write to it.
func (s execStand) show(screen io.Writer) (int, error) {
	shown, person := make(chan struct{}), newAudience()
	go func() {
		defer close(shown)
		io.Copy(person.told(screen), &hearer{from: s.Terminal})
		s.Terminal.Close() // whom nobody reads, hears of it
	}()
	return person.until(func() (int, error) {
		code, err := s.Wait()
		hearOut(s.Terminal)
		<-shown
		return code, err
	})
}

func (x ExecSpec) attachment(streams Streams) attachment {
	a := attachment{stdin: x.OpenStdin && !x.Detach, stdout: !x.Detach, tty: x.Tty}
	if x.Tty {
		a.size = sizeOf(streams)
	}
	return a
}

func (s execStand) resize(size sandbox.Size) { setSize(s.Terminal, size) }

func (s execStand) pass(os.Signal) bool { return false }

func (s execStand) write(keys []byte) error {
	_, err := s.Terminal.Write(keys)
	return err
}

func (s execStand) endStdin() {} // only a terminal has come this far

func (s execStand) hangUp() {} // the terminal is closed, which is one

// keepTerminal leaves the terminal of a command to the container's supervisor,
// so that it goes on.
func (e *Engine) keepTerminal(id string, p *sandbox.Process) error {
	w, err := dial(e.dirs.Socket(id))
	if err != nil {
		return err
	}
	defer w.close()
	files := []*os.File{p.Terminal}
	switch handle, err := p.Handle(); {
	case err == nil:
		defer handle.Close()
		files = append(files, handle)
	case !errors.Is(err, os.ErrProcessDone):
		return err
	}
	err = w.sendFiles(files)
	if err == nil {
		err = w.send(frameKeep, nil)
	}
	if err != nil {
		return err
	}
	kind, answer, err := w.receive()
	if err == nil && kind == frameFailed {
		return parseFailure(answer)
	}
	return err // without one, it has it
}

// keepTerminal reads a terminal that nobody looks at until its command has
// ended: one that is not read stops it.
func (k *keeper) keepTerminal(w *wire) error {
	files := w.take("terminal")
	var process *os.File // nil when the command has ended
	switch len(files) {
	case 1:
	case 2:
		process = files[1]
	default:
		closeFiles(files)
		return fmt.Errorf("%d descriptors came with a terminal", len(files))
	}
	go sandbox.Drain(files[0], process)
	return nil
}
