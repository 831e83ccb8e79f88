package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// A session is a verb that holds the lock. It lasts as long as a plan does:
// nothing is waited for meanwhile.
type session struct {
	*Engine
	held    *state.Held
	verb    string           // as a person calls it
	clean   bool             // no journal was left unfinished
	late    func(error)      // unless nil, hears of an end that can't be written down yet, which is no error then
	put     func(plan.Step)  // unless nil, hears of each step before it is applied
	mark    nat.Mark         // of the rules when the lock was taken
	counted bool             // their changes are, by the kernel
	whole   bool             // all of ours were there then, or have been put back
	known   []*state.Network // once they were read: nobody else changes them meanwhile
}

// lock takes the lock and brings the machine to where the records say it is.
func (e *Engine) lock(ctx context.Context, verb string) (*session, error) {
	s, err := e.enter(ctx, verb)
	if err == nil {
		s.heed(ctx)
	}
	return s, err
}

// enter does so but for rules that somebody has flushed.
func (e *Engine) enter(ctx context.Context, verb string) (*session, error) {
	if os.Geteuid() != 0 {
		return nil, errorf("%s needs root: it changes the kernel's network", verb).hint("sudo minibridge %s", verb)
	}
	held, err := e.hold(ctx, verb)
	if err != nil {
		return nil, err
	}
	s := &session{Engine: e, held: held, verb: verb, clean: true}
	s.look()
	if err := s.recover(); err != nil {
		return nil, errors.Join(err, s.unlock())
	}
	return s, nil
}

// hold takes the lock, and says whom it waits for.
func (e *Engine) hold(ctx context.Context, verb string) (*state.Held, error) {
	e.holding(true)
	held, err := state.Lock(ctx, e.dirs, verb, func(h state.Holder) {
		e.sayWaiting("the lock: minibridge %s (pid %d) has held it since %s", h.Verb, h.Pid, h.Since.Format(time.TimeOnly))
	})
	if err != nil {
		e.holding(false)
	}
	return held, err
}

func (s *session) unlock() error {
	defer s.holding(false)
	s.leaveWord()
	return s.held.Unlock(s.clean)
}

// Owners of journals. What a container has is in several: an endpoint comes
// and goes alone.
const hostOwner = "host"

func networkOwner(id string) string   { return "net-" + id }
func containerOwner(id string) string { return "ctr-" + id }
func endpointOwner(id, endpoint string) string {
	return containerOwner(id) + "." + state.ShortID(endpoint)
}
func wayOwner(id string) string   { return containerOwner(id) + wayPart }
func portsOwner(id string) string { return containerOwner(id) + ".ports" }

// wayPart is the part whose steps go with the container's namespace.
const wayPart = ".way"

// containerOwners are all of a container's, the first to go up first.
func containerOwners(run *state.Run) []string {
	owners := []string{containerOwner(run.ID)}
	for _, at := range run.Wired() {
		owners = append(owners, endpointOwner(run.ID, at.EndpointID))
	}
	return append(owners, wayOwner(run.ID), portsOwner(run.ID), pauseOwner(run.ID))
}

// ownerName is an owner as a person calls it.
func ownerName(owner string) string {
	if id, ok := containerOf(owner); ok {
		return "container " + state.ShortID(id)
	}
	if id, ok := strings.CutPrefix(owner, "net-"); ok {
		return "network " + state.ShortID(id)
	}
	return "the host"
}

// containerOf is the id of the container that an owner is part of.
func containerOf(owner string) (id string, ok bool) {
	rest, ok := strings.CutPrefix(owner, "ctr-")
	id, _, _ = strings.Cut(rest, ".")
	return id, ok
}

// executor opens the journal of one owner.
func (s *session) executor(owner string) (*plan.Executor, *state.Journal, error) {
	j, err := s.held.Journal(owner, kinds)
	if err != nil {
		return nil, nil, err
	}
	for _, undo := range j.Steps() {
		s.firewall.Adopt(undo)
	}
	return &plan.Executor{Journal: j, Trace: s.traced, Slow: s.sayLocked}, j, nil
}

func (s *session) traced(step plan.Step, why string) {
	s.trace(step, why)
	if s.put != nil && why != "" { // else it takes something back
		s.put(step)
	}
}

// up makes an owner's plan true, or leaves things as they were.
func (s *session) up(ctx context.Context, owner string, p plan.Plan) error {
	ex, j, err := s.executor(owner)
	if err != nil {
		return err
	}
	err = ex.Up(ctx, p)
	s.clean = s.clean && j.Settled() == len(j.Steps())
	return err
}

// down takes back all that an owner's journal says.
func (s *session) down(owner string) error {
	ex, j, err := s.executor(owner)
	if err != nil {
		return err
	}
	err = ex.Down(0)
	s.clean = s.clean && len(j.Steps()) == 0
	return err
}

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
