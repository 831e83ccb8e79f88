package engine

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

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
