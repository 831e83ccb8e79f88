package state

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"
)

// Holder says who has, or last had, the lock.
type Holder struct {
	Pid   int       `json:"pid"`
	Verb  string    `json:"verb"`
	Since time.Time `json:"since"`
	Clean bool      `json:"clean"`           // it gave the lock back itself
	Rules string    `json:"rules,omitempty"` // the state of the kernel's rules in which all of ours were there; "" for none that is known
}

// Held is the lock, held. Journals are opened from it, so nothing is changed
// without it.
type Held struct {
	dirs    Dirs
	flock   *flock.Flock
	tools   *os.File // the lock that the programs we run inherit
	release func()
	holder  Holder
	// Crashed says that the last holder ended without giving the lock back:
	// journals may be unfinished.
	Crashed bool
	// Rules is what the last holder left word of: see [Holder].
	Rules string
}

// slow is how long a wait for the lock goes without a word.
const slow = time.Second

// Lock waits for the lock, which no one holds for longer than a plan takes.
// After a second it calls waiting, once, with the holder. verb is what others
// are told that we do.
func Lock(ctx context.Context, dirs Dirs, verb string, waiting func(Holder)) (*Held, error) {
	h := &Held{dirs: dirs}
	if err := h.take(ctx, waiting); err != nil {
		return nil, err
	}
	before, err := h.readHolder()
	orphans := func() {
		if waiting != nil {
			waiting(before)
		}
	}
	if err := h.holdTools(ctx, orphans); err != nil {
		return nil, errors.Join(err, h.flock.Close())
	}
	h.Crashed = !before.Clean && !errors.Is(err, fs.ErrNotExist)
	h.Rules = before.Rules
	h.holder = Holder{Pid: os.Getpid(), Verb: verb, Since: time.Now()}
	if err := errors.Join(h.writeHolder(), dirs.enterWorld()); err != nil {
		return nil, errors.Join(err, h.dropTools(), h.flock.Close())
	}
	return h, nil
}

// take makes the folders and takes their lock. Who waited while the holder
// removed them has the lock of a file that nobody else will ever open, and
// begins again.
func (h *Held) take(ctx context.Context, waiting func(Holder)) error {
	for {
		if err := h.dirs.Make(); err != nil {
			return err
		}
		file := h.dirs.lockFile()
		h.flock = flock.New(file, flock.SetFlag(os.O_CREATE|os.O_RDONLY|unix.O_NONBLOCK), flock.SetPermissions(0o600))
		if err := h.acquire(ctx, waiting); err != nil {
			return notOpened(file, err)
		}
		mine, err := h.flock.Stat()
		if err == nil {
			err = regular(file, mine)
		}
		if err != nil {
			return errors.Join(err, h.flock.Close())
		}
		if there, err := os.Stat(file); err == nil && os.SameFile(mine, there) {
			return h.dirs.Make()
		}
		if err := h.flock.Close(); err != nil {
			return err
		}
	}
}

func (h *Held) acquire(ctx context.Context, waiting func(Holder)) error {
	if got, err := h.flock.TryLock(); got || err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	// flock(2) can't be interrupted from here: when ctx ends first, the
	// goroutine gives the lock back as soon as it gets it.
	done := make(chan error, 1)
	go func() { done <- h.flock.Lock() }()
	timer := time.NewTimer(slow)
	defer timer.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-timer.C:
			holder, err := h.readHolder()
			if err == nil && waiting != nil {
				waiting(holder)
			}
		case <-ctx.Done():
			go func() {
				if <-done == nil {
					h.flock.Close()
				}
			}()
			return context.Cause(ctx)
		}
	}
}

// Abandoned says whether the last holder of the lock ended without giving it
// back, or left a journal unfinished.
func (d Dirs) Abandoned() bool {
	h := &Held{dirs: d}
	before, err := h.readHolder()
	if before.Clean || errors.Is(err, fs.ErrNotExist) {
		return false
	}
	lock := flock.New(d.lockFile(), flock.SetFlag(os.O_RDONLY|unix.O_NONBLOCK))
	free, err := lock.TryRLock()
	return errors.Join(err, lock.Close()) == nil && free
}

// RulesSeen is what the last who had the lock left word of: the state of the
// kernel's rules in which all of ours were there.
func (d Dirs) RulesSeen() string {
	holder, err := (&Held{dirs: d}).readHolder()
	if err != nil || !holder.Clean {
		return ""
	}
	return holder.Rules
}

// Leave tells the next who has the lock the state of the kernel's rules in which
// all of ours are there.
func (h *Held) Leave(rules string) { h.holder.Rules = rules }

// Unlock gives the lock back. clean says that no journal was left unfinished.
func (h *Held) Unlock(clean bool) error {
	h.holder.Clean = clean
	return errors.Join(h.writeHolder(), h.dropTools(), h.flock.Close())
}

// Drop gives the lock back after all of [Dirs.Files], its own file last, was
// removed.
func (h *Held) Drop() error { return errors.Join(h.dropTools(), h.flock.Close()) }

func (d Dirs) lockFile() string { return filepath.Join(d.Run, "lock") }

func (d Dirs) holderFile() string { return filepath.Join(d.Run, "holder") }

func (h *Held) readHolder() (Holder, error) {
	var holder Holder
	b, err := readFile(h.dirs.holderFile())
	if err != nil {
		return holder, err
	}
	return holder, json.Unmarshal(b, &holder)
}

// writeHolder is a hint for people and for recovery: written in place, as a
// torn one only costs a look at every journal.
func (h *Held) writeHolder() error {
	b, err := json.Marshal(h.holder)
	if err != nil {
		return err
	}
	f, err := Open(h.dirs.holderFile(), os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}
