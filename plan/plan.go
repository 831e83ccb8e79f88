// Package plan is how minibridge changes a kernel: each change is a value that
// prints as the command a person would type, and that can say, before it is
// made, how to take it back.
//
// A [Step] is one change. An [Op] is a step that looks first. A [Plan] is ops
// in the order a person would type them, each with one line of why. An
// [Executor] makes a plan true, writing every undo to a [Journal] before the
// change, and takes back what it did when something fails.
package plan

import (
	"errors"
	"fmt"
	"strings"
)

// A Step is one thing done to the kernel. String is the shell command a person
// would type for it, one line a command; Apply does the same thing, and never
// waits. A step that undoes something is safe to repeat: its object gone is
// success, a stranger's object in its place is an error.
type Step interface {
	fmt.Stringer
	Apply() error
}

// An Op is a Step that can say how to take itself back.
type Op interface {
	Step
	// Undo reads the kernel and changes nothing. It returns the step that
	// brings back what is there now; nil when the kernel is already as Apply
	// would leave it; an error when something else is in the way. It works
	// in a world where earlier ops of the plan have not run.
	Undo() (Step, error)
}

// A Line is one op of a plan and the reason it is there.
type Line struct {
	Op
	Why string // one line, lower case, for a student
}

// A Plan is ops in the order a person would type them. Making one needs no
// system call: the same input gives the same plan on any machine.
type Plan []Line

// Do adds one op and its reason.
func (p *Plan) Do(op Op, why string) {
	*p = append(*p, Line{op, why})
}

// String is the plan as a shell script without a header: each reason as a
// comment, then its commands.
func (p Plan) String() string {
	var b strings.Builder
	for _, line := range p {
		b.WriteString(line.Text())
	}
	return b.String()
}

// Text is one line of the plan as shell: the reason as a comment, then the
// command or commands, ending in a newline.
func (l Line) Text() string {
	return "# " + l.Why + "\n" + l.Op.String() + "\n"
}

// NotOurs is the error of a step that undoes, where something of somebody else's
// has taken the place of what it was to remove. It is told once: ours has gone.
type NotOurs struct{ What string }

func (e *NotOurs) Error() string { return e.What + ": left alone" }

// A CommandError is the error of one command of a batch, which the error then
// names; else a batch is named by its first command.
type CommandError struct {
	Command string
	Err     error
}

func (e *CommandError) Error() string { return e.Command + ": " + e.Err.Error() }

func (e *CommandError) Unwrap() error { return e.Err }

// wrap names the step in an error, unless that says itself what it is about.
func wrap(s Step, err error) error {
	if err == nil {
		return nil
	}
	if _, named := errors.AsType[*CommandError](err); named {
		return err
	}
	name, rest, many := strings.Cut(s.String(), "\n")
	if many && rest != "" {
		name += " …"
	}
	return fmt.Errorf("%s: %w", name, err)
}
