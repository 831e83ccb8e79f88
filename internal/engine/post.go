package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/moby/term"
	"golang.org/x/sys/unix"
)

// A post is where a command stands between the person and something that runs.
type post struct {
	here  context.Context // until the command leaves it
	leave context.CancelCauseFunc
}

func newPost() (p post) {
	p.here, p.leave = context.WithCancelCause(context.Background())
	return p
}

// until waits for the end, which is the command's, or for the person to go.
// Who goes by the keys for that takes leave with goodbye.
func (p post) until(end func() (int, error), goodbye func() error) (int, error) {
	ended := make(chan func() (int, error), 1)
	go func() {
		code, err := end()
		ended <- func() (int, error) { return code, err }
	}()
	select {
	case answer := <-ended:
		return answer()
	case <-p.here.Done():
	}
	cause := context.Cause(p.here)
	if detached(cause) {
		if err := goodbye(); err != nil {
			return 0, err
		}
	}
	return left(cause)
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

// lethal are the signals that end a command which keeps them for itself.
var lethal = []os.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT}

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
