package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/minibridge/minibridge/internal/state"
	"github.com/minibridge/minibridge/sandbox"
)

// Reset takes down all of minibridge's on this machine, and forgets it: the
// containers, the networks, what they shared, the records and logs. With keep,
// the records and logs stay. It is the last resort, and needs no file that says
// how to take the lock.
func (e *Engine) Reset(ctx context.Context, keep bool) error {
	if err := e.here(); err != nil {
		return err
	}
	if err := e.dirs.Salvage(func(err error) { e.warnOnce(lostRecord(err)) }); err != nil {
		return err
	}
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

// lostRecord is a warning of a record that reset removes: nothing else is to be
// done about it.
func lostRecord(err error) string { return fmt.Sprintf("WARNING: %v\n", err) }

// here refuses what is up in another network namespace. Where the file that
// tells of which it is is lost, the supervisors that live know.
func (e *Engine) here() error {
	err := e.dirs.Here()
	if _, torn := errors.AsType[*state.RecordError](err); torn || errors.Is(err, fs.ErrNotExist) {
		return e.dirs.HereBy(e.supervisors())
	}
	return err
}

// supervisors are those that live.
func (e *Engine) supervisors() (pids []int) {
	ids, err := e.dirs.RunningIDs()
	if err != nil {
		return nil // whoever goes on meets it, too
	}
	for _, id := range ids {
		if p, err := e.dirs.ReadSupervisor(id); err == nil && sandbox.Alive(p.Pid, p.Start) {
			pids = append(pids, p.Pid)
		}
	}
	return pids
}

// dropUnreadable forgets those containers that have ended and whose record can't
// be read, or can't say so: their journals still say what to take down.
func (s *session) dropUnreadable(ids []string) (err error) {
	for _, id := range ids {
		if run, rerr := s.dirs.ReadRun(id); rerr != nil || run.End != nil {
			err = errors.Join(err, s.held.RemoveRun(id))
		}
	}
	return err
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
