package engine

import (
	"context"
	"errors"
	"os"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// Round lets a container that has ended rest for no time, with this process as
// its supervisor, and begins the next round as that.
func (e *Engine) Round(ctx context.Context, name string) error {
	quiet := *e
	quiet.explain = nil
	s, err := quiet.lock(ctx, "supervise "+name)
	if err != nil {
		return err
	}
	c, err := s.find(name)
	if err != nil {
		return errors.Join(err, s.unlock())
	}
	self := state.Process{Pid: os.Getpid()}
	self.Start, err = sandbox.StartTime(self.Pid)
	if err == nil {
		before := c.State
		err = s.held.Rest(&state.Run{ID: c.ID, Name: c.Name, Supervisor: self, Before: &before, Backoff: 1})
	}
	c.State.Status = state.Restarting
	if err := errors.Join(err, s.held.WriteContainer(c), s.unlock()); err != nil {
		return err
	}
	l, err := listen(e.dirs.Socket(c.ID))
	if err != nil {
		return err
	}
	sup, err := launch(name)
	if err != nil {
		return err
	}
	defer sup.close()
	k, err := newKeeper(&order{Dirs: e.dirs, Firewall: e.firewallName, Container: c, Run: &state.Run{ID: c.ID, Supervisor: self}})
	if err != nil {
		return err
	}
	if _, _, err := k.prepareRound(e, sup, l); err != nil {
		return err
	}
	return e.letGo(context.Background(), sup)
}
