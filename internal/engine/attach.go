package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// stand is the command's place between the person and the container: bytes and
// signals go through it, and its exit code is the container's. Signals travel
// on connections of their own, so that no input that the command doesn't read
// can keep them.
func (e *Engine) stand(id string, w *wire, stdin bool, io Streams) (int, error) {
	forward(io, func(s os.Signal) { e.request(id, frameSignal, s) })
	if stdin {
		go sendStdin(w, io.In)
	}
	return e.awaitExit(w, io)
}

// awaitExit writes what the container writes, until it has ended.
func (e *Engine) awaitExit(w *wire, streams Streams) (int, error) {
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
			e.relayTrace(body)
		case frameNotice:
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
func sendStdin(w *wire, in io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := in.Read(buf)
		if n > 0 && w.send(frameStdin, buf[:n]) != nil {
			return
		}
		if err != nil {
			w.send(frameStdinEnd, nil)
			return
		}
	}
}

// forward passes on what Docker does: all signals but those that speak of
// ourselves. It never stops: the command stands between until it ends.
func forward(io Streams, to func(os.Signal)) {
	signals := make(chan os.Signal, 32)
	signal.Notify(signals)
	io.Forwarding()
	go func() {
		for s := range signals {
			switch s {
			case syscall.SIGCHLD, syscall.SIGPIPE, syscall.SIGURG:
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
