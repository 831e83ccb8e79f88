package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/plan"
	"github.com/minibridge/minibridge/sandbox"
)

// pauseOwner has the cgroup in which a container stands still. It is paused as
// long as that has a journal.
func pauseOwner(id string) string { return containerOwner(id) + ".pause" }

func (e *Engine) paused(id string) bool { return e.dirs.HasJournal(pauseOwner(id)) }

// freezing is how long the processes of a container may take to stand still.
const freezing = 10 * time.Second

// Pause stops all processes of a container where they are, by the freezer of a
// cgroup that is made for it, beneath the one that it is in.
func (e *Engine) Pause(ctx context.Context, ref string) error {
	c, dir, v1, err := e.freeze(ctx, ref)
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, freezing)
	defer cancel()
	err = sandbox.AwaitFrozen(limit, dir, v1)
	if err == nil {
		e.happened(c, "pause")
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) { // it has ended, or goes on
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = errorf("cannot pause container %s: some of its processes don't stop: they wait in the kernel", ref).hint("minibridge top %s -eo pid,stat,wchan,args", ref)
	}
	return errors.Join(err, e.thaw(context.WithoutCancel(ctx), "pause", c))
}

// freeze is its part under the lock. Who is coming into the container is waited
// for without.
func (e *Engine) freeze(ctx context.Context, ref string) (c *state.Container, dir string, v1 bool, err error) {
	for {
		c, dir, v1, err = e.tryFreeze(ctx, ref)
		if !errors.Is(err, errComing) {
			return c, dir, v1, err
		}
		door, err := e.dirs.KeepOut(ctx, c.ID)
		switch {
		case err == nil:
			door.Close()
		case !errors.Is(err, fs.ErrNotExist): // else it has ended
			return nil, "", false, err
		}
	}
}

var errComing = errors.New("somebody is coming into the container")

// tryFreeze does so unless that is errComing.
func (e *Engine) tryFreeze(ctx context.Context, ref string) (c *state.Container, dir string, v1 bool, err error) {
	s, err := e.lock(ctx, "pause")
	if err != nil {
		return nil, "", false, err
	}
	defer func() { err = errors.Join(err, s.unlock()) }()
	c, run, err := s.pausable(ref)
	if err != nil {
		return nil, "", false, err
	}
	dir, v1, err = pauseCgroup(c, run)
	if err != nil {
		return nil, "", false, err
	}
	door, err := s.dirs.TryKeepOut(c.ID)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return c, "", false, errComing
	case errors.Is(err, fs.ErrNotExist):
		err = notRunning(c)
	}
	if err != nil {
		return nil, "", false, err
	}
	defer door.Close()
	err = s.up(ctx, pauseOwner(c.ID), pausePlan(run, dir, v1))
	if errors.Is(err, os.ErrProcessDone) {
		err = notRunning(c)
	}
	return c, dir, v1, err
}

// pausable is a container that runs, and is not paused.
func (e *Engine) pausable(ref string) (*state.Container, *state.Run, error) {
	c, err := e.find(ref)
	if err != nil {
		return nil, nil, err
	}
	run, err := e.executed(c)
	if err == nil && e.paused(c.ID) {
		err = errorf("Container %s is already paused", c.ID)
	}
	return c, run, err
}

// pauseCgroup is where a container can be frozen.
func pauseCgroup(c *state.Container, run *state.Run) (dir string, v1 bool, err error) {
	if c.Spec.PidMode != "" && c.Spec.PidMode != hostMode {
		return "", false, errorf("cannot pause container %s: its processes are among another container's, not in a PID namespace of its own", c.Name)
	}
	if own, err := sandbox.HasProcesses(run.Init.Pid); err != nil {
		return "", false, notRunning(c)
	} else if !own {
		return "", false, errorf("cannot pause container %s: its processes are among the host's, not in a PID namespace of its own", c.Name)
	}
	above, v1, err := sandbox.FindFreezer(run.Init.Pid)
	if errors.Is(err, sandbox.ErrNoFreezer) {
		return "", v1, errorf("cannot pause container %s: %v", c.Name, err).hint("mount -t cgroup2 cgroup2 /sys/fs/cgroup")
	}
	return filepath.Join(above, "minibridge-"+state.ShortID(c.ID)), v1, err
}

// pausePlan closes the door before it goes through: what comes into a frozen
// cgroup stops there.
func pausePlan(run *state.Run, dir string, v1 bool) (p plan.Plan) {
	p.Do(&sandbox.CgroupAdd{Dir: dir}, "a group that processes can be stopped in together")
	p.Do(&sandbox.CgroupFreeze{Dir: dir, V1: v1}, "whatever is in it stands still, and whatever comes")
	p.Do(&sandbox.CgroupEnter{Dir: dir, Pid: run.Init.Pid, Start: run.Init.Start}, "the container's processes come")
	return p
}

// Unpause lets a container go on, each process in the cgroup that it was in.
func (e *Engine) Unpause(ctx context.Context, ref string) error {
	c, err := e.find(ref)
	if err != nil {
		return err
	}
	if !e.paused(c.ID) {
		return errorf("Container %s is not paused", c.ID)
	}
	return e.thaw(ctx, "unpause", c)
}

// thaw lets a container go on, if it is paused.
func (e *Engine) thaw(ctx context.Context, verb string, c *state.Container) (err error) {
	if !e.paused(c.ID) {
		return nil
	}
	s, err := e.enter(ctx, verb)
	if err != nil {
		return err
	}
	if err = s.down(pauseOwner(c.ID)); err == nil && verb == "unpause" {
		s.happened(c, verb)
	}
	return errors.Join(err, s.unlock())
}

// DryPause writes what Pause would do.
func (e *Engine) DryPause(refs []string, w io.Writer) error {
	var p plan.Plan
	for _, ref := range refs {
		c, run, err := e.pausable(ref)
		if err != nil {
			return err
		}
		dir, v1, err := pauseCgroup(c, run)
		if err != nil {
			return err
		}
		p = append(p, pausePlan(run, dir, v1)...)
	}
	if _, err := io.WriteString(w, e.scriptHead()); err != nil {
		return err
	}
	return writeDrift(w, p)
}

// DryUnpause writes what Unpause would do.
func (e *Engine) DryUnpause(refs []string, w io.Writer) error {
	fmt.Fprint(w, e.scriptHead())
	for _, ref := range refs {
		c, err := e.find(ref)
		if err != nil {
			return err
		}
		if !e.paused(c.ID) {
			return errorf("Container %s is not paused", c.ID)
		}
		j, err := e.dirs.ReadJournal(pauseOwner(c.ID), kinds)
		if err != nil {
			return err
		}
		writeUndo(w, j.Steps())
	}
	return nil
}
