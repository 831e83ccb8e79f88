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
	if st.Status == state.Running {
		_, err := e.dirs.ReadRun(c.ID)
		return nil, err
	}
	return nil, notRunning(c)
}

// status is how a container stands now, and its run when it is running. A
// record that says running is believed only while the supervisor lives.
func (e *Engine) status(c *state.Container) (*state.Run, state.State) {
	st := c.State
	if st.Status != state.Running {
		return nil, st
	}
	run, err := e.dirs.ReadRun(c.ID)
	if _, unreadable := errors.AsType[*state.RecordError](err); unreadable {
		return nil, st // who is to say that it has ended?
	}
	if err == nil && sandbox.Alive(run.Supervisor.Pid, run.Supervisor.Start) {
		st.Paused = e.paused(c.ID)
		return run, st
	}
	again, rerr := e.dirs.ReadContainer(c.ID)
	switch {
	case rerr != nil: // removed
	case again.State.Status != state.Running:
		return nil, again.State // it has ended since the record was read
	case errors.Is(err, fs.ErrNotExist) && e.answers(c.ID):
		return nil, st // somebody removed the record of the run alone
	}
	st.Status, st.ExitCode = state.Exited, killed
	if boot, err := state.Boot(); err == nil && boot != st.Boot {
		st.ExitCode = rebooted
	}
	if st.Finished.IsZero() {
		st.Finished = st.Started
	}
	return nil, st
}
