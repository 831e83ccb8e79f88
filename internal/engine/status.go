package engine

import (
	"errors"
	"io/fs"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// running is the run of a container, or why there is none to be had.
func (e *Engine) running(c *state.Container) (*state.Run, error) {
	run, st := e.status(c)
	if run != nil {
		return run, nil
	}
	switch st.Status {
	case state.Running:
		_, err := e.dirs.ReadRun(c.ID)
		return nil, err
	case state.Restarting:
		return nil, errorf("Container %s is restarting, wait until the container is running", c.ID).hint("minibridge logs %s", c.Name)
	}
	return nil, notRunning(c)
}

// executed is the run of a container whose command has been executed, or why
// there is none to be had.
func (e *Engine) executed(c *state.Container) (*state.Run, error) {
	run, err := e.running(c)
	if err == nil && run.Init.Pid == 0 {
		return nil, notRunning(c)
	}
	return run, err
}

// status is how a container stands now, and its run when it is running. A
// record that says running or restarting is believed only while the supervisor
// lives.
func (e *Engine) status(c *state.Container) (*state.Run, state.State) {
	st := c.State
	if !st.Up() {
		return nil, st
	}
	run, err := e.dirs.ReadRun(c.ID)
	if _, unreadable := errors.AsType[*state.RecordError](err); unreadable {
		return nil, st // who is to say that it has ended?
	}
	if err == nil && run.End != nil {
		return nil, run.End.State
	}
	if err == nil && sandbox.Alive(run.Supervisor.Pid, run.Supervisor.Start) {
		return e.attended(c, run)
	}
	again, rerr := e.dirs.ReadContainer(c.ID)
	switch {
	case rerr != nil: // removed
	case !again.State.Up():
		return nil, again.State // it has ended since the record was read
	case err == nil && e.succeeded(run):
		return e.status(again)
	case errors.Is(err, fs.ErrNotExist) && e.answers(c.ID):
		return nil, st // somebody removed the record of the run alone
	}
	return nil, lost(st)
}

// attended is how a container stands whose supervisor lives.
func (e *Engine) attended(c *state.Container, run *state.Run) (*state.Run, state.State) {
	if run.Resting {
		st := *run.Before
		st.Status = state.Restarting
		return nil, st
	}
	st := c.State
	if st.Status == state.Restarting {
		again, err := e.dirs.ReadContainer(c.ID)
		if err == nil {
			st = again.State
		}
		if st.Status != state.Running {
			return nil, st // it is being started, or could not be
		}
	}
	st.Paused = e.paused(c.ID)
	return run, st
}

// succeeded says that a supervisor which was handed a container is the next one
// already.
func (e *Engine) succeeded(run *state.Run) bool {
	now, err := e.dirs.ReadRun(run.ID)
	return err == nil && now.Supervisor != run.Supervisor
}

// lost is how a container has ended whose supervisor was killed, or went
// down with the machine.
func lost(st state.State) state.State {
	if st.Status == state.Running {
		st.ExitCode = killed
		if boot, err := state.Boot(); err == nil && boot != st.Boot {
			st.ExitCode = rebooted
		}
	}
	st.Status = state.Exited
	if st.Finished.IsZero() {
		st.Finished = st.Started
	}
	return st
}
