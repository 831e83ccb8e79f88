package engine

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/minibridge/minibridge/sandbox"
)

// failure is why a command was not executed, or a request not granted.
type failure struct {
	Code int    `json:"code"`
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

// describe is why a container's command was not executed, as another process
// is told it.
func describe(err error) failure {
	if x, ok := errors.AsType[*sandbox.ExecError](err); ok {
		err = notExecuted("failed to create task for container", x)
	}
	f := failure{Text: err.Error()}
	if e, ok := errors.AsType[*Error](err); ok {
		f.Code, f.Hint = e.Code, e.Hint
	}
	return f
}

// exit is how a container ended.
type exit struct {
	Code  int    `json:"code"`
	Error string `json:"error,omitempty"` // what could not be taken down
	Hint  string `json:"hint,omitempty"`

	late string // a warning that goes before it: what can't be written down yet
}

// ending is how a container ended, as another process is told it. What is left
// of it, the next verb takes down.
func ending(code int, err error) exit {
	x := exit{Code: code}
	if err != nil {
		x.Error, x.Hint = err.Error(), cmp.Or(Hint(err), "minibridge ps -a")
	}
	return x
}

func parseFailure(body []byte) error {
	var f failure
	if err := json.Unmarshal(body, &f); err != nil {
		return fmt.Errorf("the supervisor's answer: %w", err)
	}
	return &Error{Text: f.Text, Hint: f.Hint, Code: f.Code}
}

// awaitExit writes what the container writes, until it has ended, for a person at
// this terminal.
func (e *Engine) awaitExit(w *wire, streams Streams, t *terminal) (int, error) {
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
		case frameTrace: // comes last
			t.restore()
			e.relayTrace(body)
		case frameNotice:
			e.waiting.Write(t.lines(body))
			e.warned.Store(string(body), true) // if it is a warning
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
	return e.awaitExit(w, Streams{Out: io.Discard, Err: io.Discard}, nobodys)
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
