package engine

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/minibridge/minibridge/internal/state"
)

// How a container has ended is told by its record, which lies where a disk can
// be full. Then the run's record keeps it, which lies in memory, and says so to
// all who ask; whoever takes the lock next tries again.

// unwritten is why a container's record can't say yet how it has ended.
type unwritten struct {
	name string
	code int
	err  error
}

func (u *unwritten) Error() string {
	return fmt.Sprintf("container %s has ended (%d), which can't be written down yet: %v", u.name, u.code, u.err)
}

func (u *unwritten) Unwrap() error { return u.err }

// writeEnd writes down how a container has ended, and forgets that it ran.
func (s *session) writeEnd(run *state.Run, c *state.Container) error {
	err := s.held.WriteContainer(c)
	if err == nil {
		return s.held.RemoveRun(run.ID)
	}
	late := &state.Run{ID: run.ID, Name: c.Name, SandboxID: run.SandboxID, Supervisor: run.Supervisor, End: &state.End{State: c.State, Last: c.Last}}
	return s.tellLate(errors.Join(err, s.held.WriteRun(late)), c)
}

// tellLate tells why a container's record can't say how it has ended, if so.
func (s *session) tellLate(err error, c *state.Container) error {
	if err == nil {
		return nil
	}
	u := &unwritten{c.Name, c.State.ExitCode, err}
	if s.late == nil {
		return u
	}
	s.late(u)
	return nil
}

// writeLate tries once more.
func (s *session) writeLate(run *state.Run) error {
	c, err := s.dirs.ReadContainer(run.ID)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.held.RemoveRun(run.ID)
	case err != nil:
		return err
	}
	c.State, c.Last = run.End.State, run.End.Last
	return s.writeEnd(run, c)
}
