package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// recover takes back what a killed verb left half done, and cleans up after
// containers whose supervisor is dead. What can't be cleaned is said, and
// stays written down for the next time: it must not stop other work.
func (s *session) recover() error {
	if s.held.Crashed {
		if err := s.recoverJournals(); err != nil {
			return err
		}
	}
	look := s.unattended
	if s.held.Crashed {
		look = s.dirs.RunningIDs
	}
	ids, err := look()
	if err != nil {
		return err
	}
	for _, id := range ids {
		run, err := s.dirs.ReadRun(id)
		switch {
		case errors.Is(err, fs.ErrNotExist) && s.answers(id):
			err = fmt.Errorf("container %s runs, and its record is gone: %w", state.ShortID(id), err)
		case errors.Is(err, fs.ErrNotExist):
			err = s.held.RemoveRun(id) // killed before it wrote anything down
		case err == nil && s.held.Crashed && s.cutShort(run):
			if err = endProcess(context.Background(), run.Supervisor, unix.SIGKILL); err == nil {
				err = s.reap(run)
			}
		case err == nil && !sandbox.Alive(run.Supervisor.Pid, run.Supervisor.Start):
			err = s.reap(run)
		case err == nil && s.held.Crashed && !run.Resting && run.End == nil:
			if err = s.finishRename(run); err == nil {
				err = s.mend(run)
			}
		}
		if err != nil {
			s.warn(err)
		}
	}
	return nil
}

// cutShort says that the start of a container was: who had the lock was killed
// before he wrote down that it runs. Its supervisor ends by itself, as it got no
// order to go on, but may not have done so yet.
func (s *session) cutShort(run *state.Run) bool {
	c, err := s.dirs.ReadContainer(run.ID)
	return errors.Is(err, fs.ErrNotExist) || err == nil && c.State.Status != state.Running && !run.Resting
}

// recoverJournals takes back the unfinished ends of all journals, and frees
// names whose container never came to be.
func (s *session) recoverJournals() error {
	owners, err := s.held.Journals()
	if err != nil {
		return err
	}
	if err := s.held.SweepNames(); err != nil {
		return err
	}
	for _, owner := range owners {
		ex, j, err := s.executor(owner)
		if err != nil {
			s.warn(err)
			continue
		}
		n := len(j.Steps()) - j.Settled()
		switch {
		case len(j.Steps()) == 0: // made, and never written to
			if err := j.Keep(0, nil); err != nil {
				s.warn(err)
			}
			continue
		case n == 0 && strings.HasSuffix(owner, wayPart): // killed before it was forgotten
			if err := s.held.DropJournal(owner); err != nil {
				s.warn(err)
			}
			continue
		case n == 0:
			continue
		}
		if err := ex.Down(j.Settled()); err != nil {
			s.clean = false
			s.warn(fmt.Errorf("%w\nby hand: %s", err, commands(j.Steps()[j.Settled():])))
			continue
		}
		if id, ok := containerOf(owner); ok {
			if err := s.held.ReleaseAll(id); err != nil {
				s.warn(err)
			}
		}
		s.say("took back unfinished changes to %s: %d", ownerName(owner), n)
	}
	return nil
}

// commands is steps as a person would type them, newest first.
func commands(steps []plan.Step) string {
	var lines []string
	for i := len(steps) - 1; i >= 0; i-- {
		lines = append(lines, steps[i].String())
	}
	return strings.Join(lines, "; ")
}
