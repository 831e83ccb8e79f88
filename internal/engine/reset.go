package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
)

// Reset takes down all of minibridge's on this machine, and forgets it: the
// containers, the networks, what they shared, the records and logs. With keep,
// the records and logs stay.
func (e *Engine) Reset(ctx context.Context, keep bool) error {
	for {
		stuck, err := e.killAll(ctx)
		if err != nil {
			return err
		}
		s, err := e.enter(ctx, "reset")
		if err != nil {
			return err
		}
		for _, id := range stuck {
			err = errors.Join(err, s.held.RemoveRun(id))
		}
		ids, idErr := e.dirs.RunningIDs()
		if err = errors.Join(err, idErr); err != nil {
			return errors.Join(err, s.unlock())
		}
		if len(ids) > 0 { // started since, or its record can't be read
			if err := errors.Join(s.dropUnreadable(ids), s.unlock()); err != nil {
				return err
			}
			continue
		}
		if err := s.downAll(); err != nil {
			return errors.Join(err, s.unlock())
		}
		defer e.holding(false)
		return errors.Join(e.forget(keep), s.held.Drop())
	}
}

// lastPatience is how long a container, and then its supervisor, may take to
// end before reset goes on without.
const lastPatience = 10 * time.Second

// killAll kills every container that has a supervisor. Those that don't end,
// stuck in the kernel perhaps, are left to it: what they have on this machine
// goes all the same.
func (e *Engine) killAll(ctx context.Context) (stuck []string, err error) {
	ids, err := e.dirs.RunningIDs()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		err := e.killOne(ctx, id)
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		}
		if _, there := os.Lstat(e.dirs.Running(id)); !errors.Is(there, fs.ErrNotExist) {
			e.warn(fmt.Errorf("container %s doesn't end: %w", state.ShortID(id), err))
			stuck = append(stuck, id)
		}
		// Else it has ended all the same, and what it has left is still to come down.
	}
	return stuck, nil
}

// killOne kills a container by the socket of its supervisor, as its record may be
// unreadable; then the supervisor, with which it dies.
func (e *Engine) killOne(ctx context.Context, id string) error {
	asking, cancel := context.WithTimeout(ctx, lastPatience)
	defer cancel()
	err := e.end(asking, id, killNow)
	if _, unreadable := errors.AsType[*state.RecordError](err); unreadable {
		return nil // and nobody is at its socket
	}
	run, unread := e.dirs.ReadRun(id)
	if err == nil || unread != nil || ctx.Err() != nil {
		return err
	}
	killing, cancel := context.WithTimeout(ctx, lastPatience)
	defer cancel()
	return endProcess(killing, run.Supervisor, unix.SIGKILL)
}

// dropUnreadable ends and forgets those of the running containers whose record
// can't be read: their journals still say what to take down.
func (s *session) dropUnreadable(ids []string) error {
	for _, id := range ids {
		if _, err := s.dirs.ReadRun(id); err == nil {
			continue
		}
		if err := errors.Join(s.killInit(id), s.held.RemoveRun(id)); err != nil {
			return err
		}
	}
	return nil
}

// downAll takes back what every journal says, containers first, the host last;
// then what is found without one. A journal that can't be read would stand in
// the way for ever.
func (s *session) downAll() error {
	owners, err := s.held.Journals()
	if err != nil {
		return err
	}
	hostLost := false
	for _, kind := range []string{portsOwner("*"), containerOwner("*.*"), containerOwner("*"), networkOwner("*"), hostOwner} {
		for _, owner := range owners {
			if ok, _ := filepath.Match(kind, owner); !ok || !s.dirs.HasJournal(owner) {
				continue
			}
			if _, _, lost := s.executor(owner); lost != nil {
				s.warn(lost)
				hostLost = hostLost || owner == hostOwner
				continue
			}
			err = errors.Join(err, s.down(owner))
		}
	}
	if err != nil {
		return err
	}
	return s.sweep(hostLost)
}

// forget removes the records: those that are ours by name, as --root may have
// named a folder with more in it. Such a one stays, and so does a mount point.
// With keep, only those of what was up go.
func (e *Engine) forget(keep bool) error {
	var errs []error
	for _, file := range e.dirs.Files() {
		if keep && filepath.Dir(file) == e.dirs.Root {
			continue
		}
		errs = append(errs, os.RemoveAll(file))
	}
	for _, dir := range []string{e.dirs.Run, e.dirs.Root} {
		err := os.Remove(dir)
		if !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EBUSY) && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
