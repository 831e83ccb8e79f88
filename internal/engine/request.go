package engine

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// request says one thing to a container's supervisor, and waits for its answer,
// which may take as long as a start does. When ctx ends the wait, it is said all
// the same.
func (e *Engine) request(ctx context.Context, id string, kind frameKind, body any) error {
	w, err := dial(e.dirs.Socket(id))
	if err != nil {
		return err
	}
	defer w.close()
	stop := context.AfterFunc(ctx, func() { w.close() })
	defer stop()
	var answer frameKind
	var reply []byte
	if err = w.sendJSON(kind, body); err == nil {
		answer, reply, err = w.receive()
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil && answer == frameFailed:
		return parseFailure(reply)
	}
	return err
}

// unreachable says whether a supervisor has ended meanwhile.
func unreachable(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, io.EOF) || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET)
}
