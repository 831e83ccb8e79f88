package engine

import (
	"fmt"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// An Error is what the person is told: Docker's text, what is ours to add, and
// a line to run next.
type Error struct {
	Text string
	Hint string // a command or the like: "try: HINT"; "" for none
	Code int    // exit code; 0 = the verb's own
	Err  error  // what it came from, or nil
}

func (e *Error) Error() string { return e.Text }

func (e *Error) Unwrap() error { return e.Err }

func errorf(format string, args ...any) *Error { return &Error{Text: fmt.Sprintf(format, args...)} }

// hint adds the line to run next.
func (e *Error) hint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// All three are fs.ErrNotExist.
func noSuchContainer(ref string) *Error {
	return &Error{Text: "No such container: " + ref, Hint: "minibridge ps -a", Err: fs.ErrNotExist}
}

// NoSuchObject is that neither a container nor a network has the name.
func NoSuchObject(ref string) error {
	return &Error{Text: "No such object: " + Printable(ref), Hint: "minibridge ps -a; minibridge network ls", Err: fs.ErrNotExist}
}

func noSuchNetwork(ref string) *Error {
	return &Error{Text: "network " + ref + " not found", Hint: "minibridge network ls", Err: fs.ErrNotExist}
}

// notExecuted is Docker's text for a command that is not there, or is no
// program; doing is what it was for.
func notExecuted(doing string, x *sandbox.ExecError) *Error {
	reason, ours := x.Reason, ""
	if x.Errno == unix.EISDIR {
		reason, ours = unix.EACCES.Error(), " (it is a directory)"
	}
	return &Error{
		Text: fmt.Sprintf("%s: unable to start container process: exec: %q: %s: unknown%s", doing, x.Name, reason, ours),
		Code: x.ExitCode(),
		Err:  x,
	}
}

func notRunning(c *state.Container) *Error {
	return errorf("container %s is not running", c.ID)
}

// Interrupted is the cause of a context that a signal ended.
type Interrupted struct{ Signal syscall.Signal }

func (i Interrupted) Error() string { return "interrupted" }
