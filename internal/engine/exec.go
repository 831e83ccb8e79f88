package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// ExecSpec is one more command for a running container.
type ExecSpec struct {
	Args      []string
	Env       []string // added to the container's own; a name alone takes one away
	Dir       string   // "" = the container's
	User      string   // "" = the container's
	OpenStdin bool
	Tty       bool // its streams are a terminal of its own
	Detach    bool

	Privileged bool // all capabilities, whatever the container has
}

// Exec runs one more command in a running container, and returns its exit code.
func (e *Engine) Exec(ctx context.Context, ref string, x ExecSpec, streams Streams) (int, error) {
	c, run, err := e.execIn(ref, x)
	if err != nil {
		return 0, err
	}
	a := x.attachment(streams)
	if err := streams.check(a); err != nil {
		return 0, err
	}
	id, command := fact{"execID", newID()}, x.Args[0]+" "+strings.Join(x.Args[1:], " ")
	e.happened(c, "exec_create: "+command, id)
	e.happened(c, "exec_start: "+command, id)
	p, pipes, err := e.startExec(ctx, c, run, x, a, streams)
	switch {
	case errors.Is(err, os.ErrProcessDone):
		return 0, notRunning(c)
	case errors.Is(err, errPaused):
		return 0, pausedForExec(c, ref)
	}
	if err != nil {
		return 0, execError(err)
	}
	switch {
	case x.Detach && x.Tty:
		return 0, e.keepTerminal(c.ID, p)
	case x.Detach:
		return 0, nil
	}
	ended := true
	var code int
	if x.Tty {
		code, ended, err = e.standBefore(execStand{p}, c.ID, a, streams)
	} else {
		handOver(streams, func(s os.Signal) { p.Signal(s.(syscall.Signal)) })
		code, err = pipes.until(p.Wait)
		ended = err == nil
	}
	if ended {
		e.happened(c, "exec_die", id, fact{"exitCode", strconv.Itoa(code)})
	}
	if err != nil {
		code, err = left(err)
	}
	return saying(streams, code, err)
}

// execIn is the container that a command is to be run in.
func (e *Engine) execIn(ref string, x ExecSpec) (*state.Container, *state.Run, error) {
	c, err := e.find(ref)
	if err != nil {
		return nil, nil, err
	}
	if x.Dir != "" && !filepath.IsAbs(x.Dir) {
		return nil, nil, &Error{Text: execFailed + ": Cwd must be an absolute path: unknown", Code: refusedByRunc}
	}
	run, err := e.executed(c)
	if err == nil && e.paused(c.ID) {
		err = pausedForExec(c, ref)
	}
	return c, run, err
}

func pausedForExec(c *state.Container, ref string) error {
	return errorf("Container %s is paused, unpause the container before exec", Printable(ref)).hint("minibridge unpause %s", c.Name)
}

var errPaused = errors.New("the container is paused")

// comeIn lets a command into a container unless that is paused, and keeps it
// from being paused until the command is in there, to be stopped with the others.
func (e *Engine) comeIn(ctx context.Context, id string) (io.Closer, error) {
	door, err := e.dirs.ComeIn(ctx, id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, os.ErrProcessDone
	}
	if err == nil && e.paused(id) {
		return nil, errors.Join(errPaused, door.Close())
	}
	return door, err
}

// execFailed begins Docker's texts for it.
const execFailed = "OCI runtime exec failed: exec failed"

// The exit codes when a command can't be executed as asked, when something for
// it isn't there, and Docker's for what runc refuses by itself.
const (
	cannotExecute = 126
	notFound      = 127
	refusedByRunc = 128
)

// execError is Docker's text and exit code for a command that could not be
// started in a container. What no system call refused, such as a user that
// isn't there, stands alone.
func execError(err error) error {
	if x, ok := errors.AsType[*sandbox.ExecError](err); ok {
		return notExecuted(execFailed, x)
	}
	if setup, ok := errors.AsType[*sandbox.SetupError](err); ok && setup.Errno == 0 {
		return &Error{Text: err.Error(), Err: err}
	}
	code := cannotExecute
	if errors.Is(err, fs.ErrNotExist) {
		code = notFound
	}
	return &Error{Text: fmt.Sprintf("%s: unable to start container process: %v: unknown", execFailed, err), Code: code, Err: err}
}

// startExec starts the command with pipes to the streams: without a terminal
// of its own it must not see the person's.
func (e *Engine) startExec(ctx context.Context, c *state.Container, run *state.Run, x ExecSpec, a attachment, s Streams) (p *sandbox.Process, pipes *execPipes, err error) {
	pipes = &execPipes{audience: newAudience()}
	defer pipes.closeTheirs()
	how, _ := confined(&c.Spec)
	cmd := sandbox.Command{
		Args: x.Args,
		Env:  withEnv(environment(&c.Spec, execHostname(c, run), x.Tty), x.Env),
		Dir:  x.Dir,
		User: x.User,
		Caps: x.caps(&c.Spec),

		Admit: func() (io.Closer, error) { return e.comeIn(ctx, c.ID) },

		Limits:     limits(&c.Spec),
		NoNewPrivs: how.noNewPrivs,
		Unconfined: how.unconfined,
	}
	if cmd.Dir == "" {
		cmd.Dir = workingDir(&c.Spec)
	}
	if cmd.User == "" {
		cmd.User = c.Spec.User
	}
	if x.Tty {
		cmd.Terminal = &a.size
	}
	if !x.Detach && !x.Tty {
		if cmd.Stdout, err = pipes.from(s.Out); err != nil {
			return nil, nil, err
		}
		if cmd.Stderr, err = pipes.from(s.Err); err != nil {
			return nil, nil, err
		}
	}
	if x.OpenStdin && !x.Detach && !x.Tty {
		if cmd.Stdin, err = pipes.to(s.In); err != nil {
			return nil, nil, err
		}
	}
	p, err = sandbox.Exec(ctx, run.Init.Pid, run.Init.Start, cmd)
	if err != nil {
		return nil, nil, err
	}
	pipes.copy()
	return p, pipes, nil
}

// caps are the container's, or all.
func (x ExecSpec) caps(spec *state.Spec) sandbox.Caps {
	if x.Privileged {
		return sandbox.Caps{Privileged: true}
	}
	return caps(spec)
}

// execHostname is the host name that the container has.
func execHostname(c *state.Container, run *state.Run) string {
	if run.Hostname != "" {
		return run.Hostname
	}
	return hostname(c)
}
