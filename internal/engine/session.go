package engine

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/nat"
	"github.com/minibridge/minibridge/plan"
)

// A session is a verb that holds the lock. It lasts as long as a plan does: what
// is waited for meanwhile has a limit (docs/run.md).
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
	if !e.dirs.HasWorld() { // else that is looked at with the lock
		if err := e.dirs.HereBy(e.supervisors()); err != nil {
			return nil, err
		}
	}
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
