package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
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
			err = s.bury(id)
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

// bury takes down a container whose record is gone, as is its supervisor or the
// way to that: by what its journals say.
func (s *session) bury(id string) error {
	networks, err := s.networks()
	if err != nil {
		return err
	}
	sent, err := s.dirs.LeasedBy(id)
	err = errors.Join(err, s.killInit(id))
	for _, n := range networks {
		err = errors.Join(err, s.held.Quit(n.ID, id))
	}
	err = errors.Join(err, s.downEach(portsOwner(id), containerOwner(id)+".*", containerOwner(id)))
	if len(sent) > 0 {
		err = errors.Join(err, nat.FlushFlows(nil, sent...))
	}
	if err != nil {
		return err // the next verb tries again
	}
	return errors.Join(s.buried(id, networks), s.held.ReleaseAll(id))
}

// buried writes down how such a container has ended, as reap does for others. It
// was on those networks that it is to be on: a move that is to be ended is not
// known of either.
func (s *session) buried(id string, networks []*state.Network) error {
	c, err := s.dirs.ReadContainer(id)
	if errors.Is(err, fs.ErrNotExist) {
		return s.held.RemoveRun(id)
	}
	if err != nil || !c.State.Up() {
		return errors.Join(err, s.held.RemoveRun(id))
	}
	run := &state.Run{ID: id, Name: c.Name}
	if c.State.Status == state.Restarting { // its last round is told already
		c.State = lost(c.State)
		return s.writeEnd(run, c)
	}
	for _, w := range c.Spec.Endpoints {
		if n, err := findNetwork(networks, w.Network); err == nil {
			run.Endpoints = append(run.Endpoints, state.Attachment{NetworkID: n.ID, Network: n.Name})
		}
	}
	return s.conclude(c, run, supervisorKilled)
}

// killInit kills a container's command, which may have outlived its supervisor.
func (s *session) killInit(id string) error {
	init, err := s.dirs.ReadInit(id)
	if err != nil || init.Pid == 0 {
		return err
	}
	if err = sandbox.Signal(init.Pid, init.Start, unix.SIGKILL); errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// downEach takes back all that the journals of these owners say, each of which
// may be a pattern (path.Match) of several.
func (s *session) downEach(patterns ...string) error {
	owners, err := s.held.Journals()
	for _, pattern := range patterns {
		for _, owner := range owners {
			if ok, _ := path.Match(pattern, owner); ok && s.dirs.HasJournal(owner) {
				err = errors.Join(err, s.down(owner))
			}
		}
	}
	return err
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
