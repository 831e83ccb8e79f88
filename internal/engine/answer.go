package engine

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

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
