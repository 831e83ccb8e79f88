package engine

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/minibridge/minibridge/internal/state"
)

// Between two rounds of its policy a container rests: nothing of it is in the
// kernel, its record says restarting, and that of its run has but its
// supervisor, which goes on to serve those who want it stopped, or wait. When
// the time has come that one starts the next, in the way that the verb start
// does, hands it those who wait, and ends. So each round has a process of its
// own, and there is one way to start a container.

// rest makes a container whose command has ended rest, if its policy wants it
// to be started again. Should its supervisor be killed from here on, it has
// ended as the run's record says.
func (s *session) rest(run *state.Run, code int, backoff time.Duration) (rests bool, err error) {
	c, err := s.dirs.ReadContainer(run.ID)
	if err != nil || c.State.Status != state.Running || !wantsAgain(c.Spec.Restart, code, c.Restarts) {
		return false, nil // settle meets the error, too
	}
	down := s.dismantle(run) // what is left of it, the next round takes down, as any verb
	c.State.Status, c.State.ExitCode, c.State.Error, c.State.Finished = state.Exited, code, "", time.Now().UTC()
	before := c.State
	resting := &state.Run{ID: run.ID, Name: run.Name, SandboxID: run.SandboxID, Supervisor: run.Supervisor, Before: &before, Backoff: backoff}
	if err := s.held.Rest(resting); err != nil {
		return false, errors.Join(down, err)
	}
	c.State.Status = state.Restarting
	c.Last = lastOf(run)
	c.Restarts++
	err = s.tellLate(s.held.WriteContainer(c), c)
	s.over(c, run, code)
	return true, errors.Join(down, err)
}

// A phase is what a supervisor is doing.
type phase int

const (
	attending phase = iota // to a command, or to its end
	resting                // waiting for the time of the next round
	leaving                // that is being begun: its supervisor is the one to ask
)

// leave lets the next supervisor serve all who come, unless a person wants the
// container to end. Those who wait are to go there.
func (k *keeper) leave() (waiters []*wire, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.isStopped() {
		return nil, false
	}
	k.phase = leaving
	return slices.Collect(maps.Keys(k.waiters)), true
}

// rest waits until it is time for the next round and begins that, unless
// somebody wants the container to end.
func (k *keeper) rest(l *net.UnixListener, code int) error {
	run, err := k.engine.dirs.ReadRun(k.Run.ID)
	if err != nil {
		return err // somebody has removed it
	}
	// Steps that are taken from now on are nobody's to see.
	e, err := New(Config{Root: k.Dirs.Root, RunDir: k.Dirs.Run, Firewall: k.Firewall, Notice: io.Discard})
	if err != nil {
		return err
	}
	timer := time.NewTimer(run.Backoff)
	defer timer.Stop()
	x := exit{Code: code}
	select {
	case <-timer.C:
		err = k.round(e, l)
	case <-k.stopped:
		err = k.endRest(e, nil)
		x = ending(code, err)
		x.late = k.late
	}
	k.tellWaiters(x, attending, nil) // what was taken down is told
	return err
}

// endRest writes down that the container has ended, and what has kept it from
// being started.
func (k *keeper) endRest(e *Engine, cause error) error {
	s, err := e.enter(context.Background(), "supervise "+k.Container.Name)
	if err != nil {
		return err
	}
	s.late = k.keepLate
	run, err := k.ownRest(s)
	if run != nil {
		err = s.unstarted(run, cause)
	}
	return errors.Join(err, s.unlock())
}

// ownRest is the record of the run, as long as that is this supervisor's.
func (k *keeper) ownRest(s *session) (*state.Run, error) {
	run, err := s.dirs.ReadRun(k.Run.ID)
	if err != nil || !run.Resting || run.Supervisor != k.Run.Supervisor {
		return nil, err
	}
	return run, nil
}
